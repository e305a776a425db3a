"""What the provider's answers mean: each is a fact and an entry of the book, and an answer heard twice is an echo."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from services.order.domain import ledger, sharing
from services.order.domain.ledger import Account, Entry
from services.order.domain.payment import (
    ChargeCaptured,
    ChargeFailed,
    Delay,
    Errand,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDelayed,
    PaymentEvent,
    PaymentFailed,
    PaymentReleased,
    PaymentStuck,
    Purpose,
    RefundFailed,
    RefundIssued,
    RefundRequested,
    TipPassedOn,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.purse import OpenErrand, Payment, evolve
from services.order.domain.settling import on_its_way_cents, posted, refund_name, settle, surplus_back
from services.order.domain.wishing import passed_on
from shared.kernel.ids import sibling_id

_BACKOFF_DOUBLINGS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProviderAnswer:
    """What `provider` (empty: whoever was asked) said to the errand called `name`: done (with its `reference`), or
    declined, and why. `failed`: it was done and has come to nothing, so the same key will never do it."""

    order_id: str
    name: str
    declined: str | None
    reference: str
    at: datetime
    failed: bool = False
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProviderOutage:
    """No answer that counts: it could not be reached, broke off midway, or has not made up its mind."""

    order_id: str
    name: str
    at: datetime
    why: Delay = Delay.UNAVAILABLE


def movement_of(payment: Payment, name: str) -> str:
    """What an errand is called at the provider: its idempotency key, and its movement's name in both books."""
    return f"{sibling_id('pay', payment.order_id)}:{name}"


def record_answer(command: RecordProviderAnswer, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    """Writes down what the provider said to an open errand; an answer to any other is an echo, but for a refund that
    was given and has come back."""
    errand = payment.errands.get(command.name)
    gone = errand or payment.issued.get(command.name)
    if gone is None or command.provider not in ("", payment.provider_of(gone.charge_id)):
        return []
    if command.failed and gone.errand is Errand.REFUND:
        return _come_back(command, payment, gone, policy)
    if errand is None:
        return []
    if command.declined is not None and errand.errand in (Errand.RELEASE, Errand.REFUND):
        # Money that is owed stays owed: a provider that declines to give it back is asked again.
        return [_again(payment, errand, command.at, Delay.DECLINED, policy)]
    answers = _declined(command, errand) if command.declined is not None else _done(command, payment, errand)
    return [*answers, *following(folded(payment, answers), command.at)]


def record_outage(command: RecordProviderOutage, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    errand = payment.errands.get(command.name)
    return [] if errand is None else [_again(payment, errand, command.at, command.why, policy)]


def folded(payment: Payment, events: Sequence[PaymentEvent]) -> Payment:
    """The payment after some more events."""
    for event in events:
        payment = evolve(payment, event) or payment
    return payment


def following(payment: Payment, at: datetime) -> list[PaymentEvent]:
    """What an answer sets free: money that is owed, a tip that waited for it, too much taken for a new price."""
    if payment.owed is not None:
        return settle(payment, payment.owed, at)
    if not payment.sold:
        return []
    surplus_cents = -payment.balance(ledger.CUSTOMER) - on_its_way_cents(payment)
    tip = passed_on(payment, payment.tip_rider_id, at) if payment.tip_rider_id else []
    return [*tip, *surplus_back(payment, at, surplus_cents)]


def _declined(command: RecordProviderAnswer, errand: OpenErrand) -> list[PaymentEvent]:
    reason = command.declined or ""
    if errand.errand is not Errand.CHARGE:
        return [PaymentFailed(order_id=command.order_id, at=command.at, reason=reason)]
    return [
        ChargeFailed(
            order_id=command.order_id,
            at=command.at,
            charge_id=errand.charge_id,
            purpose=errand.purpose or Purpose.CHANGE,
            amount_cents=errand.cents,
            reason=reason,
        )
    ]


def _done(command: RecordProviderAnswer, payment: Payment, errand: OpenErrand) -> list[PaymentEvent]:
    match errand.errand:
        case Errand.AUTHORIZE:
            return [
                PaymentAuthorized(
                    order_id=command.order_id,
                    at=command.at,
                    amount_cents=errand.cents,
                    currency=payment.currency,
                    reference=command.reference,
                )
            ]
        case Errand.CAPTURE:
            return captured(payment, errand, command.at)
        case Errand.RELEASE:
            return [PaymentReleased(order_id=command.order_id, at=command.at)]
        case Errand.REFUND:
            return _refund_issued(payment, errand, command.at)
        case Errand.CHARGE:
            return _charged(command, payment, errand)
        case _:
            assert_never(errand.errand)


def captured(payment: Payment, errand: OpenErrand, at: datetime) -> list[PaymentEvent]:
    """Taken: the price is everybody's who has a share in it, or a cancellation fee the platform's."""
    movement = movement_of(payment, errand.name)
    fact = PaymentCaptured(
        order_id=payment.order_id,
        at=at,
        amount_cents=errand.cents,
        currency=payment.currency,
        movement=movement,
    )
    taken = ledger.collected(errand.cents)
    if errand.fee and payment.owed is not None:
        fee = sharing.kept(payment, payment.owed, errand.cents)
        return [fact, *posted(payment, at, Entry.CANCELLATION_FEE, (*fee, *taken), movement)]
    sold = ledger.sold(payment.parts, payment.merchant_id)
    return [fact, *posted(payment, at, Entry.CAPTURE, sold + taken, movement)]


def _refund_issued(payment: Payment, errand: OpenErrand, at: datetime) -> list[PaymentEvent]:
    movement = movement_of(payment, errand.name)
    others = any(each.errand is Errand.REFUND for each in payment.errands.values() if each is not errand)
    fact = RefundIssued(
        order_id=payment.order_id,
        at=at,
        amount_cents=errand.cents,
        currency=payment.currency,
        reason=errand.reason,
        name=errand.name,
        movement=movement,
        whole=not others and (payment.owed is not None or not payment.refundable),
    )
    back = () if errand.accrued else ledger.taken_back(payment.balances, errand.cents)
    returned = back + ledger.returned(errand.cents)
    return [fact, *posted(payment, at, Entry.REFUND, returned, movement, errand.charge_id)]


def _come_back(
    command: RecordProviderAnswer, payment: Payment, errand: OpenErrand, policy: OrderPolicy
) -> list[PaymentEvent]:
    """Booked back, and asked for anew under another name: later by itself, then by operators, who see it as owed."""
    booked, movement = errand.name in payment.issued, movement_of(payment, errand.name)
    fact = RefundFailed(
        order_id=command.order_id,
        at=command.at,
        amount_cents=errand.cents,
        currency=payment.currency,
        reason=command.declined or "",
        name=errand.name,
        movement=movement,
        booked=booked,
        tries=errand.tries + 1,
    )
    if booked:
        entry, back = Entry.REFUND_FAILED, ledger.collected(errand.cents)
    else:
        entry, back = Entry.REFUND_OWED, () if errand.accrued else ledger.taken_back(payment.balances, errand.cents)
    book = posted(payment, command.at, entry, back, f"{movement}:failed" if booked else "", errand.charge_id)
    anew = RefundRequested(
        order_id=command.order_id,
        at=command.at,
        amount_cents=errand.cents,
        currency=payment.currency,
        reason=errand.reason,
        name=refund_name(payment.refunds + 1),
        charge_id=errand.charge_id,
        wish_id="",
        tries=errand.tries + 1,
    )
    return [fact, *book, anew, _later(payment, anew, command.at, policy)]


def _later(
    payment: Payment, anew: RefundRequested, at: datetime, policy: OrderPolicy
) -> PaymentDelayed | PaymentStuck:
    """A bank that would not have the money is not asked at once again, and not for ever."""
    if anew.tries >= policy.refund_tries_max:
        return PaymentStuck(
            order_id=payment.order_id, at=at, errand=Errand.REFUND, name=anew.name, attempts=1, why=Delay.FAILED
        )
    return PaymentDelayed(
        order_id=payment.order_id,
        at=at,
        errand=Errand.REFUND,
        attempt=1,
        again_at=at + policy.span("refund_again"),
        name=anew.name,
        why=Delay.FAILED,
    )


def _charged(command: RecordProviderAnswer, payment: Payment, errand: OpenErrand) -> list[PaymentEvent]:
    charge, movement = payment.charges[errand.charge_id], movement_of(payment, errand.name)
    purpose = errand.purpose or Purpose.CHANGE
    fact = ChargeCaptured(
        order_id=command.order_id,
        at=command.at,
        charge_id=errand.charge_id,
        purpose=purpose,
        amount_cents=errand.cents,
        currency=payment.currency,
        reference=command.reference,
        movement=movement,
    )
    taken = ledger.collected(errand.cents)
    if purpose is not Purpose.TIP:
        return [fact, *posted(payment, command.at, Entry.CHANGE, taken, movement, errand.charge_id)]
    rider = Account(ledger.TIPS.kind, charge.rider_id)
    told = TipPassedOn(
        order_id=command.order_id,
        at=command.at,
        rider_id=charge.rider_id,
        amount_cents=errand.cents,
        currency=payment.currency,
    )
    tip = ledger.moved(ledger.CUSTOMER, rider, errand.cents)
    return [fact, *posted(payment, command.at, Entry.TIP, tip + taken, movement, errand.charge_id), told]


def _again(
    payment: Payment, errand: OpenErrand, at: datetime, why: Delay, policy: OrderPolicy
) -> PaymentDelayed | PaymentStuck:
    attempt = errand.attempts + 1
    if attempt >= policy.payment_attempts_max:
        return PaymentStuck(
            order_id=payment.order_id, at=at, errand=errand.errand, name=errand.name, attempts=attempt, why=why
        )
    doublings = min(errand.attempts, _BACKOFF_DOUBLINGS_MAX)
    seconds = min(policy.payment_retry_seconds * 2**doublings, policy.payment_retry_max_seconds)
    return PaymentDelayed(
        order_id=payment.order_id,
        at=at,
        errand=errand.errand,
        attempt=attempt,
        again_at=at + timedelta(seconds=seconds),
        name=errand.name,
        why=why,
    )
