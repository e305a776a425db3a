"""What the world is told of an order's money: what was taken, given back, and is owed."""

from services.order.domain import payment
from shared.contracts import order as public
from shared.contracts.message import Message


def about_money(payment_id: str, event: payment.PaymentEvent) -> Message | None:
    """The message of a fact of a payment's, or none for what is the ledger's own business."""
    match event:
        case payment.PaymentAuthorized():
            return public.PaymentAuthorized(
                order_id=event.order_id,
                payment_id=payment_id,
                amount_cents=event.amount_cents,
                currency=event.currency,
            )
        case payment.PaymentFailed():
            return public.PaymentFailed(order_id=event.order_id, payment_id=payment_id, reason=event.reason)
        case payment.PaymentCaptured() | payment.ChargeCaptured(purpose=payment.Purpose.CHANGE):
            return public.PaymentCaptured(
                order_id=event.order_id,
                payment_id=payment_id,
                amount_cents=event.amount_cents,
                currency=event.currency,
            )
        case payment.TipPassedOn():
            return public.TipPassedOn(
                order_id=event.order_id,
                payment_id=payment_id,
                rider_id=event.rider_id,
                amount_cents=event.amount_cents,
                currency=event.currency,
            )
        case payment.RefundIssued():
            return public.RefundIssued(
                order_id=event.order_id,
                payment_id=payment_id,
                amount_cents=event.amount_cents,
                currency=event.currency,
                reason=event.reason,
            )
        case _:
            return _about_debts(payment_id, event)


def _about_debts(payment_id: str, event: payment.PaymentEvent) -> Message | None:
    match event:
        case payment.RefundFailed():
            return public.RefundFailed(
                order_id=event.order_id,
                payment_id=payment_id,
                amount_cents=event.amount_cents,
                currency=event.currency,
                reason=event.reason,
                issued=event.booked,
            )
        case payment.CompensationOwed():
            return public.CompensationOwed(
                order_id=event.order_id,
                payment_id=payment_id,
                compensation_id=event.compensation_id,
                amount_cents=event.card_cents,
                credit_cents=event.credit_cents,
                refused_cents=event.refused_cents,
                currency=event.currency,
                reason=event.reason,
            )
        case payment.DifferenceOwed():
            return public.DifferenceOwed(
                order_id=event.order_id,
                payment_id=payment_id,
                customer_id=event.customer_id,
                amount_cents=event.due_cents,
                currency=event.currency,
                reason=event.reason,
                again_at=event.again_at,
            )
        case payment.DifferenceSettled():
            return public.DifferenceSettled(
                order_id=event.order_id, payment_id=payment_id, customer_id=event.customer_id
            )
        case _:
            return None
