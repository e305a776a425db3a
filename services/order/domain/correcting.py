"""Corrects what was recorded by mistake: a `delivered` that was none, a failure that was none; with who and why."""

from datetime import datetime
from enum import StrEnum

from services.order.domain.carrying import remind_at
from services.order.domain.commands import CorrectOrder
from services.order.domain.errors import NothingToCorrect
from services.order.domain.events import OrderDelivered, OrderEvent, OrderReinstated
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import Goods, OrderState
from services.order.domain.watching import next_step_at

_S = OrderState


class CorrectionReason(StrEnum):
    """Why a record was wrong: everybody is told, so nobody's own words."""

    RIDER_MISTAKE = "rider_mistake"
    WRONG_ORDER = "wrong_order"
    CUSTOMER_DID_NOT_RECEIVE = "customer_did_not_receive"
    CUSTOMER_HAS_IT = "customer_has_it"
    DEVICE_FAULT = "device_fault"


def correct(command: CorrectOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The order is put where it really stands; asking for what is so already changes nothing."""
    if command.to is order.state or (command.to is _S.DELIVERY_EXCEPTION and order.state is _S.RETURNING):
        return []
    if command.to is _S.DELIVERED:
        return _delivered_after_all(command, order, policy)
    return [_reinstated(command, order, command.goods, next_step_at(command.to, command.now, policy))]


def _delivered_after_all(command: CorrectOrder, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    if order.last_rider_id is None:
        raise NothingToCorrect("no rider ever had these goods", order_id=order.order_id, state=order.state.value)
    delivered = OrderDelivered(
        **order.whose(command.happened_at or command.at),
        rider_id=order.last_rider_id,
        promised_at=order.placed.promised_at,
        confirm_by=command.now + policy.span("confirmation"),
        remind_at=remind_at(command, policy),
    )
    return [_reinstated(command, order, Goods.HANDED_OVER, None), delivered]


def _reinstated(command: CorrectOrder, order: Order, goods: Goods, stalled_at: datetime | None) -> OrderReinstated:
    return OrderReinstated(
        **order.whose(command.at),
        by=command.by,
        reason=command.reason,
        was=order.state,
        back_to=command.to,
        rider_id=order.last_rider_id,
        goods=goods,
        stalled_at=stalled_at,
    )
