"""Hard filters: which rider cannot have which order at all, and why; everything softer is a cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from services.dispatch.engine.world import Bar, Order, Rider

Bars = NDArray[np.int8]
"""A row for each order, a column for each rider; 0: nothing bars him, else the place of the reason in REASONS."""

REASONS = (None, *Bar)


def bars(orders: Sequence[Order], riders: Sequence[Rider], now: float) -> Bars:
    """Reasons by order and rider; the gravest stands where there are several."""
    found = np.zeros((len(orders), len(riders)), np.int8)
    skills = _bits([order.skills for order in orders], [rider.skills for rider in riders])
    columns = {rider.rider_id: k for k, rider in enumerate(riders)}
    _say(found, Bar.SHIFT_ENDS, np.array([rider.off_at < now for rider in riders], bool)[None, :])
    _outside(found, orders, riders)
    _say(found, Bar.LACKS_CAPACITY, _above([each.load_g for each in orders], [each.capacity_g for each in riders]))
    _say(found, Bar.LACKS_CAPACITY, _above([each.load_ml for each in orders], [each.capacity_ml for each in riders]))
    _say(found, Bar.LACKS_SKILLS, (skills[0][:, None] & ~skills[1][None, :]) != 0)
    for row, order in enumerate(orders):
        for rider_id in order.barred & columns.keys():
            found[row, columns[rider_id]] = REASONS.index(Bar.BARRED)
        if order.pinned_to is not None:
            _only(found[row], columns.get(order.pinned_to, -1), Bar.PINNED_ELSEWHERE)
    for column, rider in enumerate(riders):
        if rider.unavailable is not None:
            found[:, column] = REASONS.index(rider.unavailable)
    for row, order in enumerate(orders):
        if order.bound_to is not None:
            _only(found[row], columns.get(order.bound_to, -1), Bar.BOUND_ELSEWHERE)
        elif order.tried:
            _asked_before(found[row], order, columns, now)
    return found


def _outside(found: Bars, orders: Sequence[Order], riders: Sequence[Rider]) -> None:
    """Riders who are bound to zones, those with the same zones together."""
    together: dict[frozenset[str], list[int]] = {}
    for column, rider in enumerate(riders):
        if rider.zones:
            together.setdefault(rider.zones, []).append(column)
    for zones, columns in together.items():
        outside = [row for row, order in enumerate(orders) if not order.zones & zones]
        found[np.ix_(outside, columns)] = REASONS.index(Bar.OUTSIDE_ZONE)


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


def _bits(
    asked: Sequence[frozenset[str | None]], offered: Sequence[frozenset[str]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sets of names as bits, so that whole tables are compared at once (at most 62 names)."""
    names = sorted({name for each in asked for name in each if name is not None})
    place = {name: 1 << position for position, name in enumerate(names[:62])}
    return tuple(  # type: ignore[return-value]
        np.array([sum(place.get(name, 0) for name in each if name is not None) for each in side], np.int64)
        for side in (asked, offered)
    )
