"""What a customer still owes for an order that a change has made dearer, and what the book does about it."""

from collections.abc import Sequence
from datetime import datetime

from services.order.domain import ledger
from services.order.domain.payment import (
    ChargeFailed,
    DifferenceOwed,
    DifferenceSettled,
    Errand,
    PaymentEvent,
    PaymentState,
    Purpose,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.purse import Payment
from services.order.domain.settling import coming_cents, on_its_way_cents


def owing_cents(payment: Payment) -> int:
    """What is missing of the price, whether it is being asked for or not. An order that ended owes nothing."""
    if payment.owed is not None or payment.state in (PaymentState.FAILED, PaymentState.RELEASED):
        return 0
    if payment.sold:
        return max(0, payment.balance(ledger.CUSTOMER) + on_its_way_cents(payment))
    return max(0, payment.price_cents - asked_cents(payment) + coming_cents(payment))


def asked_cents(payment: Payment) -> int:
    """What has been or will be taken for the price; a capture under way takes what it was asked for."""
    more = sum(each.captured_cents for each in payment.charges.values() if each.purpose is Purpose.CHANGE)
    capture = payment.errands.get(Errand.CAPTURE.value)
    return more + coming_cents(payment) + (capture.cents if capture else payment.main.amount_cents)


def consequences(
    events: Sequence[PaymentEvent], payment: Payment, at: datetime, policy: OrderPolicy
) -> list[PaymentEvent]:
    """What `events`, which led to `payment`, mean for what the customer owes."""
    owing, told = owing_cents(payment), payment.due
    if not events or coming_cents(payment):
        return []
    if owing == 0:
        return [] if told is None else [_settled(payment, at)]
    declined = [each for each in events if isinstance(each, ChargeFailed) and each.purpose is Purpose.CHANGE]
    if told is not None and told.due_cents == owing and not declined:
        return []
    tries = (told.tries if told else 0) + (1 if declined or told is None else 0)
    return [
        DifferenceOwed(
            order_id=payment.order_id,
            at=at,
            customer_id=payment.requested.customer_id,
            due_cents=owing,
            currency=payment.currency,
            reason=declined[-1].reason if declined else (told.reason if told else ""),
            tries=tries,
            again_at=at + policy.span("due_again") if tries < policy.due_tries_max else None,
        )
    ]


def _settled(payment: Payment, at: datetime) -> DifferenceSettled:
    return DifferenceSettled(
        order_id=payment.order_id, at=at, customer_id=payment.requested.customer_id, currency=payment.currency
    )
