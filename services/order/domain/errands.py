"""An errand without a merchant: what it may cost and last, whom it needs, and what can be wrong with it.

Bought for somebody, carried from door to door, queued for, or a document or parcel brought, from one place or from
several. Nobody has to accept it: once it is paid it is ready, and the rider is the one who does it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.order.domain.city import City
from services.order.domain.commands import ErrandWish, PlaceOrder
from services.order.domain.draft import Draft, times_of
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import Cost
from services.order.domain.values import ErrandTerms, OrderKind, Pickup, Stop
from shared.kernel.errors import Fault
from shared.kernel.place import distance_m

_TASK_LENGTH_MAX = 500
_ADDRESS_LENGTH_MAX = 300
HANDED_OVER = frozenset({OrderKind.CARRY, OrderKind.DOCUMENT})
"""Somebody at each door hands the things over: the rider must know whom to ask for."""
FURTHER = "errand.further_stops"


def draft_errand(command: PlaceOrder, wish: ErrandWish, city: City, since: datetime, policy: OrderPolicy) -> Draft:
    """What the errand comes to; its places are told to everybody as the middle of a cell, to the rider exactly."""
    way_m = wish.errand.way_m(command.dropoff)
    work = policy.span("errand_service") + len(wish.errand.further_stops) * policy.span("errand_further_stop")
    times = times_of(
        since=since,
        scheduled_for=command.scheduled_for,
        preparation=work + timedelta(minutes=wish.wait_minutes_max),
        way_m=way_m,
        notice=timedelta(0),
        policy=policy,
    )
    return Draft(
        lines=(),
        cost=Cost(terms=terms_of(command.kind, wish, policy)),
        way_m=way_m,
        skills=tuple(sorted(care.value for care in set(wish.handling))),
        weight_g=wish.weight_g,
        volume_ml=wish.volume_ml,
        pickup=Pickup(name="", phone="", place=wish.area, address=""),
        further_pickups=wish.further_areas,
        times=times,
        faults=(*_faults(command, wish, policy), *_area_faults(command, wish, city, way_m, policy)),
    )


def terms_of(kind: OrderKind, wish: ErrandWish, policy: OrderPolicy) -> ErrandTerms:
    queue = kind is OrderKind.QUEUE
    return ErrandTerms(
        budget_cents=wish.budget_cents if kind is OrderKind.BUY else 0,
        wait_minutes_max=wish.wait_minutes_max if queue else 0,
        per_minute_cents=policy.errand_per_minute_cents if queue else 0,
        base_cents=policy.errand_base_cents,
        parcel=wish.parcel,
        further_stops_cents=len(wish.errand.further_stops) * policy.errand_further_stop_cents,
    )


def _faults(command: PlaceOrder, wish: ErrandWish, policy: OrderPolicy) -> Iterator[Fault]:
    kind = command.kind
    if not wish.errand.task.strip():
        yield Fault("errand.task", "blank", "the rider must know what to do")
    if len(wish.errand.task) > _TASK_LENGTH_MAX:
        yield Fault("errand.task", "too_long", f"a task has at most {_TASK_LENGTH_MAX} characters")
    yield from _stop_faults("errand.pickup", wish.errand.stop, kind)
    yield from _further_faults(wish.errand.further_stops, kind, policy)
    yield from _figure_faults(
        "budget_cents", wish.budget_cents, kind is OrderKind.BUY, policy.errand_budget_max_cents
    )
    yield from _figure_faults(
        "wait_minutes_max", wish.wait_minutes_max, kind is OrderKind.QUEUE, policy.errand_wait_minutes_max
    )
    if wish.parcel and kind is not OrderKind.DOCUMENT:
        yield Fault("errand.parcel", "not_for_kind", "only a document errand can be a parcel")


def _further_faults(stops: tuple[Stop, ...], kind: OrderKind, policy: OrderPolicy) -> Iterator[Fault]:
    if stops and kind is OrderKind.QUEUE:
        # Its minutes are those between the rider's arrival and his pick-up: there is no way in between.
        yield Fault(FURTHER, "not_for_kind", "an errand that queues has one place")
    if len(stops) > policy.errand_further_stops_max:
        most = policy.errand_further_stops_max
        yield Fault(FURTHER, "too_many", f"an errand has at most {most} places beside the one where it begins")
    for index, stop in enumerate(stops[: policy.errand_further_stops_max]):
        yield from _stop_faults(f"{FURTHER}.{index}", stop, kind)
        if len(stop.task) > _TASK_LENGTH_MAX:
            sentence = f"a task has at most {_TASK_LENGTH_MAX} characters"
            yield Fault(f"{FURTHER}.{index}.task", "too_long", sentence)


def _stop_faults(field: str, stop: Stop, kind: OrderKind) -> Iterator[Fault]:
    """Whether a rider could find the door and, where somebody hands things over, ask for them."""
    if not stop.address.strip():
        yield Fault(f"{field}.address", "blank", "the rider needs an address")
    if len(stop.address) > _ADDRESS_LENGTH_MAX:
        yield Fault(f"{field}.address", "too_long", f"an address has at most {_ADDRESS_LENGTH_MAX} characters")
    if kind in HANDED_OVER and (stop.contact is None or not stop.contact.name.strip()):
        yield Fault(f"{field}.contact", "required", "the rider must know who hands the things over")


def _figure_faults(name: str, figure: int, wanted: bool, highest: int) -> Iterator[Fault]:
    if wanted and not 1 <= figure <= highest:
        yield Fault(f"errand.{name}", f"{name}_out_of_range", f"it is between 1 and {highest}")
    if not wanted and figure:
        yield Fault(f"errand.{name}", "not_for_kind", "this kind of errand does not have it")


def _area_faults(
    command: PlaceOrder, wish: ErrandWish, city: City, way_m: float, policy: OrderPolicy
) -> Iterator[Fault]:
    further = wish.errand.further_stops[: policy.errand_further_stops_max]
    doors = {f"{FURTHER}.{index}.place": each.place for index, each in enumerate(further)}
    doors |= {"errand.pickup.place": wish.errand.stop.place, "dropoff": command.dropoff}
    for field, place in doors.items():
        if not city.serves(place):
            yield Fault(field, "outside_service_area", "the platform does not serve this place")
    if city.zones or way_m <= policy.errand_radius_m:
        return
    if distance_m(wish.errand.stop.place, command.dropoff) > policy.errand_radius_m:
        yield Fault("dropoff", "outside_service_area", "the two doors are too far from each other")
    else:
        yield Fault(FURTHER, "way_too_long", f"the way through all doors is longer than {policy.errand_radius_m} m")
