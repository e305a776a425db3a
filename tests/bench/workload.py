"""What the benchmarks write: one kind of event about the size of the platform's own, and its public message."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType
from shared.eventstore.model import Context, StoredEvent
from shared.eventstore.postgres import PostgresStore
from shared.kernel.ids import new_id
from shared.messaging.outgoing import Outgoing
from shared.messaging.tail import TailSpec
from tests.contract.publishing import order_placed
from tests.support.database import Database

MASTER_KEY = b"b" * 32
NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
TRANSACTIONS_PER_STREAM = 5
"""A stream is made by the first transaction and advanced by the others, as the life of an order does."""
FILL_STREAMS = 20_000


@dataclass(frozen=True, slots=True)
class Noted:
    """One step of an order: 220 bytes as JSON."""

    order_id: str
    rider_id: str
    cell: str
    reasons: tuple[str, ...]
    total_cents: int
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """What folding leaves: enough to need every event."""

    steps: int = 0
    total_cents: int = 0
    rider_id: str = ""


CODEC: Codec[Noted] = Codec([EventType("Noted", Noted)])


def evolve(tally: Tally, event: Noted) -> Tally:
    return Tally(tally.steps + 1, tally.total_cents + event.total_cents, event.rider_id)


STEPS: Aggregate[Tally, Noted] = Aggregate("order", Tally(), evolve, CODEC)


def noted(order_id: str) -> Noted:
    return Noted(order_id, "rid_01J9ZT0000000000000000", "8931aa5532fffff", ("nearest", "idle_longest"), 2800, NOW)


def context() -> Context:
    return Context(actor="customer:cus_1", now=NOW, occurred_at=NOW, correlation_id=new_id("cor"))


def open_store(dsn: str) -> PostgresStore:
    return PostgresStore(dsn, MASTER_KEY, pool_size=4)


def appends(store: PostgresStore, size: int) -> Iterator[None]:
    """Appends `size` events at each step, to a new stream after every few."""
    for number in count():
        if number % TRANSACTIONS_PER_STREAM == 0:
            stream_id, version = new_id("ord"), 0
        store.append(STEPS, stream_id, version, [noted(stream_id)] * size, context())
        version += size
        yield


def fill(database: Database, events: int) -> None:
    """Rows as append writes them, made by the server: a million in a fraction of the time.

    Ids begin with their number, as those of the platform begin with the time: neighbours in the log are neighbours in
    every index.
    """
    metadata = {"actor": "customer:cus_1", "occurred_at": NOW.isoformat(), "correlation_id": "cor_1"}
    with psycopg.connect(database.url("order"), autocommit=True) as connection:
        for first in range(0, events // TRANSACTIONS_PER_STREAM, FILL_STREAMS):
            last = min(first + FILL_STREAMS, events // TRANSACTIONS_PER_STREAM) - 1
            connection.execute(
                _FILL,
                {
                    "first": first,
                    "last": last,
                    "each": TRANSACTIONS_PER_STREAM,
                    "metadata": json.dumps(metadata),
                    "now": NOW,
                    "noted_at": NOW.isoformat(),
                },
            )
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("VACUUM (ANALYZE)")


_FILL = """
WITH made AS (
    INSERT INTO streams (stream_id, category, version)
    SELECT 'ord_' || lpad(to_hex(n), 12, '0') || left(md5(n::text), 20), 'order', %(each)s
    FROM generate_series(%(first)s::int, %(last)s::int) n
    RETURNING stream_id
)
INSERT INTO events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT stream_id, version, 'evt_' || md5(stream_id || version), 'Noted', 1,
       json_build_object('order_id', stream_id, 'rider_id', 'rid_01J9ZT0000000000000000', 'cell', '8931aa5532fffff',
                         'reasons', array['nearest', 'idle_longest'], 'total_cents', 2800,
                         'noted_at', %(noted_at)s::text),
       %(metadata)s::json, %(now)s
FROM made, generate_series(1, %(each)s) version
"""


def messages_for(_stored: StoredEvent, event: Any) -> Sequence[Outgoing]:
    return [Outgoing(order_placed(event.order_id), event.order_id)]


def tail_spec(service: str, postgres_url: str, amqp_url: str) -> TailSpec:
    return TailSpec(service, postgres_url, amqp_url, (CODEC,), messages_for, MASTER_KEY)
