"""A rider who cannot go on: what becomes of each delivery of his, in one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.application import Command, perform
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import taking
from services.dispatch.domain.delivery.state import BEFORE_PICKUP, Delivery
from services.dispatch.domain.policy import PolicySource
from services.dispatch.domain.rider.commands import EndShift
from services.dispatch.domain.values import FailureReason
from services.dispatch.engine.replanning import Cause
from shared.eventstore.model import Context
from shared.eventstore.ports import Transaction
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """`hands_over_at`: where he waits with what he has in hand, and the cell of that place; None: he does not."""

    rider_id: str
    reason: FailureReason
    hands_over_at: tuple[Place, str] | None
    occurred_at: datetime
    now: datetime


def break_down(transaction: Transaction, breakdown: Breakdown, context: Context, policies: PolicySource) -> None:
    """Takes off him what he has not fetched, hands over or fails what he has, and ends his shift. Said again, there
    is nothing left to do."""
    rider = transaction.load(RIDER, breakdown.rider_id).state
    carried = {each: transaction.load(DELIVERY, each).state for each in rider.carrying}
    for command in (*_commands(breakdown, carried), EndShift(rider_id=breakdown.rider_id)):
        perform(transaction, command, context, policies)


def _commands(breakdown: Breakdown, carried: dict[str, Delivery]) -> Iterator[Command]:
    """What fails comes last: his shift ends with that, and all that he still has is lost."""
    failing = []
    for delivery_id, delivery in carried.items():
        if delivery.stage in BEFORE_PICKUP and not delivery.has_goods:
            yield taking.TakeOff(
                delivery_id=delivery_id,
                rider_id=breakdown.rider_id,
                cause=Cause.RIDER_DOWN.value,
                down=True,
                now=breakdown.now,
            )
        elif breakdown.hands_over_at is not None and delivery.stage not in BEFORE_PICKUP:
            place, cell = breakdown.hands_over_at
            yield taking.HandOver(
                delivery_id=delivery_id,
                rider_id=breakdown.rider_id,
                place=place,
                cell=cell,
                reason=breakdown.reason,
                now=breakdown.now,
            )
        else:
            failing.append(delivery_id)
    for delivery_id in failing[:1]:
        yield c.ReportFailure(
            delivery_id=delivery_id,
            rider_id=breakdown.rider_id,
            reason=breakdown.reason,
            goods=None,
            evidence=(),
            occurred_at=breakdown.occurred_at,
            now=breakdown.now,
        )
