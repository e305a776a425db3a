"""Where open deliveries stand, and which ways are still to be gone for them, as far as anybody knows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.dispatch.domain.delivery.places import last_place, left_stops, place_of
from services.dispatch.domain.delivery.state import AFTER_PICKUP, Delivery
from services.dispatch.domain.eta.rounds import InHand, Round
from services.dispatch.domain.positions import Position
from services.dispatch.domain.travel.ways import FAIR
from services.dispatch.domain.values import Stage, Stop, StopKind
from shared.kernel.place import Place

_STANDS = {Stage.AT_PICKUP: StopKind.PICKUP, Stage.AT_DROPOFF: StopKind.DROPOFF}


def wanted(delivery_id: str, delivery: Delivery, weather: str = FAIR) -> Round:
    """The round of somebody who is still looked for."""
    return Round(
        vehicle="",
        stops=_stops(delivery_id, delivery),
        in_hand={delivery_id: _in_hand(delivery)},
        origin=None,
        weather=weather,
    )


def under_way(
    stops: Sequence[Stop],
    deliveries: Mapping[str, Delivery],
    vehicle: str,
    position: Position | None,
    now: datetime,
    weather: str = FAIR,
) -> Round:
    """A rider's round. Where he stands comes first, whatever was meant; what he has ridden since he was last seen, or
    since he left the last counter, is behind him."""
    known = {stop.delivery_id for stop in stops}
    others = [stop for each, delivery in deliveries.items() if each not in known for stop in _stops(each, delivery)]
    ordered = sorted((*stops, *others), key=lambda stop: not _stands_at(stop, deliveries[stop.delivery_id]))
    origin, left_at = _last_known(deliveries, position)
    return Round(
        vehicle=vehicle,
        stops=tuple(ordered),
        in_hand={delivery_id: _in_hand(each) for delivery_id, each in deliveries.items()},
        origin=origin,
        stands=bool(ordered) and _stands_at(ordered[0], deliveries[ordered[0].delivery_id]),
        ridden_seconds=0.0 if left_at is None else max(0.0, (now - left_at).total_seconds()),
        weather=weather,
    )


def _stops(delivery_id: str, delivery: Delivery) -> tuple[Stop, ...]:
    dropoff = Stop(delivery_id, StopKind.DROPOFF)
    return (dropoff,) if delivery.stage in AFTER_PICKUP else (Stop(delivery_id, StopKind.PICKUP), dropoff)


def _stands_at(stop: Stop, delivery: Delivery) -> bool:
    """Of an errand that has goods already, he is on the way to its next place, unless none is left."""
    if _STANDS.get(delivery.stage) is not stop.kind:
        return False
    return not delivery.collected or stop.kind is StopKind.DROPOFF or not left_stops(delivery)


def _in_hand(delivery: Delivery) -> InHand:
    return InHand(
        stage=delivery.stage,
        ready_at=delivery.ready_at,
        goods_ready=delivery.goods_ready,
        pickups=() if delivery.stage in AFTER_PICKUP else _pickups(delivery),
        door=delivery.dropoff_area,
        via=delivery.via,
    )


def _pickups(delivery: Delivery) -> tuple[Place, ...]:
    left = tuple(place_of(delivery, stop) for stop in left_stops(delivery))
    if not delivery.collected:
        return (delivery.pickup, *left)
    return left or (last_place(delivery),)


def _off_at(delivery: Delivery) -> datetime | None:
    """When its carrier left the last of its counters that he was at; events of old do not say it."""
    if delivery.stage in AFTER_PICKUP:
        return delivery.picked_up_at or delivery.assigned_at
    return delivery.collected[-1].at if delivery.collected else None


def _last_known(
    deliveries: Mapping[str, Delivery], position: Position | None
) -> tuple[Place | None, datetime | None]:
    """Where he was last, and since when he has been riding on from there: what he reported, or his device's word when
    it is newer."""
    counters = [(at, last_place(each)) for each in deliveries.values() if (at := _off_at(each)) is not None]
    left_at, counter = max(counters, key=lambda each: each[0], default=(None, None))
    taken_at = max((each.assigned_at for each in deliveries.values() if each.assigned_at is not None), default=None)
    if position is not None and (left_at is None or position.at > left_at):
        started_at = taken_at if left_at is None else left_at
        return position.place, position.at if started_at is None else max(position.at, started_at)
    return counter, left_at or taken_at
