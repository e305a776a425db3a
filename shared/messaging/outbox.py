"""What a relay reads: the service's own log as messages, and how far they are confirmed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.eventstore.codec import Codec
from shared.eventstore.connecting import Connection
from shared.eventstore.model import StoredEvent
from shared.eventstore.postgres import PostgresStore, PostgresTransaction
from shared.messaging.operations import OPERATIONAL
from shared.messaging.outgoing import Outbound, Outgoing, Wire, wires_of
from shared.messaging.previous import Earlier

RELAY = "relay"
SAVE_EVERY_SECONDS = 0.25


class Unpublishable(Exception):
    """An event that this release cannot turn into messages: a bug, and nothing may be published past it."""

    def __init__(self, position: int, event: str, cause: Exception) -> None:
        super().__init__(f"log position {position} ({event}) cannot be published: {cause!r}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Publication:
    """One position of the log and the messages it leads to (most often none or one)."""

    position: int
    wires: Sequence[Wire]


class Outbox:
    """The log of one service through its `outbound` mapping."""

    def __init__(self, store: PostgresStore, codecs: Sequence[Codec[Any]], outbound: Outbound) -> None:
        self._store = store
        self._outbound = outbound
        self._earlier = Earlier()
        self._codecs: dict[str, Codec[Any]] = {}
        for codec in codecs:
            for entry in codec.types:
                if entry.name in self._codecs:
                    raise ValueError(f"two codecs know the stored type {entry.name}")
                self._codecs[entry.name] = codec

    def log_position(self) -> int:
        """The last position in the log."""
        return self._store.log_position()

    def read(self, after: int, limit: int) -> list[Publication]:
        """The next positions; stops before an event that cannot be published, and raises Unpublishable at it."""
        publications: list[Publication] = []
        events = self._store.log_after(after, limit)
        with self._store.reading() as reader:
            for stored in events:
                try:
                    wires = [] if stored.type in OPERATIONAL else self._wires(stored, reader)
                except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                    if publications:
                        break
                    raise Unpublishable(stored.position, stored.type, error) from error
                publications.append(Publication(stored.position, wires))
        return publications

    def _wires(self, stored: StoredEvent, reader: PostgresTransaction) -> Sequence[Wire]:
        told = self._earlier.before(stored, partial(self._history, reader))
        event = self._decoded(stored, reader)
        return wires_of(stored, event, self._outbound, traced=True, previous=told.take)

    def _history(
        self, reader: PostgresTransaction, stream_id: str, after: int, up_to: int
    ) -> Iterator[tuple[int, Sequence[Outgoing]]]:
        for stored in reader.stream(stream_id, after, up_to):
            if stored.type not in OPERATIONAL:
                yield stored.version, self._outbound(stored, self._decoded(stored, reader))

    def _decoded(self, stored: StoredEvent, reader: PostgresTransaction) -> Any:
        codec = self._codecs[stored.type]
        return codec.decode(stored.type, stored.schema_version, stored.data, reader.vault)


class Bookmark:
    """The relay's position in the service's schema, saved with a bounded lag.

    What it lags is sent again after a crash, and dropped by those who heard it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._saved = self._load()
        self._saved_at = time.monotonic()

    @property
    def position(self) -> int:
        """The last position that was saved."""
        return self._saved

    def save(self, position: int, *, at_once: bool = False) -> None:
        """Remembers a position, at most a few times a second unless `at_once`."""
        now = time.monotonic()
        if position <= self._saved or (now - self._saved_at < SAVE_EVERY_SECONDS and not at_once):
            return
        self._connection.execute(
            "INSERT INTO relay_position AS mine (relay, position) VALUES (%s, %s)"
            " ON CONFLICT (relay) DO UPDATE SET position = greatest(mine.position, excluded.position)",
            (RELAY, position),
        )
        self._saved, self._saved_at = position, now

    def _load(self) -> int:
        row = self._connection.execute("SELECT position FROM relay_position WHERE relay = %s", (RELAY,)).fetchone()
        return 0 if row is None else int(row["position"])
