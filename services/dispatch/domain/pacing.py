"""When a rider who carries several deliveries is due where: one stop after the other, none of them twice as late."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile

from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery.places import last_place
from services.dispatch.domain.delivery.state import AFTER_PICKUP, CARRIED, Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.rider.stops import place_of, stops_of
from services.dispatch.domain.values import Stage
from shared.kernel.place import Place, distance_m

_AT_A_DOOR = frozenset({Stage.AT_PICKUP, Stage.AT_DROPOFF})


def left(before: Delivery, event: de.DeliveryEvent) -> tuple[str, Place] | None:
    """Who is done with a stop, and where that was; None when an event ends none."""
    if before.stage not in CARRIED or before.rider_id is None:
        return None
    match event:
        case de.PickedUp():
            return before.rider_id, last_place(before)
        case (
            de.Delivered()
            | de.DeliveryCorrected()
            | de.DeliveryFailed()
            | de.DeliveryWithdrawn()
            | de.ReturnOpened()
            | de.RiderUnassigned()
        ):
            return before.rider_id, before.dropoff_area if before.stage in AFTER_PICKUP else last_place(before)
        case _:
            return None


def on_to(
    rider: Rider, deliveries: Mapping[str, Delivery], here: Place, now: datetime
) -> Sequence[dc.DeliveryCommand]:
    """What follows when a stop is done: his way to the next one begins."""
    stops = stops_of(rider, deliveries)
    if not stops:
        return ()
    delivery_id = stops[0].delivery_id
    way_m = distance_m(here, place_of(stops[0], deliveries[delivery_id]))
    return (dc.ExpectReport(delivery_id=delivery_id, rider_id=rider.rider_id, way_m=way_m, now=now),)


def busy_until(
    delivery_id: str, rider: Rider, deliveries: Mapping[str, Delivery], now: datetime, policy: DispatchPolicy
) -> datetime | None:
    """Until when the stop before one, or a door that he stands at, may keep a rider from reporting of a delivery.

    None when it is his to report of now, or when he is overdue elsewhere too: then he is silent.
    """
    stops = stops_of(rider, deliveries)
    mine = next((stop for stop in stops if stop.delivery_id == delivery_id), None)
    if mine is None:
        return None
    before = [stop.delivery_id for stop in takewhile(lambda stop: stop.delivery_id != delivery_id, stops)][:1]
    doors = [each for each in rider.carrying if each in deliveries and deliveries[each].stage in _AT_A_DOOR]
    there = place_of(mine, deliveries[delivery_id])
    until: list[datetime] = []
    for other_id in {*before, *doors} - {delivery_id}:
        other = deliveries[other_id]
        if other.report_by is not None and other.report_by > now:
            at_door = other.dropoff_area if other.stage in AFTER_PICKUP else last_place(other)
            until.append(policy.report_by(other.report_by, distance_m(at_door, there)))
    return max(until, default=None)
