"""Who is asked once an order is paid for: its merchant, or nobody, because an errand has none."""

from services.order.domain.commands import OrderCommand
from services.order.domain.events import (
    DeliveryContactShared,
    OrderAccepted,
    OrderAwaitingMerchant,
    OrderEvent,
    OrderReady,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import NO_MERCHANT, OrderState
from services.order.domain.watching import next_step_at


def ask(order: Order, command: OrderCommand, policy: OrderPolicy) -> list[OrderEvent]:
    """The merchant is asked and has so long to answer; an errand is accepted and ready for its rider at once."""
    whose = order.whose(command.at)
    if order.placed.merchant_id == NO_MERCHANT:
        late_at = command.now + policy.span("preparation_grace")
        return [
            OrderAccepted(**whose, ready_at=command.at, late_at=late_at),
            contact_shared(order, command),
            OrderReady(**whose, stalled_at=next_step_at(OrderState.READY, command.now, policy)),
        ]
    return [
        OrderAwaitingMerchant(
            **whose,
            answer_by=command.now + policy.span("merchant_answer"),
            remind_at=command.now + policy.span("merchant_reminder"),
        )
    ]


def contact_shared(order: Order, command: OrderCommand) -> DeliveryContactShared:
    """Who and where, for those who deliver and those who notify."""
    placed = order.placed
    return DeliveryContactShared(
        **order.whose(command.at), recipient=placed.recipient, pickup=placed.pickup, errand=placed.errand
    )
