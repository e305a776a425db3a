"""What the riders' places at the end of a plan are worth: imagined orders, each given to whoever is there first."""

from typing import NamedTuple

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import (
    Flags,
    Fleet,
    Floats,
    Ground,
    Ints,
    Outlook,
    Rules,
    Scenarios,
    travel,
)


class Futures(NamedTuple):
    """The imagined orders as riders who start from `node` at `time` serve them.

    For each: who (-1: nobody), his cost and pick-up, the ride to the door at pace 1, and the cost of it and all later
    ones of its scenario.
    """

    node: Ints
    time: Floats
    who: Ints
    cost: Floats
    leaves: Floats
    ride: Floats
    rest: Floats


class Stage(NamedTuple):
    """Scratch: where riders are in the futures as remembered (`at`, `until`) and as tried, for those who differ."""

    at: Ints
    until: Floats
    tried_at: Ints
    tried_until: Floats
    differs: Flags
    others: Ints


@njit(cache=True)
def new_stage(riders: int) -> Stage:
    """Scratch for so many riders."""
    return Stage(
        np.zeros(riders, np.int64),
        np.zeros(riders),
        np.zeros(riders, np.int64),
        np.zeros(riders),
        np.zeros(riders, np.bool_),
        np.zeros(riders, np.int64),
    )


@njit(cache=True)
def cheapest(
    f: int,
    limit: float,
    at: Ints,
    until: Floats,
    differs: Flags,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> tuple[float, int, float]:
    """The cheapest rider below `limit` for imagined order f among those who do not differ: cost, rider (-1), pick-up.

    A rider costs the seconds that the order waits for him after it is ready, and some of his approach.
    """
    shop, placed, ready = to_come.pick[f], to_come.placed[f], to_come.ready[f]
    pace, off = fleet.pace, fleet.off
    half, approach = rules.half_pickup, outlook.approach
    least, who, leaves = limit, -1, 0.0
    for k in range(at.shape[0]):
        if until[k] + half >= ready + least or differs[k]:
            continue
        if at[k] == shop:
            ride, pickup = 0.0, until[k] + half
        else:
            ride = travel(ground, at[k], shop) * pace[k]
            pickup = max(until[k], placed) + ride + half
        pickup = max(pickup, ready)
        cost = pickup - ready + approach * ride
        if cost < least and pickup <= off[k]:
            least, who, leaves = cost, k, pickup
    return least, who, leaves


@njit(cache=True)
def foresee(
    node: Ints, time: Floats, ground: Ground, fleet: Fleet, rules: Rules, to_come: Scenarios, outlook: Outlook
) -> Futures:
    """Plays all futures for riders who start from `node` at `time`."""
    size = to_come.placed.shape[0]
    futures = Futures(
        node.copy(),
        time.copy(),
        np.full(size, -1, np.int64),
        np.zeros(size),
        np.zeros(size),
        np.zeros(size),
        np.zeros(size),
    )
    service = rules.half_pickup + 2 * rules.half_dropoff
    at, until, nobody = node.copy(), time.copy(), np.zeros(node.shape[0], np.bool_)
    for s in range(to_come.first.shape[0] - 1):
        at[:] = node
        until[:] = time
        for f in range(to_come.first[s], to_come.first[s + 1]):
            futures.ride[f] = travel(ground, to_come.pick[f], to_come.drop[f])
            cost, k, leaves = cheapest(f, outlook.missed, at, until, nobody, ground, fleet, rules, to_come, outlook)
            futures.who[f], futures.cost[f], futures.leaves[f] = k, cost, leaves
            if k >= 0:
                at[k] = to_come.drop[f]
                until[k] = leaves + service + futures.ride[f] * fleet.pace[k]
        sum_up(s, futures.cost, futures.rest, to_come.first)
    return futures


@njit(cache=True)
def sum_up(s: int, cost: Floats, rest: Floats, first: Ints) -> None:
    """Reckons what each imagined order and the later ones of scenario s cost."""
    total = 0.0
    for f in range(first[s + 1] - 1, first[s] - 1, -1):
        total += cost[f]
        rest[f] = total


@njit(cache=True)
def mean_cost(futures: Futures, to_come: Scenarios) -> float:
    """The mean cost of a scenario as it is remembered."""
    return futures.cost.sum() / (to_come.first.shape[0] - 1)
