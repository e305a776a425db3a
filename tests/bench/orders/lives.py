"""The life of an order as its people live it, from placing to the review: the same steps at both services."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Protocol

from shared.contracts import dispatch
from shared.contracts.common import AssignmentMode, Proof
from shared.contracts.envelope import Envelope
from shared.kernel.ids import new_id, sibling_id
from tests.bench.orders.wire import Client, Ear

COMMANDS = ("place", "accept", "start-preparation", "ready", "confirm", "review")
RIDER = "rid_01J9ZT0000000000000000"
PLACE = {
    "kind": "food",
    "items": [{"sku": "noodles", "quantity": 2}, {"sku": "tea", "quantity": 1}],
    "dropoff": {"lat": 30.2790, "lon": 120.1600},
    "address": "18 Willow Lane, room 502",
    "contact": {"name": "Chen Yu", "phone": "+8613812345678", "language": "zh"},
    "payment": {"method": "sandbox_ok"},
}
SCORES = {"merchant": 5, "rider": 5, "platform": 4}


class Waiter(Protocol):
    """What differs between the services, beside their speed."""

    async def may_accept(self, order_id: str) -> None: ...

    def carry(self, order_id: str) -> None: ...

    async def arrived(self, order_id: str) -> None: ...


@dataclass(slots=True)
class Ours:
    """The order asks its merchant once the payment is good, and hears dispatch by CloudEvents."""

    ear: Ear
    exchange = "order.events"
    heard = ("OrderAwaitingMerchant", "OrderDelivered")

    async def may_accept(self, order_id: str) -> None:
        await self.ear.hear("OrderAwaitingMerchant", order_id)

    def carry(self, order_id: str) -> None:
        delivery_id = sibling_id("dlv", order_id)
        about = {"delivery_id": delivery_id, "order_id": order_id, "rider_id": RIDER}
        proof = Proof(kind="code", reference="1234")
        facts: tuple[dispatch.DeliveryMessage, ...] = (
            dispatch.RiderAssigned(**about, mode=AssignmentMode.ENGINE, policy_version="1"),
            dispatch.PickedUp(**about, proof=proof),
            dispatch.Delivered(**about, proof=proof),
        )
        for sequence, fact in enumerate(facts, 1):
            envelope = _envelope(fact, delivery_id, order_id, sequence)
            self.ear.tell(fact.exchange(), fact.type_name(), order_id, envelope.to_bytes(), envelope.id)

    async def arrived(self, order_id: str) -> None:
        await self.ear.hear("OrderDelivered", order_id)


@dataclass(slots=True)
class Stock:
    """The peer takes the payment for granted, and hears dispatch by nameko's own events."""

    ear: Ear
    exchange = "stock_orders.events"
    heard = ("order_delivered",)

    async def may_accept(self, order_id: str) -> None:
        """At once: it is paid within the request that places it."""

    def carry(self, order_id: str) -> None:
        for type_name in ("rider_assigned", "picked_up", "delivered"):
            body = json.dumps({"order_id": order_id, "rider_id": RIDER}).encode()
            self.ear.tell("dispatch.events", type_name, order_id, body, uuid.uuid4().hex)

    async def arrived(self, order_id: str) -> None:
        await self.ear.hear("order_delivered", order_id)


def _envelope(fact: dispatch.DeliveryMessage, delivery_id: str, order_id: str, sequence: int) -> Envelope:
    now = datetime.now(UTC)
    return Envelope(
        id=new_id("evt"),
        source=fact.source(),
        type=fact.type_name(),
        subject=delivery_id,
        time=now,
        dataschema=fact.schema_urn(),
        sequence=sequence,
        partitionkey=order_id,
        correlationid=new_id("cor"),
        actor=f"rider:{RIDER}",
        recordedat=now,
        data=fact.model_dump(mode="json"),
    )


@dataclass(slots=True)
class Street:
    """Somebody's connection, tokens and stopwatch; `taken` holds seconds by command."""

    client: Client
    waiter: Waiter
    merchant_id: str
    tokens: dict[str, str]
    taken: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    async def place(self) -> str:
        body = {"merchant_id": self.merchant_id, **PLACE}
        placed = await self._command("place", "customer", "/v1/orders", body)
        return str(placed["order_id"])

    async def live(self) -> None:
        order_id = await self.place()
        at = f"/v1/orders/{order_id}"
        await self.waiter.may_accept(order_id)
        await self._command("accept", "merchant", f"{at}/accept", {"preparation_minutes": 10})
        await self._command("start-preparation", "merchant", f"{at}/start-preparation")
        await self._command("ready", "merchant", f"{at}/ready")
        self.waiter.carry(order_id)
        await self.waiter.arrived(order_id)
        await self._command("confirm", "customer", f"{at}/confirm")
        await self._command("review", "customer", f"{at}/review", SCORES)

    async def _command(self, name: str, role: str, path: str, body: Any = None) -> Any:
        headers = f"Authorization: Bearer {self.tokens[role]}\r\nIdempotency-Key: {uuid.uuid4().hex}\r\n"
        began = perf_counter()
        answer = await self.client.ask("POST", path, headers, body)
        now = perf_counter()
        self.taken.setdefault(name, []).append((now, now - began))
        return answer


async def pause_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - perf_counter()))
