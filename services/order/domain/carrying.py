"""What dispatch reports, as the order records it: facts of the road are recorded or ignored, never refused."""

from datetime import datetime
from typing import assert_never

from services.order.domain.commands import (
    CarryingCommand,
    NoteAtPickup,
    NoteDelivered,
    NoteDeliveryFailed,
    NoteGoodsReturned,
    NotePickedUp,
    NoteReturnOpened,
    NoteRiderAssigned,
    NoteRiderUnassigned,
    NoteStopCollected,
    NoteUndeliverable,
    OrderCommand,
)
from services.order.domain.ending import cancelled
from services.order.domain.events import (
    DeliveredAfterCancellation,
    GoodsBroughtBack,
    GoodsTakenAfterCancellation,
    OrderDelivered,
    OrderDeliveryFailed,
    OrderEvent,
    OrderOutForDelivery,
    OrderRedispatched,
    OrderReturned,
    OrderRiderAssigned,
    OrderRiderUnassigned,
    OrderUndeliverable,
    ReturnStarted,
)
from services.order.domain.metering import note_at_pickup, note_stop_collected, settle
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, Goods, OrderState
from services.order.domain.watching import next_step_at

_S = OrderState


def decide(command: CarryingCommand, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """What a fact from dispatch means for the order; empty when it means nothing any more."""
    match command:
        case NoteRiderAssigned():
            return note_rider_assigned(command, order, policy)
        case NoteRiderUnassigned():
            return note_rider_unassigned(command, order)
        case NoteAtPickup():
            return note_at_pickup(command, order)
        case NoteStopCollected():
            return note_stop_collected(command, order, policy)
        case NotePickedUp():
            return note_picked_up(command, order, policy)
        case NoteDelivered():
            return note_delivered(command, order, policy)
        case NoteDeliveryFailed():
            return note_delivery_failed(command, order, policy)
        case NoteUndeliverable():
            return note_undeliverable(command, order, policy)
        case NoteReturnOpened():
            return note_return_opened(command, order, policy)
        case NoteGoodsReturned():
            return note_goods_returned(command, order, policy)
        case _:
            assert_never(command)


def kitchen_state(order: Order) -> OrderState:
    """Where an order stands when only its kitchen is asked: what a new attempt starts from."""
    if order.food_ready or order.picked_up:
        return _S.READY
    return _S.PREPARING if order.step("preparing") is not None else _S.ACCEPTED


def redispatched(order: Order, command: OrderCommand, reason: str, by: str, policy: OrderPolicy) -> OrderRedispatched:
    """One more attempt, from where the kitchen stands."""
    back_to = kitchen_state(order)
    stalled_at = next_step_at(back_to, command.now, policy)
    return OrderRedispatched(**order.whose(command.at), back_to=back_to, reason=reason, by=by, stalled_at=stalled_at)


def note_rider_assigned(command: NoteRiderAssigned, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """From now on the delivery, not the order, decides about cancelling."""
    assigned = OrderRiderAssigned(**order.whose(command.at), rider_id=command.rider_id)
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.DELIVERING | _S.CANCELLING:
            return [] if order.rider_id == command.rider_id else [assigned]
        case _S.DELIVERY_EXCEPTION | _S.RETURNING:
            # A new rider is proof of a new attempt, whoever asked for it.
            return [redispatched(order, command, "rider_assigned", "dispatch", policy), assigned]
        case _S.PENDING_ACCEPTANCE | _S.DELIVERED | _S.COMPLETED | _S.CANCELLED | _S.REJECTED | _S.ARCHIVED:
            return []
        case _:
            assert_never(order.state)


def note_rider_unassigned(command: NoteRiderUnassigned, order: Order) -> list[OrderEvent]:
    if order.rider_id != command.rider_id or order.state not in (
        _S.ACCEPTED,
        _S.PREPARING,
        _S.READY,
        _S.CANCELLING,
    ):
        return []
    return [OrderRiderUnassigned(**order.whose(command.at), rider_id=command.rider_id, reason=command.reason)]


def note_picked_up(command: NotePickedUp, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The rider has the goods. After a cancellation that is recorded too: it opens a return."""
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.CANCELLING | _S.DELIVERY_EXCEPTION | _S.RETURNING:
            if command.after_withdrawal:
                return [*_withdrawn(command, order, policy), _taken(command, order)]
            return [_on_the_road(command, order, policy), *settle(command, order)]
        case _S.CANCELLED:
            return [_taken(command, order)] if order.goods is Goods.NOT_COLLECTED else []
        case _S.PENDING_ACCEPTANCE | _S.DELIVERING | _S.DELIVERED | _S.COMPLETED | _S.REJECTED | _S.ARCHIVED:
            return []
        case _:
            assert_never(order.state)


def _on_the_road(command: NotePickedUp | NoteDelivered, order: Order, policy: OrderPolicy) -> OrderEvent:
    return OrderOutForDelivery(
        **order.whose(command.at),
        rider_id=command.rider_id,
        stalled_at=next_step_at(_S.DELIVERING, command.now, policy),
        # What proves a delivery says nothing about the pick-up before it.
        proof=command.proof if isinstance(command, NotePickedUp) else None,
    )


def _taken(command: NotePickedUp, order: Order) -> OrderEvent:
    return GoodsTakenAfterCancellation(**order.whose(command.at), rider_id=command.rider_id, proof=command.proof)


def _withdrawn(command: CarryingCommand, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    wish = order.withdrawal
    if wish is None:
        return cancelled(order, command, By.SYSTEM, "delivery_withdrawn", policy)
    return cancelled(order, command, wish.by, wish.reason, policy)


def note_delivered(command: NoteDelivered, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """The customer has the goods. Who delivers has picked up: a pick-up that was never heard of is said as well."""
    whose = order.whose(command.at)
    match order.state:
        case (
            _S.ACCEPTED
            | _S.PREPARING
            | _S.READY
            | _S.DELIVERING
            | _S.CANCELLING
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
        ):
            delivered = OrderDelivered(
                **whose,
                rider_id=command.rider_id,
                promised_at=order.placed.promised_at,
                confirm_by=command.now + policy.span("confirmation"),
                remind_at=remind_at(command, policy),
                proof=command.proof,
            )
            if order.state is _S.DELIVERING:
                return [delivered]
            return [_on_the_road(command, order, policy), *settle(command, order), delivered]
        case _S.CANCELLED:
            anyway = DeliveredAfterCancellation(**whose, rider_id=command.rider_id, proof=command.proof)
            return [] if order.delivered_anyway else [anyway]
        case _S.PENDING_ACCEPTANCE | _S.DELIVERED | _S.COMPLETED | _S.REJECTED | _S.ARCHIVED:
            return []
        case _:
            assert_never(order.state)


def remind_at(command: OrderCommand, policy: OrderPolicy) -> datetime | None:
    """None where policy confirms before it would remind."""
    reminds = policy.confirmation_reminder_seconds < policy.confirmation_seconds
    return command.now + policy.span("confirmation_reminder") if reminds else None


def note_delivery_failed(command: NoteDeliveryFailed, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.DELIVERING | _S.CANCELLING:
            failed = OrderDeliveryFailed(
                **order.whose(command.at),
                rider_id=command.rider_id,
                reason=command.reason,
                goods=command.goods,
                stalled_at=next_step_at(_S.DELIVERY_EXCEPTION, command.now, policy),
            )
            return [failed]
        case (
            _S.PENDING_ACCEPTANCE
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.DELIVERED
            | _S.COMPLETED
            | _S.CANCELLED
            | _S.REJECTED
            | _S.ARCHIVED
        ):
            return []
        case _:
            assert_never(order.state)


def note_undeliverable(command: NoteUndeliverable, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Nobody was found. A customer who wanted to cancel anyway gets that; others choose with support."""
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY:
            stalled_at = next_step_at(_S.DELIVERY_EXCEPTION, command.now, policy)
            return [OrderUndeliverable(**order.whose(command.at), stalled_at=stalled_at)]
        case _S.CANCELLING:
            return _withdrawn(command, order, policy)
        case (
            _S.PENDING_ACCEPTANCE
            | _S.DELIVERING
            | _S.DELIVERY_EXCEPTION
            | _S.RETURNING
            | _S.DELIVERED
            | _S.COMPLETED
            | _S.CANCELLED
            | _S.REJECTED
            | _S.ARCHIVED
        ):
            return []
        case _:
            assert_never(order.state)


def note_return_opened(command: NoteReturnOpened, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    if order.state is not _S.DELIVERY_EXCEPTION:
        return []
    stalled_at = next_step_at(_S.RETURNING, command.now, policy)
    return [ReturnStarted(**order.whose(command.at), rider_id=command.rider_id, stalled_at=stalled_at)]


def note_goods_returned(command: NoteGoodsReturned, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Home again: the end of a cancelled order's goods, a new start for one that support may send out again."""
    if order.goods in (Goods.RETURNED, Goods.HANDED_OVER):
        return []
    whose = order.whose(command.at)
    match order.state:
        case _S.CANCELLED:
            return [OrderReturned(**whose)]
        case _S.DELIVERY_EXCEPTION | _S.RETURNING:
            stalled_at = next_step_at(_S.DELIVERY_EXCEPTION, command.now, policy)
            return [GoodsBroughtBack(**whose, rider_id=command.rider_id, stalled_at=stalled_at)]
        case (
            _S.PENDING_ACCEPTANCE
            | _S.ACCEPTED
            | _S.PREPARING
            | _S.READY
            | _S.DELIVERING
            | _S.CANCELLING
            | _S.DELIVERED
            | _S.COMPLETED
            | _S.REJECTED
            | _S.ARCHIVED
        ):
            return []
        case _:
            assert_never(order.state)
