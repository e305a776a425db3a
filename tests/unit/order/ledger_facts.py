"""A payment's and a merchant's facts as tests like to have them: one of each kind."""

from dataclasses import replace
from datetime import time

from services.order.domain import payment as p
from services.order.domain.customer import CustomerEvent, CustomerForgotten
from services.order.domain.merchant import MerchantEvent, MerchantFlagged
from services.order.domain.values import OpenHours
from tests.unit.order.facts import CUSTOMER, NOON, ORDER_ID, after, registered

EVERY_PAYMENT_EVENT: tuple[p.PaymentEvent, ...] = (
    p.PaymentRequested(
        order_id=ORDER_ID, at=NOON, customer_id=CUSTOMER, amount_cents=5900, currency="CNY", method="sandbox_ok"
    ),
    p.PaymentAuthorized(order_id=ORDER_ID, at=NOON, amount_cents=5900, currency="CNY", reference="sbx_1"),
    p.PaymentFailed(order_id=ORDER_ID, at=NOON, reason="card_declined"),
    p.CaptureRequested(order_id=ORDER_ID, at=NOON, amount_cents=5900, currency="CNY"),
    p.PaymentCaptured(order_id=ORDER_ID, at=NOON, amount_cents=5900, currency="CNY"),
    p.MoneyBackOwed(order_id=ORDER_ID, at=NOON, reason="changed_mind", keep_cents=0),
    p.ReleaseRequested(order_id=ORDER_ID, at=NOON),
    p.PaymentReleased(order_id=ORDER_ID, at=NOON),
    p.RefundRequested(order_id=ORDER_ID, at=NOON, amount_cents=5900, currency="CNY", reason="changed_mind"),
    p.RefundIssued(order_id=ORDER_ID, at=NOON, amount_cents=5900, currency="CNY", reason="changed_mind"),
    p.PaymentDelayed(order_id=ORDER_ID, at=NOON, errand=p.Errand.AUTHORIZE, attempt=1, again_at=after(seconds=5)),
    p.PaymentRetried(order_id=ORDER_ID, at=NOON, errand=p.Errand.AUTHORIZE),
)


EVERY_MERCHANT_EVENT: tuple[MerchantEvent, ...] = (
    replace(registered, open_hours=OpenHours(opens=time(8), closes=time(22), zone="Asia/Shanghai")),
    MerchantFlagged(order_id=ORDER_ID, at=NOON),
)

EVERY_CUSTOMER_EVENT: tuple[CustomerEvent, ...] = (
    CustomerForgotten(customer_id=CUSTOMER, order_ids=(ORDER_ID,), at=NOON),
)
