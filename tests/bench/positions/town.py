"""A platform with riders on shift, some of them carrying, for their devices to tell where they are."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.dispatch.wiring import build
from shared.contracts.message import SERVICES
from shared.kernel.ids import new_id
from shared.messaging.inbox import batch_of
from tests.bench.figures import say
from tests.unit.dispatch import wire

AT_ONCE = 16
SHIFT = timedelta(hours=12)
# The waits of a delivery are longer than the measurement, so that nobody is taken for lost in it.
POLICIES = {"dispatch": {"report_grace_seconds": 86_400}}


@dataclass(frozen=True, slots=True)
class Town:
    """Where the gateway is, its riders with their tokens, and which processes are whose."""

    platform: Platform
    host: str
    port: int
    riders: list[dict[str, Any]]
    pids: Mapping[str, int | None]

    def metrics(self) -> str:
        return httpx.get(f"http://{self.host}:{self.port}/metrics", timeout=30).text


@contextmanager
def town(backends: Backends, folder: Path, riders: int, carrying: int) -> Iterator[Town]:
    """All five services, their tail and the mail, as `make demo` starts them, with riders on shift."""
    with Platform(folder, services=SERVICES, backends=backends, policies=POLICIES, say=lambda _: None) as platform:
        at = urlsplit(platform.url("dispatch"))
        people = asyncio.run(_people(platform, riders, carrying))
        say(f"{riders} riders are on shift, {carrying} of them carrying")
        servers = {"postgres": backends.local_postgres, "rabbitmq": backends.local_rabbit}
        pids = {name: instance.pid for name, instance in servers.items() if instance is not None}
        yield Town(platform, str(at.hostname), at.port or 80, people, {**platform.processes, **pids})


async def _people(platform: Platform, riders: int, carrying: int) -> list[dict[str, Any]]:
    dice, now = random.Random(7), platform.clock.now()
    people = [
        {
            "rider_id": (rider_id := new_id("rid")),
            "token": platform.token(("rider",), (rider_id,)),
            "lat": round(wire.SHOP.lat + dice.uniform(-0.05, 0.05), 6),
            "lon": round(wire.SHOP.lon + dice.uniform(-0.05, 0.05), 6),
        }
        for _ in range(riders)
    ]
    orders = [new_id("ord") for _ in range(carrying)]
    await asyncio.to_thread(_announce, platform, orders, now)
    dispatcher = platform.token(("dispatcher",))
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=platform.url("dispatch"), timeout=120) as client:

        async def post(path: str, token: str, body: Any) -> None:
            answer = await client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
            answer.raise_for_status()

        async def prepare(person: dict[str, Any], order_id: str | None) -> None:
            rider_id, place = person["rider_id"], {"lat": person["lat"], "lon": person["lon"]}
            async with gate:
                await post(
                    "/v1/riders", dispatcher, {"rider_id": rider_id, "name": "Li Lei", "phone": "+8613900000000"}
                )
                until = (now + SHIFT).isoformat()
                start = f"/v1/riders/{rider_id}/shift/start"
                await post(start, person["token"], {"place": place, "until": until})
                if order_id is not None:
                    delivery = f"/v1/deliveries/{order_id.replace('ord', 'dlv')}/assign"
                    await post(delivery, dispatcher, {"rider_id": rider_id})

        given = [*orders, *[None] * (riders - carrying)]
        await asyncio.gather(*(prepare(person, order) for person, order in zip(people, given, strict=True)))
    return people


def _announce(platform: Platform, orders: list[str], now: datetime) -> None:
    """Orders as dispatch hears of them; nobody else needs to know."""
    parts, wires = build(platform.settings["dispatch"]), wire.Wire()
    try:
        for order_id in orders:
            told = (wire.placed(order_id, now), wire.accepted(order_id, now), wire.contact_shared(order_id))
            parts.inbox.consume(batch_of(*wires.bodies(told, now)))
    finally:
        parts.close()
