"""What of a plan must be done now, and where idle riders had better wait."""

from collections.abc import Iterator

import numpy as np

from services.dispatch.engine.cells import Cell, fleet_of
from services.dispatch.engine.core.arrays import Flags, Floats, Ints, Plan
from services.dispatch.engine.core.future import Futures, foresee
from services.dispatch.engine.core.moving import best_moves, spread
from services.dispatch.engine.core.routes import first_rides
from services.dispatch.engine.frame import Frame
from services.dispatch.engine.planning import Foreseen, Routes, outlook
from services.dispatch.engine.world import Decision, GoTo, PickUp

_NEIGHBOURHOOD = 240.0
_BEFORE_SHIFT_ENDS = 600.0


def due(frame: Frame, plan: Plan) -> tuple[list[Decision], Routes]:
    """Pick-ups and departures that cannot wait for the next tick, and what is planned after them."""
    decisions: list[Decision] = []
    routes: dict[str, tuple[tuple[str, bool], ...]] = {}
    busy = np.flatnonzero(plan.length)
    rides = first_rides(busy, plan, frame.ground, frame.fleet, frame.jobs)
    urgent, rides = _perhaps_due(frame, plan, busy, rides).tolist(), rides.tolist()
    rows, begins, lengths = plan.seq[busy].tolist(), plan.opens[busy].tolist(), plan.length[busy].tolist()
    ids = [order.order_id for order in frame.orders]
    for i, k in enumerate(busy.tolist()):
        count, opens = lengths[i], begins[i]
        route = tuple((ids[row], opens[p]) for p, row in enumerate(rows[i][:count]))
        if urgent[i]:
            size = next((p for p in range(1, count) if opens[p]), count)
            decision = _first_bundle(frame, k, rows[i][:size], rides[i])
            if decision is not None:
                decisions.append(decision)
            route = route[size:] if isinstance(decision, PickUp) else route
        routes[frame.riders[k].rider_id] = route
    return decisions, routes


def _perhaps_due(frame: Frame, plan: Plan, busy: Ints, rides: Floats) -> Flags:
    """Whom it is worth looking at: free, and at the shop or late enough for the first order of his bundle."""
    first, soon = plan.seq[busy, 0], frame.now + frame.policy.lead
    ahead = np.maximum(frame.rules.half_pickup + rides, frame.policy.offer_ahead)
    at_shop = frame.fleet.node[busy] == frame.jobs.pick[first]
    urgent: Flags = (frame.fleet.free[busy] <= soon) & (at_shop | (frame.leave_for[first] - ahead <= soon))
    return urgent


def _first_bundle(frame: Frame, k: int, rows: list[int], ride: float) -> Decision | None:
    """Whether the rider's next bundle is to be picked up, or to be left for, in this tick."""
    soon = frame.now + frame.policy.lead
    if frame.fleet.free[k] > soon:
        return None
    rider, shop = frame.riders[k], int(frame.jobs.pick[rows[0]])
    order_ids = tuple(frame.orders[row].order_id for row in rows)
    if frame.fleet.node[k] == shop:
        served = rider.here_at + frame.rules.half_pickup <= soon
        if served and float(frame.ready_at[rows].max()) <= soon + frame.policy.offer_ahead:
            return PickUp(rider_id=rider.rider_id, order_ids=order_ids)
        return None
    ahead = max(frame.rules.half_pickup + ride, frame.policy.offer_ahead)
    if float(frame.leave_for[rows].max()) - ahead <= soon:
        return GoTo(rider_id=rider.rider_id, shop_id=frame.shop_ids[shop], order_ids=order_ids)
    return None


def _may_move(frame: Frame, plan: Plan) -> Ints:
    """Riders with nothing to do: as they become free, and all of them now and then (many of them in turn)."""
    idle = (plan.length == 0) & (frame.fleet.free <= frame.now)
    turn, most = int(frame.now / frame.policy.tick), frame.policy.most_moved
    every = np.flatnonzero(idle)
    if len(every) > most:
        return np.sort(np.roll(every, -turn * most)[:most])
    if turn % frame.policy.ticks_between_moves == 0:
        return every
    return np.flatnonzero(idle & (frame.fleet.here > frame.now - frame.policy.tick))


def moves(frame: Frame, plan: Plan, foreseen: Foreseen) -> Iterator[GoTo]:
    """Sends idle riders where imagined orders miss them most, one after the other, while it is worth the ride."""
    idle = _may_move(frame, plan)
    if not frame.moving or not len(idle) or not len(frame.to_come.placed):
        return
    is_idle = np.zeros(len(frame.riders), np.bool_)
    is_idle[idle] = True
    for number, cell in enumerate(frame.cells.each):
        here = np.flatnonzero(is_idle[cell.riders])
        if len(here) and len(cell.to_come.placed):
            for i, shop in _moves_in(frame, plan, cell, here, foreseen.get(number)):
                rider = frame.riders[cell.riders[i]]
                yield GoTo(rider_id=rider.rider_id, shop_id=frame.shop_ids[shop])


def _moves_in(frame: Frame, plan: Plan, cell: Cell, idle: Ints, futures: Futures | None) -> list[tuple[int, int]]:
    """Moves within one cell: places of riders in it, and shops."""
    policy = frame.policy
    node, time = plan.end_node[cell.riders], plan.end_time[cell.riders]
    world = (frame.ground, fleet_of(cell.riders, frame.fleet), frame.rules, cell.to_come, outlook(frame))
    if futures is None or policy.future_weight <= 0:
        futures = foresee(node, time, *world)
    shops, places = np.unique(cell.to_come.pick, return_inverse=True)
    pain = np.bincount(places, weights=futures.cost)
    score = spread(shops, pain, _NEIGHBOURHOOD, frame.ground)
    goals = shops[np.argsort(-score, kind="stable")[: min(policy.move_shops, np.count_nonzero(pain))]]
    made: list[tuple[int, int]] = best_moves(
        idle, goals, policy.move_gain, _BEFORE_SHIFT_ENDS, policy.move_weight, node, time, futures, *world
    ).tolist()
    return made
