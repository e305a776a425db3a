"""What the payment ledger decides: one function per command, and money that always ends up where it belongs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from services.order.domain.payment import (
    CaptureRequested,
    Errand,
    MoneyBackOwed,
    Payment,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDelayed,
    PaymentEvent,
    PaymentFailed,
    PaymentReleased,
    PaymentRequested,
    PaymentRetried,
    PaymentState,
    RefundIssued,
    RefundRequested,
    ReleaseRequested,
    evolve,
)
from services.order.domain.policy import OrderPolicy

_BACKOFF_DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPayment:
    order_id: str
    customer_id: str
    amount_cents: int
    currency: str
    method: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveMoneyBack:
    order_id: str
    reason: str
    keep_cents: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProviderAnswer:
    """What the provider said to `errand`: done (with its `reference`), or declined (with a reason)."""

    order_id: str
    errand: Errand
    declined: str | None
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProviderOutage:
    order_id: str
    errand: Errand
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPayment:
    order_id: str
    at: datetime


PaymentCommand = (
    RequestPayment | CapturePayment | GiveMoneyBack | RecordProviderAnswer | RecordProviderOutage | RetryPayment
)


def decide(command: PaymentCommand, payment: Payment | None, policy: OrderPolicy) -> list[PaymentEvent]:
    """What a command adds to the ledger. Nothing is refused here: the ledger is told, never asked."""
    if isinstance(command, RequestPayment):
        return request(command, payment)
    if payment is None:
        return []
    match command:
        case CapturePayment():
            return capture(command, payment)
        case GiveMoneyBack():
            return give_money_back(command, payment)
        case RecordProviderAnswer():
            return record_answer(command, payment, policy)
        case RecordProviderOutage():
            return record_outage(command, payment, policy)
        case RetryPayment():
            return retry(command, payment)
        case _:
            assert_never(command)


def request(command: RequestPayment, payment: Payment | None) -> list[PaymentEvent]:
    if payment is not None:
        return []
    return [
        PaymentRequested(
            order_id=command.order_id,
            at=command.at,
            customer_id=command.customer_id,
            amount_cents=command.amount_cents,
            currency=command.currency,
            method=command.method,
        )
    ]


def capture(command: CapturePayment, payment: Payment) -> list[PaymentEvent]:
    """Takes the authorised money once; not at all when it is owed back already."""
    if payment.state is not PaymentState.AUTHORIZED or payment.errand is not None or payment.owed is not None:
        return []
    return [
        CaptureRequested(
            order_id=command.order_id,
            at=command.at,
            amount_cents=payment.amount_cents,
            currency=payment.currency,
        )
    ]


def give_money_back(command: GiveMoneyBack, payment: Payment) -> list[PaymentEvent]:
    """Owes the money back once, whatever the provider is still busy with; asking twice changes nothing."""
    if payment.owed is not None:
        return []
    owed = MoneyBackOwed(
        order_id=command.order_id, at=command.at, reason=command.reason, keep_cents=command.keep_cents
    )
    return [owed, *_settle(payment, owed, command.at)]


def _settle(payment: Payment, owed: MoneyBackOwed, at: datetime) -> list[PaymentEvent]:
    """The errand that gives back what has been taken, once the provider is free for it."""
    order_id = payment.requested.order_id
    match payment.state:
        case PaymentState.AUTHORIZED if payment.errand is None:
            return [ReleaseRequested(order_id=order_id, at=at)]
        case PaymentState.CAPTURED:
            cents = payment.captured_cents - payment.refunded_cents - owed.keep_cents
            if cents <= 0:
                return []
            refund = RefundRequested(
                order_id=order_id, at=at, amount_cents=cents, currency=payment.currency, reason=owed.reason
            )
            return [refund]
        case (
            PaymentState.PENDING
            | PaymentState.AUTHORIZED
            | PaymentState.FAILED
            | PaymentState.RELEASED
            | PaymentState.REFUNDED
        ):
            return []
        case _:
            assert_never(payment.state)


def record_answer(command: RecordProviderAnswer, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    """Writes down what the provider said to the errand it is on; an answer to any other errand is an echo."""
    if payment.errand is not command.errand:
        return []
    if command.declined is not None and command.errand in (Errand.RELEASE, Errand.REFUND):
        # Money that is owed stays owed: a provider that declines to give it back is asked again.
        return [_delay(payment, command.errand, command.at, policy)]
    answer = _answer(command, payment)
    after = evolve(payment, answer)
    if after is None or after.owed is None:
        return [answer]
    return [answer, *_settle(after, after.owed, command.at)]


def _answer(command: RecordProviderAnswer, payment: Payment) -> PaymentEvent:
    order_id, at, currency = command.order_id, command.at, payment.currency
    if command.declined is not None:
        return PaymentFailed(order_id=order_id, at=at, reason=command.declined)
    match command.errand:
        case Errand.AUTHORIZE:
            return PaymentAuthorized(
                order_id=order_id,
                at=at,
                amount_cents=payment.amount_cents,
                currency=currency,
                reference=command.reference,
            )
        case Errand.CAPTURE:
            return PaymentCaptured(order_id=order_id, at=at, amount_cents=payment.amount_cents, currency=currency)
        case Errand.RELEASE:
            return PaymentReleased(order_id=order_id, at=at)
        case Errand.REFUND:
            reason = payment.owed.reason if payment.owed else ""
            return RefundIssued(
                order_id=order_id, at=at, amount_cents=payment.refund_cents, currency=currency, reason=reason
            )
        case _:
            assert_never(command.errand)


def record_outage(command: RecordProviderOutage, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    if payment.errand is not command.errand:
        return []
    return [_delay(payment, command.errand, command.at, policy)]


def _delay(payment: Payment, errand: Errand, at: datetime, policy: OrderPolicy) -> PaymentDelayed:
    doublings = min(payment.attempts, _BACKOFF_DOUBLINGS_MAX)
    seconds = min(policy.payment_retry_seconds * 2**doublings, policy.payment_retry_max_seconds)
    return PaymentDelayed(
        order_id=payment.requested.order_id,
        at=at,
        errand=errand,
        attempt=payment.attempts + 1,
        again_at=at + timedelta(seconds=seconds),
    )


def retry(command: RetryPayment, payment: Payment) -> list[PaymentEvent]:
    if payment.errand is None:
        return []
    return [PaymentRetried(order_id=command.order_id, at=command.at, errand=payment.errand)]
