"""Which riders are worth a look for an order: of those who may have it, who could be at its shop first."""

from typing import NamedTuple

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Admission, Fleet, Floats, Ground, Ints, Jobs, travel

_ALL_LOOKED_AT = 256
"""With so few riders each of them is looked at; more are looked up by squares, the nearest squares first."""
_IN_A_SQUARE = 4


@njit(cache=True)
def may(o: int, k: int, fleet: Fleet, jobs: Jobs, admission: Admission) -> bool:
    """Whether rider k may have order o at all."""
    only = admission.only[o]
    if only != -1:
        return only == k
    if admission.shut[k] or jobs.load_g[o] > fleet.room_g[k] or jobs.load_ml[o] > fleet.room_ml[k]:
        return False
    if not admission.admits[admission.demand[o], admission.profile[k]]:
        return False
    return admission.mask[o] < 0 or admission.masks[admission.mask[o], k]


class Squares(NamedTuple):
    """The riders by the square they are in: those of square `q` are `riders[first[q]:first[q + 1]]`."""

    left: float
    low: float
    size: float
    side: int
    first: Ints
    riders: Ints


def squares(ground: Ground, fleet: Fleet) -> Squares:
    """Squares with a few riders each, in a square around all of them (one square when each rider is looked at)."""
    x, y = ground.xy[fleet.node].T
    few = len(x) <= _ALL_LOOKED_AT or len(ground.matrix) > 0
    side = 1 if few else max(1, int(np.sqrt(len(x) / _IN_A_SQUARE)))
    left, low = float(x.min()), float(y.min())
    size = max(float(np.ptp(x)), float(np.ptp(y)), 1.0) / side * 1.000001
    where = ((y - low) / size).astype(np.int64) * side + ((x - left) / size).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(where, minlength=side * side))])
    return Squares(left, low, size, side, first, np.argsort(where, kind="stable"))


@njit(cache=True)
def keep_if_sooner(k: int, arrival: float, count: int, chosen: Ints, soonest: Floats) -> int:
    """Puts rider k into the list of those who are there first, if he is one of them; how many there are."""
    most = chosen.shape[0]
    if count == most and arrival >= soonest[most - 1]:
        return count
    p = count if count < most else most - 1
    while p > 0 and soonest[p - 1] > arrival:
        soonest[p] = soonest[p - 1]
        chosen[p] = chosen[p - 1]
        p -= 1
    soonest[p] = arrival
    chosen[p] = k
    return min(most, count + 1)


@njit(cache=True)
def look(
    o: int,
    k: int,
    count: int,
    chosen: Ints,
    soonest: Floats,
    ground: Ground,
    fleet: Fleet,
    jobs: Jobs,
    admission: Admission,
) -> int:
    """Looks at one rider for order o."""
    if not may(o, k, fleet, jobs, admission):
        return count
    arrival = fleet.free[k] + travel(ground, fleet.node[k], jobs.pick[o]) * fleet.pace[k]
    return keep_if_sooner(k, arrival, count, chosen, soonest)


@njit(cache=True)
def look_around(
    o: int,
    start: float,
    quickest: float,
    grid: Squares,
    chosen: Ints,
    soonest: Floats,
    ground: Ground,
    fleet: Fleet,
    jobs: Jobs,
    admission: Admission,
) -> None:
    """Looks at the riders of ring after ring of squares, until nobody farther out can be there sooner.

    `start` is when the first rider is free, `quickest` the seconds that nobody beats for a square's side.
    """
    most, count, side = chosen.shape[0], 0, grid.side
    east = min(side - 1, max(0, int((ground.xy[jobs.pick[o], 0] - grid.left) / grid.size)))
    north = min(side - 1, max(0, int((ground.xy[jobs.pick[o], 1] - grid.low) / grid.size)))
    for ring in range(side):
        if count == most and soonest[most - 1] <= start + (ring - 1) * quickest:
            return
        for row in range(max(0, north - ring), min(side, north + ring + 1)):
            step = 1 if abs(row - north) == ring else max(1, 2 * ring)
            for column in range(east - ring, east + ring + 1, step):
                if column < 0 or column >= side:
                    continue
                square = row * side + column
                for i in range(grid.first[square], grid.first[square + 1]):
                    count = look(o, grid.riders[i], count, chosen, soonest, ground, fleet, jobs, admission)


def nearest(most: int, ground: Ground, fleet: Fleet, jobs: Jobs, admission: Admission) -> Ints:
    """For each order the riders who may have it, soonest at the shop first; -1 fills the rest of a row."""
    chosen = np.full((len(jobs.pick), most), -1, np.int64)
    if len(jobs.pick) and len(fleet.node):
        grid, start = squares(ground, fleet), float(fleet.free.min())
        quickest = grid.size * ground.seconds_per_m * float(fleet.pace.min())
        look_for_all(start, quickest, grid, chosen, ground, fleet, jobs, admission)
    return chosen


@njit(cache=True)
def look_for_all(
    start: float,
    quickest: float,
    grid: Squares,
    chosen: Ints,
    ground: Ground,
    fleet: Fleet,
    jobs: Jobs,
    admission: Admission,
) -> None:
    """Fills the rows of all orders."""
    soonest = np.empty(chosen.shape[1])
    for o in range(chosen.shape[0]):
        if admission.only[o] >= 0:
            chosen[o, 0] = admission.only[o]
        elif admission.only[o] == -1:
            look_around(o, start, quickest, grid, chosen[o], soonest, ground, fleet, jobs, admission)
