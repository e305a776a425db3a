"""`python -m tests.bench.dispatch.replanning`: days of trouble with re-planning and without, by the same seeds."""

import argparse
import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.lab.disturbances import as_said
from services.dispatch.lab.figures import figures_of
from services.dispatch.lab.plane import where_on
from services.dispatch.lab.platform_replanner import PlatformReplanner
from services.dispatch.lab.played import Fate, Played
from services.dispatch.lab.simulation import Simulation
from tests.bench.dispatch.disturbed import as_before, calm, disturbed_day
from tests.bench.figures import say

CALM, WITHOUT, TOLD, WITH = "calm", "without", "told", "with"
WAYS = {
    CALM: "nothing goes wrong",
    WITHOUT: "as before: bound orders stay bound, a broken rider is noticed by his overdue report",
    TOLD: "the engine knows of disruptions, bound orders stay bound",
    WITH: "re-planning",
}
TARGET = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """One day played in one way; `touched` are the deliveries planned anew, by the cause."""

    seed: int
    way: str
    orders: int
    late: int
    lost: int
    nobody: int
    touched: dict[str, int]
    wall_s: float


def play(seed: int, way: str) -> Result:
    """Plays a day."""
    day = disturbed_day(seed)
    if way == CALM:
        day = calm(day)
    figures = figures_of(day, PolicyDocument(), "base", where_on(day.origin))
    replanner = PlatformReplanner(day, figures) if way == WITH else None
    known = as_before if way == WITHOUT else as_said
    played = Simulation(day, figures, replanner=replanner, known_to_engine=known).play()
    touched = Counter(cause.value for cause in replanner.touched.values()) if replanner else Counter[str]()
    return _result(seed, way, played, dict(touched))


def _result(seed: int, way: str, played: Played, touched: dict[str, int]) -> Result:
    fates = Counter(order.fate for order in played.orders.values())
    return Result(
        seed=seed,
        way=way,
        orders=len(played.orders),
        late=sum(order.late for order in played.orders.values()),
        lost=fates[Fate.LOST],
        nobody=fates[Fate.NOBODY] + fates[Fate.CANCELLED],
        touched=touched,
        wall_s=played.wall_s,
    )


def main() -> int:
    """Non-zero when more than half as many orders are late with re-planning as without."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dispatch.replanning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--chart", type=Path, help="writes a chart (SVG) here")
    parser.add_argument("--ways", default=",".join(WAYS), help="which to play, of those named in the table")
    asked = parser.parse_args()
    seeds = range(1, asked.seeds + 1)
    with ProcessPoolExecutor(asked.workers) as pool:
        results = list(pool.map(play, *zip(*product(seeds, asked.ways.split(",")), strict=True)))
    tell(results)
    if asked.chart:
        asked.chart.write_text(chart(results), encoding="utf-8")
    return 0 if late(results, WITH) <= TARGET * late(results, WITHOUT) else 1


def late(results: list[Result], way: str) -> int:
    """Late orders over all seeds: late at the door, lost, or never brought."""
    return sum(each.late for each in results if each.way == way)


def tell(results: list[Result]) -> None:
    """A table for people, and JSON lines for programs."""
    say(f"{'seed':>4} {'way':8} {'orders':>6} {'late':>5} {'lost':>5} {'nobody':>6} {'touched':>7} {'wall':>6}")
    for each in results:
        touched = sum(each.touched.values())
        say(
            f"{each.seed:>4} {each.way:8} {each.orders:>6} {each.late:>5} {each.lost:>5} {each.nobody:>6}"
            f" {touched:>7} {each.wall_s:>5.1f}s"
        )
    for each in results:
        say(json.dumps(_line(each)))
    before, after = late(results, WITHOUT), late(results, WITH)
    seeds = len({each.seed for each in results})
    orders = sum(each.orders for each in results if each.way == WITH)
    causes = Counter[str]()
    for each in results:
        causes.update(each.touched)
    for cause, count in sorted(causes.items()):
        share = {
            "bench": "replanning",
            "case": f"touched: {cause}",
            "value": round(count / orders, 5),
            "unit": "share",
        }
        say(json.dumps(share | {"rounds": seeds}))
    whole = {"bench": "replanning", "case": "late orders", "value": after, "unit": "orders", "rounds": seeds}
    say(json.dumps(whole | {"peer": "without re-planning", "peer_value": before, "ratio": round(after / before, 3)}))


def _line(each: Result) -> dict[str, Any]:
    return {
        "bench": "replanning",
        "case": f"seed {each.seed}, {each.way}",
        "value": each.late,
        "unit": "late orders",
        "orders": each.orders,
        "lost": each.lost,
        "nobody": each.nobody,
        "touched": each.touched,
    }


_BAR, _GAP, _HIGH = 26, 34, 220
_INKS = {CALM: "#8a8f98", WITHOUT: "#b3261e", TOLD: "#c77700", WITH: "#1b6e3c"}


def chart(results: list[Result]) -> str:
    """Late orders by seed and way, as bars."""
    most = max(each.late for each in results) or 1
    seeds = sorted({each.seed for each in results})
    width = 60 + len(seeds) * (len(WAYS) * _BAR + _GAP)
    parts = []
    for place, seed in enumerate(seeds):
        left = 40 + place * (len(WAYS) * _BAR + _GAP)
        for offset, way in enumerate(WAYS):
            value = next(each.late for each in results if (each.seed, each.way) == (seed, way))
            high = round(_HIGH * value / most)
            x, y = left + offset * _BAR, 40 + _HIGH - high
            parts.append(f'<rect x="{x}" y="{y}" width="{_BAR - 4}" height="{high}" fill="{_INKS[way]}"/>')
            parts.append(f'<text x="{x + 11}" y="{y - 4}" text-anchor="middle">{value}</text>')
        parts.append(f'<text x="{left + 2 * _BAR}" y="{_HIGH + 60}" text-anchor="middle">seed {seed}</text>')
    for place, way in enumerate(WAYS):
        parts.append(f'<rect x="{40 + place * 110}" y="8" width="12" height="12" fill="{_INKS[way]}"/>')
        parts.append(f'<text x="{58 + place * 110}" y="18">{way}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HIGH + 75}" font-family="sans-serif"'
        f' font-size="12" role="img" aria-label="late orders by seed"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(parts)}</svg>\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
