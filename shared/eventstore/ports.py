"""The faces of the store; the memory and the PostgreSQL store both show them and pass one suite."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import (
    Context,
    Decided,
    DueDeadline,
    E,
    Loaded,
    RecordedAnswer,
    S,
    StoredEvent,
)

T = TypeVar("T")


class Transaction(Protocol):
    """Everything in it commits together or not at all."""

    @property
    def connection(self) -> Any:
        """The psycopg connection (rows are dicts), for views and inboxes; the memory store has none and raises."""

    def load(self, aggregate: Aggregate[S, E], stream_id: str) -> Loaded[S]:
        """Folds a stream; version 0 and the initial state when it has no events."""

    def append(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        expected_version: int,
        events: Sequence[E],
        context: Context,
    ) -> tuple[StoredEvent, ...]:
        """Compare-and-set append with the events' deadlines; raises StaleVersion when the stream moved on."""

    def execute(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        decide: Callable[[S], Sequence[E]],
        context: Context,
    ) -> Decided[S, E]:
        """Load, decide, append. A DomainError of `decide` passes through and nothing is written."""

    def recall(self, key: str) -> RecordedAnswer | None:
        """The answer recorded for an idempotency key."""

    def remember(self, key: str, answer: RecordedAnswer) -> None:
        """Records a command's answer with its events; raises StaleVersion when another request was first."""


class Store(Protocol):
    """One service's append-only event store."""

    def run(self, work: Callable[[Transaction], T], attempts: int = 5) -> T:
        """Runs `work` in one transaction, again from the start on StaleVersion, at most `attempts` times."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One transaction without retries."""

    def load(self, aggregate: Aggregate[S, E], stream_id: str) -> Loaded[S]:
        """Folds a stream outside any transaction."""

    def stream(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        """The events of a stream, oldest first."""

    def log_after(self, position: int, limit: int = 500) -> list[StoredEvent]:
        """Sequenced events after a position, in order."""

    def log_position(self) -> int:
        """The last position in the log."""

    def take_due(self, now: Any, handle: Callable[[Transaction, DueDeadline], None], limit: int = 50) -> int:
        """Fires deadlines due at `now`, each once, each in the transaction that removes it; returns how many."""
