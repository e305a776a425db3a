"""Turns the folded money of an order into what callers see of it."""

from collections.abc import Sequence

from services.order.application import NO_SUCH_ORDER
from services.order.books import Balance
from services.order.codec import ORDER, PAYMENT
from services.order.domain.ledger import Entry, Transfer
from services.order.domain.owing import owing_cents
from services.order.domain.payment import PaymentState
from services.order.domain.purse import Payment, implied
from services.order.domain.settling import coming_cents
from services.order.domain.state import Order
from services.order.money_schemas import (
    AccountView,
    BalanceView,
    DueView,
    EntryView,
    ErrandView,
    LedgerView,
    MoneyView,
    TipView,
    TransferView,
)
from services.order.outbound import payment_id_of
from services.order.payment_codec import PAYMENT_CODEC
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.kernel.errors import NotFound


def ledger_of(tx: Transaction, order_id: str) -> LedgerView:
    """The book of an order as it is now: an empty one until its payment is asked for, moments after it was placed."""
    order = tx.load(ORDER, order_id).state
    if order is None:
        raise NotFound(NO_SUCH_ORDER)
    payment_id = payment_id_of(order_id)
    loaded = tx.load(PAYMENT, payment_id)
    payment = loaded.state
    if payment is None:
        return _unwritten(order, payment_id)
    return LedgerView(
        order_id=order_id,
        payment_id=payment_id,
        state=payment.state,
        currency=payment.currency,
        captured_cents=payment.captured_cents,
        refunded_cents=payment.refunded_cents,
        refundable_cents=sum(payment.refundable.values()),
        entries=_entries(tx, tx.stream(payment_id)),
        balances=[
            AccountView(account=str(account), cents=cents) for account, cents in sorted(payment.balances.items())
        ],
        waiting=[
            ErrandView(
                name=each.name, errand=each.errand.value, cents=each.cents, attempts=each.attempts, stuck=each.stuck
            )
            for each in payment.errands.values()
        ],
        version=loaded.version,
    )


def _unwritten(order: Order, payment_id: str) -> LedgerView:
    return LedgerView(
        order_id=order.order_id,
        payment_id=payment_id,
        state=PaymentState.PENDING,
        currency=order.totals.currency,
        captured_cents=0,
        refunded_cents=0,
        refundable_cents=0,
        entries=[],
        balances=[],
        waiting=[],
        version=0,
    )


def _entries(tx: Transaction, events: Sequence[StoredEvent]) -> list[EntryView]:
    entries = []
    for stored in events:
        event = PAYMENT_CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
        posted = implied(event)
        if posted is not None:
            entries.append(_entry(stored, *posted, getattr(event, "movement", "")))
    return entries


def _entry(stored: StoredEvent, entry: Entry, transfers: Sequence[Transfer], movement: str) -> EntryView:
    return EntryView(
        version=stored.version,
        at=stored.occurred_at,
        entry=entry.value,
        movement=movement,
        transfers=[
            TransferView(debit=str(each.debit), credit=str(each.credit), cents=each.cents) for each in transfers
        ],
    )


def tip_view(payment: Payment | None, tip_id: str) -> TipView:
    """A tip of an order; NotFound when the order was never paid for."""
    if payment is None:
        raise NotFound(NO_SUCH_ORDER)
    charge = payment.charges[tip_id]
    return TipView(
        order_id=payment.order_id,
        tip_id=tip_id,
        rider_id=charge.rider_id,
        amount_cents=charge.amount_cents,
        currency=payment.currency,
        taken=charge.captured_cents > 0,
    )


def due_view(order: Order, payment: Payment | None) -> DueView:
    """What is owed for an order: nothing until its payment is asked for, moments after it was placed."""
    if payment is None:
        currency = order.totals.currency
        return DueView(
            order_id=order.order_id, due_cents=0, being_asked_cents=0, currency=currency, reason="", again_at=None
        )
    return DueView(
        order_id=payment.order_id,
        due_cents=owing_cents(payment),
        being_asked_cents=coming_cents(payment),
        currency=payment.currency,
        reason=payment.due.reason if payment.due else "",
        again_at=payment.due.again_at if payment.due else None,
    )


def balance_view(account: str, found: Sequence[Balance], position: int) -> BalanceView:
    """What is owed to somebody, over all accounts that it was found on."""
    sums: dict[str, int] = {}
    for each in found:
        sums[each.currency] = sums.get(each.currency, 0) + each.cents
    balances = [MoneyView(currency=currency, cents=cents) for currency, cents in sorted(sums.items())]
    return BalanceView(account=account, balances=balances, position=position)
