"""Which streams a request is known to load, so that they are read in one round trip."""

from typing import Any

from services.order.codec import CITY, COUPON, MERCHANT, ORDER, PAYMENT, USES
from services.order.domain import city
from services.order.domain.commands import PlaceOrder
from services.order.domain.values import NO_MERCHANT
from services.order.ordering import coupon_stream, uses_stream
from services.order.outbound import payment_id_of
from shared.eventstore.aggregate import Aggregate

Needs = list[tuple[Aggregate[Any, Any], str]]


def of_order(order_id: str) -> Needs:
    """To show an order. A caller's word that is no order's id has no payment."""
    needs: Needs = [(ORDER, order_id)]
    if order_id.startswith("ord_"):
        needs.append((PAYMENT, payment_id_of(order_id)))
    return needs


def of_placing(command: PlaceOrder) -> Needs:
    """To place an order and show it."""
    needs: Needs = [(CITY, city.STREAM), *of_order(command.order_id)]
    if command.merchant_id != NO_MERCHANT:
        needs.append((MERCHANT, command.merchant_id))
    if command.coupon is not None:
        needs.append((COUPON, coupon_stream(command.coupon)))
        needs.append((USES, uses_stream(command.coupon, command.customer_id)))
    return needs
