"""How every part of Doorstep reaches PostgreSQL, so that a dead server is an error soon and never a hang."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from pydantic_core import from_json

Connection = psycopg.Connection[dict[str, Any]]

SETTINGS = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "doorstep",
}
# No JIT: it spent 90 ms on compiling queries that run in one.
SESSION = (
    "-c timezone=UTC -c jit=off -c statement_timeout=30s -c lock_timeout=10s"
    " -c idle_in_transaction_session_timeout=60s"
)


class PoolTimeout(psycopg.OperationalError):
    """All connections were busy for too long."""


def connect(dsn: str) -> Connection:
    """A connection in autocommit mode whose rows are dicts; what the DSN itself sets wins over our settings."""
    given: dict[str, Any] = {**SETTINGS, **conninfo_to_dict(dsn)}
    given["options"] = f"{SESSION} {given.get('options') or ''}".strip()
    connection = psycopg.connect(make_conninfo(**given), autocommit=True, row_factory=dict_row)
    # Twice as fast as the standard library's: every event that is read has two.
    set_json_loads(from_json, connection)
    return connection


def is_alive(connection: Connection) -> bool:
    """Whether an idle connection still has its server; looks at what has arrived and asks nothing."""
    if connection.closed:
        return False
    try:
        # A server that ends a session says so first: the farewell is read by the first call, its end by the second.
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return connection.pgconn.transaction_status == TransactionStatus.IDLE


class Pool:
    """At most `size` connections, made when needed and kept while they live.

    psycopg_pool keeps itself up to date with background threads; under eventlet those are greenthreads that outlive
    their hub's patience at shutdown and restart slowly after an outage. This one has no thread: a dead connection is
    noticed when it is taken out, and replaced there.
    """

    def __init__(self, dsn: str, size: int = 10, wait_seconds: float = 10.0) -> None:
        self._dsn = dsn
        self._wait_seconds = wait_seconds
        self._free = Semaphore(size)
        self._lock = Lock()
        self._idle: list[Connection] = []
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One connection for the caller alone; raises psycopg.OperationalError when there is none to be had."""
        if not self._free.acquire(timeout=self._wait_seconds):
            raise PoolTimeout(f"no database connection became free in {self._wait_seconds} s")
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Closes what is idle now, and what is busy when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> Connection:
        while True:
            with self._lock:
                if self._closed:
                    raise psycopg.OperationalError("the pool is closed")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return connect(self._dsn)
            if is_alive(connection):
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        # A connection left in the middle of something (a killed greenthread, a broken server) is not worth saving.
        reusable = not connection.closed and connection.pgconn.transaction_status == TransactionStatus.IDLE
        with self._lock:
            if reusable and not self._closed:
                self._idle.append(connection)
                return
        connection.close()
