"""What devices say of where their riders are: judged, kept as the last word only, and a sign of life."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.dispatch import views
from services.dispatch.application import perform
from services.dispatch.codec import RIDER
from services.dispatch.domain.errors import RiderNotFound
from services.dispatch.domain.policy import PolicySource
from services.dispatch.domain.positions import Position, Verdict, judge
from services.dispatch.domain.rider.commands import NoteSignOfLife
from services.dispatch.domain.rider.state import Rider
from shared.eventstore.model import Context
from shared.eventstore.ports import Transaction


@dataclass(frozen=True, slots=True)
class Tracked:
    """What became of reported positions; `last` is the newest that was believed, if any was."""

    verdicts: tuple[Verdict, ...]
    last: Position | None
    carrying: str | None


def track(
    transaction: Transaction, rider_id: str, reported: Sequence[Position], context: Context, policy: PolicySource
) -> Tracked:
    """Keeps the newest believable position. Nobody is tracked off shift."""
    rider = _rider(transaction, rider_id)
    if not rider.on_shift:
        return Tracked(tuple(Verdict(position, "off_shift") for position in reported), None, None)
    last = views.position_of(transaction.connection, rider_id)
    verdicts = tuple(judge(reported, last, context.now, policy.at(None, context.now)))
    believed = [verdict.position for verdict in verdicts if verdict.refused is None]
    if not believed:
        return Tracked(verdicts, None, rider.carrying)
    views.save_position(transaction.connection, rider_id, believed[-1])
    if rider.silent:
        perform(transaction, NoteSignOfLife(rider_id=rider_id), context, policy)
    return Tracked(verdicts, believed[-1], rider.carrying)


def _rider(transaction: Transaction, rider_id: str) -> Rider:
    """By the read model, which is quick; by the stream when that does not know of a shift yet."""
    row = views.rider_row(transaction.connection, rider_id)
    if row is not None and row.rider.on_shift:
        return row.rider
    rider = transaction.load(RIDER, rider_id).state
    if not rider.rider_id:
        raise RiderNotFound("there is no such rider")
    return rider
