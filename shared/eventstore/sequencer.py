"""Gives every committed event its dense place in the service's log, in an order that followers can trust.

A committed event's place cannot come from a sequence: numbers are drawn before the commit, so a reader that has
passed number 8 would never see number 7 of a slower transaction. Waiting for the oldest running transaction instead
stalls behind any long one. So the sequencer compares two snapshots: what is visible now and was not visible at the
last tick is new, however long it took to commit.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import TupleRow, tuple_row

from shared.eventstore import spans
from shared.eventstore.arrays import number_array, text_array
from shared.eventstore.chain import LogFields, extend
from shared.eventstore.connecting import Connection, connect
from shared.eventstore.direct import Prepared, transaction

logger = logging.getLogger(__name__)

CHUNK = 2_000
FEW = 200

# Rows that may have become visible since the last snapshot: from transactions that began after it, and from those it
# saw running. Asked for without a lock, so that an idle tick writes nothing.
_ANYTHING_NEW = """
SELECT EXISTS (SELECT 1 FROM events WHERE xid >= pg_snapshot_xmax(state.snapshot))
    OR EXISTS (SELECT 1 FROM events WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(state.snapshot))))
FROM sequencer_state state
"""

# The lock is a statement of its own. In one with the query below, a stand-by that waited for the lock would go on
# with the snapshot from before its wait, and hand out again what the other had just placed.
_LOCK = "SELECT position, hash, snapshot::text FROM sequencer_state FOR UPDATE"

# The snapshot is taken in the very statement that reads the rows: it says exactly what that statement could see.
_NEW_ROWS = """
SELECT (SELECT pg_current_snapshot()::text), stream_id, version, event_id, type, schema_version,
       data::text, metadata::text, recorded_at
FROM (
    SELECT * FROM events WHERE xid >= pg_snapshot_xmax(%(seen)s::pg_snapshot)
    UNION ALL
    SELECT * FROM events WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(seen)s::pg_snapshot)))
) new
ORDER BY seq
"""

_PLACE = Prepared("""
INSERT INTO log (position, stream_id, version, hash)
SELECT * FROM unnest(%(positions)s::bigint[], %(streams)s::text[], %(versions)s::bigint[], %(hashes)s::bytea[])
""")

_ADVANCE = Prepared(
    "UPDATE sequencer_state"
    " SET position = %(position)s::bigint, hash = %(hash)s::bytea, snapshot = %(snapshot)s::pg_snapshot"
)


class _Head(NamedTuple):
    position: int
    hash: bytes
    snapshot: str


class Placed(NamedTuple):
    """What a tick has placed: how many events, the last one's position, and when the oldest was recorded."""

    number: int
    position: int
    oldest: datetime


class Sequencer:
    """Writes one service's log. Any number may run; each tick is exclusive. Meant for a process without eventlet."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None
        self.last: Placed | None = None
        """What the last tick that placed anything did."""

    def tick(self) -> int:
        """Places all events that have become visible since the last tick; returns how many.

        Raises psycopg.OperationalError when PostgreSQL is away; the next tick connects again.
        """
        try:
            placed = _tick(self._connected())
        except psycopg.OperationalError:
            self.close()
            raise
        if placed is None:
            return 0
        self.last = placed
        return placed.number

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn)
            # The planner takes a third of the table for new when it cannot know the snapshot, and would read it all.
            self._connection.execute("SET enable_seqscan = off")
        return self._connection


def _tick(connection: Connection) -> Placed | None:
    with connection.cursor(row_factory=tuple_row) as cursor:
        if cursor.execute(_ANYTHING_NEW).fetchone() != (True,):
            return None
        with transaction(connection):
            row = cursor.execute(_LOCK).fetchone()
            assert row is not None, "migrations leave one row in sequencer_state"
            return _place_new(connection, _Head(*row))


def _place_new(connection: Connection, before: _Head) -> Placed | None:
    after = before
    oldest: datetime | None = None
    for chunk in _new_rows(connection, before.snapshot):
        placed = list(extend(after.hash, after.position, (LogFields(*row[1:]) for row in chunk)))
        _PLACE.run(
            connection,
            {
                "positions": number_array(position for position, _, _ in placed),
                "streams": text_array(fields.stream_id for _, _, fields in placed),
                "versions": number_array(fields.version for _, _, fields in placed),
                "hashes": text_array(_bytea(digest) for _, digest, _ in placed),
            },
        )
        after = _Head(placed[-1][0], placed[-1][1], chunk[0][0])
        first = min(fields.recorded_at for _, _, fields in placed)
        oldest = first if oldest is None else min(oldest, first)
        if spans.on():
            _trace((position, fields) for position, _, fields in placed)
    if oldest is None:
        return None
    head = {"position": str(after.position), "hash": _bytea(after.hash), "snapshot": after.snapshot}
    _ADVANCE.run(connection, head)
    return Placed(after.position - before.position, after.position, oldest)


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _trace(placed: Iterable[tuple[int, LogFields]]) -> None:
    """A moment in each event's trace: now it has its place."""
    for position, fields in placed:
        told: spans.Attributes = {"doorstep.stream": fields.stream_id, "doorstep.position": position}
        parent = json.loads(fields.metadata).get("traceparent")
        begun = spans.start(f"sequence {fields.type}", spans.Kind.INTERNAL, parent, told)
        if begun is not None:
            begun.end()


def _new_rows(connection: Connection, seen: str) -> Iterator[list[TupleRow]]:
    """The new rows in chunks, all from one snapshot, however many a backlog has."""
    with connection.cursor(row_factory=tuple_row) as at_once:
        few = at_once.execute(f"{_NEW_ROWS} LIMIT {FEW}", {"seen": seen}).fetchall()
    if len(few) < FEW:
        yield from [few] if few else []
        return
    # More than a tick mostly finds: begun again with a cursor, which takes four round trips instead of one.
    with connection.cursor("new_rows", row_factory=tuple_row) as cursor:
        cursor.execute(_NEW_ROWS, {"seen": seen})
        while chunk := cursor.fetchmany(CHUNK):
            yield chunk


def try_lead(connection: psycopg.Connection[Any], service: str) -> bool:
    """Takes the service's tail for the life of this connection's session; False while another session has it.

    The connection must stay open and be used for nothing that could end the session. Ask again only after False.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "SELECT pg_try_advisory_lock(hashtextextended('doorstep.tail.' || %s::text, 0))", (service,)
        ).fetchone()
    return row == (True,)
