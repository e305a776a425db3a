"""Large-neighbourhood search: take a few related orders out of the plan, put them back better."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Fleet, Ground, Ints, Jobs, Outlook, Plan, Rules, Scenarios, travel
from services.dispatch.engine.core.future import future_cost
from services.dispatch.engine.core.insertion import insert, refresh
from services.dispatch.engine.core.routes import LONGEST, NEVER, take

MOST_TAKEN = 6
_SHAKE = 240.0
_WORTH_A_LOOK = 600.0
"""A plan that is dearer than this by what is known is not made good by what is imagined."""


@njit(cache=True)
def copy_plan(source: Plan, target: Plan) -> None:
    """Makes the target the same as the source."""
    target.seq[:] = source.seq
    target.opens[:] = source.opens
    target.length[:] = source.length
    target.cost[:] = source.cost
    target.end_node[:] = source.end_node
    target.end_time[:] = source.end_time


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
def known_cost(plan: Plan, owner: Ints, jobs: Jobs, rules: Rules) -> float:
    """What the plan costs as far as orders are known."""
    total = plan.cost.sum()
    for o in range(owner.shape[0]):
        if owner[o] < 0:
            total += rules.left_over * jobs.weight[o]
    return total


@njit(cache=True)
def reshuffle(trial: Plan, owner: Ints, ground: Ground, fleet: Fleet, jobs: Jobs, rules: Rules) -> None:
    """Takes some related orders out and puts them back, cheapest first come, sometimes with a shake."""
    orders = owner.shape[0]
    seq, opens = np.empty(LONGEST + 1, np.int64), np.empty(LONGEST + 1, np.bool_)
    chosen = np.empty(MOST_TAKEN + 1, np.int64)
    wanted = 1 + int(np.random.random() * min(MOST_TAKEN, orders))
    count = related(int(np.random.random() * orders), wanted, chosen, ground, jobs)
    for i in range(count):
        o = chosen[i]
        if owner[o] >= 0:
            remove(o, owner[o], trial, ground, fleet, jobs, rules)
    shake = 0.0 if np.random.random() < 0.4 else _SHAKE
    for i in range(count):
        o = chosen[i]
        owner[o] = insert(o, trial, seq, opens, shake, ground, fleet, jobs, rules)


@njit(cache=True)
def same(one: Plan, other: Plan) -> bool:
    """Whether riders end alike at the same cost: most rounds put everything back where it was."""
    for k in range(one.length.shape[0]):
        if one.cost[k] != other.cost[k] or one.end_node[k] != other.end_node[k]:
            return False
    return True


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
) -> float:
    """Betters the plan in place; returns its cost with the future's."""
    np.random.seed(seed)
    at, until, nothing = np.empty_like(plan.end_node), np.empty_like(plan.end_time), np.zeros(0)
    trial = Plan(
        plan.seq.copy(),
        plan.opens.copy(),
        plan.length.copy(),
        plan.cost.copy(),
        plan.end_node.copy(),
        plan.end_time.copy(),
    )
    trial_owner = owner.copy()
    ahead = outlook.weight > 0 and to_come.placed.shape[0] > 0
    best = known_cost(plan, owner, jobs, rules)
    known = best
    if ahead:
        best += outlook.weight * future_cost(
            plan.end_node, plan.end_time, at, until, nothing, ground, fleet, rules, to_come, outlook
        )
    for _ in range(rounds if owner.shape[0] > 0 else 0):
        reshuffle(trial, trial_owner, ground, fleet, jobs, rules)
        cost = known_cost(trial, trial_owner, jobs, rules)
        sum_known = cost
        if same(trial, plan) or cost > known + _WORTH_A_LOOK:
            cost = NEVER
        elif ahead:
            cost += outlook.weight * future_cost(
                trial.end_node, trial.end_time, at, until, nothing, ground, fleet, rules, to_come, outlook
            )
        if cost < best - 1e-6:
            best, known = cost, sum_known
            copy_plan(trial, plan)
            owner[:] = trial_owner
        else:
            copy_plan(plan, trial)
            trial_owner[:] = owner
    return best
