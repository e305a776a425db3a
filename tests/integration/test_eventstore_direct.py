"""Transactions and statements that go past psycopg's cursors behave as those that do not."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from deploy.local.backends import Backends
from shared.eventstore.connecting import Connection, connect
from shared.eventstore.direct import Prepared, transaction
from tests.support.database import fresh_database

KEEP = Prepared("INSERT INTO kept (name, again) SELECT %(name)s::text, %(name)s::text WHERE %(really)s::bool")


@pytest.fixture
def connection(backends: Backends) -> Iterator[Connection]:
    with fresh_database(backends.postgres_url, ("order",)) as database, closing(connect(database.admin_url)) as made:
        made.execute("CREATE TABLE kept (name text PRIMARY KEY, again text)")
        yield made


def names(connection: Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM kept ORDER BY name")]


def keep(connection: Connection, name: str) -> int:
    return KEEP.run(connection, {"name": name, "really": "true"})


def undo(connection: Connection, name: str) -> None:
    """Keeps a name in a transaction that fails afterwards."""

    @transaction(connection)
    def keep_and_fail() -> None:
        keep(connection, name)
        raise LookupError

    with pytest.raises(LookupError):
        keep_and_fail()


def test_a_statement_says_how_many_rows_it_changed(connection: Connection) -> None:
    assert keep(connection, "茶 \"'\\") == 1
    assert KEEP.run(connection, {"name": "b", "really": "false"}) == 0
    assert names(connection) == ["茶 \"'\\"]


def test_errors_are_psycopgs_own_and_the_connection_goes_on(connection: Connection) -> None:
    keep(connection, "a")
    with pytest.raises(psycopg.errors.UniqueViolation, match="kept_pkey"):
        keep(connection, "a")
    assert keep(connection, "b") == 1


def test_nul_is_refused_and_not_cut_off(connection: Connection) -> None:
    with pytest.raises(psycopg.DataError):
        keep(connection, "a\0b")
    assert names(connection) == []


def test_a_transaction_commits_at_its_end_and_rolls_back_after_an_error(connection: Connection) -> None:
    with transaction(connection):
        keep(connection, "a")
    undo(connection, "b")
    assert names(connection) == ["a"]
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_commit_that_is_a_rollback_is_an_error(connection: Connection) -> None:
    @transaction(connection)
    def swallow() -> None:
        keep(connection, "a")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        swallow()
    assert names(connection) == []


def test_statements_stay_prepared_over_a_rollback(connection: Connection) -> None:
    for _ in range(8):
        connection.execute("SELECT 1", prepare=True)
        undo(connection, "a")
    with transaction(connection):
        keep(connection, "a")
    assert names(connection) == ["a"]


def test_who_rolls_back_through_psycopg_costs_one_attempt_and_no_more(connection: Connection) -> None:
    keep(connection, "a")
    connection.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        keep(connection, "b")
    assert keep(connection, "b") == 1


def test_in_a_pipeline_answers_are_not_mixed_up(connection: Connection) -> None:
    with connection.pipeline():
        before = connection.execute("SELECT 1 AS one")
        assert keep(connection, "a") == 1
        after = connection.execute("SELECT 2 AS two")
        assert (before.fetchall(), after.fetchall()) == ([{"one": 1}], [{"two": 2}])
        with pytest.raises(psycopg.errors.UniqueViolation):
            keep(connection, "a")
    assert names(connection) == ["a"]


def test_a_lost_server_is_an_outage(connection: Connection) -> None:
    with closing(connect(connection.info.dsn + f" password={connection.info.password}")) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError), transaction(connection):
        keep(connection, "a")
    assert connection.closed or connection.broken
