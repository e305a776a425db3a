"""What dispatch reports, as the order records it: facts of the road are recorded or ignored, never refused."""

from typing import assert_never

from services.order.domain.commands import (
    CarryingCommand,
    NoteDelivered,
    NoteDeliveryFailed,
    NoteGoodsReturned,
    NotePickedUp,
    NoteReturnOpened,
    NoteRiderAssigned,
    NoteRiderUnassigned,
    NoteUndeliverable,
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
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, Goods, OrderState

_S = OrderState


def decide(command: CarryingCommand, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """What a fact from dispatch means for the order; empty when it means nothing any more."""
    match command:
        case NoteRiderAssigned():
            return note_rider_assigned(command, order)
        case NoteRiderUnassigned():
            return note_rider_unassigned(command, order)
        case NotePickedUp():
            return note_picked_up(command, order)
        case NoteDelivered():
            return note_delivered(command, order, policy)
        case NoteDeliveryFailed():
            return note_delivery_failed(command, order)
        case NoteUndeliverable():
            return note_undeliverable(command, order)
        case NoteReturnOpened():
            return note_return_opened(command, order)
        case NoteGoodsReturned():
            return note_goods_returned(command, order)
        case _:
            assert_never(command)


def kitchen_state(order: Order) -> OrderState:
    """Where an order stands when only its kitchen is asked: what a new attempt starts from."""
    if order.food_ready or order.picked_up:
        return _S.READY
    return _S.PREPARING if order.step("preparing") is not None else _S.ACCEPTED


def note_rider_assigned(command: NoteRiderAssigned, order: Order) -> list[OrderEvent]:
    """From now on the delivery, not the order, decides about cancelling."""
    assigned = OrderRiderAssigned(**order.whose(command.at), rider_id=command.rider_id)
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.DELIVERING | _S.CANCELLING:
            return [] if order.rider_id == command.rider_id else [assigned]
        case _S.DELIVERY_EXCEPTION | _S.RETURNING:
            # A new rider is proof of a new attempt, whoever asked for it.
            again = OrderRedispatched(
                **order.whose(command.at), back_to=kitchen_state(order), reason="rider_assigned", by="dispatch"
            )
            return [again, assigned]
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


def note_picked_up(command: NotePickedUp, order: Order) -> list[OrderEvent]:
    """The rider has the goods. After a cancellation that is recorded too: it opens a return."""
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.CANCELLING | _S.DELIVERY_EXCEPTION | _S.RETURNING:
            if command.after_withdrawal:
                return [*_withdrawn(command, order), _taken(command, order)]
            return [OrderOutForDelivery(**order.whose(command.at), rider_id=command.rider_id)]
        case _S.CANCELLED:
            return [_taken(command, order)] if order.goods is Goods.NOT_COLLECTED else []
        case _S.PENDING_ACCEPTANCE | _S.DELIVERING | _S.DELIVERED | _S.COMPLETED | _S.REJECTED | _S.ARCHIVED:
            return []
        case _:
            assert_never(order.state)


def _taken(command: NotePickedUp, order: Order) -> OrderEvent:
    return GoodsTakenAfterCancellation(**order.whose(command.at), rider_id=command.rider_id)


def _withdrawn(command: CarryingCommand, order: Order) -> list[OrderEvent]:
    wish = order.withdrawal
    if wish is None:
        return cancelled(order, command.at, By.SYSTEM, "delivery_withdrawn")
    return cancelled(order, command.at, wish.by, wish.reason)


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
            )
            if order.state is _S.DELIVERING:
                return [delivered]
            return [OrderOutForDelivery(**whose, rider_id=command.rider_id), delivered]
        case _S.CANCELLED:
            anyway = DeliveredAfterCancellation(**whose, rider_id=command.rider_id)
            return [] if order.delivered_anyway else [anyway]
        case _S.PENDING_ACCEPTANCE | _S.DELIVERED | _S.COMPLETED | _S.REJECTED | _S.ARCHIVED:
            return []
        case _:
            assert_never(order.state)


def note_delivery_failed(command: NoteDeliveryFailed, order: Order) -> list[OrderEvent]:
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY | _S.DELIVERING | _S.CANCELLING:
            failed = OrderDeliveryFailed(
                **order.whose(command.at),
                rider_id=command.rider_id,
                reason=command.reason,
                goods=command.goods,
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


def note_undeliverable(command: NoteUndeliverable, order: Order) -> list[OrderEvent]:
    """Nobody was found. A customer who wanted to cancel anyway gets that; others choose with support."""
    match order.state:
        case _S.ACCEPTED | _S.PREPARING | _S.READY:
            return [OrderUndeliverable(**order.whose(command.at))]
        case _S.CANCELLING:
            return _withdrawn(command, order)
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


def note_return_opened(command: NoteReturnOpened, order: Order) -> list[OrderEvent]:
    if order.state is not _S.DELIVERY_EXCEPTION:
        return []
    return [ReturnStarted(**order.whose(command.at), rider_id=command.rider_id)]


def note_goods_returned(command: NoteGoodsReturned, order: Order) -> list[OrderEvent]:
    """Home again: the end of a cancelled order's goods, a new start for one that support may send out again."""
    if order.goods in (Goods.RETURNED, Goods.HANDED_OVER):
        return []
    whose = order.whose(command.at)
    match order.state:
        case _S.CANCELLED:
            return [OrderReturned(**whose)]
        case _S.DELIVERY_EXCEPTION | _S.RETURNING:
            return [GoodsBroughtBack(**whose, rider_id=command.rider_id)]
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
