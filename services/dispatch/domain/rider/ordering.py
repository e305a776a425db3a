"""The order of a rider's stops as a dispatcher wants it, and everything that can be wrong with it."""

from collections.abc import Collection, Iterator, Sequence

from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.requiring import require_registered
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import Stop, StopKind
from shared.kernel.errors import Fault, InvalidInput


def order_stops(command: c.OrderStops, rider: Rider) -> list[e.RiderEvent]:
    """Stands until it is changed; what is not named, and what he takes later, comes behind. None: the usual order.

    Raises InvalidInput with every fault.
    """
    require_registered(rider)
    faults = list(_faults(command.stops, rider, command.picked_up))
    if faults:
        raise InvalidInput(faults)
    if command.stops == rider.stops_ordered:
        return []
    return [e.StopsOrdered(stops=command.stops, reason=command.reason)]


def _faults(stops: Sequence[Stop], rider: Rider, picked_up: Collection[str]) -> Iterator[Fault]:
    for place, stop in enumerate(stops):
        field, before = f"stops.{place}", stops[:place]
        if stop.delivery_id not in rider.carrying:
            yield Fault(f"{field}.delivery_id", "not_in_hand", "the rider does not carry this delivery")
        elif stop in before:
            yield Fault(field, "named_twice", "this stop is named before")
        elif stop.kind is StopKind.PICKUP and stop.delivery_id in picked_up:
            yield Fault(f"{field}.kind", "picked_up_already", "the rider already has these goods")
        elif stop.kind is StopKind.DROPOFF and not (
            stop.delivery_id in picked_up or Stop(stop.delivery_id, StopKind.PICKUP) in before
        ):
            yield Fault(f"{field}.kind", "dropoff_before_pickup", "its pick-up must come before")
