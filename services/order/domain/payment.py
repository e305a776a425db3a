"""The payment of one order: a ledger that alone decides about the money, and never gives back more than it took.

Every `…Requested` fact is an errand for the payment provider; the provider's answer is the next fact. So a crash
between the two loses nothing: the errand is still written down, and the provider answers the same key the same way.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

RETRY = "payment_retry"
"""The wait before a provider that was unavailable is asked again."""


class PaymentState(StrEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"
    FAILED = "failed"
    CAPTURED = "captured"
    RELEASED = "released"
    REFUNDED = "refunded"


class Errand(StrEnum):
    """What the provider can be asked to do."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequested(PaymentFact):
    customer_id: str
    amount_cents: int
    currency: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAuthorized(PaymentFact):
    amount_cents: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(PaymentFact):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequested(PaymentFact):
    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured(PaymentFact):
    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBackOwed(PaymentFact):
    """The order ended: whatever was or will be taken goes back, but for `keep_cents`."""

    reason: str
    keep_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequested(PaymentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReleased(PaymentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested(PaymentFact):
    amount_cents: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundIssued(PaymentFact):
    amount_cents: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDelayed(PaymentFact):
    """The provider could not be reached; it is asked again at `again_at`."""

    errand: Errand
    attempt: int
    again_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRetried(PaymentFact):
    errand: Errand


PaymentEvent = (
    PaymentRequested
    | PaymentAuthorized
    | PaymentFailed
    | CaptureRequested
    | PaymentCaptured
    | MoneyBackOwed
    | ReleaseRequested
    | PaymentReleased
    | RefundRequested
    | RefundIssued
    | PaymentDelayed
    | PaymentRetried
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """`errand` is what the provider is being asked right now; `owed` is set once the money must go back."""

    requested: PaymentRequested
    state: PaymentState = PaymentState.PENDING
    errand: Errand | None = Errand.AUTHORIZE
    attempts: int = 0
    captured_cents: int = 0
    refunded_cents: int = 0
    refund_cents: int = 0
    owed: MoneyBackOwed | None = None

    @property
    def amount_cents(self) -> int:
        return self.requested.amount_cents

    @property
    def currency(self) -> str:
        return self.requested.currency


def evolve(payment: Payment | None, event: PaymentEvent) -> Payment | None:
    if isinstance(event, PaymentRequested):
        return Payment(requested=event)
    if payment is None:
        raise ValueError(f"a payment cannot begin with {type(event).__name__}")
    match event:
        case CaptureRequested():
            return replace(payment, errand=Errand.CAPTURE, attempts=0)
        case ReleaseRequested():
            return replace(payment, errand=Errand.RELEASE, attempts=0)
        case RefundRequested():
            return replace(payment, errand=Errand.REFUND, refund_cents=event.amount_cents, attempts=0)
        case MoneyBackOwed():
            return replace(payment, owed=event)
        case PaymentDelayed():
            return replace(payment, attempts=event.attempt)
        case PaymentRetried():
            return payment
        case _:
            return _answered(payment, event)


def _answered(
    payment: Payment,
    event: PaymentAuthorized | PaymentFailed | PaymentCaptured | PaymentReleased | RefundIssued,
) -> Payment:
    done = replace(payment, errand=None, attempts=0)
    match event:
        case PaymentAuthorized():
            return replace(done, state=PaymentState.AUTHORIZED)
        case PaymentFailed():
            return replace(done, state=PaymentState.FAILED)
        case PaymentCaptured():
            return replace(done, state=PaymentState.CAPTURED, captured_cents=event.amount_cents)
        case PaymentReleased():
            return replace(done, state=PaymentState.RELEASED)
        case RefundIssued():
            refunded = payment.refunded_cents + event.amount_cents
            return replace(done, state=PaymentState.REFUNDED, refunded_cents=refunded, refund_cents=0)
        case _:
            assert_never(event)


def waits_of(event: PaymentEvent) -> list[DeadlineChange]:
    match event:
        case PaymentDelayed():
            return [SetDeadline(RETRY, event.again_at)]
        case PaymentRetried():
            return [ClearDeadline(RETRY)]
        case _:
            return []
