"""What a rider's sequence of bundles costs, and where it is cheapest to put one more order."""

from math import erf, exp, pi, sqrt

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Flags, Fleet, Floats, Ground, Ints, Jobs, Plan, Rules, travel

LONGEST = 10
"""Orders in one rider's plan; more than that will be planned again many times before they are due."""

NEVER = 1e15

ALONE, BEFORE, AFTER = 0, 1, 2


@njit(cache=True)
def later(arrival: float, ready: float, spread: float) -> float:
    """The expected later of an arrival and a ready time that is normally distributed (Clark, 1961)."""
    if spread <= 0:
        return max(arrival, ready)
    z = (arrival - ready) / spread
    below = 0.5 * (1.0 + erf(z / sqrt(2.0)))
    return ready + spread * (exp(-0.5 * z * z) / sqrt(2.0 * pi) + z * below)


@njit(cache=True)
def route_cost(
    k: int, seq: Ints, opens: Flags, count: int, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules
) -> tuple[float, int, float]:
    """Weighted click-to-door seconds of the sequence, and where and when the rider is free after it."""
    node = fleet.node[k]
    time = fleet.free[k]
    cost = fleet.burden[k] * count
    i = 0
    pace = fleet.pace[k]
    while i < count:
        j = i + 1
        shop = jobs.pick[seq[i]]
        ready, spread = jobs.ready[seq[i]], jobs.spread[seq[i]]
        load_g, load_ml = jobs.load_g[seq[i]], jobs.load_ml[seq[i]]
        while j < count and not opens[j]:
            ready, spread = max(ready, jobs.ready[seq[j]]), max(spread, jobs.spread[seq[j]])
            load_g += jobs.load_g[seq[j]]
            load_ml += jobs.load_ml[seq[j]]
            j += 1
        if load_g > fleet.room_g[k] or load_ml > fleet.room_ml[k]:
            return NEVER, node, time
        arrival = fleet.here[k] if (i == 0 and node == shop) else time + travel(ground, node, shop) * pace
        pickup = max(later(arrival + rules.half_pickup, ready, spread), rules.now)
        if jobs.calls[seq[i]] > 0:
            pickup += jobs.chain[seq[i]] * pace + 2 * rules.half_pickup * jobs.calls[seq[i]]
            shop = jobs.last[seq[i]]
        if pickup > fleet.off[k]:
            return NEVER, node, time
        time = pickup + rules.half_pickup
        node = shop
        for p in range(i, j):
            o = seq[p]
            door = time + travel(ground, node, jobs.drop[o]) * pace + rules.half_dropoff
            wait = door - jobs.placed[o]
            cost += jobs.weight[o] * (wait + rules.overage * max(0.0, wait - rules.target))
            time = door + rules.half_dropoff
            node = jobs.drop[o]
        i = j
    return cost, node, time


@njit(cache=True)
def put(seq: Ints, opens: Flags, count: int, o: int, at: int, how: int) -> None:
    """Puts order o at a position: ALONE, into the bundle BEFORE it, or at the head of the bundle AFTER it."""
    for p in range(count, at, -1):
        seq[p] = seq[p - 1]
        opens[p] = opens[p - 1]
    seq[at] = o
    opens[at] = how != BEFORE
    if how == AFTER:
        opens[at + 1] = False


@njit(cache=True)
def take(seq: Ints, opens: Flags, count: int, at: int) -> None:
    """Takes the order at a position out."""
    if opens[at] and at + 1 < count and not opens[at + 1]:
        opens[at + 1] = True
    for p in range(at, count - 1):
        seq[p] = seq[p + 1]
        opens[p] = opens[p + 1]


@njit(cache=True)
def first_rides(riders: Ints, plan: Plan, ground: Ground, fleet: Fleet, jobs: Jobs) -> Floats:
    """Seconds to the first shop of these riders' plans."""
    rides = np.empty(riders.shape[0])
    for i in range(riders.shape[0]):
        k = riders[i]
        rides[i] = travel(ground, fleet.node[k], jobs.pick[plan.seq[k, 0]]) * fleet.pace[k]
    return rides
