"""The inbox's rows: how far each sequence has been taken in, and what of it is set aside."""

import hashlib
from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared.contracts.catalogue import message_class
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.arrays import number_array, text_array
from shared.kernel.errors import StaleVersion

UNREADABLE = "unreadable"
MAX_KEY_LENGTH = 512
MAX_SEQUENCE = 2**63 - 1
MAX_ERROR_LENGTH = 4000
REMEMBERED = 64
"""Versions of a sequence that are remembered one by one; far more of one stream than are ever underway at once."""


class SequenceKey(NamedTuple):
    """What the broker keeps in order: one stream of one source under one partition key."""

    source: str
    stream_id: str
    partition_key: str


@dataclass(slots=True)
class Position:
    """What of a sequence was taken in, and how much of it is parked; `known` when the row exists.

    The broker keeps the order of a sequence, but for one case: when it was killed, a message that it had delivered
    may come back after its successors (RabbitMQ 3.10). Dropping all that is not above the highest version would lose
    it.
    """

    version: int = 0
    parked: int = 0
    floor: int = 0
    recent: list[int] = field(default_factory=list)
    known: bool = False

    def seen(self, sequence: int) -> bool:
        return sequence <= self.floor or sequence in self.recent

    def take(self, sequence: int) -> None:
        """Remembers a sequence number as handled or parked."""
        insort(self.recent, sequence)
        if len(self.recent) > REMEMBERED:
            self.floor = self.recent.pop(0)
        self.version = self.recent[-1]


@dataclass(frozen=True, slots=True)
class Received:
    """A message as far as it could be read. `fault` says why it cannot be handled at all."""

    key: SequenceKey
    sequence: int
    message_id: str
    type: str
    body: bytes
    envelope: Envelope | None = None
    message: Message | None = None
    fault: str | None = None


def read(body: bytes) -> Received | None:
    """A message from its bytes; None when its type is unknown to this release (then no handler wants it either)."""
    try:
        envelope = Envelope.from_bytes(body)
    except ValueError as error:
        return _unreadable(body, f"not an envelope: {_said(error)}")
    if not _storable(envelope):
        return _unreadable(body, "the envelope's keys are too long, too large, or hold a NUL")
    known = message_class(envelope.source, envelope.type)
    if known is None:
        return None
    message, fault = None, None
    try:
        message = known.model_validate(envelope.data)
    except ValueError as error:
        fault = f"not a valid {envelope.type}: {_said(error)}"
    key = SequenceKey(envelope.source, envelope.subject, envelope.partitionkey)
    return Received(key, envelope.sequence, envelope.id, envelope.type, body, envelope, message, fault)


def _said(error: ValueError) -> str:
    """Where and why, without the values: they may be a person's, and errors are shown and logged."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)
    )


def _storable(envelope: Envelope) -> bool:
    texts = (envelope.source, envelope.subject, envelope.partitionkey, envelope.id, envelope.type)
    return envelope.sequence <= MAX_SEQUENCE and all(
        len(text) <= MAX_KEY_LENGTH and "\0" not in text for text in texts
    )


def _unreadable(body: bytes, fault: str) -> Received:
    """Bytes without a sequence: each is a sequence of its own, known by its digest, so that it blocks no other."""
    digest = hashlib.sha256(body).hexdigest()
    return Received(SequenceKey(UNREADABLE, digest, ""), 1, digest, UNREADABLE, body, fault=fault)


def lock_positions(connection: Any, handler: str, keys: Collection[SequenceKey]) -> dict[SequenceKey, Position]:
    """The positions of some sequences, locked until the transaction ends, always in the same order."""
    sources, streams, partitions = _columns(keys)
    rows = connection.execute(
        """SELECT source, stream_id, partition_key, version, parked, floor, recent
             FROM inbox_position
             JOIN unnest(%s::text[], %s::text[], %s::text[]) AS wanted (source, stream_id, partition_key)
            USING (source, stream_id, partition_key)
            WHERE handler = %s
            ORDER BY source, stream_id, partition_key
              FOR UPDATE OF inbox_position""",
        (sources, streams, partitions, handler),
    ).fetchall()
    positions = {key: Position() for key in keys}
    for row in rows:
        key = SequenceKey(row["source"], row["stream_id"], row["partition_key"])
        positions[key] = Position(row["version"], row["parked"], row["floor"], list(row["recent"]), known=True)
    return positions


def save_positions(connection: Any, handler: str, moved: Mapping[SequenceKey, Position]) -> None:
    """Writes positions that moved; raises StaleVersion when another process made one of the new rows first."""
    known = sorted((key, position) for key, position in moved.items() if position.known)
    if known:
        connection.execute(
            f"""UPDATE inbox_position mine
                   SET version = moved.version, parked = moved.parked, floor = moved.floor,
                       recent = moved.recent::bigint[]
                  FROM {_MOVED}
                 WHERE (mine.handler, mine.source, mine.stream_id, mine.partition_key)
                     = (%s, moved.source, moved.stream_id, moved.partition_key)""",
            (*_rows(known), handler),
        )
    new = sorted((key, position) for key, position in moved.items() if not position.known)
    if new:
        inserted = connection.execute(
            f"""INSERT INTO inbox_position (handler, source, stream_id, partition_key, version, parked, floor, recent)
                SELECT %s, source, stream_id, partition_key, version, parked, floor, recent::bigint[]
                  FROM {_MOVED}
                    ON CONFLICT DO NOTHING""",
            (handler, *_rows(new)),
        ).rowcount
        if inserted != len(new):
            raise StaleVersion(f"inbox of {handler}", len(new))


_MOVED = """unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::int[], %s::bigint[], %s::text[])
            AS moved (source, stream_id, partition_key, version, parked, floor, recent)"""


def _rows(moved: Sequence[tuple[SequenceKey, Position]]) -> tuple[str, ...]:
    positions = [position for _, position in moved]
    return (
        *_columns([key for key, _ in moved]),
        number_array(position.version for position in positions),
        number_array(position.parked for position in positions),
        number_array(position.floor for position in positions),
        # PostgreSQL has no arrays of arrays of different lengths: each goes as the text of an array.
        text_array(number_array(position.recent) for position in positions),
    )


def in_order(received: Sequence[Received]) -> Iterator[Received]:
    """A batch with each sequence in the order of its versions, in the places that the sequence has in the batch."""
    waiting: dict[SequenceKey, list[Received]] = defaultdict(list)
    for each in received:
        waiting[each.key].append(each)
    queues = {key: iter(sorted(group, key=lambda each: each.sequence)) for key, group in waiting.items()}
    return (next(queues[each.key]) for each in received)


def park(
    connection: Any, handler: str, received: Received, position: Position, cause: str, error: str, tries: int
) -> None:
    """Sets a message aside behind whatever of its sequence is parked already; the caller saves the position."""
    connection.execute(
        """INSERT INTO parked (handler, source, stream_id, partition_key, sequence, message_id, type, body,
                               cause, error, tries, tried_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                   CASE WHEN %s > 0 THEN clock_timestamp() END)""",
        (
            handler,
            *received.key,
            received.sequence,
            received.message_id,
            received.type,
            received.body,
            cause,
            printable(error),
            tries,
            tries,
        ),
    )
    position.take(received.sequence)
    position.parked += 1


def printable(error: str) -> str:
    """An error that PostgreSQL can hold: no NUL, bounded length."""
    return error.replace("\0", "\\0")[:MAX_ERROR_LENGTH]


def _columns(keys: Collection[SequenceKey]) -> tuple[str, str, str]:
    return (
        text_array(key.source for key in keys),
        text_array(key.stream_id for key in keys),
        text_array(key.partition_key for key in keys),
    )
