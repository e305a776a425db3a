"""Hard filters: which rider cannot have which order at all, and why; everything softer is a cost."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from services.dispatch.engine.world import Bar, Order, Rider

Bars = NDArray[np.int8]
"""A row for each order, a column for each rider; 0: nothing bars him, else the place of the reason in REASONS."""

REASONS = (None, *Bar)


def bars(orders: Sequence[Order], riders: Sequence[Rider], now: float) -> Bars:
    """Reasons by order and rider; the gravest stands where there are several."""
    found = np.zeros((len(orders), len(riders)), np.int8)
    columns = {rider.rider_id: k for k, rider in enumerate(riders)}
    _say(found, Bar.SHIFT_ENDS, np.array([rider.off_at < now for rider in riders], bool)[None, :])
    _say(found, Bar.OUTSIDE_ZONE, _lacking(orders, riders, lies_inside))
    _say(found, Bar.LACKS_CAPACITY, _above([each.load_g for each in orders], [each.capacity_g for each in riders]))
    _say(found, Bar.LACKS_CAPACITY, _above([each.load_ml for each in orders], [each.capacity_ml for each in riders]))
    _say(found, Bar.LACKS_SKILLS, _lacking(orders, riders, has_skills))
    for row, order in enumerate(orders):
        for rider_id in order.barred & columns.keys():
            found[row, columns[rider_id]] = REASONS.index(Bar.BARRED)
        if order.pinned_to is not None:
            _only(found[row], columns.get(order.pinned_to, -1), Bar.PINNED_ELSEWHERE)
    _say(found, Bar.CARRIES_ENOUGH, _lacking(orders, riders, has_a_hand_free))
    for column, rider in enumerate(riders):
        if rider.unavailable is not None:
            found[:, column] = REASONS.index(rider.unavailable)
    for row, order in enumerate(orders):
        if order.bound_to is not None:
            _only(found[row], columns.get(order.bound_to, -1), Bar.BOUND_ELSEWHERE)
        elif order.tried:
            _asked_before(found[row], order, columns, now)
    return found


def _only(found: Bars, column: int, others: Bar) -> None:
    """This rider and nobody else, whatever else would bar him."""
    found[:] = REASONS.index(others)
    if column >= 0:
        found[column] = 0


def _asked_before(found: Bars, order: Order, columns: Mapping[str, int], now: float) -> None:
    """Nobody is asked twice, unless nobody else is left and it was long enough ago."""
    asked = {columns[rider_id]: again for rider_id, again in order.tried.items() if rider_id in columns}
    could = [column for column in asked if found[column] == 0]
    found[could] = REASONS.index(Bar.ASKED_BEFORE)
    if not (found == 0).any():
        found[[column for column in could if asked[column] <= now]] = 0


def _say(found: Bars, reason: Bar, where: NDArray[np.bool_]) -> None:
    found[np.broadcast_to(where, found.shape)] = REASONS.index(reason)


def _above(asked: Sequence[int], offered: Sequence[int]) -> NDArray[np.bool_]:
    return np.array(asked, np.int64)[:, None] > np.array(offered, np.int64)[None, :]


Demand = tuple[frozenset[str], frozenset[str], int]
"""The skills that an order asks for, the zones it lies in, and with how many deliveries nobody may have it."""
Profile = tuple[frozenset[str], frozenset[str], int]
"""The skills that a rider has, the zones he is bound to (none: everywhere), and how many deliveries he has."""


def demand_of(order: Order) -> Demand:
    """What orders are alike in."""
    return order.skills, order.zones, order.most_in_hand


def profile_of(rider: Rider) -> Profile:
    """What riders are alike in."""
    return rider.skills, rider.zones, rider.in_hand


def has_skills(demand: Demand, profile: Profile) -> bool:
    return demand[0] <= profile[0]


def lies_inside(demand: Demand, profile: Profile) -> bool:
    return not profile[1] or bool(demand[1] & profile[1])


def has_a_hand_free(demand: Demand, profile: Profile) -> bool:
    return profile[2] < demand[2]


def suits(demand: Demand, profile: Profile) -> bool:
    """Whether such a rider may have such an order at all."""
    return has_skills(demand, profile) and lies_inside(demand, profile) and has_a_hand_free(demand, profile)


def _lacking(
    orders: Sequence[Order], riders: Sequence[Rider], fits: Callable[[Demand, Profile], bool]
) -> NDArray[np.bool_]:
    """Where a rider does not suit an order: asked once for each kind of order and kind of rider."""
    demands, asked = _kinds([demand_of(order) for order in orders])
    profiles, offered = _kinds([profile_of(rider) for rider in riders])
    table = np.array([[not fits(demand, profile) for profile in profiles] for demand in demands], bool)
    return table.reshape(len(demands), len(profiles))[asked][:, offered]


def _kinds(each: Sequence[Demand]) -> tuple[list[Demand], NDArray[np.int64]]:
    places: dict[Demand, int] = {}
    rows = np.array([places.setdefault(kind, len(places)) for kind in each], np.int64)
    return list(places), rows
