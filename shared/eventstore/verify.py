"""Proves that a service's log is whole, or says where it is not: what evidence is worth depends on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import TupleRow, tuple_row

from shared.eventstore.chain import ChainRow, LogFields, Verifier
from shared.eventstore.connecting import Connection, connect

CHUNK = 2_000
MOST_TOLD = 20

_LOG = """
SELECT l.position, l.hash, e.stream_id, e.version, e.event_id, e.type, e.schema_version,
       e.data::text, e.metadata::text, e.recorded_at
FROM log l LEFT JOIN events e ON e.stream_id = l.stream_id AND e.version = l.version
ORDER BY l.position
"""

_HEAD = "SELECT position, hash FROM sequencer_state"

_NOT_IN_LOG = """
FROM events e CROSS JOIN sequencer_state state LEFT JOIN log l ON l.stream_id = e.stream_id AND l.version = e.version
WHERE l.position IS NULL AND pg_visible_in_snapshot(e.xid, state.snapshot)
"""
_MISSING = f"SELECT e.stream_id, e.version {_NOT_IN_LOG} ORDER BY e.seq"
_PENDING = f"SELECT count(*) {_NOT_IN_LOG.replace('AND pg_visible', 'AND NOT pg_visible')}"

_GAPS = """
SELECT coalesce(s.stream_id, e.stream_id), s.version, e.last, e.count
FROM streams s
FULL JOIN (SELECT stream_id, max(version) AS last, count(*) AS count FROM events GROUP BY stream_id) e
    ON e.stream_id = s.stream_id
WHERE s.version IS DISTINCT FROM e.last OR e.last IS DISTINCT FROM e.count
ORDER BY 1
"""

_INVERSIONS = """
SELECT position, stream_id, version
FROM (SELECT *, lag(version, 1, 0::bigint) OVER (PARTITION BY stream_id ORDER BY position) AS before FROM log) placed
WHERE version <> before + 1
ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a position, a stream) and what."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `head` is the hash of the last position that holds: written down elsewhere, it later
    proves that everything up to there is still what it was."""

    events: int
    pending: int
    head: str
    problems: tuple[Problem, ...]

    @property
    def is_whole(self) -> bool:
        return not self.problems


def verify_log(dsn: str, schema: str | None = None) -> Verdict:
    """Reads the whole log of a service in one snapshot, in bounded memory.

    `schema` is needed only for a login whose search_path does not lead to the service's schema. Events that wait for
    the sequencer are counted as pending, not missing.
    """
    with connect(dsn) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        if schema is not None:
            connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        verifier, problems = _walk(connection)
        problems += [
            Problem(f"{stream_id} version {version}", "the event is missing from the log")
            for stream_id, version in _rows(connection, _MISSING)
        ]
        problems += _structure(connection)
        [(pending,)] = _rows(connection, _PENDING)
    return Verdict(verifier.position, pending, verifier.hash.hex(), tuple(problems))


def _walk(connection: Connection) -> tuple[Verifier, list[Problem]]:
    verifier = Verifier()
    for row in _log(connection):
        broken = verifier.check(row)
        if broken is not None:
            return verifier, [Problem(f"position {broken.position}", broken.reason)]
    [(position, digest)] = _rows(connection, _HEAD)
    if (position, digest) != (verifier.position, verifier.hash):
        reason = f"the sequencer wrote up to {position}, the log ends at {verifier.position}"
        if position == verifier.position:
            reason = "the log does not end with the hash that the sequencer wrote"
        return verifier, [Problem(f"position {verifier.position + 1}", reason)]
    return verifier, []


def _log(connection: Connection) -> Iterator[ChainRow]:
    with connection.cursor("whole_log", row_factory=tuple_row) as cursor:
        cursor.execute(_LOG)
        while chunk := cursor.fetchmany(CHUNK):
            for position, digest, *fields in chunk:
                yield ChainRow(position, digest, None if fields[0] is None else LogFields(*fields))


def _structure(connection: Connection) -> list[Problem]:
    gaps = [
        Problem(stream_id, f"the stream says version {told}, its {count} events end at version {last}")
        for stream_id, told, last, count in _rows(connection, _GAPS)
    ]
    inversions = [
        Problem(f"position {position}", f"{stream_id} version {version} does not follow the version before it")
        for position, stream_id, version in _rows(connection, _INVERSIONS)
    ]
    return gaps + inversions


def _rows(connection: Connection, query: str) -> list[TupleRow]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query).fetchmany(MOST_TOLD)
