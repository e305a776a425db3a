"""Where an open delivery stands, and which ways are still to be gone, as far as anybody knows."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.eta.journeys import Journey
from services.dispatch.domain.eta.remaining import APPROACH_SECONDS, Standing
from services.dispatch.domain.positions import Position
from services.dispatch.domain.travel.ways import Span, Way
from services.dispatch.domain.values import Stage
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A delivery, and who carries it where."""

    delivery: Delivery
    journey: Journey
    vehicle: str
    position: Position | None


def ways(seen: Seen, now: datetime) -> tuple[Way, Way]:
    """The way to the counter and the one to the door, each from where its rider was last known to be."""
    delivery, position = seen.delivery, seen.position
    carried = delivery.stage in (Stage.PICKED_UP, Stage.AT_DROPOFF)
    approach_from = position.place if position and delivery.stage is Stage.ASSIGNED else delivery.pickup
    carry_from = position.place if position and carried and _fresh(seen) else delivery.pickup
    return _way(approach_from, delivery.pickup, seen, now), _way(carry_from, delivery.dropoff_area, seen, now)


def standing(seen: Seen, approach: Span, carry: Span, now: datetime) -> Standing:
    """The delivery as forecasts take it: what has been ridden since the rider was last seen is behind him."""
    delivery = seen.delivery
    to_counter = approach.p50_seconds
    if delivery.stage is Stage.WAITING or (delivery.stage is Stage.ASSIGNED and seen.position is None):
        to_counter = APPROACH_SECONDS
    to_door = carry.p50_seconds
    if delivery.stage is Stage.ASSIGNED:
        to_counter = max(0.0, to_counter - _ridden(seen, now))
    elif delivery.stage is Stage.PICKED_UP:
        to_door = max(0.0, to_door - _ridden(seen, now))
    return Standing(
        stage=delivery.stage,
        ready_at=delivery.ready_at,
        goods_ready=delivery.goods_ready,
        approach_seconds=to_counter,
        carry_seconds=to_door,
    )


def _since(seen: Seen) -> datetime | None:
    """Since when the rider has been on the way that he is on."""
    if seen.delivery.stage is Stage.ASSIGNED:
        return seen.delivery.assigned_at
    return seen.journey.picked_up_at


def _fresh(seen: Seen) -> bool:
    since = _since(seen)
    return seen.position is not None and since is not None and seen.position.at > since


def _ridden(seen: Seen, now: datetime) -> float:
    since = _since(seen)
    if since is None:
        return 0.0
    seen_at = seen.position.at if seen.position is not None else since
    return max(0.0, (now - max(since, seen_at)).total_seconds())


def _way(origin: Place, destination: Place, seen: Seen, now: datetime) -> Way:
    return Way(origin=origin, destination=destination, vehicle=seen.vehicle, departs_at=now)
