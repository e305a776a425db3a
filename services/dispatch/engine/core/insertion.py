"""The cheapest place for one more order among the riders worth a look."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import (
    Admission,
    Flags,
    Fleet,
    Floats,
    Ground,
    Ints,
    Jobs,
    Plan,
    Rules,
    travel,
)
from services.dispatch.engine.core.nearness import may
from services.dispatch.engine.core.routes import ALONE, BEFORE, LONGEST, NEVER, later, put, route_cost


@njit(cache=True)
def fits_how(how: int, at: int, o: int, seq: Ints, opens: Flags, count: int, jobs: Jobs, rules: Rules) -> bool:
    """Whether the order may go there in that way: bundles are of one shop and of bounded size, errands ride alone."""
    if how == ALONE:
        return at == count or opens[at]
    if how == BEFORE:
        if at == 0 or jobs.pick[seq[at - 1]] != jobs.pick[o]:
            return False
        inside = at - 1
    else:
        if at == count or not opens[at] or jobs.pick[seq[at]] != jobs.pick[o]:
            return False
        inside = at
    if jobs.calls[o] > 0 or jobs.calls[seq[inside]] > 0:
        return False
    size = 1
    p = inside
    while not opens[p]:
        p -= 1
    p += 1
    while p < count and not opens[p]:
        size += 1
        p += 1
    return size < rules.largest_bundle


@njit(cache=True)
def best_for_rider(
    o: int, k: int, plan: Plan, seq: Ints, opens: Flags, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules
) -> tuple[float, int, int]:
    """The least extra cost of the order with this rider, and where and how; `seq` and `opens` are scratch."""
    count = plan.length[k]
    least, place, manner = NEVER, -1, ALONE
    if count >= LONGEST:
        return least, place, manner
    for at in range(count + 1):
        for how in range(3):
            if not fits_how(how, at, o, plan.seq[k], plan.opens[k], count, jobs, rules):
                continue
            for p in range(count):
                seq[p] = plan.seq[k, p]
                opens[p] = plan.opens[k, p]
            put(seq, opens, count, o, at, how)
            cost, _, _ = route_cost(k, seq, opens, count + 1, ground, fleet, jobs, rules)
            if cost < NEVER and cost - plan.cost[k] < least:
                least, place, manner = cost - plan.cost[k], at, how
    return least, place, manner


@njit(cache=True)
def at_least(o: int, k: int, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules) -> float:
    """What the order costs with this rider if he had nothing else to do: no place in his plan is cheaper."""
    pick, pace = jobs.pick[o], fleet.pace[k]
    there = fleet.here[k] if fleet.node[k] == pick else fleet.free[k] + travel(ground, fleet.node[k], pick) * pace
    pickup = max(later(there + rules.half_pickup, jobs.ready[o], jobs.spread[o]), rules.now) + jobs.chain[o] * pace
    ride = travel(ground, jobs.last[o], jobs.drop[o]) * pace
    wait = pickup + (1 + 2 * jobs.calls[o]) * rules.half_pickup + ride + rules.half_dropoff - jobs.placed[o]
    return fleet.burden[k] + jobs.weight[o] * (wait + rules.overage * max(0.0, wait - rules.target))


@njit(cache=True)
def refresh(k: int, plan: Plan, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules) -> None:
    """Reckons a rider's cost and end again."""
    cost, node, time = route_cost(k, plan.seq[k], plan.opens[k], plan.length[k], ground, fleet, jobs, rules)
    plan.cost[k] = cost
    plan.end_node[k] = node
    plan.end_time[k] = time


@njit(cache=True)
def refresh_all(plan: Plan, owner: Ints, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules) -> None:
    """Reckons every rider again; what can no longer be done is taken off him."""
    for k in range(plan.length.shape[0]):
        refresh(k, plan, ground, fleet, jobs, rules)
        if plan.cost[k] >= NEVER:
            owner[plan.seq[k, : plan.length[k]]] = -1
            plan.length[k] = 0
            refresh(k, plan, ground, fleet, jobs, rules)


@njit(cache=True)
def resume(
    riders: Ints, orders: Ints, opens: Ints, plan: Plan, owner: Ints, fleet: Fleet, jobs: Jobs, admission: Admission
) -> None:
    """Gives riders the orders they were meant to carry, as far as those are still there (not -1) and for them.

    `opens` is 1 where a bundle begins; one whose first order is gone begins with the next.
    """
    opening = True
    for i in range(riders.shape[0]):
        k, o = riders[i], orders[i]
        opening = opening or opens[i] != 0 or riders[i - 1] != k
        if o < 0 or owner[o] >= 0 or plan.length[k] >= LONGEST or not may(o, k, fleet, jobs, admission):
            continue
        plan.seq[k, plan.length[k]], plan.opens[k, plan.length[k]] = o, opening
        plan.length[k] += 1
        owner[o] = k
        opening = False


@njit(cache=True)
def insert(
    o: int, plan: Plan, seq: Ints, opens: Flags, noise: float, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules
) -> int:
    """Puts the order where it is cheapest (give or take `noise`); the rider, or -1 when leaving it costs less."""
    least, rider, place, manner = rules.left_over * jobs.weight[o], -1, -1, ALONE
    for c in range(jobs.near.shape[1]):
        k = jobs.near[o, c]
        if k < 0:
            break
        if at_least(o, k, ground, fleet, jobs, rules) >= least:
            continue
        extra, at, how = best_for_rider(o, k, plan, seq, opens, ground, fleet, jobs, rules)
        if at >= 0:
            extra += noise * np.random.random()
            if extra < least:
                least, rider, place, manner = extra, k, at, how
    if rider >= 0:
        put(plan.seq[rider], plan.opens[rider], plan.length[rider], o, place, manner)
        plan.length[rider] += 1
        refresh(rider, plan, ground, fleet, jobs, rules)
    return rider


@njit(cache=True)
def insertion_costs(
    rows: Ints, plan: Plan, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules
) -> tuple[Floats, Ints, Ints]:
    """For each of these orders and each rider near it: the least extra cost, and where and how."""
    seq, opens = np.empty(LONGEST + 1, np.int64), np.empty(LONGEST + 1, np.bool_)
    shape = (rows.shape[0], jobs.near.shape[1])
    costs, places, manners = np.full(shape, NEVER), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for r in range(rows.shape[0]):
        for c in range(shape[1]):
            k = jobs.near[rows[r], c]
            if k < 0:
                break
            extra, at, how = best_for_rider(rows[r], k, plan, seq, opens, ground, fleet, jobs, rules)
            if at >= 0:
                costs[r, c], places[r, c], manners[r, c] = extra, at, how
    return costs, places, manners
