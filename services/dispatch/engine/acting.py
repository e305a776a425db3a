"""What of a plan must be done now, and where idle riders had better wait."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.dispatch.engine.core.arrays import Plan, travel
from services.dispatch.engine.core.moving import best_moves
from services.dispatch.engine.frame import Frame
from services.dispatch.engine.planning import Routes, outlook
from services.dispatch.engine.world import Decision, GoTo, PickUp

_NEIGHBOURHOOD = 240.0
_BEFORE_SHIFT_ENDS = 600.0


def due(frame: Frame, plan: Plan) -> tuple[list[Decision], Routes]:
    """Pick-ups and departures that cannot wait for the next tick, and what is planned after them."""
    decisions: list[Decision] = []
    routes: dict[str, tuple[tuple[str, bool], ...]] = {}
    for k in map(int, np.flatnonzero(plan.length)):
        rider, count = frame.riders[k], int(plan.length[k])
        route = tuple((frame.orders[plan.seq[k, p]].order_id, bool(plan.opens[k, p])) for p in range(count))
        size = next((p for p in range(1, count) if route[p][1]), count)
        decision = _first_bundle(frame, plan, k, size)
        if decision is not None:
            decisions.append(decision)
        routes[rider.rider_id] = route[size:] if isinstance(decision, PickUp) else route
    return decisions, routes


def _first_bundle(frame: Frame, plan: Plan, k: int, size: int) -> Decision | None:
    """Whether the rider's next bundle is to be picked up, or to be left for, in this tick."""
    rider, rows = frame.riders[k], plan.seq[k, :size]
    soon = frame.now + frame.policy.lead
    if frame.fleet.free[k] > soon:
        return None
    order_ids = tuple(frame.orders[row].order_id for row in rows)
    shop = int(frame.jobs.pick[rows[0]])
    if frame.fleet.node[k] == shop:
        served = rider.here_at + frame.rules.half_pickup <= soon
        by = soon + frame.policy.offer_ahead
        if served and all(_is_ready(frame, int(row), by) for row in rows):
            return PickUp(rider_id=rider.rider_id, order_ids=order_ids)
        return None
    ride = travel(frame.ground, int(frame.fleet.node[k]), shop) * rider.pace
    ahead = max(frame.rules.half_pickup + ride, frame.policy.offer_ahead)
    if float(frame.leave_for[rows].max()) - ahead <= soon:
        return GoTo(rider_id=rider.rider_id, shop_id=frame.shop_ids[shop], order_ids=order_ids)
    return None


def _is_ready(frame: Frame, row: int, by: float) -> bool:
    order = frame.orders[row]
    return order.ready_spread_s == 0 and order.ready_at <= by


def _may_move(frame: Frame, plan: Plan) -> NDArray[np.bool_]:
    """Riders with nothing to do: as they become free, and all of them now and then."""
    idle: NDArray[np.bool_] = (plan.length == 0) & (frame.fleet.free <= frame.now)
    if int(frame.now / frame.policy.tick) % frame.policy.ticks_between_moves == 0:
        return idle
    just_free: NDArray[np.bool_] = frame.fleet.here > frame.now - frame.policy.tick
    return idle & just_free


def moves(frame: Frame, plan: Plan) -> Iterator[GoTo]:
    """Sends idle riders where imagined orders miss them most, one after the other, while it is worth the ride."""
    policy = frame.policy
    idle = np.flatnonzero(_may_move(frame, plan))
    if not policy.moves or not len(idle) or not len(frame.to_come.placed):
        return
    made = best_moves(
        idle,
        plan.end_node.copy(),
        plan.end_time.copy(),
        len(frame.shop_ids),
        _NEIGHBOURHOOD,
        policy.move_shops,
        policy.move_gain,
        _BEFORE_SHIFT_ENDS,
        policy.move_weight,
        frame.ground,
        frame.fleet,
        frame.rules,
        frame.to_come,
        outlook(frame),
    )
    for k, shop in made:
        yield GoTo(rider_id=frame.riders[k].rider_id, shop_id=frame.shop_ids[shop])
