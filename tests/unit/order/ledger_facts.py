"""A merchant's and a customer's facts as tests like to have them: one of each kind."""

from dataclasses import replace
from datetime import time

from services.order.domain.customer import CustomerEvent, CustomerForgotten
from services.order.domain.merchant import MerchantEvent, MerchantFlagged
from services.order.domain.values import OpenHours
from tests.unit.order.facts import CUSTOMER, NOON, ORDER_ID, registered

EVERY_MERCHANT_EVENT: tuple[MerchantEvent, ...] = (
    replace(registered, open_hours=OpenHours(opens=time(8), closes=time(22), zone="Asia/Shanghai")),
    MerchantFlagged(order_id=ORDER_ID, at=NOON),
)

EVERY_CUSTOMER_EVENT: tuple[CustomerEvent, ...] = (
    CustomerForgotten(customer_id=CUSTOMER, order_ids=(ORDER_ID,), at=NOON),
)
