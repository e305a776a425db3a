"""What the payment ledger, the delivery and support answer: facts that the order follows and never refuses."""

from typing import assert_never

from services.order.domain.asking import ask
from services.order.domain.carrying import kitchen_state, redispatched
from services.order.domain.commands import (
    AnswerCommand,
    NoteCancellationWish,
    NotePaymentAuthorized,
    NotePaymentFailed,
    NoteRedispatch,
    NoteWithdrawalRefused,
    NoteWithdrawn,
)
from services.order.domain.ending import ask_to_withdraw, cancelled, wish_to_cancel
from services.order.domain.events import (
    CancellationRefused,
    OrderEvent,
    OrderScheduled,
    RefundGranted,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, OrderState

_S = OrderState


def decide(command: AnswerCommand, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """What an answer means for the order; empty when it comes too late to mean anything."""
    match command:
        case NotePaymentAuthorized():
            return note_payment_authorized(command, order, policy)
        case NotePaymentFailed():
            return note_payment_failed(command, order, policy)
        case NoteWithdrawn():
            return note_withdrawn(command, order, policy)
        case NoteWithdrawalRefused():
            return note_withdrawal_refused(command, order)
        case NoteRedispatch():
            return note_redispatch(command, order, policy)
        case NoteCancellationWish():
            return note_cancellation_wish(command, order, policy)
        case _:
            assert_never(command)


def note_payment_authorized(command: NotePaymentAuthorized, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The money is safe: the merchant is asked, once, now or when the time of a scheduled order has come."""
    if order.state is not _S.PENDING_ACCEPTANCE or order.answer_by is not None or order.scheduled:
        return []
    ask_at = order.placed.ask_at
    if ask_at is not None and command.now < ask_at:
        return [OrderScheduled(**order.whose(command.at), ask_at=ask_at)]
    return ask(order, command, policy)


def note_payment_failed(command: NotePaymentFailed, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """No money, no order: cancelled, unless a rider already has the goods."""
    match order.state:
        case _S.PENDING_ACCEPTANCE | _S.ACCEPTED | _S.PREPARING | _S.READY:
            return wish_to_cancel(order, command, By.SYSTEM, "payment_failed", policy)
        case (
            _S.DELIVERING
            | _S.DELIVERED
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.COMPLETED
            | _S.CANCELLING
            | _S.CANCELLED
            | _S.REJECTED
            | _S.ARCHIVED
        ):
            return []
        case _:
            assert_never(order.state)


def note_withdrawn(command: NoteWithdrawn, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The delivery will not happen, so the order is over: for whoever asked for it, or by itself if nobody did."""
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.CANCELLING | _S.DELIVERY_EXCEPTION | _S.RETURNING:
            wish = order.withdrawal
            by, reason = (wish.by, wish.reason) if wish else (By.SYSTEM, "delivery_withdrawn")
            return cancelled(order, command, by, reason, policy)
        case (
            _S.PENDING_ACCEPTANCE
            | _S.DELIVERING
            | _S.DELIVERED
            | _S.COMPLETED
            | _S.CANCELLED
            | _S.REJECTED
            | _S.ARCHIVED
        ):
            return []
        case _:
            assert_never(order.state)


def note_withdrawal_refused(command: NoteWithdrawalRefused, order: Order) -> list[OrderEvent]:
    """Too late to cancel: the order goes on from where it was."""
    if order.state is not _S.CANCELLING:
        return []
    back_to = order.resumes or kitchen_state(order)
    return [CancellationRefused(**order.whose(command.at), back_to=back_to, reason=command.reason)]


def note_redispatch(command: NoteRedispatch, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    if order.state not in (_S.DELIVERY_EXCEPTION, _S.RETURNING):
        return []
    return [redispatched(order, command, command.reason, command.by, policy)]


def note_cancellation_wish(command: NoteCancellationWish, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Support ends the order and gives the money back; a delivered one keeps its state and only the money moves."""
    match order.state:
        case _S.PENDING_ACCEPTANCE | _S.ACCEPTED | _S.PREPARING | _S.READY:
            return wish_to_cancel(order, command, By.SUPPORT, command.reason, policy)
        case _S.DELIVERING:
            return [ask_to_withdraw(order, command, By.SUPPORT, command.reason, 1, policy)]
        case _S.DELIVERY_EXCEPTION | _S.RETURNING:
            return cancelled(order, command, By.SUPPORT, command.reason, policy)
        case _S.DELIVERED | _S.COMPLETED | _S.ARCHIVED:
            granted = RefundGranted(**order.whose(command.at), reason=command.reason)
            return [] if order.refund_granted else [granted]
        case _S.CANCELLING | _S.CANCELLED | _S.REJECTED:
            return []
        case _:
            assert_never(order.state)
