"""Which waits each fact about an order opens and closes: nothing waits without a deadline and an owner."""

from collections.abc import Mapping
from datetime import datetime

from services.order.domain.events import (
    CancellationRefused,
    ConfirmationReminded,
    MerchantReminded,
    OrderAccepted,
    OrderArchived,
    OrderAwaitingMerchant,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderDelivered,
    OrderDeliveryFailed,
    OrderEvent,
    OrderOutForDelivery,
    OrderPlaced,
    OrderReady,
    OrderReinstated,
    OrderRejected,
    OrderReviewed,
    OrderScheduled,
    OrderStalled,
    OrderUndeliverable,
    PreparationExtended,
    ReviewHidden,
    ReviewPublished,
    WithdrawalRequested,
    WithdrawalUnanswered,
)
from services.order.domain.values import Wait
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

_OVER: Mapping[type[OrderEvent], tuple[Wait, ...]] = {
    OrderScheduled: (Wait.PAYMENT,),
    OrderAwaitingMerchant: (Wait.PAYMENT, Wait.ASKING),
    MerchantReminded: (Wait.MERCHANT_REMINDER,),
    OrderAccepted: (Wait.PAYMENT, Wait.ASKING, Wait.MERCHANT_REMINDER, Wait.MERCHANT_ANSWER),
    OrderRejected: tuple(Wait),
    PreparationExtended: (Wait.NEXT_STEP,),
    OrderReady: (Wait.PREPARATION,),
    OrderOutForDelivery: (Wait.PREPARATION, Wait.WITHDRAWAL_ANSWER),
    OrderDelivered: (Wait.WITHDRAWAL_ANSWER, Wait.NEXT_STEP),
    OrderDeliveryFailed: (Wait.WITHDRAWAL_ANSWER,),
    OrderReinstated: (Wait.CONFIRMATION_REMINDER, Wait.CONFIRMATION, Wait.NEXT_STEP),
    OrderUndeliverable: (Wait.WITHDRAWAL_ANSWER,),
    CancellationRefused: (Wait.WITHDRAWAL_ANSWER,),
    WithdrawalUnanswered: (Wait.WITHDRAWAL_ANSWER,),
    OrderCancelled: tuple(Wait),
    ConfirmationReminded: (Wait.CONFIRMATION_REMINDER,),
    OrderConfirmed: (Wait.CONFIRMATION_REMINDER, Wait.CONFIRMATION),
    OrderReviewed: (Wait.REVIEW,),
    ReviewPublished: (Wait.MODERATION,),
    ReviewHidden: (Wait.MODERATION,),
    OrderArchived: tuple(Wait),
}


def waits_of(event: OrderEvent) -> list[DeadlineChange]:
    """The waits that an event closes and opens; every time is one that the event itself carries."""
    return [*(ClearDeadline(wait) for wait in _OVER.get(type(event), ())), *_opened(event)]


def _opened(event: OrderEvent) -> list[SetDeadline]:
    match event:
        case OrderPlaced():
            return [SetDeadline(Wait.PAYMENT, event.pay_by)]
        case OrderScheduled():
            return [SetDeadline(Wait.ASKING, event.ask_at)]
        case OrderAwaitingMerchant():
            return [
                SetDeadline(Wait.MERCHANT_REMINDER, event.remind_at),
                SetDeadline(Wait.MERCHANT_ANSWER, event.answer_by),
            ]
        case OrderAccepted() | PreparationExtended():
            return [SetDeadline(Wait.PREPARATION, event.late_at)]
        case WithdrawalRequested():
            return [SetDeadline(Wait.WITHDRAWAL_ANSWER, event.answer_by)]
        case OrderDelivered():
            confirm = SetDeadline(Wait.CONFIRMATION, event.confirm_by)
            return [*_at(Wait.CONFIRMATION_REMINDER, event.remind_at), confirm]
        case OrderStalled():
            return [SetDeadline(Wait.NEXT_STEP, event.again_at)]
        case OrderCompleted():
            return [SetDeadline(Wait.REVIEW, event.review_by), SetDeadline(Wait.ARCHIVE, event.archive_at)]
        case _:
            return _optional(event)


def _optional(event: OrderEvent) -> list[SetDeadline]:
    """Waits of facts that older versions of them did not open."""
    if isinstance(event, OrderReviewed):
        return _at(Wait.MODERATION, event.decide_by)
    if isinstance(event, OrderCancelled | OrderRejected):
        return _at(Wait.ARCHIVE, event.archive_at)
    return _at(Wait.NEXT_STEP, getattr(event, "stalled_at", None))


def _at(wait: Wait, due: datetime | None) -> list[SetDeadline]:
    return [] if due is None else [SetDeadline(wait, due)]
