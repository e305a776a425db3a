"""What an on-call operator does about messages that were set aside: see them, try again, or skip with a reason."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from shared.eventstore.model import Context
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import DomainError, Fault, InvalidInput, NotFound
from shared.messaging import metrics
from shared.messaging.inbox import Inbox, describe
from shared.messaging.operations import (
    PARKED,
    ParkedEvent,
    ParkedMessageRetried,
    ParkedMessageSkipped,
    RetryOutcome,
    SetAside,
    stream_of,
)
from shared.messaging.outages import is_outage
from shared.messaging.sequences import UNREADABLE, SequenceKey, lock_positions, printable, read

RETRY_LIMIT = 1000
MAX_REASON_LENGTH = 1000

_log = structlog.get_logger(__name__)


class ParkedNotFound(NotFound):
    """No such message, or it is not parked any more."""

    code = "parked.not_found"


class NotFirstOfItsSequence(DomainError):
    """Order would be lost: an earlier message of the sequence is parked too."""

    code = "parked.not_first"


class NobodyHandles(DomainError):
    """The message was parked for a handler that this process does not run."""

    code = "parked.no_handler"


class StillUnreadable(Exception):
    """Trying again cannot help: this release cannot read the message at all."""


@dataclass(frozen=True, slots=True)
class ParkedSequence:
    """A sequence that stands still: its first message, why it failed, and how many wait, the first included."""

    parked_id: int
    handler: str
    source: str
    stream_id: str
    partition_key: str
    sequence: int
    message_id: str
    type: str
    cause: str
    error: str
    tries: int
    parked_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """One message that waits, with its bytes whole (they may hold personal data: for operators only).

    `body` shows them as text, with a mark in place of what is none; `body_base64` is exactly what came.
    """

    parked_id: int
    handler: str
    source: str
    stream_id: str
    partition_key: str
    sequence: int
    message_id: str
    type: str
    cause: str
    error: str
    tries: int
    parked_at: datetime
    tried_at: datetime | None
    body: str
    body_base64: str


@dataclass(frozen=True, slots=True)
class Retried:
    """How far a retry came; `error` is why it stopped before the end."""

    handled: int
    left: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ParkedSummary:
    """How much waits for one handler and since when."""

    handler: str
    sequences: int
    messages: int
    oldest_parked_at: datetime
    oldest_seconds: float


class Parked:
    """The parked messages of one service. Retrying needs the inboxes whose messages they are; the rest does not.

    Whatever an operator does is written down as an event, in the transaction that does it.
    """

    def __init__(self, store: Store, inboxes: Sequence[Inbox] = ()) -> None:
        self._store = store
        self._inboxes = {inbox.name: inbox for inbox in inboxes}

    def summary(self) -> list[ParkedSummary]:
        """Counts and ages per handler; also sets the gauges that alerts watch."""
        with self._store.transaction() as tx:
            rows = tx.connection.execute(
                """SELECT handler, count(DISTINCT (source, stream_id, partition_key)) AS sequences,
                          count(*) AS messages, min(parked_at) AS oldest_parked_at,
                          extract(epoch FROM clock_timestamp() - min(parked_at))::float8 AS oldest_seconds
                     FROM parked WHERE state = 'parked' GROUP BY handler ORDER BY handler"""
            ).fetchall()
        summaries = [ParkedSummary(**row) for row in rows]
        metrics.PARKED_WAITING.clear()
        metrics.PARKED_OLDEST_SECONDS.clear()
        for each in summaries:
            metrics.PARKED_WAITING.labels(each.handler).set(each.messages)
            metrics.PARKED_OLDEST_SECONDS.labels(each.handler).set(each.oldest_seconds)
        return summaries

    def list(self, limit: int = 100, after: int = 0) -> list[ParkedSequence]:
        """Sequences that stand still, oldest first; page on with the last `parked_id`."""
        with self._store.transaction() as tx:
            rows = tx.connection.execute(
                """SELECT DISTINCT ON (handler, source, stream_id, partition_key)
                          parked_id, handler, source, stream_id, partition_key, sequence, message_id, type, cause,
                          error, tries, parked_at,
                          count(*) OVER (PARTITION BY handler, source, stream_id, partition_key) AS waiting
                     FROM parked WHERE state = 'parked'
                    ORDER BY handler, source, stream_id, partition_key, sequence"""
            ).fetchall()
        heads = sorted((ParkedSequence(**row) for row in rows), key=lambda head: head.parked_id)
        return [head for head in heads if head.parked_id > after][:limit]

    def show(self, parked_id: int, limit: int = 100) -> Sequence[ParkedMessage]:
        """The sequence that a parked message belongs to, first message first; raises ParkedNotFound."""
        with self._store.transaction() as tx:
            found = _find(tx, parked_id)
            rows = tx.connection.execute(
                """SELECT parked_id, handler, source, stream_id, partition_key, sequence, message_id, type, cause,
                          error, tries, parked_at, tried_at, body
                     FROM parked
                    WHERE state = 'parked' AND (handler, source, stream_id, partition_key) = (%s, %s, %s, %s)
                    ORDER BY sequence LIMIT %s""",
                (found["handler"], *_key(found), limit),
            ).fetchall()
        return [ParkedMessage(**{**row, **_shown(bytes(row["body"]))}) for row in rows]

    def retry(self, parked_id: int, context: Context, limit: int = RETRY_LIMIT) -> Retried:
        """Tries the sequence of a parked message again, first message first, until one fails or none is left.

        Each message is a transaction of its own; `context` says who asked. Raises ParkedNotFound, NobodyHandles, or
        an outage.
        """
        with self._store.transaction() as tx:
            found = _find(tx, parked_id)
        handler, key = found["handler"], _key(found)
        inbox = self._inboxes.get(handler)
        if inbox is None:
            raise NobodyHandles(f"no handler {handler} runs here", handler=handler)
        handled = 0
        while handled < limit:
            try:
                done = self._store.run(lambda tx: _retry_first(tx, inbox, key, context))
            except Exception as error:
                if is_outage(error):
                    raise
                _log.warning("retry_failed", handler=handler, subject=key.stream_id, by=context.actor, exc_info=error)
                left = self._store.run(partial(_note, handler=handler, key=key, error=error, context=context))
                return Retried(handled, left, describe(error))
            if not done:
                break
            handled += 1
        _log.info("retried", handler=handler, subject=key.stream_id, by=context.actor, handled=handled)
        with self._store.transaction() as tx:
            return Retried(handled, _waiting(tx, handler, key))

    def skip(self, parked_id: int, context: Context, reason: str) -> None:
        """Gives the first message of a sequence up for good, with the reason kept; the next one is then first."""
        if not reason.strip() or len(reason) > MAX_REASON_LENGTH or "\0" in reason:
            raise InvalidInput([Fault("reason", "required", "say in up to 1000 characters why it may be skipped")])
        self._store.run(lambda tx: _skip(tx, parked_id, context, reason.strip()))
        _log.warning("skipped", parked_id=parked_id, by=context.actor, reason=reason)


def _find(tx: Transaction, parked_id: int) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = tx.connection.execute(
        """SELECT handler, source, stream_id, partition_key, sequence
             FROM parked WHERE parked_id = %s AND state = 'parked'""",
        (parked_id,),
    ).fetchone()
    if row is None:
        raise ParkedNotFound("this message is not parked (any more)", parked_id=parked_id)
    return row


def _key(row: Mapping[str, Any]) -> SequenceKey:
    return SequenceKey(row["source"], row["stream_id"], row["partition_key"])


def _shown(body: bytes) -> dict[str, str]:
    return {"body": body.decode(errors="replace"), "body_base64": base64.b64encode(body).decode()}


def _first(tx: Transaction, handler: str, key: SequenceKey) -> Mapping[str, Any] | None:
    """The first parked message, once the position's lock keeps consumers and other operators away."""
    lock_positions(tx.connection, handler, [key])
    row: Mapping[str, Any] | None = tx.connection.execute(
        """SELECT parked_id, handler, source, stream_id, partition_key, sequence, message_id, type, cause, body
             FROM parked
            WHERE state = 'parked' AND (handler, source, stream_id, partition_key) = (%s, %s, %s, %s)
            ORDER BY sequence LIMIT 1""",
        (handler, *key),
    ).fetchone()
    return row


def _waiting(tx: Transaction, handler: str, key: SequenceKey) -> int:
    return lock_positions(tx.connection, handler, [key])[key].parked


def _retry_first(tx: Transaction, inbox: Inbox, key: SequenceKey, context: Context) -> bool:
    first = _first(tx, inbox.name, key)
    if first is None:
        return False
    received = read(bytes(first["body"]))
    if received is None or received.envelope is None or received.message is None:
        fault = received.fault if received and received.fault else "its type is unknown to this release"
        raise StillUnreadable(f"it cannot be read: {fault}")
    inbox.handle(tx, received.envelope, received.message)
    _settle(tx, first, "retried", context, None)
    _record(tx, ParkedMessageRetried(_set_aside(first), RetryOutcome.HANDLED), context)
    return True


def _skip(tx: Transaction, parked_id: int, context: Context, reason: str) -> None:
    found = _find(tx, parked_id)
    first = _first(tx, found["handler"], _key(found))
    if first is None or first["parked_id"] != parked_id:
        raise NotFirstOfItsSequence("an earlier message of its sequence is parked", parked_id=parked_id)
    _settle(tx, first, "skipped", context, reason)
    _record(tx, ParkedMessageSkipped(_set_aside(first), reason), context)


def _settle(tx: Transaction, first: Mapping[str, Any], state: str, context: Context, reason: str | None) -> None:
    """What was parked stays on record, without the body when that may hold personal data."""
    tx.connection.execute(
        """UPDATE parked
              SET state = %s, settled_by = %s, reason = %s, settled_at = clock_timestamp(),
                  tries = tries + CASE WHEN %s = 'retried' THEN 1 ELSE 0 END,
                  body = CASE WHEN source LIKE '%%/private' OR source = %s OR cause = 'unreadable' THEN NULL
                              ELSE body END
            WHERE parked_id = %s""",
        (state, context.actor, reason, state, UNREADABLE, first["parked_id"]),
    )
    tx.connection.execute(
        """UPDATE inbox_position SET parked = parked - 1
            WHERE (handler, source, stream_id, partition_key) = (%s, %s, %s, %s)""",
        (first["handler"], *_key(first)),
    )


def _note(tx: Transaction, handler: str, key: SequenceKey, error: Exception, context: Context) -> int:
    """Writes down why a retry failed; returns how many messages still wait."""
    first = _first(tx, handler, key)
    if first is not None:
        tx.connection.execute(
            """UPDATE parked SET error = %s, tries = tries + 1, tried_at = clock_timestamp() WHERE parked_id = %s""",
            (printable(describe(error)), first["parked_id"]),
        )
        kind = error.code if isinstance(error, DomainError) else type(error).__name__
        _record(tx, ParkedMessageRetried(_set_aside(first), RetryOutcome.FAILED, kind), context)
    return _waiting(tx, handler, key)


def _set_aside(row: Mapping[str, Any]) -> SetAside:
    return SetAside(**{name: value for name, value in row.items() if name != "body"})


def _record(tx: Transaction, event: ParkedEvent, context: Context) -> None:
    tx.execute(PARKED, stream_of(event.message.parked_id), lambda _story: [event], context)
