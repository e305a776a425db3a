"""Sequencers as they are often written: without the lock, and tailing up to the oldest running transaction."""

from collections.abc import Callable

from psycopg.rows import TupleRow, tuple_row

from shared.eventstore.chain import LogFields, extend
from shared.eventstore.connecting import Connection
from shared.eventstore.sequencer import Sequencer

STATE = "SELECT position, hash, snapshot::text FROM sequencer_state"
COLUMNS = "stream_id, version, event_id, type, schema_version, data::text, metadata::text, recorded_at"
NEW_ROWS = f"""
SELECT {COLUMNS} FROM events
WHERE xid >= pg_snapshot_xmax(%(seen)s::pg_snapshot)
   OR xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(seen)s::pg_snapshot)))
ORDER BY seq
"""
ROWS_BELOW_XMIN = f"""
SELECT {COLUMNS} FROM events
WHERE xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY seq
"""
PLACE = "INSERT INTO log (position, stream_id, version, hash) VALUES (%s, %s, %s, %s)"


def nothing() -> None:
    """Nobody comes in between."""


class UnlockedSequencer(Sequencer):
    """Reads where the log ends without locking the row that says so. `meanwhile` runs right after it has read.

    With `quietly` it also takes the database's refusal of a position for somebody else's work well done.
    """

    def __init__(self, dsn: str, *, quietly: bool = False, meanwhile: Callable[[], object] = nothing) -> None:
        super().__init__(dsn)
        self._quietly = quietly
        self._meanwhile = meanwhile

    def tick(self) -> int:
        connection = self._connected()
        with connection.transaction():
            place = f"{PLACE} ON CONFLICT DO NOTHING" if self._quietly else PLACE
            return place_rows(connection, STATE, NEW_ROWS, place, self._meanwhile)


class XminSequencer(Sequencer):
    """Places what was written by transactions older than the oldest one that still runs."""

    def tick(self) -> int:
        connection = self._connected()
        with connection.transaction():
            return place_rows(connection, f"{STATE} FOR UPDATE", ROWS_BELOW_XMIN, PLACE, nothing)


def place_rows(connection: Connection, state: str, query: str, place: str, meanwhile: Callable[[], object]) -> int:
    """One tick, with the statements that the variant believes in."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        position, digest, seen = fetch_one(cursor.execute(state).fetchone())
        meanwhile()
        [snapshot] = fetch_one(cursor.execute("SELECT pg_current_snapshot()::text").fetchone())
        rows = cursor.execute(query, {"seen": seen}).fetchall()
        end, last = position, digest
        for end, last, fields in extend(digest, position, (LogFields(*row) for row in rows)):
            cursor.execute(place.encode(), (end, fields.stream_id, fields.version, last))
        cursor.execute(
            "UPDATE sequencer_state SET position = %s, hash = %s, snapshot = %s::pg_snapshot", (end, last, snapshot)
        )
    return int(end - position)


def fetch_one(row: TupleRow | None) -> TupleRow:
    assert row is not None
    return row
