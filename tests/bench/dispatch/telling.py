"""What a run of the days says: a line a day beside the published columns, the means, and JSON lines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.bench.dispatch.metrics import Measures
from tests.bench.figures import say

Published = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Result:
    """A day's measures, its violations, and what the decisions took (`cpu` leaves out what others ran meanwhile).

    `draw` numbers the ready times that were drawn for it (0: those of the instance).
    """

    name: str
    draw: int
    measures: Measures
    broken: tuple[str, ...]
    p50_ms: float
    p99_ms: float
    cpu_p99_ms: float
    wall_s: float

    @property
    def label(self) -> str:
        """What the day is called in what is said."""
        return f"{self.name} #{self.draw}" if self.draw else self.name


UNITS = {
    "orders": "orders",
    "undelivered": "orders",
    "ctd": "min",
    "ctd_p90": "min",
    "overage": "min",
    "rtp": "min",
    "utilisation": "share",
    "cost_per_order": "money",
    "orders_per_bundle": "orders",
    "p50_ms": "ms",
    "p99_ms": "ms",
    "cpu_p99_ms": "ms",
    "wall_s": "s",
    "reyes_ctd": "min",
    "exact_ctd": "min",
    "reyes_rtp": "min",
    "exact_rtp": "min",
    "over_exact": "percent",
    "violations": "violations",
    "known_ctd": "min",
    "ctd_loss": "min",
    "planned_ctd": "min",
}

_HEADER = (
    f"{'instance':<21}{'orders':>7}{'left':>6}{'CtD':>7}{'p90':>7}{'over':>6}{'RtP':>6}{'util':>6}{'cost':>7}{'/bundle':>8}"
    f"{'p50 ms':>8}{'p99 ms':>8}{'cpu p99':>8}{'wall s':>8} |"
    f"{'Reyes':>7}{'exact':>7}{'gap %':>7}{'RtP R':>7}{'RtP e':>7}"
)


def tell(
    results: Sequence[Result],
    published: Published,
    noise: float,
    known: Sequence[Result] = (),
    planned: Sequence[Result] = (),
) -> None:
    """The table for people, then the lines for machines.

    `known`: days with the same drawn ready times, known from placement; `planned`: the days of the instances.
    """
    say(_HEADER)
    lines = [(result.label, figures(result, published.get(result.name, {}))) for result in results]
    told, as_planned = ({each.label: each.measures.ctd for each in days} for days in (known, planned))
    for result, (label, case) in zip(results, lines, strict=True):
        if label in told:
            case["known_ctd"], case["ctd_loss"] = told[label], case["ctd"] - told[label]
            case["planned_ctd"] = as_planned[result.name]
    lines.append(("mean", means([case for _, case in lines])))
    for name, case in lines:
        say(_row(name, case))
    for result in results:
        for broken in result.broken[:5]:
            say(f"{result.label}: {broken}")
    _say_what_matters(dict(lines)["mean"], results)
    bench = "dispatch" if noise == 0 else f"dispatch-noise-{noise:g}"
    for name, case in lines:
        for line in _json(bench, name, case):
            say(line)


def _say_what_matters(mean: Mapping[str, float], results: Sequence[Result]) -> None:
    undelivered = sum(result.measures.undelivered for result in results)
    orders = sum(result.measures.orders for result in results)
    say(f"undelivered over all: {undelivered} of {orders} ({100 * undelivered / orders:.3f} %)")
    say(
        f"slowest day {max(result.wall_s for result in results):.1f} s; highest p99 of decisions "
        f"{max(result.p99_ms for result in results):.1f} ms by the clock, "
        f"{max(result.cpu_p99_ms for result in results):.1f} ms of processor time"
    )
    if "ctd_loss" in mean:
        say(
            f"ready times uncertain: click-to-door {mean['ctd']:.2f} min; had the same ready times been known "
            f"{mean['known_ctd']:.2f}, a loss of {mean['ctd_loss']:.2f} min (published policy: 1.29); as planned, "
            f"before ready times were drawn, {mean['planned_ctd']:.2f} min"
        )


def figures(result: Result, beside: Mapping[str, float]) -> dict[str, float]:
    """Everything that is known about one day, by name."""
    measures = {name: float(getattr(result.measures, name)) for name in Measures.__slots__}
    case = measures | {
        "violations": float(len(result.broken)),
        "p50_ms": result.p50_ms,
        "p99_ms": result.p99_ms,
        "cpu_p99_ms": result.cpu_p99_ms,
        "wall_s": result.wall_s,
    }
    for name in ("reyes_ctd", "exact_ctd", "reyes_rtp", "exact_rtp"):
        if name in beside:
            case[name] = beside[name]
    return case | _gap(case)


def means(cases: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of every figure that all days have; the gap is that of the means."""
    common = [name for name in cases[0] if all(name in case for case in cases) and name != "over_exact"]
    mean = {name: fmean(case[name] for case in cases) for name in common}
    return mean | _gap(mean)


def _gap(case: Mapping[str, float]) -> dict[str, float]:
    return {"over_exact": 100 * (case["ctd"] / case["exact_ctd"] - 1)} if "exact_ctd" in case else {}


def _row(name: str, case: Mapping[str, float]) -> str:
    ours = (
        f"{name:<21}{case['orders']:>7.0f}{case['undelivered']:>6.2g}{case['ctd']:>7.2f}{case['ctd_p90']:>7.1f}"
        f"{case['overage']:>6.2f}{case['rtp']:>6.2f}{case['utilisation']:>6.2f}{case['cost_per_order']:>7.2f}"
        f"{case['orders_per_bundle']:>8.2f}{case['p50_ms']:>8.1f}{case['p99_ms']:>8.1f}"
        f"{case['cpu_p99_ms']:>8.1f}{case['wall_s']:>8.1f} |"
    )
    if "exact_ctd" not in case:
        return ours
    return ours + (
        f"{case['reyes_ctd']:>7.2f}{case['exact_ctd']:>7.2f}{case['over_exact']:>+7.2f}"
        f"{case['reyes_rtp']:>7.2f}{case['exact_rtp']:>7.2f}"
    )


def _json(bench: str, name: str, case: Mapping[str, float]) -> Iterator[str]:
    for figure, value in case.items():
        line = {
            "bench": bench,
            "case": f"{name} {figure}",
            "value": round(value, 4),
            "unit": UNITS[figure],
            "rounds": 1,
        }
        yield json.dumps(line)
