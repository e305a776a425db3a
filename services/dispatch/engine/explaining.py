"""Why this rider and not another: what an order costs with each who could have it, and what bars everybody else."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from services.dispatch.domain.delivery.explanation import NEXT_BEST, RIDERS_NAMED, Candidate, Explanation
from services.dispatch.engine.core.arrays import Plan, travel
from services.dispatch.engine.core.future import foresee, mean_cost
from services.dispatch.engine.core.insertion import insertion_costs, refresh
from services.dispatch.engine.core.routes import NEVER, put, route_cost
from services.dispatch.engine.core.search import remove
from services.dispatch.engine.engine import Thought
from services.dispatch.engine.filters import REASONS, bars
from services.dispatch.engine.frame import Frame
from services.dispatch.engine.planning import outlook

TOO_DEAR = "too_dear"
"""He could have had it, but leaving it for later costs less."""


def explained(thought: Thought, order_id: str, out_of: int) -> Explanation:
    """Of one order of the picture; `out_of` is how many riders are on shift."""
    frame = thought.frame
    row = next(row for row, order in enumerate(frame.orders) if order.order_id == order_id)
    owner = int(thought.owner[row])
    candidates = sorted(_candidates(thought, row), key=lambda each: each.cost_seconds)
    chosen = next((each for each in candidates if owner >= 0 and each.rider_id == frame.riders[owner].rider_id), None)
    others = tuple(each for each in candidates if each is not chosen)
    reasons = _barred(frame, row)
    if chosen is None:
        reasons |= {each.rider_id: TOO_DEAR for each in others}
    return Explanation(
        chosen=chosen,
        next_best=others[:NEXT_BEST],
        barred=dict(sorted(Counter(reasons.values()).items())),
        reasons=dict(sorted(reasons.items())[:RIDERS_NAMED]),
        looked_at=out_of,
    )


def _barred(frame: Frame, row: int) -> dict[str, str]:
    codes = bars(frame.orders[row : row + 1], frame.riders, frame.now)[0]
    return {rider.rider_id: str(REASONS[code]) for rider, code in zip(frame.riders, codes, strict=True) if code != 0}


def _candidates(thought: Thought, row: int) -> list[Candidate]:
    """Everybody whom the engine looked at, each with the order where it is cheapest in his plan without it."""
    frame = thought.frame
    without = _copy(thought.plan)
    if thought.owner[row] >= 0:
        remove(row, int(thought.owner[row]), without, frame.ground, frame.fleet, frame.jobs, frame.rules)
    costs, places, manners = insertion_costs(
        np.array([row]), without, frame.ground, frame.fleet, frame.jobs, frame.rules
    )
    future = _future(frame, without)
    found = []
    for column, k in enumerate(map(int, frame.jobs.near[row])):
        if k < 0 or costs[0, column] >= NEVER:
            continue
        trial = _with(frame, without, row, k, int(places[0, column]), int(manners[0, column]))
        parts = _parts(frame, trial, row, k, float(costs[0, column]), _future(frame, trial) - future)
        rider_id = frame.riders[k].rider_id
        found.append(Candidate(rider_id=rider_id, cost_seconds=round(sum(parts.values()), 1), parts=parts))
    return found


def _with(frame: Frame, without: Plan, row: int, k: int, at: int, how: int) -> Plan:
    trial = _copy(without)
    put(trial.seq[k], trial.opens[k], trial.length[k], row, at, how)
    trial.length[k] += 1
    refresh(k, trial, frame.ground, frame.fleet, frame.jobs, frame.rules)
    return trial


def _parts(frame: Frame, trial: Plan, row: int, k: int, extra: float, future: float) -> Mapping[str, float]:
    """What the extra cost is made of; `other_stops` is what his other stops add before this one's door."""
    jobs, rider, weight = frame.jobs, frame.riders[k], float(frame.jobs.weight[row])
    arrival = _door(frame, trial, row, k)
    until_ready = max(0.0, float(jobs.ready[row]) - frame.now)
    ride = (
        frame.rules.half_pickup + frame.rules.half_dropoff + _ride(frame, int(jobs.pick[row]), int(jobs.drop[row]), k)
    )
    way = _ride(frame, int(frame.fleet.node[k]), int(jobs.pick[row]), k) + frame.rules.half_pickup
    more = max(0.0, arrival - until_ready - ride)
    approach = min(more, way)
    wait = frame.now + arrival - float(jobs.placed[row])
    lateness = frame.rules.overage * max(0.0, wait - frame.rules.target)
    before = wait - arrival  # The same with everybody: it has waited so long already.
    parts = {
        "until_ready": weight * until_ready,
        "approach": weight * approach,
        "other_stops": weight * (more - approach),
        "ride": weight * (arrival - until_ready - more),
        "lateness": weight * lateness,
        "others": extra - weight * (arrival + before + lateness) - rider.burden_s,
        "future": frame.policy.future_weight * future,
        **rider.burdens,
    }
    return {name: round(seconds, 1) for name, seconds in parts.items() if abs(seconds) >= 0.05}


def _door(frame: Frame, trial: Plan, row: int, k: int) -> float:
    """Seconds until the order is at its door: a route's cost when nothing else in it weighs anything."""
    only = np.zeros_like(frame.jobs.weight)
    only[row] = 1.0
    fleet = frame.fleet._replace(burden=np.zeros_like(frame.fleet.burden))
    seq, opens, count = trial.seq[k], trial.opens[k], trial.length[k]
    jobs, rules = frame.jobs._replace(weight=only), frame.rules._replace(overage=0.0)
    wait, _, _ = route_cost(k, seq, opens, count, frame.ground, fleet, jobs, rules)
    return float(wait + frame.jobs.placed[row] - frame.now)


def _ride(frame: Frame, a: int, b: int, k: int) -> float:
    return float(travel(frame.ground, a, b)) * frame.riders[k].pace


def _future(frame: Frame, plan: Plan) -> float:
    """What the imagined orders cost from where this plan leaves everybody."""
    if not len(frame.to_come.placed):
        return 0.0
    world = (frame.ground, frame.fleet, frame.rules, frame.to_come, outlook(frame))
    return float(mean_cost(foresee(plan.end_node, plan.end_time, *world), frame.to_come))


def _copy(plan: Plan) -> Plan:
    return Plan(
        plan.seq.copy(),
        plan.opens.copy(),
        plan.length.copy(),
        plan.cost.copy(),
        plan.end_node.copy(),
        plan.end_time.copy(),
    )
