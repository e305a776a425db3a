"""The checker sees a log that was written by a wrong sequencer, and finds nothing in that of the right one."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from deploy.faults.checker import Verdict, check_log
from deploy.faults.synthetic import MASTER_KEY, THINGS, Confirmed, context
from deploy.local.backends import Backends
from shared.eventstore.postgres import PostgresStore, PostgresTransaction
from shared.eventstore.sequencer import Sequencer
from tests.faults.planted.sequencers import UnlockedSequencer, XminSequencer
from tests.support.database import fresh_database


@pytest.fixture
def url(backends: Backends) -> Iterator[str]:
    with fresh_database(backends.postgres_url, ("order",)) as database:
        yield database.url("order")


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url, MASTER_KEY)) as opened:
        yield opened


def add(transaction: PostgresTransaction | PostgresStore, stream: str, version: int) -> None:
    transaction.append(THINGS, stream, version - 1, [Confirmed(stream, version)], context())
    if isinstance(transaction, PostgresTransaction):
        transaction.talk.say_all()


def take_a_number(transaction: PostgresTransaction) -> None:
    """Gives the transaction its xid before it has written anything."""
    transaction.connection.execute("SELECT pg_current_xact_id()")


def kinds_found(url: str) -> set[str]:
    verdict = Verdict()
    check_log("order", url, verdict)
    return verdict.kinds()


def write_in_crossing_transactions(store: PostgresStore, tick: Callable[[], object]) -> None:
    """The second event of a stream is written by a transaction with a lower number than that of the first one, while
    one with a number in between still runs."""
    with store.transaction() as between:
        with store.transaction() as early:
            take_a_number(early)
            take_a_number(between)
            add(store, "ord_1", 1)
            add(early, "ord_1", 2)
        tick()
    tick()


def test_the_right_sequencer_places_crossing_transactions_in_order(url: str, store: PostgresStore) -> None:
    with closing(Sequencer(url)) as sequencer:
        write_in_crossing_transactions(store, sequencer.tick)
    assert kinds_found(url) == set()


def test_tailing_by_xmin_is_caught_when_it_puts_a_stream_out_of_order(url: str, store: PostgresStore) -> None:
    with closing(XminSequencer(url)) as sequencer:
        write_in_crossing_transactions(store, sequencer.tick)
    assert "out_of_order" in kinds_found(url)


def write_beside_an_idle_transaction(url: str, store: PostgresStore, tick: Callable[[], object]) -> set[str]:
    """What the checker finds while a transaction has a number and does nothing."""
    with store.transaction() as idle:
        take_a_number(idle)
        add(store, "ord_1", 1)
        tick()
        return kinds_found(url)


def test_the_right_sequencer_does_not_wait_for_a_transaction_that_does_nothing(
    url: str, store: PostgresStore
) -> None:
    with closing(Sequencer(url)) as sequencer:
        assert write_beside_an_idle_transaction(url, store, sequencer.tick) == set()


def test_tailing_by_xmin_is_caught_when_it_waits_for_an_idle_transaction(url: str, store: PostgresStore) -> None:
    with closing(XminSequencer(url)) as sequencer:
        assert "missing" in write_beside_an_idle_transaction(url, store, sequencer.tick)


def test_a_sequencer_without_its_lock_is_refused_by_the_keys_of_the_log(url: str, store: PostgresStore) -> None:
    add(store, "ord_1", 1)
    with (
        closing(Sequencer(url)) as right,
        closing(UnlockedSequencer(url, meanwhile=right.tick)) as wrong,
        pytest.raises(psycopg.errors.UniqueViolation),
    ):
        wrong.tick()
    assert kinds_found(url) == set()


def test_a_sequencer_without_its_lock_is_caught_when_it_passes_over_the_refusal(
    url: str, store: PostgresStore
) -> None:
    with closing(Sequencer(url)) as right:

        def another_leads_while_a_slow_transaction_commits() -> None:
            with store.transaction() as slow:
                add(slow, "ord_slow", 1)
                add(store, "ord_1", 1)
                right.tick()

        meanwhile = another_leads_while_a_slow_transaction_commits
        with closing(UnlockedSequencer(url, quietly=True, meanwhile=meanwhile)) as wrong:
            wrong.tick()
            right.tick()
    assert {"missing", "broken_chain"} <= kinds_found(url)
