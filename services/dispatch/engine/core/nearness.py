"""Which riders are worth a look for an order: of those who may have it, who could be at its shop first."""

from typing import NamedTuple

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Admission, Fleet, Floats, Ground, Ints, Jobs, travel

_ALL_LOOKED_AT = 256
_LOOKED_UP_FROM = 4
"""With so few riders, or for fewer orders, each rider is looked at; else by squares, the nearest squares first."""
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


def squares(orders: int, ground: Ground, fleet: Fleet) -> Squares:
    """Squares with a few riders each, in a square around all of them (one square when each rider is looked at)."""
    riders = len(fleet.node)
    if riders <= _ALL_LOOKED_AT or orders < _LOOKED_UP_FROM or len(ground.matrix) > 0:
        return Squares(0.0, 0.0, np.inf, 1, np.array([0, riders]), np.arange(riders))
    x, y = ground.xy[fleet.node].T
    side = max(1, int(np.sqrt(riders / _IN_A_SQUARE)))
    left, low = float(x.min()), float(y.min())
    size = max(float(np.ptp(x)), float(np.ptp(y)), 1.0) / side * 1.000001
    where = ((y - low) / size).astype(np.int64) * side + ((x - left) / size).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(where, minlength=side * side))])
    return Squares(left, low, size, side, first, np.argsort(where, kind="stable"))


@njit(cache=True)
def consider(
    o: int,
    riders: Ints,
    had: int,
    chosen: Ints,
    soonest: Floats,
    ground: Ground,
    fleet: Fleet,
    jobs: Jobs,
    admission: Admission,
) -> int:
    """Puts those of the riders into the list for order o who are among the first at its shop; how many are in it."""
    most, count = chosen.shape[0], had
    load_g, load_ml, shop = jobs.load_g[o], jobs.load_ml[o], jobs.pick[o]
    admits, mask = admission.admits[admission.demand[o]], admission.mask[o]
    node, free, pace, room_g, room_ml = fleet.node, fleet.free, fleet.pace, fleet.room_g, fleet.room_ml
    shut, profile, masks = admission.shut, admission.profile, admission.masks
    for k in riders:
        if count == most and free[k] >= soonest[most - 1]:
            continue
        if shut[k] or load_g > room_g[k] or load_ml > room_ml[k] or not admits[profile[k]]:
            continue
        if mask >= 0 and not masks[mask, k]:
            continue
        arrival = free[k] + travel(ground, node[k], shop) * pace[k]
        if count == most and arrival >= soonest[most - 1]:
            continue
        p = count if count < most else most - 1
        while p > 0 and soonest[p - 1] > arrival:
            soonest[p] = soonest[p - 1]
            chosen[p] = chosen[p - 1]
            p -= 1
        soonest[p] = arrival
        chosen[p] = k
        count = min(most, count + 1)
    return count


@njit(cache=True)
def ring_of(ring: int, east: int, north: int, grid: Squares, found: Ints) -> int:
    """Fills `found` with the riders in the squares of a ring around a square; how many."""
    n, side, first, riders = 0, grid.side, grid.first, grid.riders
    for row in range(max(0, north - ring), min(side, north + ring + 1)):
        step = 1 if abs(row - north) == ring else max(1, 2 * ring)
        for column in range(east - ring, east + ring + 1, step):
            if 0 <= column < side:
                square = row * side + column
                for i in range(first[square], first[square + 1]):
                    found[n] = riders[i]
                    n += 1
    return n


def nearest(most: int, ground: Ground, fleet: Fleet, jobs: Jobs, admission: Admission) -> Ints:
    """For each order the riders who may have it, soonest at the shop first; -1 fills the rest of a row."""
    chosen = np.full((len(jobs.pick), most), -1, np.int64)
    if len(jobs.pick) and len(fleet.node):
        grid, start = squares(len(jobs.pick), ground, fleet), float(fleet.free.min())
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
    """Fills the rows of all orders, ring after ring of squares until nobody farther out can be sooner there.

    `start` is when the first rider is free, `quickest` the seconds that nobody beats for a square's side.
    """
    most, side = chosen.shape[1], grid.side
    soonest, found = np.empty(most), np.empty(grid.riders.shape[0], np.int64)
    for o in range(chosen.shape[0]):
        if admission.only[o] != -1:
            chosen[o, 0] = max(-1, admission.only[o])
            continue
        x, y = ground.xy[jobs.pick[o], 0], ground.xy[jobs.pick[o], 1]
        east = min(side - 1, max(0, int((x - grid.left) / grid.size)))
        north = min(side - 1, max(0, int((y - grid.low) / grid.size)))
        count = found.shape[0] - found.shape[0]
        for ring in range(side):
            if count == most and soonest[most - 1] <= start + (ring - 1) * quickest:
                break
            n = ring_of(ring, east, north, grid, found)
            count = consider(o, found[:n], count, chosen[o], soonest, ground, fleet, jobs, admission)
