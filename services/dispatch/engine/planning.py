"""The plan: what still holds of the tick before, new orders matched into it, then a search for a better one."""

from collections.abc import Mapping

import numpy as np

from services.dispatch.engine.cells import Cell, fleet_of, jobs_of, plan_of, put_back
from services.dispatch.engine.core.arrays import Ints, Outlook, Plan
from services.dispatch.engine.core.future import Futures
from services.dispatch.engine.core.insertion import insert, insertion_costs, refresh, refresh_all, resume
from services.dispatch.engine.core.routes import LONGEST, put
from services.dispatch.engine.core.search import search
from services.dispatch.engine.frame import Frame
from services.dispatch.engine.matching import match

Routes = Mapping[str, tuple[tuple[str, bool], ...]]
"""By rider, the orders he is meant to carry; True where a bundle begins."""

Foreseen = dict[int, Futures]
"""By cell, how its imagined orders are served by the riders as the plan leaves them."""

_MATCHED_TOGETHER = 3
"""Fewer new orders than this are put in one after the other: the search makes good what that misses."""


def planned(frame: Frame, before: Routes) -> tuple[Plan, Ints, Foreseen]:
    """The best plan found, each order's rider in it (-1: left over for now), and the futures of searched cells."""
    if not frame.riders:
        return _unplanned(0), np.full(len(frame.orders), -1, np.int64), {}
    plan, owner = _resumed(frame, before)
    _place_new(frame, plan, owner)
    return plan, owner, _search(frame, plan, owner)


def _search(frame: Frame, plan: Plan, owner: Ints) -> Foreseen:
    """Betters the plan in place, cell by cell; a large picture has fewer rounds for each."""
    policy, cells, foreseen = frame.policy, frame.cells, {}
    seed = int(frame.now) % 2**31 + 1
    share = cells.orders_of(owner, frame.jobs)
    rounds = [min(policy.most_rounds, policy.rounds_per_order * len(orders)) for orders in share]
    thrift = min(1.0, policy.rounds_in_all / max(1, sum(rounds)))
    for number, (cell, orders) in enumerate(zip(cells.each, share, strict=True)):
        wanted = round(rounds[number] * thrift)
        if wanted and len(cells.each) == 1 and len(cell.riders) == len(frame.riders):
            world = (frame.ground, frame.fleet, frame.jobs, frame.rules, cell.to_come, outlook(frame))
            foreseen[number] = search(plan, owner, wanted, seed, *world)
        elif wanted and len(cell.riders):
            foreseen[number] = _search_cell(frame, plan, owner, cell, orders, wanted, seed + number)
    return foreseen


def _search_cell(frame: Frame, plan: Plan, owner: Ints, cell: Cell, orders: Ints, rounds: int, seed: int) -> Futures:
    """One cell as a picture of its own."""
    riders = cell.riders
    jobs, fleet = jobs_of(orders, riders, frame.jobs, frame.fleet), fleet_of(riders, frame.fleet)
    part = plan_of(riders, orders, plan, frame.jobs)
    had = owner[orders]
    had[had >= 0] = np.searchsorted(riders, had[had >= 0])
    world = (frame.ground, fleet, jobs, frame.rules, cell.to_come, outlook(frame))
    foreseen: Futures = search(part, had, rounds, seed, *world)
    put_back(riders, orders, part, plan)
    owner[orders] = np.where(had >= 0, riders[had], -1)
    return foreseen


def outlook(frame: Frame) -> Outlook:
    """How the future weighs: less while it is not certain when riders are free, because goods may not be ready."""
    policy, spread = frame.policy, frame.jobs.spread
    doubtful = float((spread > 0).mean()) if len(spread) else 0.0
    weight = policy.future_weight * (1.0 - policy.future_doubt * doubtful)
    return Outlook(weight, policy.missed, policy.approach_weight)


def _resumed(frame: Frame, before: Routes) -> tuple[Plan, Ints]:
    """The plan of the tick before, without orders that are gone and riders who may no longer have them."""
    plan = _unplanned(len(frame.riders))
    owner = np.full(len(frame.orders), -1, np.int64)
    if before:
        rows = {order.order_id: row for row, order in enumerate(frame.orders)}
        found = [
            (k, rows.get(order_id, -1), opens)
            for k, rider in enumerate(frame.riders)
            if rider.rider_id in before
            for order_id, opens in before[rider.rider_id]
        ]
        riders, orders, opens = np.array(found, np.int64).reshape(-1, 3).T.copy()
        resume(riders, orders, opens, plan, owner, frame.fleet, frame.jobs, frame.admission)
    refresh_all(plan, owner, frame.ground, frame.fleet, frame.jobs, frame.rules)
    return plan, owner


def _unplanned(riders: int) -> Plan:
    """Nobody has anything to do."""
    return Plan(
        np.full((riders, LONGEST + 1), -1, np.int64),
        np.zeros((riders, LONGEST + 1), np.bool_),
        np.zeros(riders, np.int64),
        np.zeros(riders),
        np.zeros(riders, np.int64),
        np.zeros(riders),
    )


def _place_new(frame: Frame, plan: Plan, owner: Ints) -> None:
    """Matches whole batches as long as that places orders, then puts in what is left one by one."""
    new = np.flatnonzero(owner < 0)
    while len(new) >= _MATCHED_TOGETHER and _match_some(frame, plan, owner, new):
        new = np.flatnonzero(owner < 0)
    seq, opens = np.empty(LONGEST + 1, np.int64), np.empty(LONGEST + 1, np.bool_)
    for row in new:
        owner[row] = insert(int(row), plan, seq, opens, 0.0, frame.ground, frame.fleet, frame.jobs, frame.rules)


def _match_some(frame: Frame, plan: Plan, owner: Ints, new: Ints) -> bool:
    costs, places, manners = insertion_costs(new, plan, frame.ground, frame.fleet, frame.jobs, frame.rules)
    near = frame.jobs.near[new]
    chosen = match(costs, near, frame.rules.left_over * frame.jobs.weight[new])
    for position in np.flatnonzero(chosen >= 0):
        column = chosen[position]
        row, k = int(new[position]), int(near[position, column])
        at, how = int(places[position, column]), int(manners[position, column])
        put(plan.seq[k], plan.opens[k], plan.length[k], row, at, how)
        plan.length[k] += 1
        refresh(k, plan, frame.ground, frame.fleet, frame.jobs, frame.rules)
        owner[row] = k
    return bool((chosen >= 0).any())
