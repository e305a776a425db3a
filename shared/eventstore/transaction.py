"""What a transaction does the same way whatever keeps the events: fold, decide, append, start again when stale."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared.eventstore import spans
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, Decided, E, Loaded, S, StoredEvent
from shared.eventstore.vault import KeyVault
from shared.eventstore.writing import Writing, prepare
from shared.kernel.errors import StaleVersion

T = TypeVar("T")
X = TypeVar("X")


class FoldingTransaction(ABC):
    """The part of `ports.Transaction` that follows from reading and writing the rows of one stream.

    A stream is read once in a transaction: who checks it and then decides about it looks at one version of it, and if
    another writer was first in between, the append finds out.
    """

    def __init__(self) -> None:
        self._folded: dict[str, tuple[Aggregate[Any, Any], Loaded[Any]]] = {}

    @property
    @abstractmethod
    def vault(self) -> KeyVault:
        """Seals and opens personal data in this transaction."""

    @abstractmethod
    def stream(
        self, stream_id: str, after_version: int = 0, up_to_version: int | None = None, up_to: datetime | None = None
    ) -> Sequence[StoredEvent]:
        """The events of a stream, oldest first; `up_to` is a recorded time, inclusive."""

    @abstractmethod
    def _write(self, stream_id: str, expected_version: int, writing: Writing) -> bool:
        """Stores the rows; False when the stream is not at the expected version."""

    def load(
        self, aggregate: Aggregate[S, E], stream_id: str, version: int | None = None, at: datetime | None = None
    ) -> Loaded[S]:
        """Folds a stream, whole or as of a version or a recorded time."""
        if version is not None or at is not None:
            return fold(aggregate, self.stream(stream_id, up_to_version=version, up_to=at), self.vault)
        folded_by, loaded = self._folded.get(stream_id, (None, None))
        if loaded is None or folded_by is not aggregate:
            loaded = fold(aggregate, self.stream(stream_id), self.vault)
            self._folded[stream_id] = (aggregate, loaded)
        return loaded

    def append(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        expected_version: int,
        events: Sequence[E],
        context: Context,
    ) -> tuple[StoredEvent, ...]:
        """Compare-and-set append with the events' deadlines; raises StaleVersion when the stream moved on."""
        if not events:
            return ()
        if not spans.on():
            return self._append(aggregate, stream_id, expected_version, events, context)
        told: spans.Attributes = {"doorstep.stream": stream_id, "doorstep.version": expected_version + len(events)}
        name = f"append {aggregate.category}"
        with spans.span(name, spans.Kind.INTERNAL, context.traceparent, told) as traceparent:
            inside = replace(context, traceparent=traceparent)
            return self._append(aggregate, stream_id, expected_version, events, inside)

    def _append(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        expected_version: int,
        events: Sequence[E],
        context: Context,
    ) -> tuple[StoredEvent, ...]:
        writing = prepare(aggregate, stream_id, expected_version, events, context, self.vault)
        self._folded.pop(stream_id, None)
        if not self._write(stream_id, expected_version, writing):
            raise StaleVersion(stream_id, expected_version)
        return writing.events

    def execute(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        decide: Callable[[S], Sequence[E]],
        context: Context,
    ) -> Decided[S, E]:
        """Load, decide, append. A DomainError of `decide` passes through and nothing is written."""
        loaded = self.load(aggregate, stream_id)
        events = tuple(decide(loaded.state))
        self.append(aggregate, stream_id, loaded.version, events, context)
        state = loaded.state
        for event in events:
            state = aggregate.evolve(state, event)
        after = Loaded(state, loaded.version + len(events))
        self._folded[stream_id] = (aggregate, after)
        return Decided(after.state, after.version, events)


def fold(aggregate: Aggregate[S, E], rows: Iterable[StoredEvent], vault: KeyVault) -> Loaded[S]:
    """The state after the given events, and the version of the last."""
    state, version = aggregate.initial, 0
    decode = aggregate.codec.decode
    for row in rows:
        state = aggregate.evolve(state, decode(row.type, row.schema_version, row.data, vault))
        version = row.version
    return Loaded(state, version)


def run_until_fresh(begin: Callable[[], AbstractContextManager[X]], work: Callable[[X], T], attempts: int) -> T:
    """Runs `work` in a transaction, again from the start on StaleVersion, at most `attempts` times."""
    for attempt in range(1, attempts + 1):
        try:
            with begin() as transaction:
                return work(transaction)
        except StaleVersion:
            if attempt == attempts:
                raise
    raise ValueError("attempts must be at least 1")
