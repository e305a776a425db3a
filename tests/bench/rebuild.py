"""How fast a read model is made anew from the log: one event at a time, and by batches."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing

import psycopg

from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.support.database import Database, fresh_database

BATCH = 1000
LIMIT_SECONDS = 120
UPSERT = (
    "INSERT INTO bench_orders AS mine (order_id, steps, total_cents)"
    " SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[])"
    " ON CONFLICT (order_id) DO UPDATE SET steps = mine.steps + excluded.steps,"
    " total_cents = mine.total_cents + excluded.total_cents"
)
COLUMNS = "(order_id text PRIMARY KEY, steps bigint NOT NULL, total_cents bigint NOT NULL)"


def run(report: Report, postgres_url: str, rounds: int, events: int) -> None:
    with fresh_database(postgres_url, ("order",)) as database:
        workload.fill(database, events)
        add_read_model(database)
        report.add("rebuild", "sequencing", "events/s", [sequence(database, events)])
        with closing(workload.open_store(database.url("order"))) as store:
            batches, singles, empty = in_turn(
                rounds,
                lambda: rebuild(store, database, by_batch),
                lambda: rebuild(store, database, one_by_one),
                lambda: rebuild(store, database, decode_only),
            )
        report.add("rebuild", "projection folded by batches", "events/s", batches)
        report.add("rebuild", "projection, a statement an event", "events/s", singles)
        report.add("rebuild", "reading and decoding only", "events/s", empty)


def add_read_model(database: Database) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(f'CREATE TABLE "order".bench_orders {COLUMNS}')
        admin.execute(f'GRANT ALL ON "order".bench_orders TO "{database.name}_order"')


def sequence(database: Database, events: int, service: str = "order") -> float:
    """Positions and hash chain of a backlog."""
    with closing(Sequencer(database.url(service))) as sequencer:
        started = time.perf_counter()
        placed = sequencer.tick()
    assert placed >= events
    return placed / (time.perf_counter() - started)


Pass = Callable[[PostgresStore], int]


def rebuild(store: PostgresStore, database: Database, step: Pass, at_least: int = 0) -> float:
    """Events a second, from an empty read model to the end of the log; again until `at_least` events were read."""
    done, seconds = 0, 0.0
    while done == 0 or done < at_least:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute('TRUNCATE "order".bench_orders')
            admin.execute('DELETE FROM "order".follower_positions')
        started = time.perf_counter()
        while (count := step(store)) and time.perf_counter() - started < LIMIT_SECONDS:
            done += count
        seconds += time.perf_counter() - started
    return done / seconds


def by_batch(store: PostgresStore) -> int:
    return store.follow_batches("bench", _project_batch, BATCH)


def one_by_one(store: PostgresStore) -> int:
    return store.follow("bench", _project_one)


def decode_only(store: PostgresStore) -> int:
    return store.follow("bench", _decode, BATCH)


def _decode(tx: Transaction, stored: StoredEvent) -> None:
    workload.CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)


def _project_batch(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    steps: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    for stored in events:
        event = workload.CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
        steps[event.order_id] += 1
        cents[event.order_id] += event.total_cents
    tx.connection.execute(UPSERT, (list(steps), list(steps.values()), [cents[each] for each in steps]))


def _project_one(tx: Transaction, stored: StoredEvent) -> None:
    event = workload.CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
    tx.connection.execute(UPSERT, ([event.order_id], [1], [event.total_cents]))
