"""The event store of a service in its own PostgreSQL schema."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg.rows import tuple_row
from pydantic_core import from_json

from shared.eventstore import rows
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.arrays import number_array, text_array
from shared.eventstore.connecting import Connection, Pool
from shared.eventstore.conversation import Answer, Conversation
from shared.eventstore.deadlines import PostgresDeadlines, fire_due
from shared.eventstore.direct import Prepared, Row
from shared.eventstore.follower import follow_in_steps, one_by_one
from shared.eventstore.model import Context, Decided, DueDeadline, E, Loaded, RecordedAnswer, S, StoredEvent
from shared.eventstore.remembering import FoldCache, Remembered
from shared.eventstore.snapshot import Snapshot
from shared.eventstore.transaction import Folded, FoldingTransaction, fold, fold_after, run_until_fresh
from shared.eventstore.vault import KeyCache, KeyVault, PostgresKeys, master_key_from
from shared.eventstore.writing import Writing, canonical_json
from shared.kernel.clock import Clock, SystemClock
from shared.kernel.errors import StaleVersion

T = TypeVar("T")


class Deadlocked(StaleVersion):
    """PostgreSQL broke a circle of waiting transactions by ending this one; it may start again."""

    def __init__(self) -> None:
        super().__init__("(several)", 0)


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """A stream that is being read, after what is remembered of it."""

    aggregate: Aggregate[Any, Any]
    known: Remembered | None
    answer: Answer


class PostgresTransaction(FoldingTransaction):
    """Everything in it commits together or not at all."""

    def __init__(self, talk: Conversation, keys: PostgresKeys, now: Callable[[], datetime], folds: FoldCache) -> None:
        super().__init__()
        self._talk = talk
        self._keys = keys
        self._vault = KeyVault(keys)
        self._now = now
        self._folds = folds
        self._forgettings: dict[str, int] = {}
        self._foreseen: dict[str, _Foreseen] = {}
        self._answers: dict[str, RecordedAnswer] = {}

    @property
    def connection(self) -> Connection:
        """The psycopg connection (rows are dicts), for views and inboxes."""
        return self._talk.connection

    @property
    def talk(self) -> Conversation:
        """For prepared statements, which then share round trips with the store's own."""
        return self._talk

    @property
    def vault(self) -> KeyVault:
        return self._vault

    def stream(
        self, stream_id: str, after_version: int = 0, up_to_version: int | None = None, up_to: datetime | None = None
    ) -> Sequence[StoredEvent]:
        if up_to_version is None and up_to is None:
            return read(self.connection, rows.STREAM, (stream_id, after_version))
        return read(self.connection, rows.STREAM_AS_OF, (stream_id, after_version, up_to_version, up_to))

    def remember_folds(self) -> None:
        """After the commit: what this transaction has folded serves the next one."""
        self._folds.put(self._folded, self._forgettings)

    def foresee(self, aggregate: Aggregate[S, E], stream_id: str) -> None:
        if stream_id not in self._folded and stream_id not in self._foreseen:
            known = self._folds.get(aggregate, stream_id)
            answer = self._talk.ask_ahead(*_question(aggregate, stream_id, known))
            self._foreseen[stream_id] = _Foreseen(aggregate, known, answer)

    def _fold(self, aggregate: Aggregate[S, E], stream_id: str) -> Folded[S]:
        known, found = self._read(aggregate, stream_id)
        forgettings = self._forgettings[stream_id] = int(found[0][8] or 0)
        # The vault knows it too.
        self._keys.know(forgettings)
        if known is None:
            return fold_after(aggregate, *_kept(found[1:]), self.vault)
        if forgettings != known.forgettings:
            self._folds.drop(stream_id)
            return self._fold(aggregate, stream_id)
        events = [rows.spelled_event(row) for row in found[1:]]
        return replace(known.folded, loaded=fold(aggregate, events, self.vault, known.folded.loaded))

    def _read(self, aggregate: Aggregate[S, E], stream_id: str) -> tuple[Remembered | None, list[Row]]:
        """What is remembered of a stream, and the rows that say what it does not know."""
        foreseen = self._foreseen.pop(stream_id, None)
        if foreseen is not None and foreseen.aggregate is aggregate:
            return foreseen.known, self._talk.told(foreseen.answer)
        known = self._folds.get(aggregate, stream_id)
        return known, self._talk.ask(*_question(aggregate, stream_id, known))

    def _keep(self, stream_id: str, fold_version: int, snapshot: Snapshot) -> None:
        state = canonical_json(snapshot.state)
        self.connection.execute(rows.KEEP, (stream_id, snapshot.version, fold_version, state, self._now()))

    def _write(self, stream_id: str, expected_version: int, writing: Writing) -> None:
        waits = bool(writing.waits_set or writing.waits_cleared)
        single = len(writing.events) == 1
        values = {
            "stream_id": stream_id,
            "category": writing.category,
            "expected": str(expected_version),
            "new_version": str(expected_version + len(writing.events)),
            "metadata": writing.metadata,
            "recorded_at": writing.events[0].recorded_at.isoformat(),
            **(_one(writing) if single else _columns(writing)),
        }
        if waits:
            values |= _waits(writing)
        self._foreseen.pop(stream_id, None)
        statement, stale = (
            rows.APPEND[expected_version == 0, single, waits],
            StaleVersion(stream_id, expected_version),
        )
        self._talk.say(statement, values, changing=len(writing.events), otherwise=stale)

    def recall(self, key: str) -> RecordedAnswer | None:
        """The answer recorded for an idempotency key."""
        if key in self._answers:
            return self._answers[key]
        found = self._talk.ask(rows.RECALL, {"key": key})
        return rows.recorded_answer(found[0]) if found else None

    def remember(self, key: str, answer: RecordedAnswer) -> None:
        """Records a command's answer with its events, at the end; when another request was first, that is a
        StaleVersion."""
        values = {
            "key": key,
            "request_hash": answer.request_hash,
            "status": str(answer.status),
            "body": answer.body,
            "headers": canonical_json(dict(answer.headers)),
            "at": self._now().isoformat(),
            "subject_id": answer.subject_id,
            "sealed": answer.sealed,
        }
        self._answers[key] = answer
        self._talk.say_at_the_end(rows.REMEMBER, values, unique=StaleVersion(key, 0))


class PostgresStore:
    """One service's append-only event store; `dsn` logs in as the service's own role."""

    def __init__(
        self, dsn: str | Pool, master_key: bytes | str, clock: Clock | None = None, pool_size: int = 10
    ) -> None:
        self._pool = Pool(dsn, size=pool_size) if isinstance(dsn, str) else dsn
        self._master_key = master_key_from(master_key)
        self._clock = clock or SystemClock()
        self._keys = KeyCache()
        self._folds = FoldCache()

    def close(self) -> None:
        self._pool.close()

    def run(self, work: Callable[[PostgresTransaction], T], attempts: int = 5) -> T:
        """Runs `work` in one transaction, again from the start on StaleVersion, at most `attempts` times."""
        return run_until_fresh(self.transaction, work, attempts)

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """One transaction without retries."""
        with self._pool.connection() as connection:
            transaction = self._on(connection)
            try:
                with transaction.talk.transaction():
                    yield transaction
                transaction.remember_folds()
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
                raise Deadlocked from error

    @contextmanager
    def reading(self) -> Iterator[PostgresTransaction]:
        """A connection without a transaction, each query for itself: for reads that need no common snapshot."""
        with self._pool.connection() as connection:
            reader = self._on(connection)
            yield reader
            reader.remember_folds()

    def append(
        self,
        aggregate: Aggregate[S, E],
        stream_id: str,
        expected_version: int,
        events: Sequence[E],
        context: Context,
    ) -> tuple[StoredEvent, ...]:
        """A transaction that is one append and nothing else: a single round trip."""
        with self.reading() as alone:
            return alone.append(aggregate, stream_id, expected_version, events, context)

    def execute(
        self, aggregate: Aggregate[S, E], stream_id: str, decide: Callable[[S], Sequence[E]], context: Context
    ) -> Decided[S, E]:
        """Load, decide, append in a transaction of its own, again when stale."""
        return self.run(lambda transaction: transaction.execute(aggregate, stream_id, decide, context))

    def load(
        self, aggregate: Aggregate[S, E], stream_id: str, version: int | None = None, at: datetime | None = None
    ) -> Loaded[S]:
        """Folds a stream outside any transaction, whole or as of a version or a recorded time."""
        with self.reading() as reader:
            return reader.load(aggregate, stream_id, version, at)

    def stream(self, stream_id: str, after_version: int = 0) -> list[StoredEvent]:
        """The events of a stream, oldest first."""
        with self.reading() as reader:
            return list(reader.stream(stream_id, after_version))

    def log_after(self, position: int, limit: int = 500) -> list[StoredEvent]:
        """Sequenced events after a position, in order."""
        with self._pool.connection() as connection:
            return log_after(connection, position, limit)

    def log_position(self) -> int:
        """The last position in the log."""
        with self._pool.connection() as connection:
            row = connection.execute(rows.LOG_POSITION).fetchone()
        assert row is not None, "an aggregate always has a row"
        return int(row["position"])

    def forget(self, subject_id: str) -> None:
        """Deletes the key of a data subject: the person is gone from every event, replay and export."""
        with self.transaction() as transaction:
            transaction.vault.forget(subject_id)

    def take_due(
        self, now: datetime, handle: Callable[[PostgresTransaction, DueDeadline], None], limit: int = 50
    ) -> int:
        """Fires deadlines due at `now`, each once, each in the transaction that removes it; returns how many."""
        with self._pool.connection() as connection:
            due = PostgresDeadlines(connection).due(now, limit)
        return fire_due(self, due, now, handle) if due else 0

    def claim_deadline(self, transaction: PostgresTransaction, due: DueDeadline, now: datetime) -> bool:
        """Removes a deadline in this transaction; False when it is gone, moved, or in another one's hands."""
        return PostgresDeadlines(transaction.connection).claim(due, now)

    def postpone_deadline(self, due: DueDeadline, now: datetime, error: str) -> None:
        """Moves the next try of a deadline that failed to fire."""
        with self._pool.connection() as connection:
            PostgresDeadlines(connection).postpone(due, now, error)

    def follow(
        self, follower_name: str, handle: Callable[[PostgresTransaction, StoredEvent], None], limit: int = 200
    ) -> int:
        """Hands sequenced events after the follower's position to `handle`, exclusively, position in the same
        transaction; returns how many. 0: nothing new, or another process has it now."""
        return self.follow_batches(follower_name, one_by_one(handle), limit)

    def follow_batches(
        self,
        follower_name: str,
        handle: Callable[[PostgresTransaction, Sequence[StoredEvent]], None],
        limit: int = 1000,
    ) -> int:
        """As `follow`, with up to `limit` events at once: for read models that fold many events into one write.

        `handle` must do the same whether it gets events together or one by one; never gets none.
        """
        if self._caught_up(follower_name):
            return 0
        return follow_in_steps(lambda count: self._follow(follower_name, handle, count), limit)

    def follower_position(self, follower_name: str) -> int:
        """The last position that a follower has handled."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT position FROM follower_positions WHERE name = %s", (follower_name,)
            ).fetchone()
        return 0 if row is None else int(row["position"])

    def _caught_up(self, follower_name: str) -> bool:
        with self._pool.connection() as connection:
            return rows.BEHIND.rows(connection, {"name": follower_name})[0][0] != b"t"

    def _follow(
        self, follower_name: str, handle: Callable[[PostgresTransaction, Sequence[StoredEvent]], None], limit: int
    ) -> int:
        def batch(transaction: PostgresTransaction) -> int:
            position = _lock_position(transaction, follower_name)
            events = [] if position is None else log_after(transaction.connection, position, limit)
            if events:
                handle(transaction, events)
                moved = {"name": follower_name, "position": str(events[-1].position)}
                transaction.talk.say_at_the_end(rows.MOVE_POSITION, moved)
            return len(events)

        return self.run(batch)

    def _on(self, connection: Connection) -> PostgresTransaction:
        talk = Conversation(connection)
        keys = PostgresKeys(talk, self._master_key, self._keys, self._clock.now)
        return PostgresTransaction(talk, keys, self._clock.now, self._folds)


def read(connection: Connection, query: str, values: tuple[Any, ...]) -> list[StoredEvent]:
    """Runs one of the queries in `rows`; a list, because readers take all of it or a bounded page."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [rows.stored_event(row) for row in cursor.execute(query, values).fetchall()]


def log_after(connection: Connection, position: int, limit: int) -> list[StoredEvent]:
    """Sequenced events after a position, in order."""
    found = rows.LOG_AFTER.rows(connection, {"position": str(position), "limit": str(limit)})
    return [rows.spelled_event(row) for row in found]


def _question(
    aggregate: Aggregate[Any, Any], stream_id: str, known: Remembered | None
) -> tuple[Prepared, dict[str, str | None]]:
    """What is asked to learn all of a stream that is not remembered."""
    if known is not None:
        return rows.SINCE, {"stream_id": stream_id, "version": str(known.folded.loaded.version)}
    if aggregate.snapshots is None:
        return rows.SINCE, {"stream_id": stream_id, "version": "0"}
    return rows.TAIL, {"stream_id": stream_id, "fold_version": str(aggregate.snapshots.fold_version)}


def _kept(found: Sequence[Row]) -> tuple[Snapshot | None, list[StoredEvent]]:
    """A snapshot, which has no stream's name and comes first, and the events after it."""
    kept = None
    if found and found[0][0] is None:
        kept = Snapshot(int(found[0][1] or 0), from_json(found[0][5] or b""))
    return kept, [rows.spelled_event(row) for row in found[kept is not None :]]


def _lock_position(transaction: PostgresTransaction, follower_name: str) -> int | None:
    found = transaction.talk.ask(rows.LOCK_POSITION, {"name": follower_name})
    if not found:
        added = transaction.connection.execute(
            "INSERT INTO follower_positions (name, position) VALUES (%s, 0) ON CONFLICT DO NOTHING", (follower_name,)
        )
        return 0 if added.rowcount else None
    return int(found[0][0] or 0)


def _one(writing: Writing) -> dict[str, str]:
    event = writing.events[0]
    return {
        "version": str(event.version),
        "event_id": event.event_id,
        "type": event.type,
        "schema_version": str(event.schema_version),
        "data": writing.data[0],
    }


def _columns(writing: Writing) -> dict[str, str]:
    return {
        "version": number_array(event.version for event in writing.events),
        "event_id": text_array(event.event_id for event in writing.events),
        "type": text_array(event.type for event in writing.events),
        "schema_version": number_array(event.schema_version for event in writing.events),
        "data": text_array(writing.data),
    }


def _waits(writing: Writing) -> dict[str, str]:
    return {
        "cleared": text_array(writing.waits_cleared),
        "wait_names": text_array(writing.waits_set),
        "wait_times": text_array(due_at.isoformat() for due_at in writing.waits_set.values()),
    }
