"""What may be wanted of an order's money once it has been asked for: refunds, tips, compensation, a new price."""

from dataclasses import dataclass
from datetime import datetime

from services.order.domain import ledger
from services.order.domain.errors import (
    NothingDue,
    NoTipPossible,
    PaymentNotCaptured,
    RefundExceedsCaptured,
    TipOutOfRange,
)
from services.order.domain.ledger import Account, Entry, Part, PartKind
from services.order.domain.owing import asked_cents, owing_cents
from services.order.domain.payment import (
    ChargeRequested,
    CompensationOwed,
    CompensationPromised,
    PaymentAdjusted,
    PaymentEvent,
    PaymentState,
    Purpose,
    TipEarned,
    TipPassedOn,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.purse import Payment
from services.order.domain.settling import coming_cents, on_its_way_cents, posted, refunds, surplus_back


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundInPart:
    """Somebody of the staff gives some of the money back; `refund_id` makes it once."""

    order_id: str
    refund_id: str
    amount_cents: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensate:
    order_id: str
    compensation_id: str
    amount_cents: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectDue:
    """What the customer owes is asked for again; `method` empty: the way the order was paid. `patient`: nobody is
    told when there is nothing to collect."""

    order_id: str
    charge_id: str
    method: str
    at: datetime
    patient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTip:
    """A tip for the rider who delivered; `method` empty: taken the way the order was paid."""

    order_id: str
    tip_id: str
    amount_cents: int
    rider_id: str
    method: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOnTip:
    """The rider has delivered: the tip in the order's price is theirs."""

    order_id: str
    rider_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustPayment:
    """The order has a new price; `change_id` makes it once."""

    order_id: str
    change_id: str
    parts: tuple[Part, ...]
    at: datetime


def refund_in_part(command: RefundInPart, payment: Payment) -> list[PaymentEvent]:
    """Gives back what is asked or refuses: never more than was taken and is left."""
    if command.refund_id in payment.wishes:
        return []
    left = sum(payment.refundable.values())
    if not payment.sold:
        raise none_taken(command.order_id, payment.state)
    if command.amount_cents > left:
        raise RefundExceedsCaptured(
            "more than is left of what was taken cannot be given back",
            order_id=command.order_id,
            refundable_cents=left,
        )
    taken = ledger.taken_back(payment.balances, command.amount_cents)
    return [
        *posted(payment, command.at, Entry.REFUND_OWED, taken),
        *refunds(payment, command.at, command.amount_cents, command.reason, command.refund_id),
    ]


def none_taken(order_id: str, state: PaymentState) -> PaymentNotCaptured:
    return PaymentNotCaptured("no money has been taken yet", order_id=order_id, state=state.value)


def compensate(command: Compensate, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    """The platform pays, once; what is granted before any money was taken waits for that."""
    if command.compensation_id in payment.wishes or command.amount_cents <= 0:
        return []
    granted = CompensationPromised(
        order_id=command.order_id,
        at=command.at,
        compensation_id=command.compensation_id,
        amount_cents=command.amount_cents,
        reason=command.reason,
    )
    return [granted] if payment.undecided else compensated(granted, payment, command.at, policy)


def compensated(
    granted: CompensationPromised, payment: Payment, at: datetime, policy: OrderPolicy
) -> list[PaymentEvent]:
    """Back to the card as far as the order's money reaches, then as credit as far as policy goes, and no further."""
    card_cents = min(granted.amount_cents, sum(payment.refundable.values()))
    credit_left = max(0, policy.compensation_credit_max_cents - payment.credited_cents)
    credit_cents = min(granted.amount_cents - card_cents, credit_left)
    owed = CompensationOwed(
        order_id=payment.order_id,
        at=at,
        compensation_id=granted.compensation_id,
        card_cents=card_cents,
        credit_cents=credit_cents,
        currency=payment.currency,
        reason=granted.reason,
        refused_cents=granted.amount_cents - card_cents - credit_cents,
    )
    credit = Account(ledger.AccountKind.CUSTOMER_CREDIT, payment.requested.customer_id)
    transfers = ledger.moved(ledger.COMPENSATION, ledger.CUSTOMER, card_cents)
    transfers += ledger.moved(ledger.COMPENSATION, credit, credit_cents)
    return [
        owed,
        *posted(payment, at, Entry.COMPENSATION, transfers),
        *refunds(payment, at, card_cents, granted.reason, granted.compensation_id),
    ]


def add_tip(command: AddTip, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    """Charges a tip of its own, once for each id."""
    if command.tip_id in payment.wishes:
        return []
    if not 1 <= command.amount_cents <= policy.tip_max_cents:
        raise TipOutOfRange(
            "this is not a possible tip", amount_cents=command.amount_cents, most=policy.tip_max_cents
        )
    if payment.state not in (PaymentState.CAPTURED, PaymentState.PARTLY_REFUNDED):
        raise NoTipPossible(
            "a tip can be added while the order is paid for", order_id=command.order_id, state=payment.state.value
        )
    return [
        ChargeRequested(
            order_id=command.order_id,
            at=command.at,
            charge_id=command.tip_id,
            purpose=Purpose.TIP,
            amount_cents=command.amount_cents,
            currency=payment.currency,
            method=command.method or payment.requested.method,
            rider_id=command.rider_id,
            provider=_provider_for(command.method, payment, policy),
        )
    ]


def pass_on_tip(command: PassOnTip, payment: Payment) -> list[PaymentEvent]:
    """Remembers whose the tip is, and passes it on as soon as it has been taken; the first who delivered has it."""
    if payment.tip_rider_id or not any(part.kind is PartKind.TIP for part in payment.parts):
        return []
    earned = TipEarned(order_id=command.order_id, at=command.at, rider_id=command.rider_id)
    return [earned, *passed_on(payment, command.rider_id, command.at)]


def passed_on(payment: Payment, rider_id: str, at: datetime) -> list[PaymentEvent]:
    """The tip that lies in the book unowned, to the rider."""
    cents = -payment.balance(ledger.TIPS)
    if cents <= 0:
        return []
    told = TipPassedOn(
        order_id=payment.order_id, at=at, rider_id=rider_id, amount_cents=cents, currency=payment.currency
    )
    to_rider = ledger.moved(ledger.TIPS, Account(ledger.TIPS.kind, rider_id), cents)
    return [told, *posted(payment, at, Entry.TIP_PASSED_ON, to_rider)]


def adjust(command: AdjustPayment, payment: Payment) -> list[PaymentEvent]:
    """Follows a new price: captures less, gives back, or charges what is missing."""
    if command.change_id in payment.wishes or payment.owed is not None or command.parts == payment.parts:
        return []
    adjusted = PaymentAdjusted(
        order_id=command.order_id, at=command.at, change_id=command.change_id, parts=command.parts
    )
    if not payment.sold:
        more = max(0, sum(part.cents for part in command.parts) - asked_cents(payment))
        return [adjusted, *([_extra(command, payment, more)] if more else [])]
    change = ledger.changed(payment.balances, payment.parts, command.parts, payment.merchant_id)
    entry = posted(payment, command.at, Entry.CHANGE, change)
    customer = ledger.posted_to(payment.balances, change).get(ledger.CUSTOMER, 0)
    owing, coming = customer + on_its_way_cents(payment), coming_cents(payment)
    if owing > coming:
        return [adjusted, *entry, _extra(command, payment, owing - coming)]
    return [adjusted, *entry, *surplus_back(payment, command.at, -owing)]


def collect(command: CollectDue, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    """Asks for what is owed and not being asked for already."""
    due_cents = owing_cents(payment) - coming_cents(payment)
    if command.charge_id in payment.wishes:
        return []
    if due_cents <= 0:
        if command.patient:
            return []
        raise NothingDue("nothing is owed for this order", order_id=command.order_id)
    return [
        ChargeRequested(
            order_id=command.order_id,
            at=command.at,
            charge_id=command.charge_id,
            purpose=Purpose.CHANGE,
            amount_cents=due_cents,
            currency=payment.currency,
            method=command.method or payment.requested.method,
            rider_id="",
            provider=_provider_for(command.method, payment, policy),
        )
    ]


def _provider_for(method: str, payment: Payment, policy: OrderPolicy) -> str:
    """Another method than the order's is one of the provider that is configured now."""
    return policy.payment_provider if method not in ("", payment.requested.method) else ""


def _extra(command: AdjustPayment, payment: Payment, cents: int) -> ChargeRequested:
    return ChargeRequested(
        order_id=command.order_id,
        at=command.at,
        charge_id=f"{command.change_id}-more",
        purpose=Purpose.CHANGE,
        amount_cents=cents,
        currency=payment.currency,
        method=payment.requested.method,
        rider_id="",
    )
