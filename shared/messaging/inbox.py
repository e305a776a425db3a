"""Takes batches of messages in so that every effect happens once, whatever is sent again, fails or falls over."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore import spans
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import DomainError
from shared.messaging import metrics
from shared.messaging.batch import Batch, EarlierMissing, batch_of
from shared.messaging.dead import park_dead
from shared.messaging.outages import is_outage
from shared.messaging.sequences import (
    Position,
    Received,
    SequenceKey,
    in_order,
    lock_positions,
    park,
    read,
    save_positions,
)

__all__ = ["Batch", "Handle", "Inbox", "batch_of"]

TRIES = 3
PAUSE_BETWEEN_TRIES_SECONDS = 0.05

Handle = Callable[[Transaction, Envelope, Message], None]
"""What a service does on a message, all within the transaction given, any number of times until it commits."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Outcome:
    """What became of a batch, counted once the transaction has committed."""

    handled: int = 0
    duplicates: int = 0
    late: int = 0
    gaps: int = 0
    parked: Counter[str] = field(default_factory=Counter)
    held: list[Received] = field(default_factory=list)


class Inbox:
    """One handler's memory of what it has heard.

    A batch is one transaction. When that fails the messages are tried one by one, each a bounded number of times; one
    that keeps failing on its own is parked with all that follow it in its sequence, and the others go on. When a
    backend is away the error passes through and nothing is parked: the subscription keeps the batch and pauses.

    `heard` are the messages that the handler subscribes to. With them it knows from a message's `previous` which one
    must have come before it, and holds it back in a patient batch until that one has come.
    """

    def __init__(
        self,
        store: Store,
        handler_name: str,
        handle: Handle,
        *,
        heard: Iterable[type[Message]] = (),
        tries: int = TRIES,
    ) -> None:
        self.store = store
        self.name = handler_name
        self.handle = handle
        self._tries = tries
        self._heard: dict[str, set[str]] = defaultdict(set)
        for message in heard:
            self._heard[message.source()].add(message.type_name())

    def consume(self, batch: Batch) -> None:
        """Takes every message of the batch in, or raises an outage; safe to repeat with the same batch.

        Raises EarlierMissing, when all others are taken in, with those that must wait. A dead batch is parked.
        """
        if batch.dead:
            park_dead(self.store, self.name, batch)
            return
        known = [(each, received) for each in batch if (received := read(each.body)) is not None]
        metrics.UNKNOWN.labels(self.name).inc(len(batch) - len(known))
        if not known:
            return
        held = self._take_all([received for _, received in known], batch.patient)
        if held:
            waiting = {id(received) for received in held}
            raise EarlierMissing(
                tuple(arrived for arrived, received in known if id(received) in waiting), self._missing(held)
            )

    def _take_all(self, received: Sequence[Received], patient: bool) -> list[Received]:
        """Returns what must wait."""
        try:
            return self._count(self.store.run(lambda tx: self._take(tx, received, patient)))
        except Exception as error:
            if is_outage(error):
                raise
            _log.info("batch_failed", handler=self.name, size=len(received), error=repr(error))
        return [held for each in in_order(received) for held in self._take_one(each, patient)]

    def _take_one(self, received: Received, patient: bool) -> list[Received]:
        """Tries one message a bounded number of times, then parks it; returns it when it must wait."""
        failure: Exception
        for attempt in range(1, self._tries + 1):
            try:
                return self._count(self.store.run(lambda tx: self._take(tx, [received], patient)))
            except Exception as error:
                if is_outage(error):
                    raise
                failure = error
                if isinstance(error, DomainError):
                    break
                time.sleep(PAUSE_BETWEEN_TRIES_SECONDS * attempt)
        cause = "refused" if isinstance(failure, DomainError) else "failed"
        _log.error(
            "message_parked",
            handler=self.name,
            message_id=received.message_id,
            type=received.type,
            subject=received.key.stream_id,
            exc_info=failure,
        )
        return self._count(self.store.run(lambda tx: self._set_aside(tx, received, cause, failure, attempt)))

    def _take(self, tx: Transaction, received: Sequence[Received], patient: bool) -> _Outcome:
        """Handles what is new and in order, drops what was seen, holds back what must wait, parks what is unreadable
        or behind a parked one."""
        outcome = _Outcome()
        positions = lock_positions(tx.connection, self.name, {each.key for each in received})
        moved: dict[SequenceKey, Position] = {}
        for each in in_order(received):
            position = positions[each.key]
            if position.seen(each.sequence):
                outcome.duplicates += 1
                continue
            if not position.seen(self._before(each)):
                if patient:
                    outcome.held.append(each)
                    continue
                outcome.gaps += 1
            moved[each.key] = position
            if position.parked:
                park(tx.connection, self.name, each, position, "behind", "an earlier one is parked", 0)
                outcome.parked["behind"] += 1
            elif each.envelope is None or each.message is None:
                park(tx.connection, self.name, each, position, "unreadable", each.fault or "unreadable", 1)
                outcome.parked["unreadable"] += 1
            else:
                self._handle(tx, each.envelope, each.message)
                outcome.late += each.sequence < position.version
                position.take(each.sequence)
                outcome.handled += 1
        save_positions(tx.connection, self.name, moved)
        return outcome

    def _before(self, received: Received) -> int:
        """The sequence of the message that this handler must have had just before; 0 for none."""
        if received.envelope is None:
            return 0
        return received.envelope.newest_before(self._heard.get(received.key.source, ()))

    def _missing(self, held: Sequence[Received]) -> str:
        first = held[0]
        return f"{first.key.stream_id} {first.sequence} waits for {self._before(first)}, {len(held)} messages in all"

    def _handle(self, tx: Transaction, envelope: Envelope, message: Message) -> None:
        if not spans.on():
            self.handle(tx, envelope, message)
            return
        told = {"messaging.system": "rabbitmq", "messaging.message.id": envelope.id, "doorstep.handler": self.name}
        name = f"handle {envelope.type}"
        with spans.span(name, spans.Kind.CONSUMER, envelope.traceparent, told) as traceparent:
            self.handle(tx, envelope.model_copy(update={"traceparent": traceparent}), message)

    def _set_aside(self, tx: Transaction, received: Received, cause: str, failure: Exception, tries: int) -> _Outcome:
        position = lock_positions(tx.connection, self.name, [received.key])[received.key]
        if position.seen(received.sequence):
            return _Outcome(duplicates=1)
        park(tx.connection, self.name, received, position, cause, describe(failure), tries)
        save_positions(tx.connection, self.name, {received.key: position})
        return _Outcome(parked=Counter({cause: 1}))

    def _count(self, outcome: _Outcome) -> list[Received]:
        """Counts what was committed; returns what must wait."""
        metrics.HANDLED.labels(self.name).inc(outcome.handled)
        metrics.DUPLICATES.labels(self.name).inc(outcome.duplicates)
        metrics.LATE.labels(self.name).inc(outcome.late)
        metrics.GAPS.labels(self.name).inc(outcome.gaps)
        for cause, number in outcome.parked.items():
            metrics.PARKED.labels(self.name, cause).inc(number)
        return outcome.held


def describe(failure: BaseException) -> str:
    """One line on what went wrong, with a refusal's stable code."""
    code = f"[{failure.code}] " if isinstance(failure, DomainError) else ""
    return f"{code}{type(failure).__name__}: {failure}"
