"""Previews of policy versions as they are asked for, played and read: a table of jobs, and its SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

TRIES_MAX = 3
SILENT_SECONDS = 60
"""Whoever plays a preview says so every second; after this long it is taken up by another."""
OPEN_MAX = 5
SHOWN_MAX = 10
KEPT = timedelta(days=90)

_COLUMNS = (
    "preview_id, number, against, document, beside, state, asked_by, asked_at, finished_at, tries, share, result,"
    " error"
)
_ASK = f"""
INSERT INTO policy_previews (preview_id, number, against, document, beside, state, asked_by, asked_at)
VALUES (%(preview_id)s, %(number)s, %(against)s, %(document)s, %(beside)s, 'waiting', %(asked_by)s, %(asked_at)s)
ON CONFLICT (number, against) WHERE state IN ('waiting', 'playing') DO NOTHING
RETURNING {_COLUMNS}
"""
_OPEN = f"SELECT {_COLUMNS} FROM policy_previews WHERE state IN ('waiting', 'playing')"
_LATEST = f"""
SELECT {_COLUMNS} FROM policy_previews WHERE number = %s ORDER BY asked_at DESC, preview_id DESC LIMIT %s
"""
_TAKE = f"""
UPDATE policy_previews SET state = 'playing', alive_at = clock_timestamp(), tries = tries + 1, share = 0
WHERE preview_id = (
    SELECT preview_id FROM policy_previews
    WHERE state = 'waiting'
       OR (state = 'playing' AND alive_at < clock_timestamp() - make_interval(secs => %s))
    ORDER BY asked_at, preview_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""
_WAITING = """
SELECT count(*) > 0 AS waiting FROM policy_previews
WHERE state = 'waiting' OR (state = 'playing' AND alive_at < clock_timestamp() - make_interval(secs => %s))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A row: version `number` played beside version `against`."""

    preview_id: str
    number: int
    against: int
    document: Mapping[str, Any]
    beside: Mapping[str, Any]
    state: str
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None = None
    tries: int = 0
    share: float = 0.0
    result: Mapping[str, Any] | None = None
    error: str | None = None


def ask(connection: Any, preview: Preview) -> Preview | None:
    """Writes a preview down, or gives the one of the same two versions that is not done yet; None when too many wait.

    What is old is dropped here, where it is cheap.
    """
    connection.execute("DELETE FROM policy_previews WHERE finished_at < %s", (preview.asked_at - KEPT,))
    open_ones = [Preview(**row) for row in connection.execute(_OPEN).fetchall()]
    for each in open_ones:
        if (each.number, each.against) == (preview.number, preview.against):
            return each
    if len(open_ones) >= OPEN_MAX:
        return None
    values = {
        "preview_id": preview.preview_id,
        "number": preview.number,
        "against": preview.against,
        "document": Jsonb(preview.document),
        "beside": Jsonb(preview.beside),
        "asked_by": preview.asked_by,
        "asked_at": preview.asked_at,
    }
    row = connection.execute(_ASK, values).fetchone()
    return of_version(connection, preview.number, 1)[0] if row is None else Preview(**row)


def of_version(connection: Any, number: int, limit: int = SHOWN_MAX) -> list[Preview]:
    """The previews of a version, the one asked for last first."""
    return [Preview(**row) for row in connection.execute(_LATEST, (number, limit)).fetchall()]


def anything_to_play(connection: Any) -> bool:
    return bool(connection.execute(_WAITING, (SILENT_SECONDS,)).fetchone()["waiting"])


def take(connection: Any) -> Preview | None:
    """The next to play; nobody else gets it while its player is heard of. None when there is nothing to do."""
    row = connection.execute(_TAKE, (SILENT_SECONDS,)).fetchone()
    return None if row is None else Preview(**row)


def tell(connection: Any, preview: Preview, share: float) -> bool:
    """How far it has come; False when it is no longer this player's."""
    done = connection.execute(
        "UPDATE policy_previews SET share = %s, alive_at = clock_timestamp()"
        " WHERE preview_id = %s AND state = 'playing' AND tries = %s",
        (share, preview.preview_id, preview.tries),
    )
    return bool(done.rowcount)


def finish(connection: Any, preview: Preview, result: Mapping[str, Any], now: datetime) -> None:
    connection.execute(
        "UPDATE policy_previews SET state = 'done', share = 1, result = %s, finished_at = %s"
        " WHERE preview_id = %s AND state = 'playing' AND tries = %s",
        (Jsonb(result), now, preview.preview_id, preview.tries),
    )


def fail(connection: Any, preview: Preview, error: str, now: datetime) -> None:
    connection.execute(
        "UPDATE policy_previews SET state = 'failed', error = %s, finished_at = %s"
        " WHERE preview_id = %s AND state = 'playing' AND tries = %s",
        (error, now, preview.preview_id, preview.tries),
    )
