"""A database that dies, hangs or is short of connections is an error soon, and never a stuck process."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from shared.eventstore.connecting import Connection, Pool, PoolTimeout, connect
from shared.eventstore.migrate import ROOT
from tests.support.database import Database
from tests.support.waiting import wait_until


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    with closing(Pool(database.url("order"), size=2, wait_seconds=0.2)) as made:
        yield made


def pid_of(connection: Connection) -> int:
    return connection.info.backend_pid


def end_session(database: Database, pid: int) -> None:
    with connect(database.admin_url) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_a_connection_is_used_again(pool: Pool) -> None:
    with pool.connection() as first:
        pid = pid_of(first)
    with pool.connection() as again:
        assert pid_of(again) == pid


def test_a_connection_that_died_while_idle_is_replaced_unseen(pool: Pool, database: Database) -> None:
    with pool.connection() as first:
        pid = pid_of(first)
    end_session(database, pid)
    with pool.connection() as fresh:
        assert fresh.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_connection_that_dies_in_use_is_an_operational_error_and_then_discarded(
    pool: Pool, database: Database
) -> None:
    def die(connection: Connection) -> None:
        end_session(database, pid_of(connection))
        connection.execute("SELECT 1")

    for _ in range(3):
        with pool.connection() as connection, pytest.raises(psycopg.OperationalError):
            die(connection)
    with pool.connection() as fresh:
        assert fresh.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_connection_left_inside_a_transaction_is_not_handed_on(pool: Pool) -> None:
    with pool.connection() as left:
        left.execute("BEGIN")
        pid = pid_of(left)
    with pool.connection() as fresh:
        assert pid_of(fresh) != pid


def test_more_work_than_connections_waits_and_gives_up_in_time(pool: Pool) -> None:
    with pool.connection(), pool.connection(), pytest.raises(PoolTimeout), pool.connection():
        pass
    with pool.connection() as free:
        assert free.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_pool_never_opens_more_than_its_size(database: Database) -> None:
    with closing(Pool(database.url("dispatch"), size=3, wait_seconds=10)) as pool:

        def work(_number: int) -> int:
            with pool.connection() as connection:
                connection.execute("SELECT pg_sleep(0.01)")
                return pid_of(connection)

        with ThreadPoolExecutor(8) as threads:
            assert 1 <= len(set(threads.map(work, range(40)))) <= 3


def test_a_closed_pool_gives_nothing_out_and_keeps_nothing(pool: Pool) -> None:
    with pool.connection() as busy:
        pool.close()
    assert busy.closed
    with pytest.raises(psycopg.OperationalError), pool.connection():
        pass


def test_a_server_that_is_gone_is_an_operational_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(psycopg.OperationalError):
        connect(f"postgresql://nobody@127.0.0.1:{port}/nothing")


def test_a_server_that_never_answers_is_an_operational_error_after_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            connect(f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing?connect_timeout=2")
        assert time.monotonic() - before < 4


def test_a_query_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    limited = make_conninfo(database.url("order"), options="-c statement_timeout=50ms")
    with connect(limited) as connection, pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SELECT pg_sleep(20)")


UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys, time
from datetime import UTC, datetime
from shared.eventstore.postgres import PostgresStore
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, opened, tab_id, tea

store = PostgresStore(sys.argv[1], MASTER_KEY, pool_size=10)

def query():
    with store.reading() as reader:
        reader.connection.execute("SELECT pg_sleep(0.2)")

def work():
    stream = tab_id()
    store.execute(TABS, stream, lambda _: [opened(), tea()], context())
    assert store.load(TABS, stream).version == 2

began = time.monotonic()
waiting = [eventlet.spawn(query) for _ in range(10)]
[one.wait() for one in waiting]
took = time.monotonic() - began
workers = eventlet.GreenPool(40)
[workers.spawn(work) for _ in range(200)]
workers.waitall()
store.close()
print(took)
"""


def test_under_eventlet_queries_run_side_by_side_and_never_block_the_hub(database: Database) -> None:
    environment = {**os.environ, "PSYCOPG_WAIT_FUNC": "wait_selector", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(UNDER_EVENTLET), database.url("order")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.5, "ten queries of 0.2 s, one after the other, take 2 s"


def test_sessions_are_gone_from_the_server_when_a_pool_is_closed(database: Database) -> None:
    pool = Pool(database.url("support"), size=2)
    with pool.connection() as one, pool.connection() as two:
        pids = [pid_of(one), pid_of(two)]
    pool.close()
    with connect(database.admin_url) as admin:
        query = "SELECT count(*) AS n FROM pg_stat_activity WHERE pid = ANY(%s)"
        wait_until(lambda: admin.execute(query, (pids,)).fetchone() == {"n": 0}, message="both sessions end")
