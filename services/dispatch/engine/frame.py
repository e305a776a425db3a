"""Turns a picture of the world into arrays: one row for each shop, rider, order and remembered door."""

from dataclasses import dataclass

import numpy as np

from services.dispatch.engine import readiness
from services.dispatch.engine.cells import Cells, celled
from services.dispatch.engine.chains import chained
from services.dispatch.engine.columns import FOR_ONE, NOT_FOR_ALL, Columns, O, R
from services.dispatch.engine.core.arrays import Admission, Fleet, Floats, Ground, Ints, Jobs, Rules, Scenarios
from services.dispatch.engine.core.nearness import nearest
from services.dispatch.engine.demand import Seen, Shifts, nothing_to_come, rates, scenarios
from services.dispatch.engine.filters import Demand, Profile, bars, suits
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import TravelTimes
from services.dispatch.engine.world import Order, Rider, World


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything one decision is made of."""

    now: float
    policy: EnginePolicy
    riders: tuple[Rider, ...]
    orders: tuple[Order, ...]
    shop_ids: tuple[str, ...]
    ground: Ground
    fleet: Fleet
    jobs: Jobs
    rules: Rules
    admission: Admission
    to_come: Scenarios
    cells: Cells
    moving: bool
    """Whether idle riders are thought about."""
    ready_at: Floats
    """For each order, when it is ready if it runs as expected (infinite while that is not certain)."""
    leave_for: Floats
    """For each order, the ready time that a departure aims at."""


def framed(
    world: World,
    columns: Columns,
    seen: Seen,
    shifts: Shifts,
    policy: EnginePolicy,
    travel: TravelTimes,
    *,
    moving: bool,
) -> Frame:
    """The picture in arrays; riders whose shift is over or far ahead are left out."""
    now, table = world.now, columns.riders.table
    here = np.flatnonzero((table[:, R.OFF] >= now) & (table[:, R.ON] <= now + policy.horizon))
    riders, waiting = world.riders, columns.orders.table
    if len(here) < len(riders):
        riders, table = tuple(riders[k] for k in here.tolist()), table[here]
    shops = len(columns.shop_xy)
    stops = np.array([spot for order in world.orders if order.stops for spot in order.stops], float).reshape(-1, 2)
    ground = travel.ground(
        np.concatenate([columns.shop_xy, table[:, : R.SHOP], waiting[:, : O.SHOP], seen.door, stops])
    )
    fleet = _fleet(table, shops, now)
    jobs = _jobs(world.orders, waiting, shops + len(riders), ground, now, policy)
    admission = _admission(world.orders, riders, waiting, table, columns, now)
    to_come = _to_come(len(world.orders), riders, shops, seen, shifts, now, policy)
    certain = waiting[:, O.SPREAD] == 0
    return Frame(
        now,
        policy,
        riders,
        world.orders,
        tuple(columns.shop_rows),
        ground,
        fleet,
        jobs._replace(near=nearest(policy.near_riders, ground, fleet, jobs, admission)),
        _rules(policy, now),
        admission,
        to_come,
        celled(
            ground,
            fleet,
            shops,
            to_come,
            policy.riders_in_cell,
            int(now / policy.tick),
            None if moving else jobs.pick,
        ),
        moving,
        np.where(certain, waiting[:, O.READY], np.inf),
        _leave_for(world.orders, waiting, now, policy),
    )


def _rules(policy: EnginePolicy, now: float) -> Rules:
    return Rules(
        now,
        policy.pickup_service / 2,
        policy.dropoff_service / 2,
        policy.largest_bundle,
        policy.left_over,
        policy.target,
        policy.overage,
    )


def _fleet(table: Floats, shops: int, now: float) -> Fleet:
    at = table[:, R.SHOP].astype(np.int64)
    return Fleet(
        np.where(at >= 0, at, shops + np.arange(len(table))),
        np.maximum(now, np.maximum(table[:, R.FREE], table[:, R.ON])),
        table[:, R.HERE].copy(),
        table[:, R.OFF].copy(),
        table[:, R.PACE].copy(),
        table[:, R.ROOM_G].astype(np.int64),
        table[:, R.ROOM_ML].astype(np.int64),
        table[:, R.BURDEN].copy(),
    )


def _jobs(
    orders: tuple[Order, ...], table: Floats, doors: int, ground: Ground, now: float, policy: EnginePolicy
) -> Jobs:
    """What is promised is late at its promise; a wait counted from another moment differs by a constant only."""
    ready, spread = np.maximum(table[:, O.READY], now), np.zeros(len(orders))
    for row in np.flatnonzero(table[:, O.SPREAD] > 0).tolist():
        known = (orders[row].ready_at, orders[row].ready_spread_s, now)
        ready[row], spread[row] = readiness.expected(*known), readiness.left_spread(*known)
    promised = table[:, O.PROMISED]
    pick: Ints = table[:, O.SHOP].astype(np.int64)
    drop: Ints = np.arange(doors, doors + len(orders), dtype=np.int64)
    calls: Ints = table[:, O.CALLS].astype(np.int64)
    return Jobs(
        pick,
        drop,
        ready,
        spread,
        np.where(np.isnan(promised), table[:, O.PLACED], promised - policy.target),
        table[:, O.WEIGHT].copy(),
        table[:, O.LOAD_G].astype(np.int64),
        table[:, O.LOAD_ML].astype(np.int64),
        calls,
        *chained(calls, pick, drop, ground),
        np.zeros((0, 1), np.int64),
    )


def _admission(
    orders: tuple[Order, ...], riders: tuple[Rider, ...], waiting: Floats, table: Floats, columns: Columns, now: float
) -> Admission:
    """The hard filters in a form that is asked pair by pair; only what names riders is looked through here."""
    only, mask = np.full(len(orders), -1, np.int64), np.full(len(orders), -1, np.int64)
    special: Ints = waiting[:, O.SPECIAL].astype(np.int64)
    shut = table[:, R.SHUT] != 0
    masks = [np.zeros(0, np.bool_)] * 0
    if special.any():
        places = {rider.rider_id: k for k, rider in enumerate(riders)}
        for row in np.flatnonzero(special == FOR_ONE).tolist():
            order = orders[row]
            k = places.get(order.bound_to or order.pinned_to or "", -2)
            refused = k >= 0 and (shut[k] or riders[k].in_hand >= order.most_in_hand)
            only[row] = -2 if order.bound_to is None and refused else k
        for row in np.flatnonzero(special == NOT_FOR_ALL).tolist():
            mask[row] = len(masks)
            masks.append(bars(orders[row : row + 1], riders, now)[0] == 0)
    return Admission(
        waiting[:, O.DEMAND].astype(np.int64),
        table[:, R.PROFILE].astype(np.int64),
        _admits(list(columns.demands), list(columns.profiles)),
        shut,
        only,
        mask,
        np.array(masks, np.bool_).reshape(len(masks), len(riders)),
    )


def _admits(demands: list[Demand], profiles: list[Profile]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    table = [[suits(each, other) for other in profiles] for each in demands]
    return np.array(table, np.bool_).reshape(len(demands), len(profiles))


def _leave_for(orders: tuple[Order, ...], table: Floats, now: float, policy: EnginePolicy) -> Floats:
    aims = table[:, O.READY].copy()
    for row in np.flatnonzero(table[:, O.SPREAD] > 0).tolist():
        order = orders[row]
        aims[row] = readiness.quantile(order.ready_at, order.ready_spread_s, now, policy.arrive_quantile)
    return aims


def _to_come(
    orders: int, riders: tuple[Rider, ...], shops: int, seen: Seen, shifts: Shifts, now: float, policy: EnginePolicy
) -> Scenarios:
    """As many futures as the bound on work allows."""
    if not len(seen.shop) or not riders:
        return nothing_to_come()
    expected = rates(seen, shifts, now, policy)
    looks = max(1.0, expected.sum() * min(len(riders), policy.riders_in_cell))
    worlds = int(min(policy.worlds, max(1.0, policy.work_millions * 1e6 / looks)))
    first = shops + len(riders) + orders
    doors: Ints = np.arange(first, first + len(seen.shop), dtype=np.int64)
    return scenarios(seen, expected, worlds, now, shops, doors, policy)
