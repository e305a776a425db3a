"""What people may do with an order: one function per command, each closed over every state there is."""

from datetime import datetime
from typing import assert_never

from services.order.domain.commands import (
    AcceptOrder,
    CancelOrder,
    ConfirmOrder,
    ExtendPreparation,
    MarkReady,
    OrderCommand,
    PersonalCommand,
    RejectOrder,
    ReviewOrder,
    StartPreparation,
)
from services.order.domain.ending import cancelled, completed, wish_to_cancel
from services.order.domain.errors import (
    AlreadyReviewed,
    FoodAlreadyReady,
    NotAnExtension,
    OrderAlreadyAccepted,
    OrderAlreadyDelivered,
    OrderAlreadyPickedUp,
    OrderEnded,
    OrderIsCancelling,
    OrderNotAccepted,
    OrderNotDelivered,
    OrderWithSupport,
    PaymentPending,
    ReadyTimeOutOfRange,
    ReviewIsClosed,
)
from services.order.domain.events import (
    DeliveryContactShared,
    OrderAccepted,
    OrderEvent,
    OrderReady,
    OrderRejected,
    OrderReviewed,
    PreparationExtended,
    PreparationStarted,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, Goods, OrderState, Review
from shared.kernel.errors import DomainError

_S = OrderState


def decide(command: PersonalCommand, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """What a person's command leads to; raises a DomainError when it may not be."""
    match command:
        case AcceptOrder():
            return accept(command, order, policy)
        case RejectOrder():
            return reject(command, order)
        case ExtendPreparation():
            return extend_preparation(command, order, policy)
        case StartPreparation():
            return start_preparation(command, order)
        case MarkReady():
            return mark_ready(command, order)
        case CancelOrder():
            return cancel(command, order, policy)
        case ConfirmOrder():
            return confirm(command, order, policy)
        case ReviewOrder():
            return review(command, order)
        case _:
            assert_never(command)


def _refusal(kind: type[DomainError], sentence: str, order: Order) -> DomainError:
    return kind(sentence, order_id=order.order_id, state=order.state.value)


def _ended(order: Order) -> DomainError:
    return _refusal(OrderEnded, f"this order is {order.state.value}", order)


def accept(command: AcceptOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The merchant takes the order on, once it is paid for; accepting again changes nothing."""
    match order.state:
        case _S.PENDING_ACCEPTANCE:
            if order.answer_by is None:
                raise _refusal(PaymentPending, "the payment is not authorised yet", order)
            _check_ready_time(command.ready_at, command.now, order, policy)
            return _accepted(command, order, policy)
        case _S.CANCELLED | _S.REJECTED | _S.ARCHIVED:
            raise _ended(order)
        case (
            _S.ACCEPTED
            | _S.PREPARING
            | _S.READY
            | _S.DELIVERING
            | _S.DELIVERED
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.COMPLETED
            | _S.CANCELLING
        ):
            return []
        case _:
            assert_never(order.state)


def _accepted(command: AcceptOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    whose = order.whose(command.at)
    late_at = max(command.ready_at, command.now) + policy.span("preparation_grace")
    return [
        OrderAccepted(**whose, ready_at=command.ready_at, late_at=late_at),
        DeliveryContactShared(**whose, recipient=order.placed.recipient, pickup=order.placed.pickup),
    ]


def _check_ready_time(ready_at: datetime, now: datetime, order: Order, policy: OrderPolicy) -> None:
    # A kitchen may have been faster than the clerk: any time since the order was placed is possible.
    if not order.placed.at <= ready_at <= now + policy.span("preparation_max"):
        raise ReadyTimeOutOfRange(
            "food is ready between the placing of the order and a day from now",
            order_id=order.order_id,
            ready_at=ready_at.isoformat(),
        )


def reject(command: RejectOrder, order: Order) -> list[OrderEvent]:
    """The merchant declines, before accepting only."""
    match order.state:
        case _S.PENDING_ACCEPTANCE:
            return [OrderRejected(**order.whose(command.at), reason=command.reason)]
        case _S.REJECTED:
            return []
        case _S.CANCELLED | _S.ARCHIVED:
            raise _ended(order)
        case (
            _S.ACCEPTED
            | _S.PREPARING
            | _S.READY
            | _S.DELIVERING
            | _S.DELIVERED
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.COMPLETED
            | _S.CANCELLING
        ):
            raise _refusal(OrderAlreadyAccepted, "the order has been accepted: it can only be cancelled now", order)
        case _:
            assert_never(order.state)


def extend_preparation(command: ExtendPreparation, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """A later time for the food, told to the customer; the same time again changes nothing."""
    _check_in_kitchen(command, order)
    if order.food_ready or order.state not in (_S.ACCEPTED, _S.PREPARING) or order.ready_at is None:
        raise _refusal(FoodAlreadyReady, "the food is ready: there is nothing to extend", order)
    if command.ready_at == order.ready_at:
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


def _check_in_kitchen(command: OrderCommand, order: Order) -> None:
    """Refuses what a kitchen cannot do any more, or not yet."""
    match order.state:
        case _S.PENDING_ACCEPTANCE:
            raise _refusal(OrderNotAccepted, "the order has not been accepted", order)
        case _S.CANCELLED | _S.REJECTED | _S.ARCHIVED:
            raise _ended(order)
        case _S.CANCELLING if isinstance(command, ExtendPreparation):
            raise _refusal(OrderIsCancelling, "the order is being cancelled", order)
        case (
            _S.ACCEPTED
            | _S.PREPARING
            | _S.READY
            | _S.DELIVERING
            | _S.DELIVERED
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.COMPLETED
            | _S.CANCELLING
        ):
            return
        case _:
            assert_never(order.state)


def start_preparation(command: StartPreparation, order: Order) -> list[OrderEvent]:
    _check_in_kitchen(command, order)
    if order.food_ready or order.picked_up or order.step("preparing") is not None:
        return []
    return [PreparationStarted(**order.whose(command.at))]


def mark_ready(command: MarkReady, order: Order) -> list[OrderEvent]:
    """The food stands on the counter: a fact of the kitchen, recorded even while a cancellation is being decided."""
    _check_in_kitchen(command, order)
    if order.food_ready or order.picked_up:
        return []
    return [OrderReady(**order.whose(command.at))]


def cancel(command: CancelOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Cancels at once until a rider is assigned; from then on asks the delivery, which knows who has the goods."""
    match order.state:
        case _S.PENDING_ACCEPTANCE | _S.ACCEPTED | _S.PREPARING | _S.READY:
            return wish_to_cancel(order, command, command.by, command.reason, policy)
        case _S.CANCELLING | _S.CANCELLED:
            return []
        case _S.DELIVERING:
            raise _refusal(OrderAlreadyPickedUp, "the rider already has this order", order)
        case _S.DELIVERY_EXCEPTION | _S.RETURNING:
            if order.goods is Goods.WITH_RIDER:
                raise _refusal(OrderWithSupport, "support is solving this delivery", order)
            return cancelled(order, command.at, command.by, command.reason)
        case _S.DELIVERED | _S.COMPLETED:
            raise _refusal(OrderAlreadyDelivered, "the order has been delivered", order)
        case _S.REJECTED | _S.ARCHIVED:
            raise _ended(order)
        case _:
            assert_never(order.state)


def confirm(command: ConfirmOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The customer has it. Customer or time: the first completes the order, the other changes nothing."""
    match order.state:
        case _S.DELIVERED:
            return completed(order, command, By.CUSTOMER, policy)
        case _S.COMPLETED | _S.ARCHIVED:
            return []
        case _S.CANCELLED | _S.REJECTED:
            raise _ended(order)
        case (
            _S.PENDING_ACCEPTANCE
            | _S.ACCEPTED
            | _S.PREPARING
            | _S.READY
            | _S.DELIVERING
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.CANCELLING
        ):
            raise _refusal(OrderNotDelivered, "there is nothing to confirm: the order has not been delivered", order)
        case _:
            assert_never(order.state)


def review(command: ReviewOrder, order: Order) -> list[OrderEvent]:
    """One review an order, while reviews are open; the same scores again change nothing."""
    scores = Review(merchant=command.merchant_score, rider=command.rider_score, platform=command.platform_score)
    if order.review == scores:
        return []
    if order.review is not None:
        raise _refusal(AlreadyReviewed, "the order has been reviewed", order)
    if order.state not in (_S.COMPLETED, _S.ARCHIVED):
        raise _refusal(OrderNotDelivered, "an order is reviewed after its delivery is confirmed", order)
    if order.review_by is None or command.now > order.review_by:
        raise _refusal(ReviewIsClosed, "the time for a review is over", order)
    return [
        OrderReviewed(
            **order.whose(command.at),
            merchant_score=command.merchant_score,
            rider_score=command.rider_score,
            platform_score=command.platform_score,
            comment=command.comment,
        )
    ]


def can_cancel(order: Order) -> bool:
    """Whether a customer's wish to cancel would be heard."""
    return order.state in (_S.PENDING_ACCEPTANCE, _S.ACCEPTED, _S.PREPARING, _S.READY) or (
        order.state in (_S.DELIVERY_EXCEPTION, _S.RETURNING) and order.goods is not Goods.WITH_RIDER
    )


def can_review(order: Order, now: datetime) -> bool:
    return order.state is _S.COMPLETED and order.review_by is not None and now <= order.review_by
