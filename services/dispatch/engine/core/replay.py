"""The same futures for another plan: only what its changed riders do is played again, and whom that touches."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Fleet, Floats, Ground, Ints, Outlook, Rules, Scenarios, travel
from services.dispatch.engine.core.future import Futures, Stage, cheapest, sum_up

_AT_LEAST = 5
"""Scenarios that are played before the rest of them can be spared."""


_SURE = 2.25
"""The square of how many standard errors above what is enough are too much."""

KEEP = np.inf
"""In place of a figure that is enough: all scenarios are played, and remembered from then on."""


@njit(cache=True)
def begin(changed: Ints, node: Ints, time: Floats, stage: Stage, futures: Futures) -> int:
    """Sets the stage for a scenario; how many of the changed riders differ from the start."""
    count = stage.others.shape[0]
    n = count - count
    for k in changed:
        if not stage.differs[k] and (node[k] != futures.node[k] or time[k] != futures.time[k]):
            stage.differs[k] = True
            stage.tried_at[k], stage.tried_until[k] = node[k], time[k]
            stage.others[n] = k
            n += 1
    stage.at[:] = futures.node
    stage.until[:] = futures.time
    return n


@njit(cache=True)
def replay(
    changed: Ints,
    node: Ints,
    time: Floats,
    enough: float,
    stage: Stage,
    futures: Futures,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> float:
    """By how much a scenario costs more when the `changed` riders start from `node` at `time`, in the mean.

    Stops when the mean is by one and a half of its standard errors above `enough`, unless that is KEEP.
    """
    total, squares, keep = 0.0, 0.0, enough == KEEP
    worlds = to_come.first.shape[0] - 1
    for s in range(worlds):
        if to_come.first[s + 1] == to_come.first[s]:
            continue
        n = begin(changed, node, time, stage, futures)
        before = futures.rest[to_come.first[s]]
        more = replay_one(s, n, keep, stage, futures, ground, fleet, rules, to_come, outlook) - before
        total += more
        squares += more * more
        if keep:
            sum_up(s, futures.cost, futures.rest, to_come.first)
        elif s + 1 >= _AT_LEAST:
            mean, seen = total / (s + 1), s + 1
            if mean > enough and (mean - enough) ** 2 * seen > _SURE * (squares / seen - mean * mean):
                return mean
    if keep:
        for k in changed:
            futures.node[k], futures.time[k] = node[k], time[k]
    return total / worlds


@njit(cache=True)
def replay_one(
    s: int,
    n: int,
    keep: bool,
    stage: Stage,
    futures: Futures,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> float:
    """Scenario s, where `n` riders differ from the start; its cost."""
    at, until, differs, others = stage.at, stage.until, stage.differs, stage.others
    tried_at, tried_until = stage.tried_at, stage.tried_until
    service = rules.half_pickup + 2 * rules.half_dropoff
    pace, total = fleet.pace, 0.0
    for f in range(to_come.first[s], to_come.first[s + 1]):
        if n == 0:
            return total + futures.rest[f]
        before, left = futures.who[f], futures.leaves[f]
        least, who, leaves = outlook.missed, -1, 0.0
        if before >= 0 and not differs[before]:
            least, who, leaves = futures.cost[f], before, left
        cost, k, pickup = differing(f, least, n, stage, ground, fleet, rules, to_come, outlook)
        if k >= 0:
            least, who, leaves = cost, k, pickup
        if before >= 0 and differs[before] and futures.cost[f] < least:
            cost, k, pickup = cheapest(f, least, at, until, differs, ground, fleet, rules, to_come, outlook)
            if k >= 0:
                least, who, leaves = cost, k, pickup
        total += least
        if keep:
            futures.who[f], futures.cost[f], futures.leaves[f] = who, least, leaves
        if who != before:
            n = part(before, who, n, stage)
        if before >= 0:
            at[before], until[before] = to_come.drop[f], left + service + futures.ride[f] * pace[before]
        if who >= 0 and differs[who]:
            tried_at[who], tried_until[who] = to_come.drop[f], leaves + service + futures.ride[f] * pace[who]
            if at[who] == tried_at[who] and until[who] == tried_until[who]:
                n = join(who, n, stage)
    for i in range(n):
        differs[others[i]] = False
    return total


@njit(cache=True)
def differing(
    f: int,
    limit: float,
    n: int,
    stage: Stage,
    ground: Ground,
    fleet: Fleet,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> tuple[float, int, float]:
    """As `cheapest`, among the `n` riders who differ."""
    shop, placed, ready = to_come.pick[f], to_come.placed[f], to_come.ready[f]
    half, tried_at, tried_until = rules.half_pickup, stage.tried_at, stage.tried_until
    least, who, leaves = limit, -1, 0.0
    for i in range(n):
        k = stage.others[i]
        if tried_until[k] + half >= ready + least:
            continue
        ride, free = 0.0, tried_until[k]
        if tried_at[k] != shop:
            ride = travel(ground, tried_at[k], shop) * fleet.pace[k]
            free = max(free, placed) + ride
        pickup = max(free + half, ready)
        cost = pickup - ready + outlook.approach * ride
        if cost < least and pickup <= fleet.off[k]:
            least, who, leaves = cost, k, pickup
    return least, who, leaves


@njit(cache=True)
def part(before: int, who: int, n: int, stage: Stage) -> int:
    """From here on these two differ, who did not yet; how many do."""
    for k in (before, who):
        if k >= 0 and not stage.differs[k]:
            stage.differs[k] = True
            stage.tried_at[k], stage.tried_until[k] = stage.at[k], stage.until[k]
            stage.others[n] = k
            n += 1
    return n


@njit(cache=True)
def join(k: int, n: int, stage: Stage) -> int:
    """From here on rider k is where he was again; how many differ."""
    stage.differs[k] = False
    for i in range(n):
        if stage.others[i] == k:
            stage.others[i] = stage.others[n - 1]
            break
    return n - 1
