"""Turns a picture of the world into arrays: one row for each shop, rider, order and remembered door."""

from dataclasses import dataclass

import numpy as np

from services.dispatch.engine import readiness
from services.dispatch.engine.chains import chained
from services.dispatch.engine.core.arrays import Fleet, Floats, Ground, Ints, Jobs, Rules, Scenarios
from services.dispatch.engine.core.nearness import nearest
from services.dispatch.engine.demand import Seen, Shifts, nothing_to_come, rates, scenarios
from services.dispatch.engine.filters import Bars, bars
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
    bars: Bars
    to_come: Scenarios
    leave_for: Floats
    """For each order, the ready time that a departure aims at."""


def framed(
    world: World, seen: Seen, shifts: Shifts, shop_rows: dict[str, int], policy: EnginePolicy, travel: TravelTimes
) -> Frame:
    """The picture in arrays; riders whose shift is over or far ahead are left out."""
    now = world.now
    riders = tuple(each for each in world.riders if each.off_at >= now and each.on_at <= now + policy.horizon)
    shop_ids = tuple(shop_rows)
    barred = bars(world.orders, riders, now)
    ground = travel.ground(_places(world, riders, seen))
    fleet = _fleet(riders, shop_rows, now)
    jobs = _jobs(world, riders, shop_rows, ground, policy)
    rules = Rules(
        now,
        policy.pickup_service / 2,
        policy.dropoff_service / 2,
        policy.largest_bundle,
        policy.left_over,
        policy.target,
        policy.overage,
    )
    if len(world.orders):
        jobs = jobs._replace(near=nearest(jobs.pick, barred, policy.near_riders, ground, fleet))
    return Frame(
        now,
        policy,
        riders,
        world.orders,
        shop_ids,
        ground,
        fleet,
        jobs,
        rules,
        barred,
        _to_come(world, riders, seen, shifts, policy),
        np.array([_leave_for(order, now, policy) for order in world.orders], float),
    )


def _places(world: World, riders: tuple[Rider, ...], seen: Seen) -> Floats:
    spots = [shop.spot for shop in world.shops]
    spots += [rider.spot for rider in riders]
    spots += [order.dropoff for order in world.orders]
    stops = [spot for order in world.orders for spot in order.stops]
    return np.concatenate([np.array(spots, float).reshape(-1, 2), seen.door, np.array(stops, float).reshape(-1, 2)])


def _fleet(riders: tuple[Rider, ...], shop_rows: dict[str, int], now: float) -> Fleet:
    first = len(shop_rows)
    return Fleet(
        np.array([shop_rows.get(each.shop_id or "", first + k) for k, each in enumerate(riders)], np.int64),
        np.array([max(now, each.free_at, each.on_at) for each in riders], float),
        np.array([each.here_at for each in riders], float),
        np.array([each.off_at for each in riders], float),
        np.array([each.pace for each in riders], float),
        np.array([each.capacity_g for each in riders], np.int64),
        np.array([each.capacity_ml for each in riders], np.int64),
        np.array([each.burden_s for each in riders], float),
    )


def _jobs(
    world: World, riders: tuple[Rider, ...], shop_rows: dict[str, int], ground: Ground, policy: EnginePolicy
) -> Jobs:
    doors = len(shop_rows) + len(riders)
    orders = world.orders
    ready = [readiness.expected(each.ready_at, each.ready_spread_s, world.now) for each in orders]
    pick: Ints = np.array([shop_rows[each.shop_id] for each in orders], np.int64)
    drop: Ints = np.arange(doors, doors + len(orders), dtype=np.int64)
    return Jobs(
        pick,
        drop,
        np.array(ready, float),
        np.array([_counted_from(each, policy) for each in orders], float),
        np.array([each.weight for each in orders], float),
        np.array([each.load_g for each in orders], np.int64),
        np.array([each.load_ml for each in orders], np.int64),
        *chained(orders, pick, drop, ground),
        np.zeros((0, 1), np.int64),
    )


def _counted_from(order: Order, policy: EnginePolicy) -> float:
    """What is promised is late at its promise; a wait counted from another moment differs by a constant only."""
    return order.placed_at if order.promised_at is None else order.promised_at - policy.target


def _leave_for(order: Order, now: float, policy: EnginePolicy) -> float:
    return readiness.quantile(order.ready_at, order.ready_spread_s, now, policy.arrive_quantile)


def _to_come(world: World, riders: tuple[Rider, ...], seen: Seen, shifts: Shifts, policy: EnginePolicy) -> Scenarios:
    """As many futures as the bound on work allows."""
    if not len(seen.shop) or not riders:
        return nothing_to_come()
    expected = rates(seen, shifts, world.now, policy)
    looks = max(1.0, expected.sum() * len(riders))
    affordable = policy.work_millions * 1e6 / (looks * max(1, policy.most_rounds))
    worlds = int(min(policy.worlds, max(1.0, affordable)))
    first: int = len(world.shops) + len(riders) + len(world.orders)
    doors: Ints = np.arange(first, first + len(seen.shop), dtype=np.int64)
    return scenarios(seen, expected, worlds, world.now, len(world.shops), doors, policy)
