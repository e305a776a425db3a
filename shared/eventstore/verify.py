"""Proves that a service's log is whole, or says where it is not: what evidence is worth depends on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import TupleRow, tuple_row

from shared.eventstore.chain import Spelled, Verifier
from shared.eventstore.connecting import Connection, connect

MOST_TOLD = 20
TELL_EVERY = 5_000

# Each field as text: behind its length, as COPY writes it, that is the canonical spelling of an event byte for byte.
# The time in microseconds is exact, because extract() answers with a numeric.
_LOG = """
COPY (
    SELECT l.position, l.hash, l.position::text, e.stream_id, e.version::text, e.event_id, e.type,
           e.schema_version::text, e.data::text, e.metadata::text,
           trunc(extract(epoch FROM e.recorded_at) * 1000000)::text
    FROM log l LEFT JOIN events e ON e.stream_id = l.stream_id AND e.version = l.version
    ORDER BY l.position
) TO STDOUT (FORMAT binary)
"""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_BYTES = len(_SIGNATURE) + 8
# The first three values of a row: how many there are, the position, the hash; each but the first behind its length.
_POSITION = slice(6, 14)
_HASH = slice(18, 50)
_SPELLING = slice(50, None)
_GONE_BYTES = 8 * 4
"""What is left of a row whose event is gone: eight lengths of -1, behind the position's text."""

# An index walk: the server reads on while this end computes, and neither sorts or holds the whole log.
_AS_A_WALK = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_sort = off"
_AS_EVER = "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_sort = on"

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

# A stream's category follows from the type of its first event, which the chain covers.
_CATEGORIES = """
SELECT s.stream_id, s.category, known.category
FROM streams s JOIN events e ON e.stream_id = s.stream_id AND e.version = 1
JOIN unnest(%s::text[], %s::text[]) AS known (type, category) ON known.type = e.type
WHERE known.category <> s.category
ORDER BY 1
"""

# What is placed was seen, so its transaction is one that the sequencer's snapshot shows. Found by the index on xid.
_UNSEEN = """
SELECT l.position
FROM sequencer_state state
JOIN events e ON e.xid >= pg_snapshot_xmax(state.snapshot)
    OR e.xid = ANY (ARRAY(SELECT pg_snapshot_xip(state.snapshot)))
JOIN log l ON l.stream_id = e.stream_id AND l.version = e.version
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
    marks: Mapping[int, str]
    """The hash at each position that was asked for and is in the log."""

    @property
    def is_whole(self) -> bool:
        return not self.problems


Tell = Callable[[int, int], None]
"""Is told how many positions have been read, and how many there are in all."""


def verify_log(
    dsn: str,
    schema: str | None = None,
    *,
    tell: Tell | None = None,
    marks: Sequence[int] = (),
    most_told: int = MOST_TOLD,
    categories: Mapping[str, str] | None = None,
) -> Verdict:
    """Reads the whole log of a service in one snapshot, in bounded memory.

    `schema` is needed only for a login whose search_path does not lead to the service's schema. Events that wait for
    the sequencer are counted as pending, not missing. The verdict has the hashes at the positions in `marks`, and
    at most `most_told` problems of each kind. `categories` says of which category of stream each type of event is:
    with it what the streams say of themselves is checked too.
    """
    with connect(dsn) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        if schema is not None:
            connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        verifier, problems = _walk(connection, tell, marks, most_told)
        problems += [
            Problem(f"{stream_id} version {version}", "the event is missing from the log")
            for stream_id, version in _rows(connection, _MISSING)
        ]
        problems += _structure(connection, categories or {})
        [(pending,)] = _rows(connection, _PENDING)
    return Verdict(verifier.position, pending, verifier.hash.hex(), tuple(problems), verifier.marks)


def _walk(
    connection: Connection, tell: Tell | None, marks: Sequence[int], most_told: int
) -> tuple[Verifier, list[Problem]]:
    [(position, digest)] = _rows(connection, _HEAD)
    verifier = Verifier(marks)
    problems: list[Problem] = []
    for row in _log(connection):
        broken = verifier.check(row)
        if broken is not None and len(problems) < most_told:
            problems.append(Problem(f"position {broken.position}", broken.reason))
        if tell is not None and row.position % TELL_EVERY == 0:
            tell(row.position, position)
    if position != verifier.position:
        where = f"position {min(position, verifier.position) + 1}"
        problems.append(Problem(where, f"the sequencer wrote up to {position}, the log ends at {verifier.position}"))
    elif digest != verifier.hash:
        reason = "the log does not end with the hash that the sequencer wrote"
        problems.append(Problem(f"position {position}", reason))
    return verifier, problems


def _log(connection: Connection) -> Iterator[Spelled]:
    """The rows of the log, each with the canonical spelling of its event, or None when that is gone."""
    connection.execute(_AS_A_WALK)
    with connection.cursor() as cursor, cursor.copy(_LOG) as copy:
        for raw in copy:
            row = bytes(raw)
            if row.startswith(_SIGNATURE):
                row = row[_HEADER_BYTES:]
            if len(row) < _SPELLING.start:
                continue
            position, spelling = int.from_bytes(row[_POSITION], "big"), row[_SPELLING]
            gone = spelling.endswith(b"\xff" * _GONE_BYTES)
            yield Spelled(position, row[_HASH], None if gone else spelling)
    connection.execute(_AS_EVER)


def _structure(connection: Connection, categories: Mapping[str, str]) -> list[Problem]:
    gaps = [
        Problem(stream_id, f"the stream says version {told}, its {count} events end at version {last}")
        for stream_id, told, last, count in _rows(connection, _GAPS)
    ]
    inversions = [
        Problem(f"position {position}", f"{stream_id} version {version} does not follow the version before it")
        for position, stream_id, version in _rows(connection, _INVERSIONS)
    ]
    unseen = [
        Problem(f"position {position}", "its transaction is not one that the sequencer had seen")
        for (position,) in _rows(connection, _UNSEEN)
    ]
    misfiled = [
        Problem(stream_id, f"the stream says that it is of the category {told}, its events are of {known}")
        for stream_id, told, known in _rows(connection, _CATEGORIES, (list(categories), list(categories.values())))
    ]
    return gaps + inversions + unseen + misfiled


def _rows(connection: Connection, query: str, values: Sequence[Any] | None = None) -> list[TupleRow]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query, values).fetchmany(MOST_TOLD)
