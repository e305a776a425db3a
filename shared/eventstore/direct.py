"""What runs so often that psycopg's general way is most of its cost: transactions, and statements that change rows.

They go through libpq, and wait as psycopg does, so that eventlet's hub goes on. Through a cursor an append took a
client 97 µs of CPU, so 55, of which the bare round trip is 30. Beginnings and ends that psycopg does not see have a
second use: after every rollback it sees, it deallocates all prepared statements of the connection.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, generators
from psycopg.pq import ExecStatus, PipelineStatus
from psycopg.pq.abc import PGresult

from shared.eventstore.connecting import Connection

_prepared: WeakKeyDictionary[Connection, set[bytes]] = WeakKeyDictionary()


Row = tuple[bytes | None, ...]
"""A row as PostgreSQL spells it."""


class Prepared:
    """A statement with named values (`%(name)s`), prepared once a connection."""

    def __init__(self, statement: str) -> None:
        names: dict[str, int] = {}
        text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.setdefault(found[1], len(names) + 1)}", statement)
        self.statement = statement
        self._names = tuple(names)
        self._text = text.encode()
        self._name = b"doorstep_" + sha256(self._text).hexdigest()[:16].encode()

    def run(self, connection: Connection, values: Mapping[str, str | None]) -> int:
        """Runs it with its values as text; returns how many rows it changed. Raises what psycopg would."""
        if connection.pgconn.pipeline_status != PipelineStatus.OFF:
            return self._run_in_pipeline(connection, values)
        return self._result(connection, values).command_tuples or 0

    def rows(self, connection: Connection, values: Mapping[str, str | None]) -> list[Row]:
        """Runs it and returns all its rows; not among the statements of a pipeline. Raises what psycopg would."""
        result = self._result(connection, values)
        columns = range(result.nfields)
        return [tuple([result.get_value(row, column) for column in columns]) for row in range(result.ntuples)]

    def _result(self, connection: Connection, values: Mapping[str, str | None]) -> PGresult:
        given = [_text(values[name]) for name in self._names]
        server = connection.pgconn
        known = _prepared.setdefault(connection, set())
        if self._name not in known:
            server.send_prepare(self._name, self._text)
            _end(connection)
            known.add(self._name)
        server.send_query_prepared(self._name, given)
        try:
            return _end(connection)
        except errors.InvalidSqlStatementName:
            # Somebody rolled back through psycopg. This transaction is lost; the next one prepares anew.
            known.clear()
            raise

    def _run_in_pipeline(self, connection: Connection, values: Mapping[str, str | None]) -> int:
        """Among statements whose answers are still to come only psycopg knows which answer is whose."""
        with connection.pipeline():
            cursor = connection.execute(self.statement.encode(), values)
        return cursor.rowcount


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commits at the end, rolls back when an exception passes; raises when a commit turns out to be a rollback."""
    _command(connection, b"BEGIN")
    try:
        yield
    except BaseException:
        # A connection that cannot even roll back is not idle, and its pool throws it away.
        with suppress(psycopg.Error):
            _command(connection, b"ROLLBACK")
        raise
    if _command(connection, b"COMMIT").command_status != b"COMMIT":
        raise errors.InFailedSqlTransaction("a statement of this transaction had failed, so nothing was committed")


def _command(connection: Connection, words: bytes) -> PGresult:
    connection.pgconn.send_query(words)
    return _end(connection)


def _end(connection: Connection) -> PGresult:
    result: PGresult = connection.wait(generators.execute(connection.pgconn))[-1]
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise errors.error_from_result(result)
    return result


def _text(value: str | None) -> bytes | None:
    if value is None:
        return None
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL's text cannot hold NUL")
    return value.encode()
