"""What waits in the database is told to Prometheus: late deadlines, parked messages, followers that are behind."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType
from shared.eventstore.deadlines import PostgresDeadlines
from shared.eventstore.follower import Follower
from shared.eventstore.model import Context, DeadlineChange, DueDeadline, SetDeadline
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.gateway.figures import measure
from shared.kernel.clock import VirtualClock
from shared.runtime.metrics import REGISTRY
from tests.support.database import Database

EPOCH = datetime(2026, 5, 1, 12, tzinfo=UTC)
SPEED = 60.0


@dataclass(frozen=True)
class Ordered:
    due_at: datetime


def waits(event: Ordered) -> list[DeadlineChange]:
    return [SetDeadline("answer", event.due_at)]


THING: Aggregate[int, Ordered] = Aggregate(
    "thing", 0, lambda state, _event: state + 1, Codec([EventType("Ordered", Ordered)]), waits
)


class Still(VirtualClock):
    """A clock that runs sixty times as fast as the wall, looked at in one moment."""

    def now(self) -> datetime:
        return self.epoch


CLOCK = Still(speed=SPEED, started_unix=0, epoch=EPOCH)
CONTEXT = Context(actor="test:1", now=EPOCH, occurred_at=EPOCH, correlation_id="cor_1")


@pytest.fixture(scope="module")
def store(database: Database) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database.url("order"), bytes(32), CLOCK)) as made:
        yield made


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_a_deadline_is_late_by_seconds_on_the_wall_whatever_the_speed_of_the_platforms_clock(
    store: PostgresStore,
) -> None:
    for name, minutes in (("a", -10), ("b", -2), ("c", 5)):
        store.append(THING, name, 0, [Ordered(EPOCH + timedelta(minutes=minutes))], CONTEXT)

    measure(store, CLOCK)

    assert value("doorstep_store_up") == 1
    assert value("doorstep_deadlines_late") == 2
    assert value("doorstep_deadlines_late_seconds") == pytest.approx(10)
    assert value("doorstep_deadlines_failing") == 0
    store.postpone_deadline(next(due for due in due_now(store) if due.stream_id == "a"), EPOCH, "ValueError")
    measure(store, CLOCK)
    assert value("doorstep_deadlines_failing") == 1


def due_now(store: PostgresStore) -> list[DueDeadline]:
    with store.reading() as reading:
        return PostgresDeadlines(reading.connection).due(EPOCH, 10)


def test_a_follower_is_behind_by_what_the_log_has_and_it_has_not_handled(
    store: PostgresStore, database: Database
) -> None:
    follower = Follower("figures.test", lambda _transaction, _stored: None)
    with closing(Sequencer(database.url("order"))) as sequencer:
        while sequencer.tick():
            pass
        assert sequencer.last is not None
    follower.run(store, limit=1)

    measure(store, CLOCK)

    assert value("doorstep_follower_behind", follower="figures.test") == sequencer.last.position - 1


def test_a_parked_message_is_counted_with_its_age(store: PostgresStore, database: Database) -> None:
    with psycopg.connect(database.url("order")) as connection:
        connection.execute(
            """INSERT INTO parked (handler, source, stream_id, partition_key, sequence, message_id, type, body, cause,
                                   error, tries, parked_at)
               VALUES ('figures', '/doorstep/dispatch', 'dlv_1', 'ord_1', 1, 'evt_1', 'PickedUp', '', 'failed',
                       'ValueError', 3, clock_timestamp() - interval '90 seconds')"""
        )

    measure(store, CLOCK)

    assert value("doorstep_parked_waiting", handler="figures") == 1
    assert value("doorstep_parked_oldest_seconds", handler="figures") == pytest.approx(90, abs=10)


def test_a_store_that_is_away_is_told_and_the_page_is_still_served() -> None:
    unreachable = "postgresql://nobody@127.0.0.1:1/nothing"
    with closing(PostgresStore(unreachable, bytes(32), CLOCK)) as away:
        measure(away, CLOCK)
    assert value("doorstep_store_up") == 0
