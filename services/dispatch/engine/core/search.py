"""Large-neighbourhood search: take a few related orders out of the plan, put them back better."""

from typing import NamedTuple

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import (
    Flags,
    Fleet,
    Ground,
    Ints,
    Jobs,
    Outlook,
    Plan,
    Rules,
    Scenarios,
    travel,
)
from services.dispatch.engine.core.future import Futures, foresee, new_stage
from services.dispatch.engine.core.insertion import insert, refresh
from services.dispatch.engine.core.replay import KEEP, replay
from services.dispatch.engine.core.routes import LONGEST, take

MOST_TAKEN = 6
_SHAKE = 240.0
_WORTH_A_LOOK = 600.0
"""A plan that is dearer than this by what is known is not made good by what is imagined."""


class Touched(NamedTuple):
    """Scratch: the orders taken out in one round, the riders whose plans that changes, and room to try routes in."""

    orders: Ints
    riders: Ints
    seq: Ints
    opens: Flags


@njit(cache=True)
def copy_rider(k: int, source: Plan, target: Plan) -> None:
    """Makes rider k's plan in the target the same as in the source."""
    target.seq[k, :] = source.seq[k, :]
    target.opens[k, :] = source.opens[k, :]
    target.length[k] = source.length[k]
    target.cost[k] = source.cost[k]
    target.end_node[k] = source.end_node[k]
    target.end_time[k] = source.end_time[k]


@njit(cache=True)
def remove(o: int, k: int, plan: Plan, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules) -> None:
    """Takes order o out of rider k's plan."""
    for p in range(plan.length[k]):
        if plan.seq[k, p] == o:
            take(plan.seq[k], plan.opens[k], plan.length[k], p)
            plan.length[k] -= 1
            break
    refresh(k, plan, ground, fleet, jobs, rules)


@njit(cache=True)
def related(seed: int, wanted: int, chosen: Ints, ground: Ground, jobs: Jobs) -> int:
    """Fills `chosen` with the seed and orders near it in place and time, by chance."""
    orders = jobs.pick.shape[0]
    score = np.empty(orders)
    for o in range(orders):
        apart = travel(ground, jobs.pick[seed], jobs.pick[o]) + 0.5 * travel(ground, jobs.drop[seed], jobs.drop[o])
        apart += 0.5 * abs(jobs.ready[seed] - jobs.ready[o])
        score[o] = apart * (0.2 + np.random.random())
    score[seed] = -1.0
    count = min(wanted, orders)
    for i in range(count):
        best = np.argmin(score)
        chosen[i] = best
        score[best] = 1e18
    for i in range(count - 1, 0, -1):
        j = int(np.random.random() * (i + 1))
        chosen[i], chosen[j] = chosen[j], chosen[i]
    return count


@njit(cache=True)
def touch(k: int, n: int, riders: Ints) -> int:
    """Adds rider k to those changed, once; how many there are."""
    for i in range(n):
        if riders[i] == k:
            return n
    riders[n] = k
    return n + 1


@njit(cache=True)
def reshuffle(
    trial: Plan, owner: Ints, touched: Touched, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules
) -> tuple[int, int]:
    """Takes some related orders out and puts them back, cheapest first come, sometimes with a shake.

    How many orders and riders that touched.
    """
    orders = owner.shape[0]
    chosen, riders = touched.orders, 0
    wanted = 1 + int(np.random.random() * min(MOST_TAKEN, orders))
    count = related(int(np.random.random() * orders), wanted, chosen, ground, jobs)
    for i in range(count):
        o = chosen[i]
        if owner[o] >= 0:
            riders = touch(owner[o], riders, touched.riders)
            remove(o, owner[o], trial, ground, fleet, jobs, rules)
    shake = 0.0 if np.random.random() < 0.4 else _SHAKE
    for i in range(count):
        o = chosen[i]
        owner[o] = insert(o, trial, touched.seq, touched.opens, shake, ground, fleet, jobs, rules)
        if owner[o] >= 0:
            riders = touch(owner[o], riders, touched.riders)
    return count, riders


@njit(cache=True)
def dearer(
    count: int,
    riders: int,
    touched: Touched,
    trial: Plan,
    tried: Ints,
    plan: Plan,
    owner: Ints,
    jobs: Jobs,
    rules: Rules,
) -> tuple[float, bool]:
    """By how much the trial costs more than the plan as far as orders are known, and whether riders end alike.

    Most rounds put everything back where it was.
    """
    more, alike = 0.0, True
    for i in range(riders):
        k = touched.riders[i]
        more += trial.cost[k] - plan.cost[k]
        if trial.cost[k] != plan.cost[k] or trial.end_node[k] != plan.end_node[k]:
            alike = False
    for i in range(count):
        o = touched.orders[i]
        if (tried[o] < 0) != (owner[o] < 0):
            more += rules.left_over * jobs.weight[o] * (1.0 if tried[o] < 0 else -1.0)
            alike = False
    return more, alike


@njit(cache=True)
def search(
    plan: Plan,
    owner: Ints,
    rounds: int,
    seed: int,
    ground: Ground,
    fleet: Fleet,
    jobs: Jobs,
    rules: Rules,
    to_come: Scenarios,
    outlook: Outlook,
) -> Futures:
    """Betters the plan in place; the futures as riders end in it."""
    np.random.seed(seed)
    trial = Plan(
        plan.seq.copy(),
        plan.opens.copy(),
        plan.length.copy(),
        plan.cost.copy(),
        plan.end_node.copy(),
        plan.end_time.copy(),
    )
    tried = owner.copy()
    touched = Touched(
        np.empty(MOST_TAKEN + 1, np.int64),
        np.empty(2 * MOST_TAKEN + 2, np.int64),
        np.empty(LONGEST + 1, np.int64),
        np.empty(LONGEST + 1, np.bool_),
    )
    ahead = outlook.weight > 0 and to_come.placed.shape[0] > 0
    stage = new_stage(plan.length.shape[0])
    futures = foresee(plan.end_node, plan.end_time, ground, fleet, rules, to_come, outlook)
    for _ in range(rounds if owner.shape[0] > 0 else 0):
        count, riders = reshuffle(trial, tried, touched, ground, fleet, jobs, rules)
        more, alike = dearer(count, riders, touched, trial, tried, plan, owner, jobs, rules)
        changed = touched.riders[:riders]
        better = not alike and more <= _WORTH_A_LOOK
        if better and ahead:
            node, time, enough = trial.end_node, trial.end_time, -more / outlook.weight
            then = replay(changed, node, time, enough, stage, futures, ground, fleet, rules, to_come, outlook)
            more += outlook.weight * then
        better = better and more < -1e-6
        if better and ahead:
            node, time = trial.end_node, trial.end_time
            replay(changed, node, time, KEEP, stage, futures, ground, fleet, rules, to_come, outlook)
        source, target = (trial, plan) if better else (plan, trial)
        for i in range(riders):
            copy_rider(touched.riders[i], source, target)
        for i in range(count):
            o = touched.orders[i]
            if better:
                owner[o] = tried[o]
            else:
                tried[o] = owner[o]
    return futures
