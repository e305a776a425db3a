"""Errands with several pick-ups: in which order the further ones are called at on the way to the door."""

from collections.abc import Sequence
from itertools import pairwise, permutations

import numpy as np

from services.dispatch.engine.core.arrays import Floats, Ground, Ints, travel
from services.dispatch.engine.travel import TravelTimes
from services.dispatch.engine.world import Order

_ALL_TRIED = 4
"""Up to so many further stops every sequence is tried (24 of them); past that the nearest comes next."""


def sequence(order: Order, times: TravelTimes) -> tuple[int, ...]:
    """The places in `order.stops` in the sequence in which they are called at: the least riding to the door."""
    ground = times.ground(np.array([order.pickup, *order.stops, order.dropoff], float))
    stops = len(order.stops)
    return tuple(row - 1 for row in _shortest(0, range(1, stops + 1), stops + 1, ground))


def chained(calls: Ints, pick: Ints, drop: Ints, ground: Ground) -> tuple[Floats, Ints]:
    """By order, with `calls` further pick-ups: seconds of riding through them, and the row of the last pick-up.

    The rows of all further stops are the last ones of the ground, order by order.
    """
    chain, last = np.zeros(len(calls)), pick.copy()
    row = len(ground.xy) - int(calls.sum())
    for o in map(int, np.flatnonzero(calls)):
        way = _shortest(int(pick[o]), range(row, row + int(calls[o])), int(drop[o]), ground)
        chain[o], last[o] = _riding((int(pick[o]), *way), ground), way[-1]
        row += int(calls[o])
    return chain, last


def _shortest(start: int, stops: Sequence[int], end: int, ground: Ground) -> tuple[int, ...]:
    if len(stops) <= _ALL_TRIED:
        return min(permutations(stops), key=lambda way: _riding((start, *way, end), ground))
    left, way = set(stops), [start]
    while left:
        way.append(min(left, key=lambda row: (travel(ground, way[-1], row), row)))
        left.remove(way[-1])
    return tuple(way[1:])


def _riding(way: Sequence[int], ground: Ground) -> float:
    return float(sum(travel(ground, a, b) for a, b in pairwise(way)))
