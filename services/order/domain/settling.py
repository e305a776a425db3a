"""Gives back what must go back, and never more than was taken: the errands and entries that every way shares."""

from collections.abc import Sequence
from datetime import datetime

from services.order.domain import ledger, sharing
from services.order.domain.ledger import Entry, Transfer
from services.order.domain.payment import (
    MAIN,
    CaptureRequested,
    Errand,
    LedgerPosted,
    MoneyBackOwed,
    PaymentEvent,
    PaymentReleased,
    PaymentState,
    Purpose,
    RefundRequested,
    ReleaseRequested,
)
from services.order.domain.purse import Payment


def is_free(payment: Payment) -> bool:
    """Whether money is reserved and the provider is not busy with taking or releasing it."""
    busy = payment.errands.keys() & {Errand.CAPTURE.value, Errand.RELEASE.value}
    return payment.state is PaymentState.AUTHORIZED and not busy


def posted(
    payment: Payment,
    at: datetime,
    entry: Entry,
    transfers: Sequence[Transfer],
    movement: str = "",
    charge_id: str = MAIN,
) -> list[PaymentEvent]:
    """The entry; none when there is nothing to post. `charge_id` says at which provider the money moved."""
    if not transfers:
        return []
    return [
        LedgerPosted(
            order_id=payment.order_id,
            at=at,
            entry=entry,
            transfers=tuple(transfers),
            currency=payment.currency,
            movement=movement,
            provider=payment.provider_of(charge_id) if movement else "",
        )
    ]


def refunds(payment: Payment, at: datetime, cents: int, reason: str, wish_id: str = "") -> list[PaymentEvent]:
    """Errands that give `cents` back, over as many charges as it takes; less when less is left."""
    events: list[PaymentEvent] = []
    for charge_id, left in payment.refundable.items():
        part = min(left, cents)
        if part <= 0:
            continue
        number = payment.refunds + len(events) + 1
        events.append(
            RefundRequested(
                order_id=payment.order_id,
                at=at,
                amount_cents=part,
                currency=payment.currency,
                reason=reason,
                name=refund_name(number),
                charge_id=charge_id,
                wish_id=wish_id,
            )
        )
        cents -= part
    return events


def refund_name(number: int) -> str:
    """What a payment's n-th refund is called."""
    return Errand.REFUND.value if number == 1 else f"{Errand.REFUND.value}-{number}"


def surplus_back(payment: Payment, at: datetime, cents: int) -> list[PaymentEvent]:
    """What was taken beyond a new price goes back; what the card cannot get back any more stays as credit."""
    if cents <= 0:
        return []
    card_cents = min(cents, sum(payment.refundable.values()))
    credit = ledger.Account(ledger.AccountKind.CUSTOMER_CREDIT, payment.requested.customer_id)
    kept = ledger.moved(ledger.CUSTOMER, credit, cents - card_cents)
    return [*posted(payment, at, Entry.CHANGE, kept), *refunds(payment, at, card_cents, "order_changed")]


def settle(payment: Payment, owed: MoneyBackOwed, at: datetime) -> list[PaymentEvent]:
    """What gives the order's money back but for `owed.keep_cents`, as far as the provider is free for it."""
    return [*_let_go(payment, owed, at), *_give_back(payment, owed, at)]


def _let_go(payment: Payment, owed: MoneyBackOwed, at: datetime) -> list[PaymentEvent]:
    """Of reserved money the fee is taken, and with that the rest released; without a fee all is released."""
    if not is_free(payment):
        return []
    if payment.main.amount_cents == 0:
        return [PaymentReleased(order_id=payment.order_id, at=at)]
    fee_cents = min(owed.keep_cents, payment.main.amount_cents)
    if fee_cents <= 0:
        return [ReleaseRequested(order_id=payment.order_id, at=at)]
    return [
        CaptureRequested(
            order_id=payment.order_id, at=at, amount_cents=fee_cents, currency=payment.currency, fee=True
        )
    ]


def _give_back(payment: Payment, owed: MoneyBackOwed, at: datetime) -> list[PaymentEvent]:
    # A tip that the rider has been given stays theirs, and a fee that was taken stays taken.
    refundable = sum(payment.refundable.values())
    stays = payment.fee_cents + _passed_on_cents(payment) - payment.goodwill_cents
    left = max(0, min(refundable, refundable - stays))
    fee_cents = min(max(0, owed.keep_cents - payment.fee_cents), left) if payment.sold else 0
    back = refunds(payment, at, left - fee_cents, owed.reason)
    back_cents = sum(each.amount_cents for each in back if isinstance(each, RefundRequested))
    owing = payment.balance(ledger.CUSTOMER) + on_its_way_cents(payment) - coming_cents(payment)
    taken = ledger.taken_back(payment.balances, max(0, owing + back_cents + fee_cents)) if payment.sold else ()
    fee = sharing.kept(payment, owed, fee_cents)
    return [*posted(payment, at, Entry.REFUND_OWED, (*taken, *fee)), *back]


def _passed_on_cents(payment: Payment) -> int:
    """Of the price itself: tips given later are charges of their own."""
    later = sum(each.captured_cents for each in payment.charges.values() if each.rider_id)
    given = -sum(
        cents for account, cents in payment.balances.items() if account.kind is ledger.TIPS.kind and account.owner
    )
    return max(0, given - later)


def coming_cents(payment: Payment) -> int:
    """What a dearer price is being charged for at this moment."""
    return sum(each.cents for each in payment.errands.values() if each.purpose is Purpose.CHANGE)


def on_its_way_cents(payment: Payment) -> int:
    """What the provider has been asked to give back and has not said yet that it did."""
    return sum(
        errand.cents for errand in payment.errands.values() if errand.errand is Errand.REFUND and errand.accrued
    )
