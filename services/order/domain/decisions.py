"""What people may do with an order: one function per command. Where it is possible at all, the table says."""

from datetime import datetime
from typing import assert_never

from services.order.domain.amending import change_address, change_items
from services.order.domain.asking import contact_shared
from services.order.domain.commands import (
    AcceptOrder,
    CancelOrder,
    ChangeAddress,
    ChangeItems,
    ConfirmOrder,
    CorrectOrder,
    ExtendPreparation,
    MarkReady,
    ModerateReview,
    PersonalCommand,
    RejectOrder,
    ReviewOrder,
    StartPreparation,
)
from services.order.domain.correcting import correct
from services.order.domain.ending import cancelled, completed, wish_to_cancel
from services.order.domain.errors import (
    NotAnExtension,
    OrderNotDueYet,
    OrderWithSupport,
    PaymentPending,
    ReadyTimeOutOfRange,
)
from services.order.domain.events import (
    OrderAccepted,
    OrderEvent,
    OrderReady,
    OrderRejected,
    PreparationExtended,
    PreparationStarted,
)
from services.order.domain.lifecycle import Moves, check
from services.order.domain.policy import OrderPolicy
from services.order.domain.reviewing import moderate, review
from services.order.domain.state import Order
from services.order.domain.transitions import CANCEL, row_of
from services.order.domain.values import By, Goods, OrderState
from services.order.domain.watching import next_step_at
from shared.kernel.errors import DomainError

_S = OrderState


def decide(command: PersonalCommand, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """What a person's command leads to; raises a DomainError when it may not be."""
    if not check(row_of(command), order.state, order.order_id):
        return []
    match command:
        case AcceptOrder():
            return accept(command, order, policy)
        case RejectOrder():
            return reject(command, order, policy)
        case ExtendPreparation():
            return extend_preparation(command, order, policy)
        case StartPreparation():
            return start_preparation(command, order)
        case MarkReady():
            return mark_ready(command, order, policy)
        case _:
            return _after_the_kitchen(command, order, policy)


AfterTheKitchen = (
    CancelOrder | ConfirmOrder | ReviewOrder | CorrectOrder | ChangeAddress | ChangeItems | ModerateReview
)


def _after_the_kitchen(command: AfterTheKitchen, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    match command:
        case CancelOrder():
            return cancel(command, order, policy)
        case ConfirmOrder():
            return completed(order, command, By.CUSTOMER, policy)
        case ReviewOrder():
            return review(command, order, policy)
        case CorrectOrder():
            return correct(command, order, policy)
        case ChangeAddress():
            return change_address(command, order, policy)
        case ChangeItems():
            return change_items(command, order)
        case ModerateReview():
            return moderate(command, order)
        case _:
            assert_never(command)


def _refusal(kind: type[DomainError], sentence: str, order: Order) -> DomainError:
    return kind(sentence, order_id=order.order_id, state=order.state.value)


def accept(command: AcceptOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The merchant takes the order on, once it is paid for."""
    if order.scheduled and order.answer_by is None:
        raise _refusal(OrderNotDueYet, "this order is for later: its merchant is asked in time", order)
    if order.answer_by is None:
        raise _refusal(PaymentPending, "the payment is not authorised yet", order)
    _check_ready_time(command.ready_at, command.now, order, policy)
    whose = order.whose(command.at)
    late_at = max(command.ready_at, command.now) + policy.span("preparation_grace")
    return [
        OrderAccepted(**whose, ready_at=command.ready_at, late_at=late_at),
        contact_shared(order, command),
    ]


def _check_ready_time(ready_at: datetime, now: datetime, order: Order, policy: OrderPolicy) -> None:
    # A kitchen may have been faster than the clerk: any time since the order was placed is possible.
    if not order.placed.at <= ready_at <= now + policy.span("preparation_max"):
        raise ReadyTimeOutOfRange(
            "food is ready between the placing of the order and a day from now",
            order_id=order.order_id,
            ready_at=ready_at.isoformat(),
        )


def reject(command: RejectOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The merchant declines, before accepting only."""
    archive_at = command.now + policy.span("archive")
    return [OrderRejected(**order.whose(command.at), reason=command.reason, archive_at=archive_at)]


def extend_preparation(command: ExtendPreparation, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """A later time for the food, told to the customer; the same time again changes nothing."""
    if order.ready_at is None or command.ready_at == order.ready_at:
        return []
    if command.ready_at < order.ready_at:
        raise NotAnExtension(
            "the new time is not later than the promised one",
            order_id=order.order_id,
            ready_at=order.ready_at.isoformat(),
        )
    _check_ready_time(command.ready_at, command.now, order, policy)
    return [
        PreparationExtended(
            **order.whose(command.at),
            ready_at=command.ready_at,
            late_at=max(command.ready_at, command.now) + policy.span("preparation_grace"),
            reason=command.reason,
        )
    ]


def start_preparation(command: StartPreparation, order: Order) -> list[OrderEvent]:
    if order.food_ready or order.picked_up or order.step("preparing") is not None:
        return []
    return [PreparationStarted(**order.whose(command.at))]


def mark_ready(command: MarkReady, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The food stands on the counter: a fact of the kitchen, recorded even while a cancellation is being decided."""
    if order.food_ready or order.picked_up:
        return []
    stalled_at = next_step_at(_S.READY, command.now, policy)
    return [OrderReady(**order.whose(command.at), stalled_at=stalled_at)]


def cancel(command: CancelOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Cancels at once until a rider is assigned; from then on asks the delivery, which knows who has the goods."""
    if order.state not in (_S.DELIVERY_EXCEPTION, _S.RETURNING):
        return wish_to_cancel(order, command, command.by, command.reason, policy)
    if order.goods is Goods.WITH_RIDER:
        raise _refusal(OrderWithSupport, "support is solving this delivery", order)
    return cancelled(order, command, command.by, command.reason, policy)


def can_cancel(order: Order) -> bool:
    """Whether a customer's wish to cancel would be heard; dispatch refuses it from an errand's first goods on."""
    with_rider = order.state in (_S.DELIVERY_EXCEPTION, _S.RETURNING) and order.goods is Goods.WITH_RIDER
    some = any(not each.empty_handed for each in order.collected)
    return isinstance(CANCEL.cells[order.state], Moves) and not (with_rider or some)


def can_review(order: Order, now: datetime) -> bool:
    return order.state is _S.COMPLETED and order.review_by is not None and now <= order.review_by
