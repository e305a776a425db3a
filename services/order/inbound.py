"""What other services' public facts ask of an order. Facts are never refused: the domain records or ignores them."""

from collections.abc import Sequence
from datetime import datetime

from services.order.domain.commands import (
    FactCommand,
    NoteAtPickup,
    NoteCancellationWish,
    NoteDelivered,
    NoteDeliveryFailed,
    NoteGoodsReturned,
    NotePickedUp,
    NoteRedispatch,
    NoteReturnOpened,
    NoteRiderAssigned,
    NoteRiderUnassigned,
    NoteStopCollected,
    NoteUndeliverable,
    NoteWithdrawalRefused,
    NoteWithdrawn,
)
from services.order.domain.paying import Compensate
from services.order.domain.values import Goods, Proof
from shared.contracts import common, dispatch, support
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message

SUBSCRIBED: tuple[type[Message], ...] = (
    dispatch.RiderAssigned,
    dispatch.RiderUnassigned,
    dispatch.ArrivedAtPickup,
    dispatch.StopCollected,
    dispatch.PickedUp,
    dispatch.ArrivedAtDropoff,
    dispatch.Delivered,
    dispatch.DeliveryFailed,
    dispatch.DeliveryUndeliverable,
    dispatch.DeliveryWithdrawn,
    dispatch.WithdrawalRefused,
    dispatch.ReturnOpened,
    dispatch.GoodsReturned,
    dispatch.EtaChanged,
    dispatch.DelayPredicted,
    support.RedispatchRequested,
    support.CancellationRequested,
    support.CompensationGranted,
)

TOLD_ONLY: tuple[type[Message], ...] = (dispatch.ArrivedAtDropoff, dispatch.EtaChanged, dispatch.DelayPredicted)
"""Heard for the timeline and the tracking page alone: nothing follows from them."""


def commands_for(message: Message, envelope: Envelope, now: datetime) -> Sequence[FactCommand | Compensate]:
    """The commands that a message leads to; `now` is this server's time, from which deadlines count."""
    if isinstance(message, dispatch.DeliveryMessage):
        return _from_dispatch(message, envelope.time, now)
    if isinstance(message, support.CompensationGranted):
        return [_compensation(message, envelope.id, now)]
    if isinstance(message, support.CaseMessage):
        return _from_support(message, envelope.time, now)
    return []


def _from_dispatch(message: dispatch.DeliveryMessage, at: datetime, now: datetime) -> Sequence[FactCommand]:
    order_id = message.order_id
    match message:
        case dispatch.RiderAssigned(rider_id=rider_id):
            return [NoteRiderAssigned(order_id=order_id, at=at, now=now, rider_id=rider_id)]
        case dispatch.RiderUnassigned(rider_id=rider_id, reason=reason):
            return [NoteRiderUnassigned(order_id=order_id, at=at, now=now, rider_id=rider_id, reason=reason)]
        case dispatch.ArrivedAtPickup(rider_id=rider_id):
            return [NoteAtPickup(order_id=order_id, at=at, now=now, rider_id=rider_id)]
        case dispatch.StopCollected():
            return [_collect(message, at, now)]
        case dispatch.PickedUp():
            return [_pick_up(message, at, now)]
        case dispatch.Delivered(rider_id=rider_id, proof=proof):
            return [NoteDelivered(order_id=order_id, at=at, now=now, rider_id=rider_id, proof=_proof(proof))]
        case _:
            return _of_trouble(message, at, now)


def _of_trouble(message: dispatch.DeliveryMessage, at: datetime, now: datetime) -> Sequence[FactCommand]:
    order_id = message.order_id
    match message:
        case dispatch.DeliveryFailed():
            return [_failure(message, at, now)]
        case dispatch.DeliveryUndeliverable():
            return [NoteUndeliverable(order_id=order_id, at=at, now=now)]
        case dispatch.DeliveryWithdrawn():
            return [NoteWithdrawn(order_id=order_id, at=at, now=now)]
        case dispatch.WithdrawalRefused(reason=reason):
            return [NoteWithdrawalRefused(order_id=order_id, at=at, now=now, reason=reason)]
        case dispatch.ReturnOpened(rider_id=rider):
            return [NoteReturnOpened(order_id=order_id, at=at, now=now, rider_id=rider)]
        case dispatch.GoodsReturned(rider_id=rider_id):
            return [NoteGoodsReturned(order_id=order_id, at=at, now=now, rider_id=rider_id)]
        case _:
            return []


def _collect(message: dispatch.StopCollected, at: datetime, now: datetime) -> NoteStopCollected:
    return NoteStopCollected(
        order_id=message.order_id,
        at=at,
        now=now,
        rider_id=message.rider_id,
        stop=message.stop,
        empty_handed=message.empty_handed,
    )


def _pick_up(message: dispatch.PickedUp, at: datetime, now: datetime) -> NotePickedUp:
    return NotePickedUp(
        order_id=message.order_id,
        at=at,
        now=now,
        rider_id=message.rider_id,
        after_withdrawal=message.after_withdrawal,
        receipt_cents=message.receipt_cents,
        proof=_proof(message.proof),
    )


def _proof(proof: common.Proof) -> Proof | None:
    """None where there is none: a rider need not have any."""
    if proof.kind == "none" and not proof.reference and not proof.received_by:
        return None
    return Proof(kind=proof.kind, reference=proof.reference, sha256=proof.sha256, received_by=proof.received_by)


def _failure(message: dispatch.DeliveryFailed, at: datetime, now: datetime) -> NoteDeliveryFailed:
    return NoteDeliveryFailed(
        order_id=message.order_id,
        at=at,
        now=now,
        rider_id=message.rider_id,
        reason=message.reason.value,
        goods=Goods(message.goods.value),
    )


def _compensation(message: support.CompensationGranted, envelope_id: str, now: datetime) -> Compensate:
    """Its id, or the message's own where it has none, makes it once, however often it is told."""
    return Compensate(
        order_id=message.order_id,
        compensation_id=message.compensation_id or envelope_id,
        amount_cents=message.amount_cents,
        reason=message.reason,
        at=now,
    )


def _from_support(message: support.CaseMessage, at: datetime, now: datetime) -> Sequence[FactCommand]:
    match message:
        case support.RedispatchRequested():
            return [NoteRedispatch(order_id=message.order_id, at=at, now=now, reason=message.reason, by=message.by)]
        case support.CancellationRequested():
            return [NoteCancellationWish(order_id=message.order_id, at=at, now=now, reason=message.reason)]
        case _:
            return []
