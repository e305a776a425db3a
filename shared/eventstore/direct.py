"""What runs so often that psycopg's general way is most of its cost: transactions, and statements that change rows.

They go through libpq, and wait as psycopg does, so that eventlet's hub goes on. Through a cursor an append took a
client 97 µs of CPU, so 55, of which the bare round trip is 30; statements that need not wait for each other's answers
share one. Beginnings and ends that psycopg does not see have a second use: after every rollback it sees, it
deallocates all prepared statements of the connection.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, PipelineStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from shared.eventstore.connecting import Connection

_prepared: WeakKeyDictionary[Connection, set[bytes]] = WeakKeyDictionary()


Row = tuple[bytes | None, ...]
"""A row as PostgreSQL spells it."""

Values = Mapping[str, str | None]
"""What a statement is given, by name, as PostgreSQL spells it."""

_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Prepared:
    """A statement with named values (`%(name)s`), prepared once a connection."""

    def __init__(self, statement: str) -> None:
        names: dict[str, int] = {}
        text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.setdefault(found[1], len(names) + 1)}", statement)
        self.statement = statement
        self._names = tuple(names)
        self.text = text.encode()
        self.name = b"doorstep_" + sha256(self.text).hexdigest()[:16].encode()

    def run(self, connection: Connection, values: Values) -> int:
        """Runs it with its values as text; returns how many rows it changed. Raises what psycopg would."""
        if connection.pgconn.pipeline_status != PipelineStatus.OFF:
            return self._run_in_pipeline(connection, values)
        return self._result(connection, values).command_tuples or 0

    def rows(self, connection: Connection, values: Values) -> list[Row]:
        """Runs it and returns all its rows; not among the statements of a pipeline. Raises what psycopg would."""
        return rows_of(self._result(connection, values))

    def spoken(self, values: Values) -> "Spoken":
        """Itself and its values as they are sent; raises DataError for what PostgreSQL's text cannot hold."""
        return self, [_text(values[name]) for name in self._names]

    def _result(self, connection: Connection, values: Values) -> PGresult:
        _, given = self.spoken(values)
        server = connection.pgconn
        known = _prepared.setdefault(connection, set())
        if self.name not in known:
            server.send_prepare(self.name, self.text)
            _end(connection)
            known.add(self.name)
        server.send_query_prepared(self.name, given)
        try:
            return _end(connection)
        except errors.InvalidSqlStatementName:
            # Somebody rolled back through psycopg. This transaction is lost; the next one prepares anew.
            known.clear()
            raise

    def _run_in_pipeline(self, connection: Connection, values: Values) -> int:
        """Among statements whose answers are still to come only psycopg knows which answer is whose."""
        with connection.pipeline():
            cursor = connection.execute(self.statement.encode(), values)
        return cursor.rowcount


Spoken = tuple[Prepared, list[bytes | None]]

BEGIN = Prepared("BEGIN")
COMMIT = Prepared("COMMIT")


def exchange(connection: Connection, spoken: Sequence[Spoken]) -> list[PGresult]:
    """Runs statements in one round trip and returns what each answered. Raises what psycopg would for the first that
    fails; those after it were not run then. Not among the statements of a pipeline."""
    server, known = connection.pgconn, _prepared.setdefault(connection, set())
    new = {statement.name: statement.text for statement, _ in spoken if statement.name not in known}
    server.enter_pipeline_mode()
    for name, text in new.items():
        server.send_prepare(name, text)
    for statement, given in spoken:
        server.send_query_prepared(statement.name, given)
    server.pipeline_sync()
    results = connection.wait(_answers(server))
    server.exit_pipeline_mode()
    known.update(name for name, result in zip(new, results, strict=False) if result.status in _DONE)
    for result in results:
        if result.status not in _DONE:
            error = errors.error_from_result(result)
            if isinstance(error, errors.InvalidSqlStatementName):
                # Somebody rolled back through psycopg. This transaction is lost; the next one prepares anew.
                known.clear()
            raise error
    return results[len(new) :]


def rows_of(result: PGresult) -> list[Row]:
    """All rows of an answer."""
    columns = range(result.nfields)
    return [tuple([result.get_value(row, column) for column in columns]) for row in range(result.ntuples)]


def _answers(server: PGconn) -> PQGen[list[PGresult]]:
    """Sends what lies ready, and collects one result a command until the pipeline is in step again."""
    while server.flush():
        if (yield Wait.RW) & Ready.R:
            server.consume_input()
    results: list[PGresult] = []
    while True:
        while server.is_busy():
            if (yield Wait.R):
                server.consume_input()
        result = server.get_result()
        if result is None:
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commits at the end, rolls back when an exception passes; raises when a commit turns out to be a rollback."""
    _command(connection, b"BEGIN")
    try:
        yield
    except BaseException:
        roll_back(connection)
        raise
    ensure_committed(_command(connection, b"COMMIT"))


def ensure_committed(answer: PGresult) -> None:
    """Raises when a commit turned out to be a rollback."""
    if answer.command_status != b"COMMIT":
        raise errors.InFailedSqlTransaction("a statement of this transaction had failed, so nothing was committed")


def roll_back(connection: Connection) -> None:
    """Ends a transaction without a trace. A connection that cannot even do that is not idle, and its pool throws it
    away."""
    with suppress(psycopg.Error):
        _command(connection, b"ROLLBACK")


def _command(connection: Connection, words: bytes) -> PGresult:
    connection.pgconn.send_query(words)
    return _end(connection)


def _end(connection: Connection) -> PGresult:
    result: PGresult = connection.wait(generators.execute(connection.pgconn))[-1]
    if result.status not in _DONE:
        raise errors.error_from_result(result)
    return result


def _text(value: str | None) -> bytes | None:
    if value is None:
        return None
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL's text cannot hold NUL")
    return value.encode()
