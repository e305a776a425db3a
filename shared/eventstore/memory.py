"""The event store without a database: for tests and sketches, with the same promises within one process."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from typing import Never, TypeVar

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.deadlines import fire_due, retry_delay
from shared.eventstore.follower import follow_in_steps, one_by_one
from shared.eventstore.model import Context, Decided, DueDeadline, E, Loaded, RecordedAnswer, S, StoredEvent
from shared.eventstore.snapshot import Snapshot
from shared.eventstore.transaction import Folded, FoldingTransaction, fold_after, run_until_fresh
from shared.eventstore.vault import KeyVault, MemoryKeys
from shared.eventstore.writing import Writing
from shared.kernel.clock import Clock
from shared.kernel.errors import StaleVersion

T = TypeVar("T")
WaitKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wait:
    """A deadline and how firing it has gone so far."""

    due: DueDeadline
    next_try_at: datetime
    attempts: int = 0
    last_error: str | None = None


@dataclass(slots=True)
class Records:
    """What has been committed. Several stores may share it, as several processes share a database."""

    streams: dict[str, list[StoredEvent]] = field(default_factory=dict)
    log: list[StoredEvent] = field(default_factory=list)
    waits: dict[WaitKey, Wait] = field(default_factory=dict)
    answers: dict[str, RecordedAnswer] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    keys: dict[str, bytes | None] = field(default_factory=dict)
    snapshots: dict[str, tuple[int, Snapshot]] = field(default_factory=dict)
    claimed: set[WaitKey] = field(default_factory=set)
    followed: set[str] = field(default_factory=set)
    lock: RLock = field(default_factory=RLock)

    def version_of(self, stream_id: str) -> int:
        return len(self.streams.get(stream_id, ()))


class TransactionKeys(MemoryKeys):
    """Keys as one transaction sees them: what it forgets is gone for it at once, for others when it commits."""

    def __init__(self, keys: dict[str, bytes | None]) -> None:
        super().__init__(keys)
        self.forgotten: set[str] = set()

    def for_opening(self, subject_id: str) -> bytes | None:
        return None if subject_id in self.forgotten else super().for_opening(subject_id)

    def forget(self, subject_id: str) -> None:
        self.forgotten.add(subject_id)

    def commit(self) -> None:
        for subject_id in self.forgotten:
            super().forget(subject_id)


class MemoryTransaction(FoldingTransaction):
    """Keeps what it would write to itself until it commits, and checks the versions once more then."""

    def __init__(self, records: Records) -> None:
        super().__init__()
        self._records = records
        self._keys = TransactionKeys(records.keys)
        self._vault = KeyVault(self._keys)
        self._appended: dict[str, list[StoredEvent]] = {}
        self._waits: dict[WaitKey, Wait | None] = {}
        self._answers: dict[str, RecordedAnswer] = {}
        self._snapshots: dict[str, tuple[int, Snapshot]] = {}
        self._claims: set[WaitKey] = set()
        self.positions: dict[str, int] = {}

    @property
    def connection(self) -> Never:
        """There is none: views and inboxes need PostgreSQL."""
        raise RuntimeError("a store in memory has no database connection")

    @property
    def talk(self) -> Never:
        """There is nobody to talk to either."""
        raise RuntimeError("a store in memory has no database connection")

    @property
    def vault(self) -> KeyVault:
        return self._vault

    def stream(
        self, stream_id: str, after_version: int = 0, up_to_version: int | None = None, up_to: datetime | None = None
    ) -> Sequence[StoredEvent]:
        committed = self._records.streams.get(stream_id, [])
        own = self._appended.get(stream_id, [])
        before = own[0].version - 1 if own else len(committed)
        return [
            event
            for event in [*committed[:before], *own][after_version:]
            if (up_to_version is None or event.version <= up_to_version)
            and (up_to is None or event.recorded_at <= up_to)
        ]

    def _fold(self, aggregate: Aggregate[S, E], stream_id: str) -> Folded[S]:
        made_by, kept = {**self._records.snapshots, **self._snapshots}.get(stream_id, (0, None))
        if kept is None or aggregate.snapshots is None or made_by != aggregate.snapshots.fold_version:
            return fold_after(aggregate, None, self.stream(stream_id), self.vault)
        return fold_after(aggregate, kept, self.stream(stream_id, kept.version), self.vault)

    def _keep(self, stream_id: str, fold_version: int, snapshot: Snapshot) -> None:
        made_by, kept = self._records.snapshots.get(stream_id, (0, None))
        if kept is None or (made_by, kept.version) < (fold_version, snapshot.version):
            self._snapshots[stream_id] = fold_version, snapshot

    def _write(self, stream_id: str, expected_version: int, writing: Writing) -> None:
        own = self._appended.get(stream_id)
        version = own[-1].version if own else self._records.version_of(stream_id)
        if version != expected_version:
            raise StaleVersion(stream_id, expected_version)
        self._appended.setdefault(stream_id, []).extend(writing.events)
        for name, due_at in writing.waits_set.items():
            self._waits[stream_id, name] = Wait(
                DueDeadline(stream_id, name, due_at, writing.events[-1].version), due_at
            )
        for name in writing.waits_cleared:
            self._waits[stream_id, name] = None

    def recall(self, key: str) -> RecordedAnswer | None:
        """The answer recorded for an idempotency key."""
        return self._answers.get(key) or self._records.answers.get(key)

    def remember(self, key: str, answer: RecordedAnswer) -> None:
        """Records a command's answer with its events; raises StaleVersion when another request was first."""
        if self.recall(key) is not None:
            raise StaleVersion(key, 0)
        self._answers[key] = answer

    def claim(self, due: DueDeadline, now: datetime) -> bool:
        """Removes a deadline unless it is gone, was set anew, or is in another transaction's hands."""
        key = (due.stream_id, due.name)
        with self._records.lock:
            wait = self._records.waits.get(key)
            if wait is None or wait.due != due or wait.next_try_at > now or key in self._records.claimed:
                return False
            self._records.claimed.add(key)
        self._claims.add(key)
        self._waits[key] = None
        return True

    def commit(self) -> None:
        """Makes everything visible at once; raises StaleVersion, and changes nothing, when others were first."""
        records = self._records
        with records.lock:
            for stream_id, events in self._appended.items():
                if records.version_of(stream_id) != events[0].version - 1:
                    raise StaleVersion(stream_id, events[0].version - 1)
            for key in self._answers.keys() & records.answers.keys():
                raise StaleVersion(key, 0)
            for stream_id, events in self._appended.items():
                records.streams.setdefault(stream_id, []).extend(events)
                for event in events:
                    records.log.append(replace(event, position=len(records.log) + 1))
            for wait_key, wait in self._waits.items():
                if wait is None:
                    records.waits.pop(wait_key, None)
                else:
                    records.waits[wait_key] = wait
            records.answers.update(self._answers)
            records.positions.update(self.positions)
            records.snapshots.update(self._snapshots)
            self._keys.commit()

    def end(self) -> None:
        """Lets go of the deadlines it held."""
        with self._records.lock:
            self._records.claimed -= self._claims


class MemoryStore:
    """One service's event store in memory; everything is in the log as soon as it is committed."""

    def __init__(self, clock: Clock | None = None, records: Records | None = None) -> None:
        self.clock = clock
        self.records = records or Records()

    def close(self) -> None:
        """Nothing is held open."""

    def run(self, work: Callable[[MemoryTransaction], T], attempts: int = 5) -> T:
        """Runs `work` in one transaction, again from the start on StaleVersion, at most `attempts` times."""
        return run_until_fresh(self.transaction, work, attempts)

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        """One transaction without retries."""
        transaction = MemoryTransaction(self.records)
        try:
            yield transaction
            transaction.commit()
        finally:
            transaction.end()

    reading = transaction

    def execute(
        self, aggregate: Aggregate[S, E], stream_id: str, decide: Callable[[S], Sequence[E]], context: Context
    ) -> Decided[S, E]:
        """Load, decide, append in a transaction of its own, again when stale."""
        return self.run(lambda transaction: transaction.execute(aggregate, stream_id, decide, context))

    def load(
        self, aggregate: Aggregate[S, E], stream_id: str, version: int | None = None, at: datetime | None = None
    ) -> Loaded[S]:
        """Folds a stream outside any transaction, whole or as of a version or a recorded time."""
        return MemoryTransaction(self.records).load(aggregate, stream_id, version, at)

    def stream(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        """The events of a stream, oldest first."""
        return list(MemoryTransaction(self.records).stream(stream_id, after_version))

    def log_after(self, position: int, limit: int = 500) -> list[StoredEvent]:
        """Sequenced events after a position, in order."""
        return self.records.log[position : position + limit]

    def log_position(self) -> int:
        """The last position in the log."""
        return len(self.records.log)

    def forget(self, subject_id: str) -> None:
        """Deletes the key of a data subject: the person is gone from every event, replay and export."""
        with self.transaction() as transaction:
            transaction.vault.forget(subject_id)

    def take_due(
        self, now: datetime, handle: Callable[[MemoryTransaction, DueDeadline], None], limit: int = 50
    ) -> int:
        """Fires deadlines due at `now`, each once, each in the transaction that removes it; returns how many."""
        with self.records.lock:
            waits = [wait for wait in self.records.waits.values() if wait.next_try_at <= now]
        waits.sort(key=lambda wait: (wait.next_try_at, wait.due.stream_id, wait.due.name))
        return fire_due(self, [wait.due for wait in waits[:limit]], now, handle)

    def claim_deadline(self, transaction: MemoryTransaction, due: DueDeadline, now: datetime) -> bool:
        """Removes a deadline in this transaction; False when it is gone, moved, or in another one's hands."""
        return transaction.claim(due, now)

    def postpone_deadline(self, due: DueDeadline, now: datetime, error: str) -> None:
        """Moves the next try of a deadline that failed to fire."""
        key = (due.stream_id, due.name)
        with self.records.lock:
            wait = self.records.waits.get(key)
            if wait is not None and wait.due == due:
                attempts = wait.attempts + 1
                self.records.waits[key] = Wait(due, now + retry_delay(attempts), attempts, error)

    def follow(
        self, follower_name: str, handle: Callable[[MemoryTransaction, StoredEvent], None], limit: int = 200
    ) -> int:
        """Hands sequenced events after the follower's position to `handle`, exclusively, with the position in the
        same transaction; returns how many. 0: nothing new, or another one has it now."""
        return self.follow_batches(follower_name, one_by_one(handle), limit)

    def follow_batches(
        self,
        follower_name: str,
        handle: Callable[[MemoryTransaction, Sequence[StoredEvent]], None],
        limit: int = 1000,
    ) -> int:
        """As `follow`, with up to `limit` events at once: for read models that fold many events into one write.

        `handle` must do the same whether it gets events together or one by one; never gets none.
        """
        with self.records.lock:
            if follower_name in self.records.followed:
                return 0
            self.records.followed.add(follower_name)
        try:
            return follow_in_steps(lambda count: self._follow(follower_name, handle, count), limit)
        finally:
            with self.records.lock:
                self.records.followed.discard(follower_name)

    def follower_position(self, follower_name: str) -> int:
        """The last position that a follower has handled."""
        return self.records.positions.get(follower_name, 0)

    def _follow(
        self, follower_name: str, handle: Callable[[MemoryTransaction, Sequence[StoredEvent]], None], limit: int
    ) -> int:
        def batch(transaction: MemoryTransaction) -> int:
            events = self.log_after(self.follower_position(follower_name), limit)
            if events:
                handle(transaction, events)
                transaction.positions[follower_name] = events[-1].position
            return len(events)

        return self.run(batch)
