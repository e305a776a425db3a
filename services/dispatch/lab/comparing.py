"""Plays days under several policies, and says how the policies differ."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any

from services.dispatch.domain.policies.document import PolicyDocument, as_json
from services.dispatch.lab.day import Day
from services.dispatch.lab.figures import figures_of
from services.dispatch.lab.kpis import KPIS, kpis, quantile
from services.dispatch.lab.plane import where_on
from services.dispatch.lab.played import Fate
from services.dispatch.lab.simulation import Simulation
from services.dispatch.lab.statistics import Estimate, differences, estimate

Told = Callable[[int, int], None]
"""Told how many parts of how many have been played."""

PARTS = 1_000
"""Parts of one day under one policy, for telling how far it has come."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A document under a name that people know it by."""

    label: str
    document: PolicyDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResult:
    """What the charts need of an order: minutes from click to door (None: never), minutes late (below 0: early),
    the hour of placement by the policy's clock, and where the door is, in metres."""

    click_to_door_min: float | None
    late_min: float | None
    late: bool
    hour: int
    door: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """One day under one policy. `speed` is how many times as fast as the clock it was played."""

    day: str
    policy: str
    kpis: Mapping[str, float | None]
    orders: tuple[OrderResult, ...] = field(repr=False)
    fates: Mapping[str, int]
    riders: int
    decisions: int
    decision_p50_ms: float
    decision_p99_ms: float
    decisions_per_second: float
    simulated_s: float
    wall_s: float

    @property
    def speed(self) -> float:
        return self.simulated_s / max(self.wall_s, 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How one policy's figure differs from the first's, day by day (after minus before)."""

    kpi: str
    policy: str
    against: str
    estimate: Estimate

    @property
    def better(self) -> bool | None:
        """None when the days do not show it, or there is no better and worse."""
        kpi = next(each for each in KPIS if each.name == self.kpi)
        if kpi.less_is_better is None or not self.estimate.differs_from_zero:
            return None
        return (self.estimate.mean < 0) == kpi.less_is_better


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every policy on every day. The first policy is what the others are held against."""

    policies: tuple[Policy, ...]
    days: tuple[str, ...]
    results: tuple[DayResult, ...]
    one_town: bool = True
    """Whether all days lie on one plane, so that places may be laid over one another."""

    def of(self, policy: str) -> list[DayResult]:
        """A policy's days, in the order of the days."""
        by_day = {result.day: result for result in self.results if result.policy == policy}
        return [by_day[day] for day in self.days]

    def values(self, policy: str, kpi: str) -> list[float | None]:
        return [result.kpis[kpi] for result in self.of(policy)]

    def mean(self, policy: str, kpi: str) -> Estimate | None:
        # No figure of a day is below zero, and so is no mean of them.
        return estimate([value for value in self.values(policy, kpi) if value is not None], least=0.0)

    def differences(self) -> Iterator[Difference]:
        """Every later policy against the first."""
        first = self.policies[0].label
        for policy in self.policies[1:]:
            for kpi in KPIS:
                between = differences(self.values(first, kpi.name), self.values(policy.label, kpi.name))
                found = estimate(between)
                if found is not None:
                    yield Difference(kpi=kpi.name, policy=policy.label, against=first, estimate=found)


def play(day: Day, policy: Policy, tell: Callable[[float], None] = lambda _share: None) -> DayResult:
    """One day under one policy."""
    figures = figures_of(day, policy.document, policy.label, where_on(day.origin))
    played = Simulation(day, figures).play(tell)
    walls = sorted(played.decision_ms)
    return DayResult(
        day=day.name,
        policy=policy.label,
        kpis=kpis(day, played),
        orders=tuple(
            OrderResult(
                click_to_door_min=None if order.click_to_door_s is None else order.click_to_door_s / 60,
                late_min=None if order.delivered_at is None else (order.delivered_at - order.late_after) / 60,
                late=order.late,
                hour=policy.document.local(day.moment(order.placed_at)).hour
                if day.origin
                else _hour(order.placed_at),
                door=order.door,
            )
            for order in played.orders.values()
        ),
        fates={fate.value: sum(order.fate is fate for order in played.orders.values()) for fate in Fate},
        riders=len(day.riders),
        decisions=played.decisions,
        decision_p50_ms=quantile(walls, 0.5) or 0.0,
        decision_p99_ms=quantile(walls, 0.99) or 0.0,
        decisions_per_second=1_000 * played.decisions / max(sum(walls), 1e-9),
        simulated_s=played.simulated_s,
        wall_s=played.wall_s,
    )


def _hour(seconds: float) -> int:
    """On a plane that is no part of the earth, the day's own clock."""
    return int(seconds // 3600) % 24


def compare(
    days: Sequence[Day],
    policies: Sequence[Policy],
    *,
    workers: int | None = None,
    tell: Told = lambda _done, _total: None,
) -> Comparison:
    """Every day under every policy, in `workers` processes (None: as many as there are cores)."""
    _distinct([policy.label for policy in policies], "policies")
    _distinct([day.name for day in days], "days")
    jobs = [(day, policy) for day in days for policy in policies]
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    results = _alone(jobs, tell) if workers <= 1 else _together(jobs, workers, tell)
    return Comparison(
        policies=tuple(policies),
        days=tuple(day.name for day in days),
        results=tuple(results),
        one_town=len(days) == 1 or len({day.origin for day in days} - {None}) == 1,
    )


def _distinct(names: Sequence[str], what: str) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"two {what} go by one name: {', '.join(names)}")


def _alone(jobs: Sequence[tuple[Day, Policy]], tell: Told) -> Iterator[DayResult]:
    total = PARTS * len(jobs)
    for number, (day, policy) in enumerate(jobs):

        def share(done: float, before: int = number) -> None:
            tell(before * PARTS + int(done * PARTS), total)

        yield play(day, policy, share)


def _together(jobs: Sequence[tuple[Day, Policy]], workers: int, tell: Told) -> list[DayResult]:
    """Processes are started afresh, so that none inherits threads or connections."""
    total = PARTS * len(jobs)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        started = [pool.submit(partial(play, day, policy)) for day, policy in jobs]
        tell(0, total)
        for done, future in enumerate(as_completed(started), 1):
            future.result()
            tell(done * PARTS, total)
        return [future.result() for future in started]


def as_figures(comparison: Comparison) -> dict[str, Any]:
    """The comparison for programs."""
    return {
        "days": list(comparison.days),
        "policies": [{"name": each.label, "document": as_json(each.document)} for each in comparison.policies],
        "kpis": [
            {
                "kpi": kpi.name,
                "unit": kpi.unit,
                "less_is_better": kpi.less_is_better,
                "policies": {
                    each.label: _estimate(comparison.mean(each.label, kpi.name)) for each in comparison.policies
                },
                "by_day": {each.label: comparison.values(each.label, kpi.name) for each in comparison.policies},
            }
            for kpi in KPIS
        ],
        "differences": [
            {"kpi": each.kpi, "policy": each.policy, "against": each.against, "better": each.better}
            | (_estimate(each.estimate) or {})
            for each in comparison.differences()
        ],
        "runs": [_run(result) for result in comparison.results],
    }


def _estimate(found: Estimate | None) -> dict[str, float | int | None] | None:
    if found is None:
        return None
    return {"mean": found.mean, "low": found.low, "high": found.high, "days": found.days}


def _run(result: DayResult) -> dict[str, Any]:
    return {
        "day": result.day,
        "policy": result.policy,
        "orders": len(result.orders),
        "riders": result.riders,
        "fates": dict(result.fates),
        "decisions": result.decisions,
        "decision_p50_ms": round(result.decision_p50_ms, 3),
        "decision_p99_ms": round(result.decision_p99_ms, 3),
        "decisions_per_second": round(result.decisions_per_second, 1),
        "times_real_time": round(result.speed),
        "wall_s": round(result.wall_s, 2),
    }


def total_speed(results: Iterable[DayResult]) -> float:
    """How many times as fast as the clock the days were played, in one process each."""
    each = list(results)
    return sum(result.simulated_s for result in each) / max(sum(result.wall_s for result in each), 1e-9)
