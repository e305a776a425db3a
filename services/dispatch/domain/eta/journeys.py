"""A delivery as travel times and forecasts learn from it: what was known at each point of it, and when it came."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.dispatch.domain.delivery import events as e
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Times are those of the devices, or the server's where a device's clock was wrong. `spoiled`: something came
    between that no forecast can know of (another rider, another door), or it has several counters, so that nothing is
    learned from it."""

    pickup: Place | None = None
    dropoff_area: Place | None = None
    ready_at: datetime | None = None
    requested_at: datetime | None = None
    offered_to: str = ""
    offered_m: float = 0.0
    rider_id: str = ""
    approach_m: float | None = None
    assigned_at: datetime | None = None
    ready_at_assignment: datetime | None = None
    goods_ready_at: datetime | None = None
    at_pickup_at: datetime | None = None
    picked_up_at: datetime | None = None
    at_dropoff_at: datetime | None = None
    delivered_at: datetime | None = None
    spoiled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A journey in one go, with every point of it reported, one after the other."""

    pickup: Place
    dropoff_area: Place
    approach_m: float | None
    ready_at: datetime | None
    goods_ready_at: datetime | None
    requested_at: datetime
    assigned_at: datetime
    at_pickup_at: datetime
    picked_up_at: datetime
    at_dropoff_at: datetime
    delivered_at: datetime


UNHEARD = Journey()


def evolve(journey: Journey, event: e.DeliveryEvent, at: datetime) -> Journey:
    """The journey after one more event of its delivery, which happened at `at`."""
    match event:
        case e.DeliveryAnnounced():
            several = bool(event.further_pickups)
            return replace(journey, pickup=event.pickup, dropoff_area=event.dropoff_area, spoiled=several)
        case e.DeliveryRequested():
            spoiled = journey.spoiled or journey.requested_at is not None
            return replace(journey, requested_at=event.requested_at, ready_at=event.ready_at, spoiled=spoiled)
        case e.ReadyTimeMoved():
            return replace(journey, ready_at=event.ready_at)
        case e.GoodsReady():
            return replace(journey, goods_ready_at=at)
        case e.DeliveryOffered():
            return replace(journey, offered_to=event.rider_id, offered_m=event.distance_m)
        case e.RouteChanged() | e.RiderUnassigned() | e.DeliveryFailed() | e.DeliveryCorrected() | e.ReturnOpened():
            return replace(journey, spoiled=True)
        case _:
            return _on_the_way(journey, event, at)


def _on_the_way(journey: Journey, event: e.DeliveryEvent, at: datetime) -> Journey:
    match event:
        case e.RiderAssigned():
            return replace(
                journey,
                rider_id=event.rider_id,
                assigned_at=event.assigned_at,
                approach_m=journey.offered_m if event.rider_id == journey.offered_to else None,
                ready_at_assignment=journey.ready_at,
            )
        case e.ArrivedAtPickup():
            return replace(journey, at_pickup_at=at)
        case e.PickedUp():
            return replace(journey, picked_up_at=at)
        case e.ArrivedAtDropoff():
            return replace(journey, at_dropoff_at=at)
        case e.Delivered():
            return replace(journey, delivered_at=at)
        case _:
            return journey


def whole(journey: Journey) -> Whole | None:
    """The journey if there is something to be learned from it."""
    points = (
        journey.requested_at,
        journey.assigned_at,
        journey.at_pickup_at,
        journey.picked_up_at,
        journey.at_dropoff_at,
        journey.delivered_at,
    )
    told = [point for point in points if point is not None]
    if journey.spoiled or len(told) != len(points) or told != sorted(told):
        return None
    if journey.pickup is None or journey.dropoff_area is None:
        return None
    return Whole(
        pickup=journey.pickup,
        dropoff_area=journey.dropoff_area,
        approach_m=journey.approach_m,
        ready_at=journey.ready_at_assignment,
        goods_ready_at=journey.goods_ready_at,
        requested_at=told[0],
        assigned_at=told[1],
        at_pickup_at=told[2],
        picked_up_at=told[3],
        at_dropoff_at=told[4],
        delivered_at=told[5],
    )


METRES_A_DEGREE = 111_195.08


def along(origin: Place, metres: float) -> Place:
    """A place so far away: of a way of which only the length is known, the direction does not matter."""
    sign = -1 if origin.lat > 0 else 1
    return Place(origin.lat + sign * metres / METRES_A_DEGREE, origin.lon)
