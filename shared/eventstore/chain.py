"""The hash chain over the log: each position vouches for its event and for everything before it.

`hash(n) = sha256(hash(n-1) || canonical event n)`, where the canonical event is each field as UTF-8 behind its
length in four bytes, big-endian: no two different events share one spelling. Anybody can verify an exported log with
this page.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

GENESIS = bytes(32)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class LogFields(NamedTuple):
    """What the chain covers of an event. `data` and `metadata` are the exact stored text."""

    stream_id: str
    version: int
    event_id: str
    type: str
    schema_version: int
    data: str
    metadata: str
    recorded_at: datetime


class ChainRow(NamedTuple):
    """One position of the log with its event; None where the event is gone."""

    position: int
    hash: bytes
    fields: LogFields | None


class Spelled(NamedTuple):
    """One position of the log with the canonical bytes of its event; None where the event is gone."""

    position: int
    hash: bytes
    spelling: bytes | None


@dataclass(frozen=True, slots=True)
class Break:
    """A position that cannot be believed, and why."""

    position: int
    reason: str


def canonical(position: int, fields: LogFields) -> bytes:
    """The bytes that stand for an event at a position; the time is in microseconds since 1970 (UTC)."""
    stream_id, version, event_id, type_name, schema_version, data, metadata, recorded_at = fields
    micros = (recorded_at - EPOCH) // MICROSECOND
    parts = []
    for part in (position, stream_id, version, event_id, type_name, schema_version, data, metadata, micros):
        encoded = str(part).encode()
        parts.append(len(encoded).to_bytes(4, "big"))
        parts.append(encoded)
    return b"".join(parts)


def link(previous: bytes, position: int, fields: LogFields) -> bytes:
    """The hash of a position from the hash before it."""
    return sha256(previous + canonical(position, fields)).digest()


def extend(previous: bytes, position: int, events: Iterable[LogFields]) -> Iterator[tuple[int, bytes, LogFields]]:
    """Positions and hashes for events that come after `position`."""
    for fields in events:
        position += 1
        previous = link(previous, position, fields)
        yield position, previous, fields


class Verifier:
    """Walks a log from its start, row by row. After a break it goes on from the hash that is written there, so that
    one changed event is one break, and what was changed behind it is found too."""

    def __init__(self, marks: Iterable[int] = ()) -> None:
        self.position = 0
        self.hash = GENESIS
        self.marks: dict[int, str] = {}
        self._marked = frozenset(marks)

    def check(self, row: Spelled) -> Break | None:
        """Checks the next row, which becomes the new head."""
        position, digest, spelling = row
        expected, previous = self.position + 1, self.hash
        self.position, self.hash = position, digest
        if position in self._marked:
            self.marks[position] = digest.hex()
        if position != expected:
            return Break(expected, f"position {expected} is missing: the next in the log is {position}")
        if spelling is None:
            return Break(expected, "the log has a row without an event")
        if sha256(previous + spelling).digest() != digest:
            return Break(expected, "the hash does not match the event and the hash before it")
        return None


def spelled(row: ChainRow) -> Spelled:
    """A row with its event as the chain covers it."""
    position, digest, fields = row
    return Spelled(position, digest, None if fields is None else canonical(position, fields))


def breaks(rows: Iterable[ChainRow], verifier: Verifier | None = None) -> Iterator[Break]:
    """Every position that cannot be believed, in order."""
    walking = verifier or Verifier()
    for row in rows:
        broken = walking.check(spelled(row))
        if broken is not None:
            yield broken


def verify(rows: Iterable[ChainRow]) -> Break | None:
    """The first bad position and why; None when all of the chain holds."""
    return next(breaks(rows), None)
