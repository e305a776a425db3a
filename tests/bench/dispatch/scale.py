"""`python -m tests.bench.dispatch.scale`: what a decision takes as the operation grows, and what cells cost.

In the measurement is `decide`, from the picture (a World of objects) to the decisions and the next memory. Not in it:
whoever draws the picture, the first decisions that find nothing compiled, and garbage collection between decisions.
"""

import argparse
import gc
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from services.dispatch.engine.engine import Memory, decide
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine.world import World
from tests.bench.dispatch.__main__ import DEFAULT, published, run_day
from tests.bench.dispatch.chart import drawn
from tests.bench.dispatch.instances import large, read_day, write_day
from tests.bench.dispatch.pictures import METRES_PER_SECOND, City, standing_start
from tests.bench.figures import Report, say

POLICY = EnginePolicy()
TRAVEL = StraightLine(metres_per_second=METRES_PER_SECOND)
PICTURES = ((1_000, 3_000), (3_000, 10_000))
GROWTH = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
CHART = Path(__file__).resolve().parents[3] / "docs" / "images" / "dispatch-growth.svg"
_ALONE = 1_000_000


def main() -> int:
    asked = _arguments()
    report = Report()
    standing_start(City.of(300, 60), POLICY, 4)
    for orders, riders in PICTURES:
        _picture(report, orders, riders)
    _one_order(report)
    if not asked.short:
        _grow(report, asked.chart)
        _cells_against_the_whole(report, asked.mdrp)
    for line in report.lines():
        say(line)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dispatch.scale", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the pictures with targets only")
    parser.add_argument("--chart", type=Path, default=CHART, help="where the chart of growth is drawn")
    parser.add_argument("--mdrp", type=Path, default=DEFAULT, help="instances for cells against the whole")
    return parser.parse_args()


def _timed(world: World, memory: Memory, *, cold: bool = True) -> tuple[float, float]:
    """Milliseconds by the clock and of processor time; `cold`: right after a walk over all objects."""
    if cold:
        gc.collect()
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    decide(world, memory, POLICY, TRAVEL)
    taken = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
    gc.enable()
    return taken


def _ticks(orders: int, riders: int, ticks: int, lead_in: int = 4) -> tuple[list[float], list[float]]:
    """One minute after the other, each timed on its own picture and then lived through."""
    city = City.of(riders, orders)
    memory = standing_start(city, POLICY, lead_in)
    walls, cpus = [], []
    for _ in range(ticks):
        world = city.world()
        wall, cpu = _timed(world, memory)
        walls.append(wall)
        cpus.append(cpu)
        decisions, memory = decide(world, memory, POLICY, TRAVEL)
        city.go_on(decisions)
    return walls, cpus


def _picture(report: Report, orders: int, riders: int) -> None:
    walls, cpus = _ticks(orders, riders, 15)
    name = f"{orders} orders x {riders} riders"
    report.add("dispatch-scale", f"{name}, a minute's decisions", "ms", walls)
    report.add("dispatch-scale", f"{name}, processor time", "ms", cpus)
    cold = [_timed(City.of(riders, orders, seed).world(), Memory())[0] for seed in range(3)]
    report.add("dispatch-scale", f"{name}, everything new", "ms", cold)


def _one_order(report: Report) -> None:
    """A picture of riders who are known, in which one order comes between two ticks: right after another such order,
    and after something else was done."""
    city = City.of(3_000, 1_000)
    memory = standing_start(city, POLICY, 2)
    city.orders.clear()
    _, memory = decide(city.world(), memory, POLICY, TRAVEL)
    city.now += 5
    riders = memory.columns.riders.things
    for name, cold in (("1 new order x 3000 riders", False), ("1 new order x 3000 riders, caches cold", True)):
        walls = []
        for _ in range(30):
            city.orders.clear()
            city.place(city.now)
            walls.append(_timed(replace(city.world(), riders=riders), memory, cold=cold)[0])
        report.add("dispatch-scale", name, "ms", walls)


def _grow(report: Report, chart: Path) -> None:
    points = []
    for riders in GROWTH:
        walls, cpus = _ticks(riders // 3, riders, 9 if riders <= 10_000 else 3, lead_in=3)
        report.add("dispatch-scale", f"growth, {riders // 3} orders x {riders} riders", "ms", walls)
        points.append((riders, median(walls), median(cpus)))
    chart.parent.mkdir(parents=True, exist_ok=True)
    chart.write_text(drawn(points), encoding="utf-8")
    say(f"chart: {chart.name}")


def _cells_against_the_whole(report: Report, root: Path) -> None:
    """The same days decided in small cells and as one picture: what borders cost in click-to-door."""
    names = sorted(published(root))
    folders = [root / name for name in names if (root / name).is_dir()]
    if not folders:
        say("cells against the whole: skipped, no instances")
        return
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(2) as pool:
        city = large([read_day(folder) for folder in folders], 1000, seed=1)
        city_folder = write_day(city, Path(scratch) / city.name)
        for name, days, cell in (("the eight", folders, 15), (city.name, [city_folder], POLICY.riders_in_cell)):
            whole = list(pool.map(partial(run_day, riders_in_cell=_ALONE), days))
            apart = list(pool.map(partial(run_day, riders_in_cell=cell), days))
            ctd = [sum(each.measures.ctd for each in side) / len(side) for side in (apart, whole)]
            report.add("dispatch-scale", f"{name}, cells of {cell} riders, CtD", "min", ctd[:1], "whole", ctd[1:])
            say(f"{name}: in cells of at most {cell} riders {100 * (ctd[0] / ctd[1] - 1):+.2f} %")


if __name__ == "__main__":
    sys.exit(main())
