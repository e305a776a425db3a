"""A running dispatch service with people in it: orders that it hears of, riders' devices, a dispatcher."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.dispatch.wiring import DispatchParts, build
from shared.contracts.message import Message
from shared.kernel.ids import new_id
from shared.messaging.inbox import batch_of
from tests.support.waiting import wait_until
from tests.unit.dispatch import wire

SHOP = {"lat": wire.SHOP.lat, "lon": wire.SHOP.lon}
# Riders are asked at once, however long the kitchen takes.
POLICIES = {"dispatch": {"offers_before_grab": 1, "offer_seconds": 600, "offer_ahead_seconds": 3600}}
_numbers = count(1)


class Town:
    """The running service, and the orders that it hears of."""

    def __init__(self, platform: Platform, parts: DispatchParts) -> None:
        self.platform = platform
        self.parts = parts
        self.wires = wire.Wire()
        self.client = httpx.Client(base_url=platform.url("dispatch"), timeout=20)
        self.dispatcher = platform.token(("dispatcher",))
        self.orders: list[str] = []
        self.riders: list[Rider] = []

    def now(self) -> datetime:
        return self.platform.clock.now()

    def empty_streets(self) -> None:
        """Leaves no delivery waiting and nobody on shift."""
        self.hear(*(wire.cancelled(order_id) for order_id in self.orders))
        with ThreadPoolExecutor(8) as hands:
            list(hands.map(Rider.leave, self.riders))
        self.orders.clear()
        self.riders.clear()

    def hear(self, *messages: Message) -> None:
        self.parts.inbox.consume(batch_of(*self.wires.bodies(messages, self.now())))

    def order(self, skills: tuple[str, ...] = ()) -> tuple[str, str]:
        """An accepted order with its contact; its id and its delivery's."""
        order_id = new_id("ord")
        self.orders.append(order_id)
        now = self.now()
        self.hear(wire.placed(order_id, now, skills), wire.accepted(order_id, now), wire.contact_shared(order_id))
        return order_id, order_id.replace("ord", "dlv")

    def errand(self) -> tuple[str, str]:
        """An errand to three places."""
        order_id = new_id("ord")
        self.orders.append(order_id)
        now = self.now()
        placed, contact = wire.errand_placed(order_id, now), wire.errand_contact_shared(order_id)
        self.hear(placed, wire.accepted(order_id, now), contact)
        return order_id, order_id.replace("ord", "dlv")

    def rider(self, skills: Sequence[str] = (), on_shift: bool = True) -> "Rider":
        body = {"name": f"Rider {next(_numbers)}", "phone": "+8613900000000", "skills": list(skills)}
        made = self.post("/v1/riders", self.dispatcher, body)
        assert made.status_code == 201, made.text
        rider = Rider(self, made.json()["rider_id"])
        self.riders.append(rider)
        if on_shift:
            rider.start()
        return rider

    def post(self, path: str, token: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.post(path, json={} if body is None else body, headers=headers)

    def get(self, path: str, token: str) -> httpx.Response:
        return self.client.get(path, headers={"Authorization": f"Bearer {token}"})


class Rider:
    """One rider's device."""

    def __init__(self, town: Town, rider_id: str) -> None:
        self.town = town
        self.id = rider_id
        self.token = town.platform.token(("rider",), (rider_id,))

    def start(self) -> None:
        until = (self.town.now() + timedelta(hours=4)).isoformat()
        started = self.post(f"/v1/riders/{self.id}/shift/start", {"place": SHOP, "until": until})
        assert started.status_code == 200, started.text

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        return self.town.post(path, self.token, body, key)

    def report(self, delivery_id: str, node: str, **body: Any) -> httpx.Response:
        return self.post(f"/v1/deliveries/{delivery_id}/{node}", body)

    def work(self) -> Any:
        return self.town.get(f"/v1/riders/{self.id}/work", self.token).json()

    def is_asked_about(self, delivery_id: str) -> None:
        wait_until(
            lambda: any(offer["delivery_id"] == delivery_id for offer in self.work()["offers"]),
            20,
            "the engine never asked",
        )

    def leave(self) -> None:
        assert self.post(f"/v1/riders/{self.id}/shift/end").status_code == 200


@contextmanager
def dispatch_town(backends: Backends, folder: Path, policies: Mapping[str, Any] = POLICIES) -> Iterator[Town]:
    """One service process and its tail."""
    with Platform(folder, services=("dispatch",), backends=backends, policies=policies) as platform:
        parts = build(platform.settings["dispatch"])
        try:
            yield Town(platform, parts)
        finally:
            parts.close()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]
