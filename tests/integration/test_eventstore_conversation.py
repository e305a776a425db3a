"""Statements that share a round trip do what they would do each by itself, and fail as one transaction."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from deploy.local.backends import Backends
from shared.eventstore.connecting import Connection, connect
from shared.eventstore.conversation import MOST_AHEAD, Conversation
from shared.eventstore.direct import Prepared
from shared.eventstore.postgres import PostgresStore, PostgresTransaction
from shared.kernel.errors import StaleVersion
from tests.support.database import Database, fresh_database
from tests.unit.eventstore.suite import append
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, tab_id, tea

KEEP = Prepared("INSERT INTO kept (name) SELECT %(name)s::text WHERE %(name)s::text <> ''")
COUNT = Prepared("SELECT count(*), %(of)s::text FROM kept")


@pytest.fixture(scope="module")
def database(backends: Backends) -> Iterator[Database]:
    with fresh_database(backends.postgres_url, ("order",)) as made:
        yield made


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with closing(connect(database.admin_url)) as made:
        made.execute("CREATE TEMPORARY TABLE kept (name text PRIMARY KEY)")
        yield made
        assert made.pgconn.pipeline_status == PipelineStatus.OFF


@pytest.fixture
def store(database: Database) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database.url("order"), MASTER_KEY)) as made:
        yield made


def names(connection: Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM kept ORDER BY name")]


def test_each_answer_is_that_of_its_own_question(connection: Connection) -> None:
    talk = Conversation(connection)
    with talk.transaction():
        first = talk.ask_ahead(COUNT, {"of": "first"})
        talk.ask_ahead(KEEP, {"name": "茶"})
        second = talk.ask_ahead(COUNT, {"of": "second"})
        assert talk.change(KEEP, {"name": ""}) == 0
        assert talk.change(KEEP, {"name": "b"}) == 1
        assert talk.told(first) == [(b"0", b"first")]
        assert talk.told(second) == [(b"1", b"second")]
        assert talk.ask(COUNT, {"of": "third"}) == [(b"2", b"third")]
        talk.say_at_the_end(KEEP, {"name": "z"})
    assert names(connection) == ["b", "z", "茶"]


def test_what_was_asked_ahead_is_answered_without_another_question(connection: Connection) -> None:
    talk = Conversation(connection)
    with talk.transaction():
        assert talk.told(talk.ask_ahead(COUNT, {"of": "it"})) == [(b"0", b"it")]
        assert connection.info.transaction_status == TransactionStatus.INTRANS


def test_who_speaks_for_themselves_speaks_within_the_transaction(connection: Connection) -> None:
    talk = Conversation(connection)

    def keep_and_fail() -> None:
        with talk.transaction():
            talk.connection.execute("INSERT INTO kept VALUES ('a')")
            talk.change(KEEP, {"name": "b"})
            raise LookupError

    with pytest.raises(LookupError):
        keep_and_fail()
    assert names(connection) == []


def test_a_transaction_in_which_nothing_is_said_never_begins(connection: Connection) -> None:
    with Conversation(connection).transaction():
        assert connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize("caught", [True, False])
def test_a_question_that_fails_fails_all_and_the_connection_goes_on(connection: Connection, caught: bool) -> None:
    talk = Conversation(connection)

    def fail() -> None:
        with talk.transaction():
            talk.ask_ahead(KEEP, {"name": "a"})
            talk.ask_ahead(KEEP, {"name": "a"})
            try:
                talk.ask(COUNT, {"of": "never asked"})
            except psycopg.errors.UniqueViolation:
                if not caught:
                    raise
            talk.change(KEEP, {"name": "b"})

    with pytest.raises(psycopg.errors.InFailedSqlTransaction if caught else psycopg.errors.UniqueViolation):
        fail()
    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert names(connection) == []
    another = Conversation(connection)
    with another.transaction():
        another.change(KEEP, {"name": "c"})
    assert names(connection) == ["c"]


def test_nul_is_refused_before_anything_is_said(connection: Connection) -> None:
    talk = Conversation(connection)
    with talk.transaction():
        with pytest.raises(psycopg.DataError):
            talk.ask_ahead(KEEP, {"name": "a\0b"})
        talk.change(KEEP, {"name": "a"})
    assert names(connection) == ["a"]


def test_of_two_that_write_what_only_one_may_the_second_is_stale_and_leaves_nothing(connection: Connection) -> None:
    connection.execute("INSERT INTO kept VALUES ('key')")
    talk = Conversation(connection)

    def second() -> None:
        with talk.transaction():
            talk.change(KEEP, {"name": "effect"})
            talk.say_at_the_end(KEEP, {"name": "key"}, unique=StaleVersion("key", 0))

    with pytest.raises(StaleVersion):
        second()
    assert names(connection) == ["key"]


def test_a_stale_change_is_told_at_the_next_question_and_cannot_be_swallowed(connection: Connection) -> None:
    talk, stale = Conversation(connection), StaleVersion("stream", 3)

    def swallow() -> None:
        with talk.transaction():
            talk.say(KEEP, {"name": "a"}, changing=1, otherwise=stale)
            talk.say(KEEP, {"name": ""}, changing=1, otherwise=stale)
            with pytest.raises(StaleVersion):
                talk.ask(COUNT, {"of": "it"})
            with pytest.raises(StaleVersion):
                talk.change(KEEP, {"name": "b"})
            with pytest.raises(StaleVersion):
                talk.connection.execute("SELECT 1")

    with pytest.raises(StaleVersion):
        swallow()
    assert names(connection) == []


def test_a_stale_change_that_nobody_asked_about_is_told_before_the_commit(connection: Connection) -> None:
    talk = Conversation(connection)

    def change() -> None:
        with talk.transaction():
            talk.say(KEEP, {"name": "a"}, changing=1, otherwise=StaleVersion("stream", 3))
            talk.say(KEEP, {"name": ""}, changing=1, otherwise=StaleVersion("stream", 3))
            talk.say_at_the_end(KEEP, {"name": "answer"})

    with pytest.raises(StaleVersion):
        change()
    assert names(connection) == []


def test_without_a_transaction_a_stale_change_is_told_at_once(connection: Connection) -> None:
    with pytest.raises(StaleVersion):
        Conversation(connection).say(KEEP, {"name": ""}, changing=1, otherwise=StaleVersion("stream", 3))


def test_more_than_may_wait_is_said_in_between(connection: Connection) -> None:
    talk = Conversation(connection)
    with talk.transaction():
        for number in range(MOST_AHEAD + 1):
            talk.say(KEEP, {"name": f"{number:03}"}, changing=1, otherwise=StaleVersion("stream", 3))
    assert len(names(connection)) == MOST_AHEAD + 1


def test_a_lost_server_is_an_outage(connection: Connection, database: Database) -> None:
    with closing(connect(database.admin_url)) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    talk = Conversation(connection)
    with pytest.raises(psycopg.OperationalError), talk.transaction():
        talk.change(KEEP, {"name": "a"})
    assert connection.closed or connection.broken
    connection.pgconn.finish()


def test_a_stream_that_moves_after_it_was_foreseen_is_read_again(store: PostgresStore) -> None:
    stream, tries = tab_id(), []
    append(store, stream, 0, tea())

    def work(transaction: PostgresTransaction) -> int:
        tries.append(1)
        transaction.foresee(TABS, stream)
        assert transaction.recall("nothing") is None
        if len(tries) == 1:
            append(store, stream, 1, tea())
        loaded = transaction.load(TABS, stream)
        transaction.append(TABS, stream, loaded.version, [tea()], context())
        return loaded.version

    assert store.run(work) == 2
    assert len(tries) == 2
    assert store.load(TABS, stream).version == 3


def test_a_stream_that_the_transaction_wrote_itself_is_not_taken_as_it_was_foreseen(store: PostgresStore) -> None:
    stream = tab_id()
    with store.transaction() as transaction:
        transaction.foresee(TABS, stream)
        transaction.append(TABS, stream, 0, [tea()], context())
        assert transaction.load(TABS, stream).version == 1
