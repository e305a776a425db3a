"""The faces of the store; the memory and the PostgreSQL store both show them and pass one suite."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Vault
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


class ForgettingVault(Vault, Protocol):
    """Seals and opens personal data, and forgets people."""

    def forget(self, subject_id: str) -> None:
        """Deletes the subject's key: whatever was sealed under it reads as None from now on."""


class Transaction(Protocol):
    """Everything in it commits together or not at all."""

    @property
    def connection(self) -> Any:
        """The psycopg connection (rows are dicts), for views and inboxes; the memory store has none and raises."""

    @property
    def talk(self) -> Any:
        """For prepared statements that share round trips with the store's own (`conversation.Conversation`); the
        memory store has none and raises."""

    @property
    def vault(self) -> ForgettingVault:
        """The personal-data keys as this transaction sees them; what decoding a stored event needs."""

    def load(
        self, aggregate: Aggregate[S, E], stream_id: str, version: int | None = None, at: datetime | None = None
    ) -> Loaded[S]:
        """Folds a stream, whole or as of a version or a recorded time (inclusive); version 0 and the initial state
        when it has no events."""

    def foresee(self, aggregate: Aggregate[S, E], stream_id: str) -> None:
        """Says that a stream will be loaded, so that it is read together with what is asked next."""

    def stream(
        self, stream_id: str, after_version: int = 0, up_to_version: int | None = None
    ) -> Sequence[StoredEvent]:
        """The events of a stream, oldest first."""

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
        """Records a command's answer with its events. When another request was first, the transaction ends with
        StaleVersion."""


class Store(Protocol):
    """One service's append-only event store."""

    def run(self, work: Callable[[Transaction], T], attempts: int = 5) -> T:
        """Runs `work` in one transaction, again from the start on StaleVersion, at most `attempts` times."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One transaction without retries."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """For reads that need no common snapshot: each query sees what is committed when it runs."""

    def execute(
        self, aggregate: Aggregate[S, E], stream_id: str, decide: Callable[[S], Sequence[E]], context: Context
    ) -> Decided[S, E]:
        """Load, decide, append in a transaction of its own, again when stale."""

    def load(
        self, aggregate: Aggregate[S, E], stream_id: str, version: int | None = None, at: datetime | None = None
    ) -> Loaded[S]:
        """Folds a stream outside any transaction, whole or as of a version or a recorded time."""

    def stream(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        """The events of a stream, oldest first."""

    def log_after(self, position: int, limit: int = 500) -> list[StoredEvent]:
        """Sequenced events after a position, in order."""

    def log_position(self) -> int:
        """The last position in the log."""

    def take_due(self, now: datetime, handle: Callable[[Transaction, DueDeadline], None], limit: int = 50) -> int:
        """Fires deadlines due at `now`, each once, each in the transaction that removes it; returns how many."""

    def follow(self, follower_name: str, handle: Callable[[Transaction, StoredEvent], None], limit: int = 200) -> int:
        """Hands sequenced events after the follower's position to `handle`, exclusively, with the position in the
        same transaction; returns how many. 0: nothing new, or another process has it now."""

    def follow_batches(
        self, follower_name: str, handle: Callable[[Transaction, Sequence[StoredEvent]], None], limit: int = 1000
    ) -> int:
        """As `follow`, with up to `limit` events at once: for read models that fold many events into one write."""

    def follower_position(self, follower_name: str) -> int:
        """The last position that a follower has handled."""

    def forget(self, subject_id: str) -> None:
        """Deletes the key of a data subject: the person is gone from every event, replay and export."""

    def close(self) -> None:
        """Lets go of what the store holds open."""
