"""Changes the master key: wraps every subject's key anew, and leaves every event as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag

from shared.eventstore.connecting import Connection, connect
from shared.eventstore.vault import KEY_BYTES, decrypt, unwrap, wrap

BATCH = 500

# The row locks keep a forgetting from being undone: it waits for the batch, or the batch finds no key any more.
_NEXT = """
SELECT subject_id, wrapped_key FROM subjects
WHERE wrapped_key IS NOT NULL AND subject_id > %s ORDER BY subject_id LIMIT %s FOR UPDATE
"""

_WRITE = """
UPDATE subjects SET wrapped_key = new.wrapped_key
FROM unnest(%s::text[], %b::bytea[]) AS new (subject_id, wrapped_key)
WHERE subjects.subject_id = new.subject_id
"""


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many keys were wrapped anew, how many were already, and whose fit neither master key."""

    rewrapped: int
    current: int
    lost: tuple[str, ...]


def rotate(dsn: str, master_key: bytes, tell: Callable[[int, int], None] = lambda _done, _total: None) -> Rotated:
    """Wraps the keys of one service's subjects; `master_key` is the new one with the previous one behind it.

    Each batch is a transaction of its own. Run it again after it was stopped: what is done already is passed over.
    """
    if len(master_key) != 2 * KEY_BYTES:
        raise ValueError("both the master key and the previous one are needed")
    rewrapped = current = 0
    lost: list[str] = []
    after = ""
    with connect(dsn) as connection:
        total = _count(connection)
        while True:
            with connection.transaction():
                rows = connection.execute(_NEXT, (after, BATCH)).fetchall()
                renewed = {each: _rewrapped(master_key, each, key, lost) for each, key in _pairs(rows)}
                changed = {each: key for each, key in renewed.items() if key is not None}
                connection.execute(_WRITE, (list(changed), list(changed.values())))
            if not rows:
                return Rotated(rewrapped, current - len(lost), tuple(lost))
            rewrapped, current = rewrapped + len(changed), current + len(rows) - len(changed)
            after = rows[-1]["subject_id"]
            tell(rewrapped + current, total)


def _pairs(rows: Sequence[dict[str, Any]]) -> list[tuple[str, bytes]]:
    return [(row["subject_id"], bytes(row["wrapped_key"])) for row in rows]


def _rewrapped(master_key: bytes, subject_id: str, wrapped: bytes, lost: list[str]) -> bytes | None:
    """The key under the new master key; None when it is already, or when nothing opens it."""
    try:
        decrypt(master_key[:KEY_BYTES], wrapped, subject_id)
    except InvalidTag:
        try:
            return wrap(master_key, unwrap(master_key, wrapped, subject_id), subject_id)
        except InvalidTag:
            lost.append(subject_id)
    return None


def _count(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) AS n FROM subjects WHERE wrapped_key IS NOT NULL").fetchone()
    assert row is not None, "count always answers"
    return int(row["n"])
