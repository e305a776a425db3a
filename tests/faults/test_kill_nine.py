"""The relay, a service and the broker are killed while a city uses the platform: nothing is lost, nothing doubled."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.city import synthetic
from deploy.city.demo import Finished, play
from deploy.history import summarise
from deploy.local.platform import Platform

SEED = 20261122
ORDERS = 24
SPEED = 60.0


async def under_fire(platform: Platform, blows: list[Callable[[], Awaitable[None]]]) -> Finished:
    """Plays a city and deals the blows one after another, each when the platform has done some more work."""
    scenario = synthetic.town(seed=SEED, orders=ORDERS, speed=SPEED)
    playing = asyncio.create_task(play(platform, scenario, seed=SEED))
    for blow in blows:
        await asyncio.wait({playing}, timeout=6)
        await blow()
    return await playing


def test_killing_relay_service_and_broker_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    scenario = synthetic.town(seed=SEED, orders=ORDERS, speed=SPEED)
    dealt: list[str] = []

    with Platform(
        tmp_path / "run", clock_speed=SPEED, clock_epoch=scenario.starts_at, policies=scenario.policies
    ) as platform:

        def kill(name: str) -> Callable[[], Awaitable[None]]:
            async def blow() -> None:
                await asyncio.to_thread(platform.kill, name)
                dealt.append(name)

            return blow

        targets = ("tail", "dispatch", "rabbitmq", "tail", "order", "postgres", "analytics")
        # In a thread of its own: the browser tests of the same session leave a running loop in this one.
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(asyncio.run, under_fire(platform, [kill(name) for name in targets])).result()

    assert dealt == list(targets)
    assert run.verdict.clean, summarise(run.verdict)
    assert run.outcome.holds, run.outcome.as_json()
    assert run.city.hall.unexpected == []
