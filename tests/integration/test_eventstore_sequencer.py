"""Every committed event gets one dense place in the log, however late it commits and whoever ticks."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from threading import Event

import psycopg
import pytest

from deploy.local.backends import Backends
from shared.eventstore.connecting import connect
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer, try_lead
from shared.eventstore.verify import verify_log
from shared.kernel.errors import StaleVersion
from tests.support.database import Database, fresh_database
from tests.support.waiting import wait_until
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, TabEvent, context, opened, tab_id, tea

WRITERS = 6
ROUNDS = 60


@pytest.fixture
def database(backends: Backends) -> Iterator[Database]:
    with fresh_database(backends.postgres_url, ("order",)) as made:
        yield made


@pytest.fixture
def store(database: Database) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database.url("order"), MASTER_KEY, pool_size=WRITERS + 4)) as made:
        yield made


@pytest.fixture
def sequencer(database: Database) -> Iterator[Sequencer]:
    with closing(Sequencer(database.url("order"))) as made:
        yield made


class ChangedMind(Exception):
    pass


def write(store: PostgresStore, seed: int, streams: list[str]) -> int:
    """Commits, or rolls back, appends to shared streams, each after a pause of up to 8 ms with the rows written."""
    dice, written, never = random.Random(seed), 0, Event()

    def attempt(stream: str, drinks: list[TabEvent], pause_seconds: float, fails: bool) -> None:
        with store.transaction() as transaction:
            transaction.execute(TABS, stream, lambda _: drinks, context())
            never.wait(pause_seconds)
            if fails:
                raise ChangedMind

    for _ in range(ROUNDS):
        drinks: list[TabEvent] = [tea()] * dice.randint(1, 3)
        with suppress(ChangedMind, StaleVersion):
            attempt(dice.choice(streams), drinks, dice.random() * 0.008, dice.random() < 0.1)
            written += len(drinks)
    return written


def test_contended_writers_lose_nothing_double_nothing_and_keep_order(
    database: Database, store: PostgresStore
) -> None:
    streams, over = [tab_id() for _ in range(9)], Event()
    seen: list[StoredEvent] = []

    def sequence() -> int:
        total = 0
        with closing(Sequencer(database.url("order"))) as mine:
            while not over.is_set():
                total += mine.tick()
            return total + mine.tick()

    def tail() -> None:
        while not (over.is_set() and store.log_position() == len(seen)):
            seen.extend(store.log_after(len(seen)))

    # One transaction has a number and stays open to the end, another has written and commits last.
    with (
        ThreadPoolExecutor(WRITERS + 3) as pool,
        ExitStack() as at_the_end,
        connect(database.url("order")) as idle,
        idle.transaction(),
    ):
        at_the_end.callback(over.set)
        idle.execute("SELECT pg_current_xact_id()")
        with store.transaction() as late:
            late_events: list[TabEvent] = [opened(), tea()]
            late.append(TABS, tab_id(), 0, late_events, context())
            late.talk.say_all()
            sequencers = [pool.submit(sequence) for _ in range(2)]
            tailer = pool.submit(tail)
            writers = [pool.submit(write, store, seed, streams) for seed in range(WRITERS)]
            written = sum(writer.result(120) for writer in writers)
            assert written > 200
            wait_until(lambda: store.log_position() == written, message="all but the late events are in the log")
        wait_until(lambda: store.log_position() == written + 2, message="the late events are in the log")
        over.set()
        assert sum(one.result(30) for one in sequencers) == written + 2
        tailer.result(30)

    assert [event.position for event in seen] == list(range(1, written + 3))
    assert len({(event.stream_id, event.version) for event in seen}) == written + 2
    for stream in streams:
        versions = [event.version for event in seen if event.stream_id == stream]
        assert versions == [event.version for event in store.stream(stream)] == list(range(1, len(versions) + 1))
    verdict = verify_log(database.url("order"))
    assert (verdict.events, verdict.pending, verdict.problems) == (written + 2, 0, ())


def test_an_event_that_commits_after_later_ones_were_placed_is_placed_next(
    store: PostgresStore, sequencer: Sequencer
) -> None:
    early, late = tab_id(), tab_id()
    with store.transaction() as slow:
        slow.append(TABS, late, 0, [tea()], context())
        slow.talk.say_all()
        store.append(TABS, early, 0, [tea()], context())
        assert (sequencer.tick(), sequencer.tick()) == (1, 0)
    assert (sequencer.tick(), sequencer.tick()) == (1, 0)
    assert [event.stream_id for event in store.log_after(0)] == [early, late]


def test_an_event_of_a_savepoint_is_placed_when_its_transaction_commits(
    store: PostgresStore, sequencer: Sequencer
) -> None:
    with store.transaction() as outer:
        with outer.connection.transaction():
            outer.append(TABS, tab_id(), 0, [opened()], context())
            outer.talk.say_all()
        assert sequencer.tick() == 0
    assert sequencer.tick() == 1


def test_rolled_back_events_leave_no_hole(store: PostgresStore, sequencer: Sequencer) -> None:
    def change_mind(transaction: Transaction) -> None:
        transaction.append(TABS, tab_id(), 0, [tea()], context())
        transaction.talk.say_all()
        raise ChangedMind

    for _ in range(3):
        with pytest.raises(ChangedMind):
            store.run(change_mind)
        store.append(TABS, tab_id(), 0, [opened()], context())
    assert sequencer.tick() == 3
    assert [event.position for event in store.log_after(0)] == [1, 2, 3]


def test_an_idle_tick_writes_nothing(database: Database, store: PostgresStore, sequencer: Sequencer) -> None:
    store.append(TABS, tab_id(), 0, [opened()], context())
    sequencer.tick()
    row = "SELECT ctid::text, xmin::text, xmax::text, snapshot::text FROM sequencer_state"
    with connect(database.url("order")) as connection:
        before = connection.execute(row).fetchone()
        assert [sequencer.tick() for _ in range(20)] == [0] * 20
        assert connection.execute(row).fetchone() == before


def test_a_backlog_longer_than_a_chunk_is_placed_in_one_tick(
    database: Database, store: PostgresStore, sequencer: Sequencer
) -> None:
    for _ in range(3):
        store.append(TABS, tab_id(), 0, [tea()] * 2_500, context())
    assert sequencer.tick() == 7_500
    assert verify_log(database.url("order")).events == 7_500


def test_one_session_leads_until_it_ends(database: Database) -> None:
    with connect(database.url("order")) as second:
        with connect(database.url("order")) as first:
            assert try_lead(first, "order")
            assert not try_lead(second, "order")
            assert try_lead(second, "dispatch")
        wait_until(lambda: try_lead(second, "order"), message="the second session leads")


def test_a_sequencer_goes_on_after_its_connection_was_killed(
    database: Database, store: PostgresStore, sequencer: Sequencer
) -> None:
    store.append(TABS, tab_id(), 0, [opened()], context())
    assert sequencer.tick() == 1
    with connect(database.admin_url) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    store.append(TABS, tab_id(), 0, [opened()], context())
    with pytest.raises(psycopg.OperationalError):
        sequencer.tick()
    assert sequencer.tick() == 1
