"""`python -m tests.bench.dispatch`: whole days through the engine, checked, beside what others have published."""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.bench.dispatch.checker import violations
from tests.bench.dispatch.day import Simulation, policy_of
from tests.bench.dispatch.instances import copy_with_ready_times, folders, large, read_day, uncertain, write_day
from tests.bench.dispatch.metrics import measure
from tests.bench.dispatch.plan_files import read_instance, read_solution
from tests.bench.dispatch.telling import Result, tell
from tests.bench.figures import percentile, say

PUBLISHED = "published_results.csv"
DEFAULT = Path(__file__).resolve().parents[4] / "shared" / "data" / "mdrp"


def main() -> int:
    asked = _arguments()
    chosen = [folder for folder in _chosen(asked) if folder.is_dir()]
    if not chosen:
        say(f"bench-dispatch skipped: no instances in {asked.mdrp} (MDRP=<folder of instances> chooses another)")
        return 0
    _warm_up(chosen[0])
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(asked.workers) as pool:
        if asked.large:
            chosen = _made_large(chosen, Path(scratch))
        run = partial(run_day, plans=asked.plan_out, riders_in_cell=asked.riders_in_cell)
        results = list(pool.map(run, chosen)) if not asked.noise_only else []
        if asked.noise > 0:
            days = [(folder, draw) for draw in range(1, asked.draws + 1) for folder in chosen]
            drawn = partial(run, noise=asked.noise)
            noisy = list(pool.map(drawn, *zip(*days, strict=True)))
            known = list(pool.map(partial(drawn, known=True), *zip(*days, strict=True))) if results else []
    beside = {} if asked.large else published(asked.mdrp)
    if asked.noise > 0:
        tell(noisy, beside, asked.noise, known, results)
        results += noisy
    else:
        tell(results, beside, 0.0)
    return 1 if any(result.broken for result in results) else 0


LARGE = (500, 1000, 1600, 2400, 3200)
"""Orders of the days that are made of smaller ones."""


def _made_large(chosen: Sequence[Path], scratch: Path) -> list[Path]:
    days = [read_day(folder) for folder in chosen]
    return [write_day(day, scratch / day.name) for day in (large(days, orders, seed=1) for orders in LARGE)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dispatch", description=__doc__)
    parser.add_argument("--mdrp", type=Path, default=DEFAULT, help="a folder of instances")
    parser.add_argument(
        "--plan-out", type=Path, help="writes every plan here, in the files of the authors' evaluator"
    )
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviation of ready times, minutes")
    parser.add_argument("--draws", type=int, default=4, help="how often ready times are drawn for each day")
    parser.add_argument("--workers", type=int, default=2, help="days played at once")
    parser.add_argument("--large", action="store_true", help="days of 500 to 3,200 orders, made of the instances")
    parser.add_argument("--noise-only", action="store_true", help="only the uncertain days: no loss is told")
    parser.add_argument("--riders-in-cell", type=int, help="other cells than the engine's own")
    return parser.parse_args()


def _chosen(asked: argparse.Namespace) -> list[Path]:
    """The instances with published results; all of a folder that was named."""
    every = folders(asked.mdrp)
    known = published(asked.mdrp)
    if asked.mdrp == DEFAULT:
        return [folder for folder in every if folder.name in known]
    return every


def published(root: Path) -> dict[str, dict[str, float]]:
    path = root / PUBLISHED
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            row.pop("instance"): {key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)
        }


def _warm_up(folder: Path) -> None:
    """Compiles the engine (or loads what was compiled before) ahead of the first decision that counts."""
    started = time.perf_counter()
    day = read_day(folder)
    first = min(order.placed for order in day.orders)
    early = tuple(order for order in day.orders if order.placed <= first + 60)
    Simulation(replace(day, orders=early), policy_of(day)).play()
    say(f"warm-up {time.perf_counter() - started:.1f} s")


def run_day(
    folder: Path,
    draw: int = 0,
    *,
    noise: float = 0.0,
    known: bool = False,
    plans: Path | None = None,
    riders_in_cell: int | None = None,
) -> Result:
    """Plays one day, writes its plan, and judges what was written.

    With `noise` (standard deviation, minutes) ready times are drawn; `known`: the engine is told them at placement.
    """
    day = read_day(folder)
    with tempfile.TemporaryDirectory() as scratch:
        held_against = folder
        if noise > 0:
            day = uncertain(day, noise, draw)
            held_against = copy_with_ready_times(folder, day, Path(scratch) / "instance")
            day = replace(day, spread=0.0) if known else day
        started = time.perf_counter()
        policy = policy_of(day)
        if riders_in_cell is not None:
            policy = replace(policy, riders_in_cell=riders_in_cell)
        played = Simulation(day, policy).play()
        wall = time.perf_counter() - started
        given = read_instance(held_against)
        name = folder.name if noise == 0 else f"{folder.name}-noise{noise:g}-{draw}{'-known' if known else ''}"
        kept = plans / name if plans else None
        solution = read_solution(played.write(kept or Path(scratch) / "plan"))
    walls = sorted(played.wall_ms)
    return Result(
        folder.name,
        draw,
        measure(given, solution),
        tuple(f"{found.rule}: {found.facts}" for found in violations(given, solution)),
        percentile(walls, 50),
        percentile(walls, 99),
        percentile(sorted(played.cpu_ms), 99),
        wall,
    )


if __name__ == "__main__":
    sys.exit(main())
