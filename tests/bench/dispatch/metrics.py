"""What a plan is worth, as the authors' evaluator reckons it, from the files alone."""

from dataclasses import dataclass
from statistics import fmean

from tests.bench.dispatch.plan_files import Given, Solution


@dataclass(frozen=True, slots=True)
class Measures:
    """Minutes, unless the name says otherwise; `overage` is the mean past the target over all delivered orders."""

    orders: int
    undelivered: int
    ctd: float
    ctd_p90: float
    overage: float
    rtp: float
    utilisation: float
    cost_per_order: float
    orders_per_bundle: float


def measure(given: Given, plan: Solution) -> Measures:
    """The measures of a plan that is feasible."""
    done = {order: outcome for order, outcome in plan.outcomes.items() if outcome.dropoff is not None}
    waits = sorted(float(outcome.dropoff or 0) - outcome.placed for outcome in done.values())
    late = [max(0.0, wait - given.parameters.target_minutes) for wait in waits]
    at_counter = [float(outcome.pickup or 0) - outcome.ready for outcome in done.values()]
    return Measures(
        orders=len(given.orders),
        undelivered=len(given.orders) - len(done),
        ctd=fmean(waits) if waits else float("nan"),
        ctd_p90=_quantile(waits, 0.9),
        overage=fmean(late) if late else float("nan"),
        rtp=fmean(at_counter) if at_counter else float("nan"),
        utilisation=fmean(_utilisation(given, plan, courier) for courier in given.shifts),
        cost_per_order=_pay(given, plan) / max(1, len(done)),
        orders_per_bundle=len(done) / max(1, len(plan.assignments)),
    )


def _utilisation(given: Given, plan: Solution, courier: str) -> float:
    """Driving and serving over the length of the shift (waiting at a restaurant is not work here)."""
    shift = given.shifts[courier]
    tasks = [each for each in plan.assignments if each.courier == courier]
    driving = sum(given.minutes(move.origin, move.destination) for move in plan.moves.get(courier, ()))
    picking = len(tasks) * given.parameters.pickup_minutes
    dropping = sum(len(each.orders) for each in tasks) * given.parameters.dropoff_minutes
    return (driving + picking + dropping) / max(1, shift.off - shift.on)


def _pay(given: Given, plan: Solution) -> float:
    """Each courier has the better of the pay for his orders and the pay guaranteed for his hours."""
    orders = dict.fromkeys(given.shifts, 0)
    for each in plan.assignments:
        orders[each.courier] += len(each.orders)
    figures = given.parameters
    return sum(
        max(figures.pay_per_order * orders[courier], figures.pay_per_hour * (shift.off - shift.on) / 60)
        for courier, shift in given.shifts.items()
    )


def _quantile(values: list[float], share: float) -> float:
    """With linear interpolation between neighbours; `values` are sorted."""
    if not values:
        return float("nan")
    position = share * (len(values) - 1)
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (position - low) * (values[high] - values[low])
