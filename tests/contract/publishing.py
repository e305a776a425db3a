"""A small service with a real store, so that the relay is tested with real events and without a whole platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.contracts.common import AssignmentMode, FailureReason, GeoPoint, Goods, Line, OrderKind
from shared.contracts.dispatch import DeliveryFailed, RiderAssigned
from shared.contracts.message import Message
from shared.contracts.order import OrderPlaced
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType
from shared.eventstore.model import Context, StoredEvent
from shared.eventstore.postgres import PostgresStore
from shared.messaging.outgoing import Outgoing
from shared.messaging.tail import TailSpec

MASTER_KEY = b"k" * 32
NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Placed:
    order_id: str


@dataclass(frozen=True, slots=True)
class Assigned:
    order_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    order_id: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """An event that nobody else is told of."""

    order_id: str


Happening = Placed | Assigned | Failed | Noticed

CODEC: Codec[Happening] = Codec([EventType(each.__name__, each) for each in (Placed, Assigned, Failed, Noticed)])


def count(state: int, _event: Happening) -> int:
    return state + 1


THINGS: Aggregate[int, Happening] = Aggregate("thing", 0, count, CODEC)


def messages_for(_stored: StoredEvent, event: Any) -> Sequence[Outgoing]:
    """The public message of each event; none for `Noticed`."""
    match event:
        case Placed(order_id=order_id):
            return [Outgoing(order_placed(order_id), order_id)]
        case Assigned(order_id=order_id):
            return [Outgoing(rider_assigned(order_id), order_id)]
        case Failed(order_id=order_id):
            return [Outgoing(delivery_failed(order_id), order_id)]
        case _:
            return []


def order_placed(order_id: str) -> Message:
    return OrderPlaced(
        order_id=order_id,
        customer_id="cus_1",
        merchant_id="mer_1",
        kind=OrderKind.FOOD,
        items=(Line(sku="noodles", name="牛肉面", quantity=1, unit_cents=2800),),
        total_cents=2800,
        currency="CNY",
        pickup_cell="8931aa5532fffff",
        dropoff_cell="8931aa5532bffff",
        pickup=GeoPoint(lat=30.5, lon=114.3),
        promised_at=NOW,
    )


def rider_assigned(order_id: str) -> Message:
    return RiderAssigned(
        delivery_id=f"dlv_{order_id}",
        order_id=order_id,
        rider_id="rid_1",
        mode=AssignmentMode.ENGINE,
        reasons=("nearest",),
        policy_version="1",
    )


def delivery_failed(order_id: str) -> Message:
    return DeliveryFailed(
        delivery_id=f"dlv_{order_id}",
        order_id=order_id,
        rider_id="rid_1",
        reason=FailureReason.CUSTOMER_UNREACHABLE,
        goods=Goods.WITH_RIDER,
    )


def context(causation_id: str | None = None) -> Context:
    return Context(
        actor="customer:cus_1", now=NOW, occurred_at=NOW, correlation_id="cor_1", causation_id=causation_id
    )


def store_of(dsn: str) -> PostgresStore:
    return PostgresStore(dsn, MASTER_KEY)


def append(store: PostgresStore, stream_id: str, *events: Happening) -> None:
    """Appends to a stream, wherever it is now."""
    store.execute(THINGS, stream_id, lambda _state: events, context())


def spec(service: str, postgres_url: str, amqp_url: str) -> TailSpec:
    return TailSpec(service, postgres_url, amqp_url, (CODEC,), messages_for, MASTER_KEY)
