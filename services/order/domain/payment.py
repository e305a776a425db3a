"""What can happen to the money of one order: past-tense facts, each an errand, an answer to one, or a posting.

Every `…Requested` fact is an errand for the payment provider; the provider's answer is the next fact. So a crash
between the two loses nothing: the errand is still written down, and the provider answers the same key the same way.
What was stored by release 0.1.0 lacks `name`, `movement` and `parts`; upcasters leave those empty.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.order.domain.ledger import Entry, Part, Transfer
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

RETRY = "payment_retry"
"""The wait before the provider is asked again; with `:<errand>` behind it."""
DUE = "payment_due"
"""The wait before what the customer owes is asked for again."""
MAIN = "order"
"""The charge that the order was placed with; others are changes and tips."""


class PaymentState(StrEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"
    FAILED = "failed"
    CAPTURED = "captured"
    RELEASED = "released"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


class Errand(StrEnum):
    """What the provider can be asked to do; CHARGE is to authorise and capture at once."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"
    CHARGE = "charge"


class Purpose(StrEnum):
    """What a further charge is for."""

    TIP = "tip"
    CHANGE = "change"


class Delay(StrEnum):
    """Why the provider will be asked again."""

    UNAVAILABLE = "unavailable"
    PENDING = "pending"
    DECLINED = "declined"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequested(PaymentFact):
    """`provider` holds this order's money for ever, whichever is configured later."""

    customer_id: str
    amount_cents: int
    currency: str
    method: str
    merchant_id: str
    parts: tuple[Part, ...]
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAuthorized(PaymentFact):
    amount_cents: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(PaymentFact):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAdjusted(PaymentFact):
    """The price changed before or after it was taken; `parts` is the new one."""

    change_id: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequested(PaymentFact):
    """`fee`: only a cancellation fee is taken, the rest of what was reserved is let go with it."""

    amount_cents: int
    currency: str
    fee: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCaptured(PaymentFact):
    """`movement` names it in the provider's books and ours."""

    amount_cents: int
    currency: str
    movement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBackOwed(PaymentFact):
    """The order ended: whatever was or will be taken goes back, but for the fee of `keep_cents`.

    Of that the first `merchant_cents` are the merchant's, the next `carrier_cents` those of the rider `rider_id`.
    """

    reason: str
    keep_cents: int
    merchant_cents: int = 0
    carrier_cents: int = 0
    rider_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequested(PaymentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReleased(PaymentFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested(PaymentFact):
    """`wish_id` is whose wish it was: a refund's or a compensation's id, empty when the whole is given back.

    `tries` counts how often this money has come back from the bank.
    """

    amount_cents: int
    currency: str
    reason: str
    name: str
    charge_id: str
    wish_id: str
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundIssued(PaymentFact):
    """`whole`: with it, all that was owed has been given back."""

    amount_cents: int
    currency: str
    reason: str
    name: str
    movement: str
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(PaymentFact):
    """The bank would not have it, at once or days later: the money is owed again. `booked`: it had been issued."""

    amount_cents: int
    currency: str
    reason: str
    name: str
    movement: str
    booked: bool
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationPromised(PaymentFact):
    """Granted before any money was taken: paid as soon as it has been, and not at all when the order ends first."""

    compensation_id: str
    amount_cents: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationOwed(PaymentFact):
    """What became of support's grant: `card_cents` of it go back the way the money came, `credit_cents` stay with us
    for the customer, and `refused_cents` are more than policy gives back for one order."""

    compensation_id: str
    card_cents: int
    credit_cents: int
    currency: str
    reason: str
    refused_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequested(PaymentFact):
    """More money is asked for: a tip for `rider_id`, or what a change adds to the price.

    `provider` is empty when it is the one that holds the order's own payment.
    """

    charge_id: str
    purpose: Purpose
    amount_cents: int
    currency: str
    method: str
    rider_id: str
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeCaptured(PaymentFact):
    charge_id: str
    purpose: Purpose
    amount_cents: int
    currency: str
    reference: str
    movement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFailed(PaymentFact):
    charge_id: str
    purpose: Purpose
    amount_cents: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceOwed(PaymentFact):
    """What a change added to the price could not be taken: the customer owes it. It is asked for again at
    `again_at`; None: only when somebody says so."""

    customer_id: str
    due_cents: int
    currency: str
    reason: str
    tries: int
    again_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceSettled(PaymentFact):
    """Nothing is owed any more: it was paid, the price fell, or the order ended."""

    customer_id: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TipEarned(PaymentFact):
    """This rider delivered: the tip that the order was placed with is theirs once it has been taken."""

    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TipPassedOn(PaymentFact):
    rider_id: str
    amount_cents: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPosted(PaymentFact):
    """An entry of the double-entry book; `movement` is set when money moved, and `provider` says at which."""

    entry: Entry
    transfers: tuple[Transfer, ...]
    currency: str
    movement: str
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDelayed(PaymentFact):
    """The provider gave no answer that counts; it is asked again at `again_at`."""

    errand: Errand
    attempt: int
    again_at: datetime
    name: str
    why: Delay


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRetried(PaymentFact):
    errand: Errand
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentStuck(PaymentFact):
    """The provider was asked as often as policy allows. Nothing is given up: an operator has it asked again."""

    errand: Errand
    name: str
    attempts: int
    why: Delay


PaymentAnswer = (
    PaymentAuthorized
    | PaymentFailed
    | PaymentCaptured
    | PaymentReleased
    | RefundIssued
    | RefundFailed
    | ChargeCaptured
    | ChargeFailed
)
PaymentErrand = PaymentRequested | CaptureRequested | ReleaseRequested | RefundRequested | ChargeRequested
PaymentEvent = (
    PaymentErrand
    | PaymentAnswer
    | PaymentAdjusted
    | MoneyBackOwed
    | CompensationPromised
    | CompensationOwed
    | DifferenceOwed
    | DifferenceSettled
    | TipEarned
    | TipPassedOn
    | LedgerPosted
    | PaymentDelayed
    | PaymentRetried
    | PaymentStuck
)


def errand_of(event: PaymentEvent) -> tuple[Errand, str] | None:
    """The errand that a fact sends to the provider, with its name; the name is part of its idempotency key."""
    match event:
        case PaymentRequested():
            return Errand.AUTHORIZE, Errand.AUTHORIZE.value
        case CaptureRequested():
            return Errand.CAPTURE, Errand.CAPTURE.value
        case ReleaseRequested():
            return Errand.RELEASE, Errand.RELEASE.value
        case RefundRequested():
            return Errand.REFUND, event.name or Errand.REFUND.value
        case ChargeRequested():
            return Errand.CHARGE, charge_name(event.charge_id)
        case PaymentRetried():
            return event.errand, event.name or event.errand.value
        case _:
            return None


def charge_name(charge_id: str) -> str:
    """The name of the errand that takes a further charge."""
    return f"{Errand.CHARGE.value}:{charge_id}"


def waits_of(event: PaymentEvent) -> list[DeadlineChange]:
    match event:
        case PaymentDelayed():
            return [SetDeadline(_wait(event.name), event.again_at)]
        case PaymentRetried() | PaymentStuck():
            return [ClearDeadline(_wait(event.name))]
        case DifferenceOwed():
            return [ClearDeadline(DUE)] if event.again_at is None else [SetDeadline(DUE, event.again_at)]
        case DifferenceSettled() | ChargeRequested(purpose=Purpose.CHANGE):
            return [ClearDeadline(DUE)]
        case _:
            return []


def _wait(name: str) -> str:
    return f"{RETRY}:{name}" if name else RETRY
