"""How an order ends, whoever ends it: the shared last steps of people's, facts' and time's decisions."""

from datetime import datetime

from services.order.domain.commands import OrderCommand
from services.order.domain.events import (
    DeliveryContactWithdrawn,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderEvent,
    OrderReturned,
    WithdrawalRequested,
)
from services.order.domain.fees import fee_of
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, Goods


def cancelled(order: Order, command: OrderCommand, by: By, reason: str, policy: OrderPolicy) -> list[OrderEvent]:
    """Over: what was told in private is taken back, and goods that are home already are said to be."""
    whose = order.whose(command.at)
    archive_at = command.now + policy.span("archive")
    fee = fee_of(order, by, policy)
    ending = OrderCancelled(
        **whose,
        by=by,
        reason=reason,
        fee_cents=fee.cents,
        archive_at=archive_at,
        fee_merchant_cents=fee.merchant_cents,
        fee_carrier_cents=fee.carrier_cents,
        carrier_id=order.rider_id if fee.carrier_cents else None,
    )
    events: list[OrderEvent] = [ending]
    if order.goods is Goods.RETURNED:
        events.append(OrderReturned(**whose))
    return [*events, *contact_withdrawn(order, command.at)]


def contact_withdrawn(order: Order, at: datetime) -> list[OrderEvent]:
    return [DeliveryContactWithdrawn(**order.whose(at))] if order.contact_shared else []


def wish_to_cancel(order: Order, command: OrderCommand, by: By, reason: str, policy: OrderPolicy) -> list[OrderEvent]:
    """Until a rider is assigned the order decides by itself; from then on the delivery is asked."""
    if order.rider_id is None:
        return cancelled(order, command, by, reason, policy)
    return [ask_to_withdraw(order, command, by, reason, 1, policy)]


def ask_to_withdraw(
    order: Order, command: OrderCommand, by: By, reason: str, asks: int, policy: OrderPolicy
) -> WithdrawalRequested:
    return WithdrawalRequested(
        **order.whose(command.at),
        by=by,
        reason=reason,
        answer_by=command.now + policy.span("withdrawal_answer"),
        asks=asks,
    )


def completed(order: Order, command: OrderCommand, by: By, policy: OrderPolicy) -> list[OrderEvent]:
    """Confirmed, by customer or time, and with that complete."""
    whose = order.whose(command.at)
    return [
        OrderConfirmed(**whose, by=by),
        OrderCompleted(
            **whose,
            review_by=command.now + policy.span("review"),
            archive_at=command.now + policy.span("archive"),
        ),
        *contact_withdrawn(order, command.at),
    ]
