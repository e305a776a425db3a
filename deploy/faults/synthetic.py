"""Three small services on the real backbone: enough of a business to show every way in which a message can go wrong.

`order` is written to by the load. `dispatch` hears it and answers every fourth message with an event of its own,
which its tail publishes in turn. `order` and `support` hear that, and `support` hears `order` too. Whoever hears a
message notes it in a table without any key: what is done twice, or in the wrong order, stays visible there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from shared.contracts.dispatch import ArrivedAtPickup
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.contracts.order import OrderConfirmed
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType
from shared.eventstore.model import Context, StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.projection import Projection
from shared.messaging.inbox import Handle
from shared.messaging.outgoing import Outgoing
from shared.messaging.tail import TailSpec

MASTER_KEY = b"f" * 32
PARTITIONS = 4
ANSWER_EVERY = 4
TABLES = """
CREATE TABLE effects (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source     text NOT NULL,
    stream_id  text NOT NULL,
    version    bigint NOT NULL,
    message_id text NOT NULL,
    done_by    text NOT NULL
);
CREATE TABLE totals (stream_id text PRIMARY KEY, events bigint NOT NULL, digest text NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Something that everybody is told of. `number` is the writer's own, for counting."""

    order_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that nobody is told of, so that sequences have gaps."""

    order_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """What dispatch answers."""

    order_id: str
    answered: int


Happening = Confirmed | Noticed | Arrived

CODEC: Codec[Happening] = Codec([EventType(each.__name__, each) for each in (Confirmed, Noticed, Arrived)])


def _count(state: int, _event: Happening) -> int:
    return state + 1


THINGS: Aggregate[int, Happening] = Aggregate("thing", 0, _count, CODEC)

PUBLISHERS = ("order", "dispatch")
HEARD: dict[str, tuple[type[Message], ...]] = {
    "order": (ArrivedAtPickup,),
    "dispatch": (OrderConfirmed,),
    "support": (OrderConfirmed, ArrivedAtPickup),
}


def messages_for(_stored: StoredEvent, event: Any) -> Sequence[Outgoing]:
    """The public message of an event, or none."""
    match event:
        case Confirmed(order_id=order_id):
            return [Outgoing(OrderConfirmed(order_id=order_id, by="customer"), order_id)]
        case Arrived(order_id=order_id):
            told = ArrivedAtPickup(delivery_id=delivery_of(order_id), order_id=order_id, rider_id="rid_1")
            return [Outgoing(told, order_id)]
        case _:
            return []


def delivery_of(order_id: str) -> str:
    return f"dlv_{order_id}"


def tail_spec(service: str, postgres_url: str, amqp_url: str) -> TailSpec:
    return TailSpec(service, postgres_url, amqp_url, (CODEC,), messages_for, MASTER_KEY)


def context(causation_id: str | None = None) -> Context:
    now = datetime.now(UTC)
    return Context(
        actor="system:faults", now=now, occurred_at=now, correlation_id="cor_faults", causation_id=causation_id
    )


def answers(service: str, source: str, sequence: int) -> bool:
    """Whether a service answers a message with an event."""
    return service == "dispatch" and source == OrderConfirmed.source() and sequence % ANSWER_EVERY == 0


def handler(service: str, done_by: str) -> Handle:
    """What a service does on a message: it notes it, and now and then answers; all in the inbox's transaction."""

    def take(tx: Transaction, envelope: Envelope, _message: Message) -> None:
        tx.connection.execute(
            "INSERT INTO effects (source, stream_id, version, message_id, done_by) VALUES (%s, %s, %s, %s, %s)",
            (envelope.source, envelope.subject, envelope.sequence, envelope.id, done_by),
        )
        if answers(service, envelope.source, envelope.sequence):
            arrived = Arrived(envelope.partitionkey, envelope.sequence)
            stream = delivery_of(envelope.partitionkey)
            tx.execute(THINGS, stream, lambda _state: [arrived], context(envelope.id))

    return take


def _add_up(tx: Transaction, event: StoredEvent) -> None:
    tx.connection.execute(
        "INSERT INTO totals AS mine VALUES (%(stream_id)s, 1, md5(%(event_id)s)) ON CONFLICT (stream_id)"
        " DO UPDATE SET events = mine.events + 1, digest = md5(mine.digest || %(event_id)s)",
        {"stream_id": event.stream_id, "event_id": event.event_id},
    )


def _add_all_up(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    streams = list({event.stream_id for event in events})
    rows = tx.connection.execute("SELECT * FROM totals WHERE stream_id = ANY(%s)", (streams,)).fetchall()
    totals = {row["stream_id"]: (row["events"], row["digest"]) for row in rows}
    rebuilt_totals(events, totals)
    tx.connection.execute(
        "INSERT INTO totals AS mine SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[])"
        " ON CONFLICT (stream_id) DO UPDATE SET events = excluded.events, digest = excluded.digest",
        (
            list(totals),
            [count for count, _ in totals.values()],
            [digest for _, digest in totals.values()],
        ),
    )


TOTALS = Projection("totals", 1, _add_up, apply_many=_add_all_up)
"""A read model whose rows depend on every event and on the order of each stream's."""


def rebuilt_totals(events: Iterable[StoredEvent], totals: dict[str, tuple[int, str]]) -> None:
    """Adds events to the rows of `TOTALS` as they must be: stream id to count and digest."""
    for event in events:
        count, digest = totals.get(event.stream_id, (0, ""))
        totals[event.stream_id] = count + 1, md5(f"{digest}{event.event_id}".encode()).hexdigest()
