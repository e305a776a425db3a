"""Turns what callers send about a placed order into the domain's commands."""

from datetime import datetime, timedelta

from services.order.domain.commands import (
    AcceptOrder,
    CancelOrder,
    ConfirmOrder,
    CorrectOrder,
    ExtendPreparation,
    MarkReady,
    RejectOrder,
    StartPreparation,
)
from services.order.domain.values import By, Goods, OrderState
from services.order.schemas import (
    AcceptBody,
    CorrectBody,
    ExtendBody,
    ReadyTime,
    RejectBody,
)


def _ready_at(body: ReadyTime, now: datetime) -> datetime:
    return body.ready_at or now + timedelta(minutes=body.preparation_minutes or 0)


def acceptance(body: AcceptBody, order_id: str, at: datetime, now: datetime) -> AcceptOrder:
    return AcceptOrder(order_id=order_id, at=at, now=now, ready_at=_ready_at(body, now))


def rejection(body: RejectBody, order_id: str, at: datetime, now: datetime) -> RejectOrder:
    return RejectOrder(order_id=order_id, at=at, now=now, reason=body.reason)


def extension(body: ExtendBody, order_id: str, at: datetime, now: datetime) -> ExtendPreparation:
    return ExtendPreparation(order_id=order_id, at=at, now=now, ready_at=_ready_at(body, now), reason=body.reason)


def preparation(order_id: str, at: datetime, now: datetime) -> StartPreparation:
    return StartPreparation(order_id=order_id, at=at, now=now)


def readiness(order_id: str, at: datetime, now: datetime) -> MarkReady:
    return MarkReady(order_id=order_id, at=at, now=now)


def cancellation(order_id: str, by: By, reason: str, now: datetime) -> CancelOrder:
    return CancelOrder(order_id=order_id, at=now, now=now, by=by, reason=reason)


def confirmation(order_id: str, now: datetime) -> ConfirmOrder:
    return ConfirmOrder(order_id=order_id, at=now, now=now)


def correction(body: CorrectBody, order_id: str, by: By, at: datetime, now: datetime) -> CorrectOrder:
    return CorrectOrder(
        order_id=order_id,
        at=at,
        now=now,
        by=by,
        to=OrderState(body.to),
        reason=body.reason.value,
        goods=Goods(body.goods),
        happened_at=body.happened_at,
    )
