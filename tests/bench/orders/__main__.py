"""`python -m tests.bench.orders`: lives and placements at the order service and at its peer; JSON lines come last."""

import argparse
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

from deploy.local.backends import Backends, open_backends
from tests.bench.figures import Report, percentile, say
from tests.bench.orders.lives import COMMANDS
from tests.bench.orders.load import WARM_UP_SECONDS
from tests.bench.orders.sides import Side, ours, play, stock
from tests.bench.orders.usage import cpu_seconds
from tests.support.backends import session_folder

PEER = "nameko + SQLAlchemy"
PERCENTS = (50, 95, 99)
COMMANDS_PER_SECOND = 50
PLAYS = ("lives", "placing", "evenly")


def main() -> None:
    asked = _arguments()
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first round")
    report = Report()
    with session_folder() as folder:
        # Commits reach the disk here, other than in the tests: that is part of the price.
        backends = open_backends(folder / "backends", say=say, durable=True)
        try:
            taken = _rounds(asked, backends, folder)
        finally:
            backends.close()
    say(f"load {os.getloadavg()[0]:.1f} after the last round, its own included")
    _tell(report, taken)
    for line in report.lines():
        say(line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.orders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each play, after its warming up")
    parser.add_argument("--people", type=int, default=48, help="lives on their way at once")
    parser.add_argument("--only", type=lambda text: text.split(","), default=PLAYS, help=", ".join(PLAYS))
    parser.add_argument("--alone", action="store_true", help="without the peer")
    return parser.parse_args()


def _rounds(
    asked: argparse.Namespace, backends: Backends, folder: Path
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What each side's plays saw, the sides in turn."""
    taken: dict[str, dict[str, list[dict[str, Any]]]] = {"ours": {}, "stock": {}}
    for number in range(asked.rounds):
        sides = [partial(ours, backends, folder / f"ours-{number}")]
        if not asked.alone:
            sides.append(partial(stock, backends))
        for opened in sides:
            with opened() as side:
                for name in asked.only:
                    taken[side.name].setdefault(name, []).append(_measured(side, name, asked))
    return taken


def _measured(side: Side, name: str, asked: argparse.Namespace) -> dict[str, Any]:
    before, began = cpu_seconds(side.pids), time.monotonic()
    seen = play(side, play=name, people=asked.people, seconds=asked.seconds, rate=COMMANDS_PER_SECOND / len(COMMANDS))
    used = {part: seconds - before[part] for part, seconds in cpu_seconds(side.pids).items()}
    used["load generator"] = seen["cpu_seconds"]
    count = len(seen["ended"])
    seen["rate"] = _rate(seen, name)
    seen["used"] = {part: 1000 * seconds / count for part, seconds in used.items()}
    costs = ", ".join(f"{part} {ms:.1f}" for part, ms in seen["used"].items())
    took = time.monotonic() - began
    say(f"{side.name:<6} {name:<8} {seen['rate']:6.1f}/s  CPU ms each: {costs}  ({count} in {took:.0f} s)")
    return seen


def _rate(seen: dict[str, Any], name: str) -> float:
    """Ended after the warming up, per second; of placings until the last was paid, of lives until the people stop."""
    ended = [moment for moment in seen["ended"] if moment > WARM_UP_SECONDS]
    end = seen["ended"][-1] if name != "lives" else max(at for at, _ in seen["taken"]["place"])
    counted = [moment for moment in ended if moment <= end]
    return len(counted) / (end - WARM_UP_SECONDS)


def _tell(report: Report, taken: dict[str, dict[str, list[dict[str, Any]]]]) -> None:
    mine, theirs = taken["ours"], taken["stock"]
    for name, case, unit in (
        ("lives", "full lives", "lives/s"),
        ("placing", "placements until paid", "orders/s"),
    ):
        if name in mine:
            rates = [[seen["rate"] for seen in side.get(name, ())] for side in (mine, theirs)]
            report.add("orders", case, unit, rates[0], PEER, rates[1])
    for name, words in (("evenly", f"at {COMMANDS_PER_SECOND} commands/s"), ("lives", "at full load")):
        for command in COMMANDS if name in mine else ():
            for percent in PERCENTS:
                both = [[_latency(seen, command, percent) for seen in side.get(name, ())] for side in (mine, theirs)]
                report.add("orders", f"{command} p{percent} {words}", "ms", both[0], PEER, both[1])
    for part in mine["lives"][0]["used"] if "lives" in mine else ():
        both = [[seen["used"].get(part, 0.0) for seen in side.get("lives", ())] for side in (mine, theirs)]
        report.add("orders", f"CPU of a life: {part}", "ms", both[0], PEER, both[1])


def _latency(seen: dict[str, Any], command: str, percent: int) -> float:
    return 1000 * percentile(sorted(each for at, each in seen["taken"][command] if at > WARM_UP_SECONDS), percent)


if __name__ == "__main__":
    main()
