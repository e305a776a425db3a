"""What the riders' places at the end of a plan are worth: imagined orders, each given to whoever is there first."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Fleet, Floats, Ground, Ints, Outlook, Rules, Scenarios, travel


@njit(cache=True)
def first_there(
    f: int, at: Ints, until: Floats, ground: Ground, fleet: Fleet, rules: Rules, to_come: Scenarios, outlook: Outlook
) -> tuple[float, int, float]:
    """The least cost of an imagined order (waiting for the rider, and some of his approach), who, and his pick-up."""
    shop, placed, ready = to_come.pick[f], to_come.placed[f], to_come.ready[f]
    least, chosen, leaves = outlook.missed, -1, 0.0
    for k in range(at.shape[0]):
        if until[k] + rules.half_pickup >= ready + least:
            continue
        if at[k] == shop:
            ride, pickup = 0.0, until[k] + rules.half_pickup
        else:
            ride = travel(ground, at[k], shop) * fleet.pace[k]
            pickup = max(until[k], placed) + ride + rules.half_pickup
        pickup = max(pickup, ready)
        cost = pickup - ready + outlook.approach * ride
        if cost < least and pickup <= fleet.off[k]:
            least, chosen, leaves = cost, k, pickup
    return least, chosen, leaves


@njit(cache=True)
def future_cost(
    node: Ints,
    time: Floats,
    at: Ints,
    until: Floats,
    pain: Floats,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> float:
    """Mean cost of a scenario when riders start from `node` at `time`; `at` and `until` are scratch.

    Where `pain` has a row for each shop, what each shop's orders cost is added to it.
    """
    total = 0.0
    worlds = to_come.first.shape[0] - 1
    for s in range(worlds):
        at[:] = node
        until[:] = time
        for f in range(to_come.first[s], to_come.first[s + 1]):
            least, k, leaves = first_there(f, at, until, ground, fleet, rules, to_come, outlook)
            total += least
            if to_come.pick[f] < pain.shape[0]:
                pain[to_come.pick[f]] += least
            if k >= 0:
                ride = travel(ground, to_come.pick[f], to_come.drop[f]) * fleet.pace[k]
                at[k] = to_come.drop[f]
                until[k] = leaves + rules.half_pickup + ride + 2 * rules.half_dropoff
    return total / worlds


@njit(cache=True)
def spread_pain(pain: Floats, near: float, most: int, ground: Ground) -> Ints:
    """The shops where a rider is missed most, counting what is missed within `near` seconds of each."""
    shops = pain.shape[0]
    hurt = np.flatnonzero(pain > 0)
    score = np.zeros(shops)
    for i in hurt:
        for j in hurt:
            apart = travel(ground, i, j)
            if apart < near:
                score[i] += pain[j] * (1.0 - apart / near)
    count = min(most, hurt.shape[0])
    return np.argsort(-score)[:count]


@njit(cache=True)
def best_move(
    idle: Ints,
    shops: Ints,
    base: float,
    node: Ints,
    time: Floats,
    latest: float,
    price: float,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> tuple[float, int, int]:
    """The idle rider and the shop whose coming together lowers the future's cost most: gain, rider, shop."""
    at, until, nothing = np.empty_like(node), np.empty_like(time), np.zeros(0)
    gain, rider, shop = 0.0, -1, -1
    for k in idle:
        if k < 0:
            continue
        stays, free = node[k], time[k]
        for s in shops:
            ride = travel(ground, stays, s) * fleet.pace[k]
            if s == stays or free + ride > fleet.off[k] - latest:
                continue
            node[k], time[k] = s, free + ride
            cost = future_cost(node, time, at, until, nothing, ground, fleet, rules, to_come, outlook)
            if base - cost - price * ride > gain:
                gain, rider, shop = base - cost - price * ride, k, s
        node[k], time[k] = stays, free
    return gain, rider, shop
