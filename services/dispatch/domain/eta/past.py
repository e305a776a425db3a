"""What riders did across their journeys: several may have been in the same hands, and each stop made others wait."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.eta.journeys import Whole, along
from services.dispatch.domain.eta.rounds import InHand, Round
from services.dispatch.domain.travel.learning import WayGone
from services.dispatch.domain.travel.ways import FAIR, Way
from services.dispatch.domain.values import Stage, Stop, StopKind
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One journey, whose it was, and the weather in which it began."""

    delivery_id: str
    rider_id: str
    vehicle: str
    whole: Whole
    weather: str = FAIR


@dataclass(frozen=True, slots=True)
class Done:
    """A stop that is over: when he came, and when he was off again."""

    trip: Trip
    kind: StopKind
    place: Place
    arrived_at: datetime
    off_at: datetime


Past = Mapping[str, Sequence[Done]]
"""What each rider did, in the order in which he was done with it."""


def past_of(trips: Iterable[Trip]) -> Past:
    """The journeys, rider by rider."""
    found: dict[str, list[Done]] = {}
    for trip in trips:
        found.setdefault(trip.rider_id, []).extend(_stops(trip))
    return {rider_id: sorted(stops, key=lambda stop: stop.off_at) for rider_id, stops in found.items()}


def ways_gone(trip: Trip, past: Past) -> Iterator[WayGone]:
    """The ways to its counter and to its door, from wherever its rider set off, for learning travel times."""
    for stop in past[trip.rider_id]:
        if stop.trip is trip:
            origin, since = _set_off(stop, past[trip.rider_id], stop.arrived_at)
            if origin is not None and since < stop.arrived_at:
                way = Way(
                    origin=origin,
                    destination=stop.place,
                    vehicle=trip.vehicle,
                    departs_at=since,
                    weather=trip.weather,
                )
                yield WayGone(way, stop.arrived_at - since)


def round_at(trip: Trip, stage: Stage, past: Past, at: datetime) -> Round | None:
    """What was before its rider at a moment, of all that he had been given by then, up to its door; None when nobody
    knows from where he came. He is taken to have ridden steadily."""
    ahead = [
        stop
        for stop in past[trip.rider_id]
        if at < stop.off_at <= trip.whole.delivered_at and stop.trip.whole.assigned_at <= at
    ]
    origin, since = _set_off(ahead[0], past[trip.rider_id], at)
    stands = ahead[0].arrived_at <= at
    if origin is None and not stands:
        return None
    way = (ahead[0].arrived_at - since).total_seconds()
    return Round(
        vehicle=trip.vehicle,
        stops=tuple(Stop(stop.trip.delivery_id, stop.kind) for stop in ahead),
        in_hand={stop.trip.delivery_id: _in_hand(stop.trip, stage, at) for stop in ahead},
        origin=origin,
        stands=stands,
        left_share=1.0 if way <= 0 else max(0.0, 1 - (at - since).total_seconds() / way),
        weather=trip.weather,
    )


def waiting(trip: Trip, at: datetime) -> Round:
    """What was before whoever would come."""
    ends = (Stop(trip.delivery_id, StopKind.PICKUP), Stop(trip.delivery_id, StopKind.DROPOFF))
    in_hand = {trip.delivery_id: _in_hand(trip, Stage.WAITING, at)}
    return Round(vehicle=trip.vehicle, stops=ends, in_hand=in_hand, origin=None, weather=trip.weather)


def _stops(trip: Trip) -> tuple[Done, Done]:
    whole = trip.whole
    return (
        Done(trip, StopKind.PICKUP, whole.pickup, whole.at_pickup_at, whole.picked_up_at),
        Done(trip, StopKind.DROPOFF, whole.dropoff_area, whole.at_dropoff_at, whole.delivered_at),
    )


def _set_off(stop: Done, stops: Sequence[Done], at: datetime) -> tuple[Place | None, datetime]:
    """From where and when he set off to a stop: from the one before, or from where he was when he took it."""
    whole = stop.trip.whole
    before = bisect_right(stops, min(at, stop.arrived_at), key=lambda each: each.off_at)
    if before and stops[before - 1].off_at >= whole.assigned_at:
        return stops[before - 1].place, stops[before - 1].off_at
    known = stop.kind is StopKind.PICKUP and whole.approach_m is not None
    return along(whole.pickup, whole.approach_m or 0.0) if known else None, whole.assigned_at


def _in_hand(trip: Trip, stage: Stage, at: datetime) -> InHand:
    whole = trip.whole
    return InHand(
        stage=stage,
        ready_at=whole.ready_at,
        goods_ready=whole.goods_ready_at is not None and whole.goods_ready_at <= at,
        pickups=(whole.pickup,),
        door=whole.dropoff_area,
    )
