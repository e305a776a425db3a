"""The picture for re-planning, out of the engine's world and the deliveries behind it."""

from collections.abc import Mapping

from services.dispatch.domain.delivery.state import AFTER_PICKUP, BEFORE_PICKUP, Delivery
from services.dispatch.domain.values import AssignmentMode
from services.dispatch.engine.replanning import Carrier, Cause, Job, Picture
from services.dispatch.engine.world import Bar, Order, Rider, World

BY_A_PERSON = (AssignmentMode.MANUAL, AssignmentMode.TRANSFER)
_DEFAULT_PROMISE_S = 2_400.0


def picture_of(world: World, deliveries: Mapping[str, Delivery]) -> Picture:
    """`deliveries` are all that wait or are carried; the world's orders, by the same ids, those that are not picked
    up. One who is bound to something and not in the world is down."""
    orders = {order.order_id: order for order in world.orders}
    accepted: dict[str, list[str]] = {}
    fetched: dict[str, int] = {}
    asked: set[str] = set()
    for delivery_id, delivery in sorted(deliveries.items(), key=lambda each: _accepted_at(each[1], each[0])):
        if delivery.offer is not None:
            asked.add(delivery.offer.rider_id)
        if delivery.rider_id is None:
            continue
        if delivery.stage in BEFORE_PICKUP and delivery_id in orders:
            accepted.setdefault(delivery.rider_id, []).append(delivery_id)
        elif delivery.stage in AFTER_PICKUP:
            fetched[delivery.rider_id] = fetched.get(delivery.rider_id, 0) + 1
    carriers = {
        rider.rider_id: _carrier(
            rider, tuple(accepted.pop(rider.rider_id, ())), fetched.get(rider.rider_id, 0), asked
        )
        for rider in world.riders
    }
    carriers |= {rider_id: _gone(rider_id, tuple(bound), world.now) for rider_id, bound in accepted.items()}
    jobs = {
        order_id: _job(order, deliveries[order_id]) for order_id, order in orders.items() if order_id in deliveries
    }
    return Picture(now=world.now, carriers=carriers, jobs=jobs)


def _accepted_at(delivery: Delivery, delivery_id: str) -> tuple[float, str]:
    return (0.0 if delivery.assigned_at is None else delivery.assigned_at.timestamp(), delivery_id)


def _carrier(rider: Rider, bound: tuple[str, ...], fetched: int, asked: set[str]) -> Carrier:
    return Carrier(
        rider_id=rider.rider_id,
        spot=rider.spot,
        free_at=rider.free_at,
        off_at=rider.off_at,
        bound=bound,
        pace=rider.pace,
        down=Cause.RIDER_SILENT if rider.unavailable is Bar.SILENT else None,
        open_to_more=rider.unavailable is None and rider.rider_id not in asked,
        fetched=fetched,
        capacity_g=rider.capacity_g,
        capacity_ml=rider.capacity_ml,
        skills=rider.skills,
    )


def _gone(rider_id: str, bound: tuple[str, ...], now: float) -> Carrier:
    return Carrier(rider_id=rider_id, spot=(0.0, 0.0), free_at=now, off_at=now, bound=bound, down=Cause.RIDER_DOWN)


def _job(order: Order, delivery: Delivery) -> Job:
    promised = order.placed_at + _DEFAULT_PROMISE_S if order.promised_at is None else order.promised_at
    return Job(
        order_id=order.order_id,
        shop_id=order.shop_id,
        pickup=order.pickup,
        dropoff=order.dropoff,
        ready_at=order.ready_at,
        promised_at=promised,
        fixed=delivery.mode in BY_A_PERSON or order.pinned_to is not None,
        replanned_at=None if delivery.replanned_at is None else delivery.replanned_at.timestamp(),
        changed=None if delivery.changed is None else Cause(delivery.changed.value),
        load_g=order.load_g,
        load_ml=order.load_ml,
        skills=order.skills,
        barred=order.barred,
        most_in_hand=order.most_in_hand,
    )
