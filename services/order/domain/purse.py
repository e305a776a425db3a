"""What the facts so far make of an order's money: its charges, the provider's errands, and the book's balances."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from services.order.domain import ledger
from services.order.domain.ledger import Account, Entry, Part, PartKind, Transfer
from services.order.domain.payment import (
    MAIN,
    CaptureRequested,
    ChargeCaptured,
    ChargeFailed,
    ChargeRequested,
    CompensationOwed,
    CompensationPromised,
    DifferenceOwed,
    DifferenceSettled,
    Errand,
    LedgerPosted,
    MoneyBackOwed,
    PaymentAdjusted,
    PaymentAnswer,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDelayed,
    PaymentErrand,
    PaymentEvent,
    PaymentFailed,
    PaymentReleased,
    PaymentRequested,
    PaymentRetried,
    PaymentState,
    PaymentStuck,
    Purpose,
    RefundFailed,
    RefundIssued,
    RefundRequested,
    ReleaseRequested,
    TipEarned,
    TipPassedOn,
    charge_name,
    errand_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Money asked of the customer once, at `provider`. `refunding_cents` counts what was asked to go back, done or
    not."""

    purpose: Purpose | None
    amount_cents: int
    method: str
    reference: str = ""
    captured_cents: int = 0
    refunding_cents: int = 0
    refunded_cents: int = 0
    rider_id: str = ""
    provider: str = ""

    @property
    def refundable_cents(self) -> int:
        return self.captured_cents - self.refunding_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenErrand:
    """What the provider is being asked. `accrued`: the book knows of this refund already; `tries`: how often the bank
    has sent it back."""

    name: str
    errand: Errand
    charge_id: str
    cents: int
    reason: str = ""
    fee: bool = False
    accrued: bool = True
    purpose: Purpose | None = None
    attempts: int = 0
    stuck: bool = False
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """`owed` is set once the order's money must go back; `wishes` are the ids of what has been asked for before.

    `sold`: the price has been taken, so everybody's share in it is in the book; a cancellation fee alone is no sale.
    `issued` are the refunds that were given, `promised` the compensations that wait for the money, `due` what the
    customer was last told to owe, `fee_cents` the cancellation fee that was kept, `goodwill_cents` what was paid as
    compensation out of such money after the end.
    """

    requested: PaymentRequested
    parts: tuple[Part, ...]
    state: PaymentState = PaymentState.PENDING
    errands: Mapping[str, OpenErrand] = field(default_factory=dict)
    charges: Mapping[str, Charge] = field(default_factory=dict)
    balances: Mapping[Account, int] = field(default_factory=dict)
    wishes: frozenset[str] = frozenset()
    refunds: int = 0
    sold: bool = False
    owed: MoneyBackOwed | None = None
    tip_rider_id: str = ""
    issued: Mapping[str, OpenErrand] = field(default_factory=dict)
    promised: tuple[CompensationPromised, ...] = ()
    credited_cents: int = 0
    goodwill_cents: int = 0
    due: DifferenceOwed | None = None
    fee_cents: int = 0

    @property
    def order_id(self) -> str:
        return self.requested.order_id

    @property
    def currency(self) -> str:
        return self.requested.currency

    @property
    def merchant_id(self) -> str:
        return self.requested.merchant_id

    @property
    def main(self) -> Charge:
        return self.charges[MAIN]

    @property
    def price_cents(self) -> int:
        """What the order costs now, tips given later apart."""
        return sum(part.cents for part in self.parts)

    @property
    def captured_cents(self) -> int:
        return sum(charge.captured_cents for charge in self.charges.values())

    @property
    def refunded_cents(self) -> int:
        return sum(charge.refunded_cents for charge in self.charges.values())

    @property
    def refundable(self) -> dict[str, int]:
        """What may still go back, by charge, the newest first. A tip that was given later is the rider's."""
        return {
            charge_id: charge.refundable_cents
            for charge_id, charge in reversed(list(self.charges.items()))
            if charge.purpose is not Purpose.TIP and charge.refundable_cents > 0
        }

    @property
    def undecided(self) -> bool:
        """Whether the order's money may still be taken for the first time."""
        return not self.sold and self.state in (PaymentState.PENDING, PaymentState.AUTHORIZED)

    def balance(self, account: Account) -> int:
        return self.balances.get(account, 0)

    def provider_of(self, charge_id: str) -> str:
        """The provider that holds a charge."""
        return self.charges[charge_id].provider


def implied(event: PaymentEvent) -> tuple[Entry, tuple[Transfer, ...]] | None:
    """The entry of the book that a fact stands for: its own, or for facts of release 0.1.0 the one they imply."""
    whole = Account(ledger.AccountKind.UNALLOCATED)
    match event:
        case LedgerPosted():
            return event.entry, event.transfers
        case PaymentCaptured(movement=""):
            sold = ledger.moved(ledger.CUSTOMER, whole, event.amount_cents)
            return Entry.CAPTURE, sold + ledger.collected(event.amount_cents)
        case RefundIssued(name=""):
            back = ledger.moved(whole, ledger.CUSTOMER, event.amount_cents)
            return Entry.REFUND, back + ledger.returned(event.amount_cents)
        case _:
            return None


def evolve(payment: Payment | None, event: PaymentEvent) -> Payment | None:
    if isinstance(event, PaymentRequested):
        return _begun(event)
    if payment is None:
        raise ValueError(f"a payment cannot begin with {type(event).__name__}")
    posted = implied(event)
    if posted is not None:
        fee_cents = payment.fee_cents + ledger.kept_cents(posted[1])
        payment = replace(payment, balances=ledger.posted_to(payment.balances, posted[1]), fee_cents=fee_cents)
    if isinstance(event, PaymentErrand):
        return _asked(payment, event)
    if isinstance(event, PaymentAnswer):
        return _answered(payment, event)
    return _noted(payment, event)


def _begun(event: PaymentRequested) -> Payment:
    parts = event.parts or (Part(PartKind.WHOLE, event.amount_cents),)
    charge = Charge(purpose=None, amount_cents=event.amount_cents, method=event.method, provider=event.provider)
    name = Errand.AUTHORIZE.value
    errand = OpenErrand(name=name, errand=Errand.AUTHORIZE, charge_id=MAIN, cents=event.amount_cents)
    return Payment(requested=event, parts=parts, charges={MAIN: charge}, errands={name: errand})


def _asked(
    payment: Payment, event: CaptureRequested | ReleaseRequested | RefundRequested | ChargeRequested
) -> Payment:
    kind, name = errand_of(event) or (Errand.RELEASE, "")
    match event:
        case CaptureRequested():
            asked = OpenErrand(name=name, errand=kind, charge_id=MAIN, cents=event.amount_cents, fee=event.fee)
        case ReleaseRequested():
            asked = OpenErrand(name=name, errand=kind, charge_id=MAIN, cents=payment.main.amount_cents)
        case RefundRequested():
            return _refunding(payment, event, name)
        case ChargeRequested():
            charge = Charge(
                purpose=event.purpose,
                amount_cents=event.amount_cents,
                method=event.method,
                rider_id=event.rider_id,
                provider=event.provider or payment.main.provider,
            )
            payment = replace(
                payment,
                charges={**payment.charges, event.charge_id: charge},
                wishes=payment.wishes | {event.charge_id},
            )
            asked = OpenErrand(
                name=name,
                errand=kind,
                charge_id=event.charge_id,
                cents=event.amount_cents,
                purpose=event.purpose,
            )
        case _:
            assert_never(event)
    return replace(payment, errands={**payment.errands, name: asked})


def _refunding(payment: Payment, event: RefundRequested, name: str) -> Payment:
    charge_id = event.charge_id or MAIN
    charge = payment.charges[charge_id]
    asked = OpenErrand(
        name=name,
        errand=Errand.REFUND,
        charge_id=charge_id,
        cents=event.amount_cents,
        reason=event.reason,
        accrued=bool(event.name),
        tries=event.tries,
    )
    charge = replace(charge, refunding_cents=charge.refunding_cents + event.amount_cents)
    return replace(
        payment,
        errands={**payment.errands, name: asked},
        charges={**payment.charges, charge_id: charge},
        refunds=payment.refunds + 1,
        wishes=payment.wishes | ({event.wish_id} if event.wish_id else set()),
    )


def _without(payment: Payment, name: str) -> Payment:
    return replace(payment, errands={key: each for key, each in payment.errands.items() if key != name})


def _with_charge(payment: Payment, charge_id: str, charge: Charge) -> Payment:
    return replace(payment, charges={**payment.charges, charge_id: charge})


def _answered(payment: Payment, event: PaymentAnswer) -> Payment:
    match event:
        case PaymentAuthorized():
            known = _with_charge(payment, MAIN, replace(payment.main, reference=event.reference))
            return replace(_without(known, Errand.AUTHORIZE.value), state=PaymentState.AUTHORIZED)
        case PaymentFailed():
            stopped = _without(_without(payment, Errand.AUTHORIZE.value), Errand.CAPTURE.value)
            return replace(stopped, state=PaymentState.FAILED)
        case PaymentCaptured():
            taken = _with_charge(payment, MAIN, replace(payment.main, captured_cents=event.amount_cents))
            asked = payment.errands.get(Errand.CAPTURE.value)
            done = _without(taken, Errand.CAPTURE.value)
            return replace(done, state=PaymentState.CAPTURED, sold=asked is None or not asked.fee)
        case PaymentReleased():
            return replace(_without(payment, Errand.RELEASE.value), state=PaymentState.RELEASED)
        case RefundIssued():
            return _refunded(payment, event)
        case RefundFailed():
            return _come_back(payment, event)
        case ChargeCaptured():
            charge = payment.charges[event.charge_id]
            paid = replace(charge, captured_cents=event.amount_cents, reference=event.reference)
            return _without(_with_charge(payment, event.charge_id, paid), charge_name(event.charge_id))
        case ChargeFailed():
            return _without(payment, charge_name(event.charge_id))
        case _:
            assert_never(event)


def _refunded(payment: Payment, event: RefundIssued) -> Payment:
    name = event.name or Errand.REFUND.value
    errand = payment.errands.get(name) or OpenErrand(
        name=name, errand=Errand.REFUND, charge_id=MAIN, cents=event.amount_cents, reason=event.reason
    )
    charge = payment.charges[errand.charge_id]
    done = replace(charge, refunded_cents=charge.refunded_cents + event.amount_cents)
    state = PaymentState.REFUNDED if event.whole else PaymentState.PARTLY_REFUNDED
    known = _without(_with_charge(payment, errand.charge_id, done), name)
    return replace(known, state=state, issued={**payment.issued, name: errand})


def _come_back(payment: Payment, event: RefundFailed) -> Payment:
    """The refund is as if it had never been asked for; its money is asked for anew under another name."""
    errand = payment.issued[event.name] if event.booked else payment.errands[event.name]
    charge = payment.charges[errand.charge_id]
    refunded = charge.refunded_cents - (event.amount_cents if event.booked else 0)
    charge = replace(charge, refunded_cents=refunded, refunding_cents=charge.refunding_cents - event.amount_cents)
    known = _with_charge(payment, errand.charge_id, charge)
    if not event.booked:
        return _without(known, event.name)
    issued = {name: each for name, each in payment.issued.items() if name != event.name}
    state = PaymentState.PARTLY_REFUNDED if known.refunded_cents else PaymentState.CAPTURED
    return replace(known, issued=issued, state=state)


def _noted(
    payment: Payment,
    event: PaymentAdjusted
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
    | PaymentStuck,
) -> Payment:
    match event:
        case PaymentAdjusted():
            return replace(payment, parts=event.parts, wishes=payment.wishes | {event.change_id})
        case MoneyBackOwed():
            return replace(payment, owed=event)
        case CompensationPromised():
            wishes = payment.wishes | {event.compensation_id}
            return replace(payment, wishes=wishes, promised=(*payment.promised, event))
        case CompensationOwed():
            return _compensated(payment, event)
        case DifferenceOwed() | DifferenceSettled():
            return replace(payment, due=event if isinstance(event, DifferenceOwed) else None)
        case TipEarned():
            return replace(payment, tip_rider_id=event.rider_id)
        case PaymentDelayed():
            return _with_errand(payment, event.name or event.errand.value, attempts=event.attempt, stuck=False)
        case PaymentStuck():
            return _with_errand(payment, event.name, attempts=event.attempts, stuck=True)
        case PaymentRetried():
            return _with_errand(payment, event.name or event.errand.value, stuck=False)
        case TipPassedOn() | LedgerPosted():
            return payment
        case _:
            assert_never(event)


def _compensated(payment: Payment, event: CompensationOwed) -> Payment:
    promised = tuple(each for each in payment.promised if each.compensation_id != event.compensation_id)
    return replace(
        payment,
        wishes=payment.wishes | {event.compensation_id},
        promised=promised,
        credited_cents=payment.credited_cents + event.credit_cents,
        goodwill_cents=payment.goodwill_cents + (event.card_cents if payment.owed is not None else 0),
    )


def _with_errand(payment: Payment, name: str, **changes: int | bool) -> Payment:
    errand = payment.errands.get(name)
    if errand is None:
        return payment
    return replace(payment, errands={**payment.errands, name: replace(errand, **changes)})  # type: ignore[arg-type]
