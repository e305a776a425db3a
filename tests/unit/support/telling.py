"""What other services tell support, for tests of what it does with that."""

from typing import Any

from shared.contracts import dispatch, order
from shared.contracts.common import FailureReason, GeoPoint, Goods, OrderKind
from tests.unit.support.story import NOW


def parties(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "customer_id": "cus_1", "merchant_id": "mer_1"}


def placed(order_id: str) -> order.OrderPlaced:
    return order.OrderPlaced(
        **parties(order_id),
        kind=OrderKind.FOOD,
        items=(),
        total_cents=100,
        currency="CNY",
        pickup_cell="c1",
        dropoff_cell="c2",
        pickup=GeoPoint(lat=1, lon=1),
        promised_at=NOW,
    )


def failed(order_id: str, reason: FailureReason = FailureReason.ADDRESS_WRONG) -> order.OrderDeliveryFailed:
    return order.OrderDeliveryFailed(**parties(order_id), rider_id="rid_1", reason=reason, goods=Goods.RETURNED)


def undeliverable(order_id: str) -> dispatch.DeliveryUndeliverable:
    return dispatch.DeliveryUndeliverable(delivery_id="dlv_1", order_id=order_id, attempt=1)


def delivered(order_id: str) -> order.OrderDelivered:
    return order.OrderDelivered(
        order_id=order_id, customer_id="cus_1", rider_id="rid_1", delivered_at=NOW, promised_at=NOW, confirm_by=NOW
    )


def cancelled(order_id: str) -> order.OrderCancelled:
    return order.OrderCancelled(**parties(order_id), by="support", reason="refunded")


def refunded(order_id: str) -> order.RefundIssued:
    return order.RefundIssued(
        order_id=order_id, payment_id="pay_1", amount_cents=100, currency="CNY", reason="refunded"
    )


def compensated(order_id: str, compensation_id: str, paid_cents: int, refused_cents: int) -> order.CompensationOwed:
    return order.CompensationOwed(
        order_id=order_id,
        payment_id="pay_1",
        compensation_id=compensation_id,
        amount_cents=paid_cents,
        credit_cents=0,
        refused_cents=refused_cents,
        currency="CNY",
        reason="late",
    )
