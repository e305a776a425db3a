"""What a transaction does the same way whatever keeps the events: fold, decide, append, start again when stale."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.eventstore import spans
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, Decided, E, Loaded, S, StoredEvent
from shared.eventstore.snapshot import Snapshot
from shared.eventstore.vault import KeyVault
from shared.eventstore.writing import Writing, prepare
from shared.kernel.errors import StaleVersion

T = TypeVar("T")
X = TypeVar("X")


@dataclass(frozen=True, slots=True)
class Folded(Generic[S]):
    """A stream as a transaction has read it, and the version of its snapshot (0: none that counts)."""

    aggregate: Aggregate[S, Any]
    loaded: Loaded[S]
    kept_at: int


class FoldingTransaction(ABC):
    """The part of `ports.Transaction` that follows from reading and writing the rows of one stream.

    A stream is read once in a transaction: who checks it and then decides about it looks at one version of it, and if
    another writer was first in between, the append finds out.
    """

    def __init__(self) -> None:
        self._folded: dict[str, Folded[Any]] = {}

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
    def _fold(self, aggregate: Aggregate[S, E], stream_id: str) -> Folded[S]:
        """Reads a stream as it is now."""

    @abstractmethod
    def _keep(self, stream_id: str, fold_version: int, snapshot: Snapshot) -> None:
        """Stores a snapshot in the place of an older one."""

    @abstractmethod
    def _write(self, stream_id: str, expected_version: int, writing: Writing) -> None:
        """Stores the rows, in the end only if the stream is at the expected version; else raises StaleVersion."""

    def load(
        self, aggregate: Aggregate[S, E], stream_id: str, version: int | None = None, at: datetime | None = None
    ) -> Loaded[S]:
        """Folds a stream, whole or as of a version or a recorded time (the past always from the events alone)."""
        if version is not None or at is not None:
            return fold(aggregate, self.stream(stream_id, up_to_version=version, up_to=at), self.vault)
        known = self._folded.get(stream_id)
        if known is None or known.aggregate is not aggregate:
            known = self._folded[stream_id] = self._fold(aggregate, stream_id)
        return known.loaded

    def foresee(self, aggregate: Aggregate[S, E], stream_id: str) -> None:  # noqa: B027 - memory is always at hand
        """Says that a stream will be loaded."""

    def append(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        expected_version: int,
        events: Sequence[E],
        context: Context,
    ) -> tuple[StoredEvent, ...]:
        """Compare-and-set append with the events' deadlines. When the stream has moved on, StaleVersion is raised:
        here, at a later question, or before the commit."""
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
        before = self._folded.pop(stream_id, None)
        self._write(stream_id, expected_version, writing)
        if before is not None and before.aggregate is aggregate and before.loaded.version == expected_version:
            self._folded[stream_id] = self._kept(stream_id, _grown(before, events))
        return writing.events

    def _kept(self, stream_id: str, folded: Folded[S]) -> Folded[S]:
        """Takes a snapshot when one is due, in the append's own transaction: it never tells what did not happen."""
        snapshots, loaded = folded.aggregate.snapshots, folded.loaded
        if snapshots is None or not snapshots.due(folded.kept_at, loaded.version):
            return folded
        state = snapshots.encode(loaded.state, self.vault)
        self._keep(stream_id, snapshots.fold_version, Snapshot(loaded.version, state))
        return replace(folded, kept_at=loaded.version)

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
        after = self._folded[stream_id].loaded
        return Decided(after.state, after.version, events)


def fold(
    aggregate: Aggregate[S, E], rows: Iterable[StoredEvent], vault: KeyVault, start: Loaded[S] | None = None
) -> Loaded[S]:
    """The state after the given events, and the version of the last; from the beginning, or from `start`."""
    state, version = (aggregate.initial, 0) if start is None else (start.state, start.version)
    decode = aggregate.codec.decode
    for row in rows:
        state = aggregate.evolve(state, decode(row.type, row.schema_version, row.data, vault))
        version = row.version
    return Loaded(state, version)


def fold_after(
    aggregate: Aggregate[S, E], kept: Snapshot | None, events: Iterable[StoredEvent], vault: KeyVault
) -> Folded[S]:
    """A stream from its snapshot, if there is one, and the events after it (or all)."""
    if kept is None or aggregate.snapshots is None:
        return Folded(aggregate, fold(aggregate, events, vault), 0)
    start = Loaded(aggregate.snapshots.decode(kept.state, vault), kept.version)
    return Folded(aggregate, fold(aggregate, events, vault, start), kept.version)


def _grown(before: Folded[S], events: Sequence[Any]) -> Folded[S]:
    state = before.loaded.state
    for event in events:
        state = before.aggregate.evolve(state, event)
    return replace(before, loaded=Loaded(state, before.loaded.version + len(events)))


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
