"""A payment's facts as tests like to have them: one of each kind, and how the first release stored some."""

from dataclasses import replace
from typing import Any

from services.order.domain import payment as p
from services.order.domain.ledger import CLEARING, CUSTOMER, Account, AccountKind, Entry, Part, PartKind, Transfer
from tests.unit.order.facts import CUSTOMER as CUSTOMER_ID
from tests.unit.order.facts import MERCHANT_ID, NOON, ORDER_ID, PAYMENT_ID, RIDER, after

PARTS = (Part(PartKind.GOODS, 5600), Part(PartKind.DELIVERY, 300))
_WHOSE: dict[str, Any] = {"order_id": ORDER_ID, "at": NOON}
_MONEY: dict[str, Any] = {**_WHOSE, "amount_cents": 5900, "currency": "CNY"}

requested = p.PaymentRequested(
    **_MONEY,
    customer_id=CUSTOMER_ID,
    method="sandbox_ok",
    merchant_id=MERCHANT_ID,
    parts=PARTS,
    provider="sandbox",
)
capture_requested = p.CaptureRequested(**_MONEY, fee=True)
captured = p.PaymentCaptured(**_MONEY, movement=f"{PAYMENT_ID}:capture")
refund_requested = p.RefundRequested(
    **_MONEY, reason="changed_mind", name="refund-2", charge_id="order", wish_id="rfd_1", tries=1
)
refund_issued = p.RefundIssued(
    **_MONEY, reason="changed_mind", name="refund-2", movement=f"{PAYMENT_ID}:refund-2", whole=False
)
delayed = p.PaymentDelayed(
    **_WHOSE,
    errand=p.Errand.REFUND,
    attempt=1,
    again_at=after(seconds=5),
    name="refund-2",
    why=p.Delay.PENDING,
)
retried = p.PaymentRetried(**_WHOSE, errand=p.Errand.REFUND, name="refund-2")
_TIP: dict[str, Any] = {**_WHOSE, "charge_id": "tip_1", "purpose": p.Purpose.TIP, "amount_cents": 500}
money_back_owed = p.MoneyBackOwed(
    **_WHOSE, reason="changed_mind", keep_cents=0, merchant_cents=0, carrier_cents=0, rider_id=RIDER
)
compensation_owed = p.CompensationOwed(
    **_WHOSE,
    compensation_id="evt_1",
    card_cents=300,
    credit_cents=200,
    currency="CNY",
    reason="late",
    refused_cents=100,
)
charge_requested = p.ChargeRequested(**_TIP, currency="CNY", method="sandbox_ok", rider_id=RIDER, provider="sandbox")
posted = p.LedgerPosted(
    **_WHOSE,
    entry=Entry.CAPTURE,
    transfers=(
        Transfer(CUSTOMER, Account(AccountKind.MERCHANT_PAYABLE, MERCHANT_ID), 5900),
        Transfer(CLEARING, CUSTOMER, 5900),
    ),
    currency="CNY",
    movement=f"{PAYMENT_ID}:capture",
    provider="sandbox",
)

EVERY_PAYMENT_EVENT: tuple[p.PaymentEvent, ...] = (
    requested,
    p.PaymentAuthorized(**_MONEY, reference="sbx_1"),
    p.PaymentFailed(**_WHOSE, reason="card_declined"),
    p.PaymentAdjusted(**_WHOSE, change_id="chg_1", parts=(*PARTS, Part(PartKind.COUPON, -500))),
    capture_requested,
    captured,
    money_back_owed,
    p.ReleaseRequested(**_WHOSE),
    p.PaymentReleased(**_WHOSE),
    refund_requested,
    refund_issued,
    p.RefundFailed(
        **_MONEY,
        reason="lost_or_stolen_card",
        name="refund-2",
        movement=f"{PAYMENT_ID}:refund-2",
        booked=True,
        tries=1,
    ),
    p.CompensationPromised(**_WHOSE, compensation_id="cmp_1", amount_cents=600, reason="late"),
    compensation_owed,
    charge_requested,
    p.ChargeCaptured(**_TIP, currency="CNY", reference="sbx_2", movement=f"{PAYMENT_ID}:charge:tip_1"),
    p.ChargeFailed(**_TIP, reason="card_declined"),
    p.DifferenceOwed(
        **_WHOSE,
        customer_id=CUSTOMER_ID,
        due_cents=900,
        currency="CNY",
        reason="card_declined",
        tries=1,
        again_at=after(minutes=30),
    ),
    p.DifferenceSettled(**_WHOSE, customer_id=CUSTOMER_ID, currency="CNY"),
    p.TipEarned(**_WHOSE, rider_id=RIDER),
    p.TipPassedOn(**_WHOSE, rider_id=RIDER, amount_cents=500, currency="CNY"),
    posted,
    delayed,
    retried,
    p.PaymentStuck(**_WHOSE, errand=p.Errand.REFUND, name="refund-2", attempts=140, why=p.Delay.DECLINED),
)

AS_FIRST_STORED: dict[type[Any], p.PaymentEvent] = {
    p.PaymentRequested: replace(requested, merchant_id="", parts=()),
    p.CaptureRequested: replace(capture_requested, fee=False),
    p.PaymentCaptured: replace(captured, movement=""),
    p.MoneyBackOwed: replace(money_back_owed, rider_id=""),
    p.RefundRequested: replace(refund_requested, name="", charge_id="", wish_id="", tries=0),
    p.RefundIssued: replace(refund_issued, name="", movement="", whole=True),
    p.CompensationOwed: replace(compensation_owed, refused_cents=0),
    p.ChargeRequested: replace(charge_requested, provider=""),
    p.LedgerPosted: replace(posted, provider=""),
    p.PaymentDelayed: replace(delayed, errand=p.Errand.AUTHORIZE, name="", why=p.Delay.UNAVAILABLE),
    p.PaymentRetried: replace(retried, errand=p.Errand.AUTHORIZE, name=""),
}
"""How version 1 of what has a second version is read today."""

AS_SECOND_STORED: dict[type[Any], p.PaymentEvent] = {p.RefundRequested: replace(refund_requested, tries=0)}
"""How version 2 of what has a third version is read today, where that tells less."""
