"""Where a step belongs that nobody asked for: to the event that made it due, and to that event's trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from shared.eventstore import spans
from shared.eventstore.model import Context, DueDeadline, StoredEvent
from shared.eventstore.ports import Transaction


@contextmanager
def of_deadline(tx: Transaction, due: DueDeadline, actor: str, now: datetime) -> Iterator[Context]:
    """The context of what a wait that ran out leads to: a consequence of the event that set it."""
    set_by = (
        tx.stream(due.stream_id, due.set_by - 1, due.set_by)
        if due.set_by
        # Set by a release that did not write down who set it.
        else tx.stream(due.stream_id)
    )
    with _step(f"deadline {due.name}", set_by[-1], actor, now) as context:
        yield context


@contextmanager
def of_state(
    tx: Transaction, name: str, stream_id: str, version: int, actor: str, now: datetime
) -> Iterator[Context]:
    """The context of what is done because of how a stream stands: a consequence of the event of that version."""
    [stands] = tx.stream(stream_id, version - 1, version)
    with _step(name, stands, actor, now) as context:
        yield context


def not_told_of(tx: Transaction, stream_id: str, version: int, told_in: str) -> tuple[str, int]:
    """The stream and version that one more word in the stream `told_in` follows from: what happened in the other, and
    when that was the cause of a word there already, the last word, which does not hold any more.

    So each event is the cause of one effect, however often only the time that has passed makes something due.
    """
    [happened] = tx.stream(stream_id, version - 1, version)
    told = tx.stream(told_in)
    if any(each.causation_id == happened.event_id for each in told):
        return told[-1].stream_id, told[-1].version
    return stream_id, version


@contextmanager
def _step(name: str, cause: StoredEvent, actor: str, now: datetime) -> Iterator[Context]:
    told: spans.Attributes = {"doorstep.stream": cause.stream_id, "doorstep.version": cause.version}
    with spans.span(name, spans.Kind.INTERNAL, cause.traceparent, told) as traceparent:
        yield Context(
            actor=actor,
            now=now,
            occurred_at=now,
            correlation_id=cause.correlation_id,
            causation_id=cause.event_id,
            traceparent=traceparent,
        )
