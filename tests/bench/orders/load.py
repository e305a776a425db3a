"""Plays customers, merchants and dispatch as a process of its own; says in one JSON line what it saw."""

import asyncio
import json
import resource
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from tests.bench.orders.lives import Ours, Stock, Street, pause_until
from tests.bench.orders.wire import Client, Ear

WARM_UP_SECONDS = 3.0
DONE_WITHIN_SECONDS = 60.0


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    kind = Ours if asked["service"] == "ours" else Stock
    ear = Ear(asked["amqp_url"], kind.exchange, kind.heard)
    await ear.open()
    taken: dict[str, list[tuple[float, float]]] = {}
    streets = [
        Street(Client(asked["host"], asked["port"]), kind(ear), asked["merchant_id"], asked["tokens"], taken)
        for _ in range(asked["people"])
    ]
    started, used = perf_counter(), _cpu_seconds()
    ended = await _PLAYS[asked["play"]](streets, asked)
    seconds = perf_counter() - started
    for street in streets:
        street.client.close()
    ear.close()
    return {
        "ended": sorted(moment - started for moment in ended),
        "taken": {name: [(at - started, each) for at, each in times] for name, times in taken.items()},
        "seconds": seconds,
        "cpu_seconds": _cpu_seconds() - used,
    }


async def _lives(streets: list[Street], asked: dict[str, Any]) -> list[float]:
    """Each has one order after the other on the way, as fast as they go; when each life ended."""
    return await _one_after_the_other(streets, Street.live, WARM_UP_SECONDS + asked["seconds"])


async def _placing(streets: list[Street], asked: dict[str, Any]) -> list[float]:
    """Placing only, and then until the last has been paid: a rate that can be kept up."""
    ended: list[float] = []

    async def placed(street: Street) -> None:
        order_id = await street.place()
        waiting.append(asyncio.create_task(_paid(street, order_id, ended)))

    waiting: list[asyncio.Task[None]] = []
    await _one_after_the_other(streets, placed, WARM_UP_SECONDS + asked["seconds"])
    await asyncio.gather(*waiting)
    return ended


async def _paid(street: Street, order_id: str, ended: list[float]) -> None:
    await street.waiter.may_accept(order_id)
    ended.append(perf_counter())


async def _evenly(streets: list[Street], asked: dict[str, Any]) -> list[float]:
    """Lives begun at an even rate, however slow the answers are."""
    free = asyncio.Queue[Street]()
    for street in streets:
        free.put_nowait(street)
    ended: list[float] = []

    async def one(street: Street) -> None:
        await street.live()
        ended.append(perf_counter())
        free.put_nowait(street)

    began = perf_counter()
    count = int(asked["rate"] * (WARM_UP_SECONDS + asked["seconds"]))
    async with asyncio.timeout(asked["seconds"] + DONE_WITHIN_SECONDS), asyncio.TaskGroup() as group:
        for number in range(count):
            await pause_until(began + number / asked["rate"])
            group.create_task(one(await free.get()))
    return ended


async def _one_after_the_other(
    streets: list[Street], do: Callable[[Street], Awaitable[None]], seconds: float
) -> list[float]:
    end = perf_counter() + seconds
    ended: list[float] = []

    async def go_on(street: Street) -> None:
        while perf_counter() < end:
            await do(street)
            ended.append(perf_counter())

    async with asyncio.timeout(seconds + DONE_WITHIN_SECONDS), asyncio.TaskGroup() as group:
        for street in streets:
            group.create_task(go_on(street))
    return ended


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


_PLAYS = {"lives": _lives, "placing": _placing, "evenly": _evenly}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))) + "\n")
