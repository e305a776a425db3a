"""What is decided about an order's money: one function per command, and money that always ends up where it belongs.

Facts and time are never refused: the purse is told, not asked. Only people's own wishes (a refund, a tip) can be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from services.order.domain import owing, settling
from services.order.domain.ledger import Part
from services.order.domain.payment import (
    CaptureRequested,
    Errand,
    MoneyBackOwed,
    PaymentAuthorized,
    PaymentEvent,
    PaymentRequested,
    PaymentRetried,
    PaymentState,
    ReleaseRequested,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.providing import (
    RecordProviderAnswer,
    RecordProviderOutage,
    captured,
    folded,
    following,
    record_answer,
    record_outage,
)
from services.order.domain.purse import Payment
from services.order.domain.settling import settle
from services.order.domain.wishing import (
    AddTip,
    AdjustPayment,
    CollectDue,
    Compensate,
    PassOnTip,
    RefundInPart,
    add_tip,
    adjust,
    collect,
    compensate,
    compensated,
    none_taken,
    pass_on_tip,
    refund_in_part,
)

NOTHING_TO_PAY = "nothing_to_pay"
"""The reference of a payment of 0 cents, with which no provider is bothered."""


class Moment(StrEnum):
    """When authorised money can be taken; policy says at which of them it is."""

    ACCEPTANCE = "acceptance"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPayment:
    order_id: str
    customer_id: str
    amount_cents: int
    currency: str
    method: str
    at: datetime
    merchant_id: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    order_id: str
    at: datetime
    moment: Moment = Moment.ACCEPTANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveMoneyBack:
    order_id: str
    reason: str
    keep_cents: int
    at: datetime
    merchant_cents: int = 0
    carrier_cents: int = 0
    rider_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPayment:
    """Whoever waits for the provider asks it again: of one errand, or of all when `name` is empty."""

    order_id: str
    at: datetime
    name: str = ""


LaterCommand = (
    CapturePayment
    | GiveMoneyBack
    | RefundInPart
    | Compensate
    | CollectDue
    | AddTip
    | PassOnTip
    | AdjustPayment
    | RecordProviderAnswer
    | RecordProviderOutage
    | RetryPayment
)
"""What can be said of a payment once it has been asked for."""
PaymentCommand = RequestPayment | LaterCommand


def decide(command: PaymentCommand, payment: Payment | None, policy: OrderPolicy) -> list[PaymentEvent]:
    """What a command adds to the facts; only RefundInPart, AddTip and CollectDue can be refused."""
    if isinstance(command, RequestPayment):
        return request(command, payment, policy)
    if payment is None:
        if isinstance(command, RefundInPart):
            raise none_taken(command.order_id, PaymentState.PENDING)
        return []
    events = _decided(command, payment, policy)
    return [*events, *_afterwards(events, folded(payment, events), command.at, policy)]


def _afterwards(
    events: Sequence[PaymentEvent], payment: Payment, at: datetime, policy: OrderPolicy
) -> list[PaymentEvent]:
    """What holds after every decision: promises are kept once the money is there, and what is owed is known."""
    kept: list[PaymentEvent] = []
    for promise in () if payment.undecided else payment.promised:
        kept += compensated(promise, folded(payment, kept), at, policy)
    return [*kept, *owing.consequences(events, folded(payment, kept), at, policy)]


def _decided(command: LaterCommand, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    match command:
        case CapturePayment():
            return capture(command, payment, policy)
        case GiveMoneyBack():
            return give_money_back(command, payment)
        case RetryPayment():
            return retry(command, payment)
        case RecordProviderAnswer():
            return record_answer(command, payment, policy)
        case RecordProviderOutage():
            return record_outage(command, payment, policy)
        case _:
            return _wished(command, payment, policy)


def _wished(
    command: RefundInPart | Compensate | CollectDue | AddTip | PassOnTip | AdjustPayment,
    payment: Payment,
    policy: OrderPolicy,
) -> list[PaymentEvent]:
    match command:
        case RefundInPart():
            return refund_in_part(command, payment)
        case Compensate():
            return compensate(command, payment, policy)
        case CollectDue():
            return collect(command, payment, policy)
        case AddTip():
            return add_tip(command, payment, policy)
        case PassOnTip():
            return pass_on_tip(command, payment)
        case AdjustPayment():
            return adjust(command, payment)
        case _:
            assert_never(command)


def request(command: RequestPayment, payment: Payment | None, policy: OrderPolicy) -> list[PaymentEvent]:
    """Asks for the money, of the provider that is configured now: it holds this order's from here on."""
    if payment is not None:
        return []
    requested = PaymentRequested(
        order_id=command.order_id,
        at=command.at,
        customer_id=command.customer_id,
        amount_cents=command.amount_cents,
        currency=command.currency,
        method=command.method,
        merchant_id=command.merchant_id,
        parts=command.parts,
        provider=policy.payment_provider,
    )
    if command.amount_cents > 0:
        return [requested]
    free = PaymentAuthorized(
        order_id=command.order_id, at=command.at, amount_cents=0, currency=command.currency, reference=NOTHING_TO_PAY
    )
    return [requested, free]


def capture(command: CapturePayment, payment: Payment, policy: OrderPolicy) -> list[PaymentEvent]:
    """Takes the authorised money once, at delivery at the latest; not at all when it is owed back already."""
    too_early = command.moment is Moment.ACCEPTANCE and policy.capture_at != Moment.ACCEPTANCE.value
    if too_early or payment.owed is not None or not settling.is_free(payment):
        return []
    cents = max(0, min(payment.main.amount_cents, payment.price_cents))
    requested = CaptureRequested(
        order_id=command.order_id, at=command.at, amount_cents=cents, currency=payment.currency, fee=False
    )
    if cents > 0:
        return [requested]
    # Nothing has to be taken: the book is written, and the provider asked at most to let go of what it reserved.
    asked = folded(payment, [requested])
    taken = captured(asked, asked.errands[Errand.CAPTURE.value], command.at)
    release = [ReleaseRequested(order_id=command.order_id, at=command.at)] if payment.main.amount_cents else []
    return [requested, *taken, *release, *following(folded(asked, taken), command.at)]


def give_money_back(command: GiveMoneyBack, payment: Payment) -> list[PaymentEvent]:
    """Owes the money back once, whatever the provider is still busy with; asking twice changes nothing."""
    if payment.owed is not None:
        return []
    owed = MoneyBackOwed(
        order_id=command.order_id,
        at=command.at,
        reason=command.reason,
        keep_cents=command.keep_cents,
        merchant_cents=command.merchant_cents,
        carrier_cents=command.carrier_cents,
        rider_id=command.rider_id,
    )
    return [owed, *settle(payment, owed, command.at)]


def retry(command: RetryPayment, payment: Payment) -> list[PaymentEvent]:
    return [
        PaymentRetried(order_id=command.order_id, at=command.at, errand=each.errand, name=each.name)
        for each in payment.errands.values()
        if each.attempts > 0 and command.name in ("", each.name)
    ]


__all__ = [
    "AddTip",
    "AdjustPayment",
    "CapturePayment",
    "CollectDue",
    "Compensate",
    "GiveMoneyBack",
    "Moment",
    "PassOnTip",
    "PaymentCommand",
    "RecordProviderAnswer",
    "RecordProviderOutage",
    "RefundInPart",
    "RequestPayment",
    "RetryPayment",
    "decide",
]
