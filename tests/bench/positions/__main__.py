"""`python -m tests.bench.positions`: devices by HTTP and WebSocket beside the platform; JSON lines come last."""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from deploy.local.backends import open_backends
from tests.bench.figures import Report, percentile, say
from tests.bench.orders.usage import cpu_seconds
from tests.bench.positions.devices import WARM_UP_SECONDS
from tests.bench.positions.town import Town, town
from tests.support.backends import session_folder

PERCENTS = (50, 95, 99, 99.9)
WAYS = ("http", "socket")
BUDGET_MS = 200.0


def main() -> None:
    asked = _arguments()
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first round")
    report = Report()
    taken: dict[str, list[dict[str, Any]]] = {way: [] for way in asked.only}
    with session_folder() as folder:
        # Commits reach the disk here, other than in the tests: that is part of the price.
        backends = open_backends(folder / "backends", say=say, durable=True)
        try:
            with town(backends, folder / "town", asked.riders, asked.carrying) as here:
                for _ in range(asked.rounds):
                    for way in asked.only:
                        taken[way].append(_measured(here, way, asked, folder))
        finally:
            backends.close()
    say(f"load {os.getloadavg()[0]:.1f} after the last round, its own included")
    for way, seen in taken.items():
        _tell(report, way, seen, asked)
    for line in report.lines():
        say(line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.positions", description=__doc__)
    parser.add_argument("--riders", type=int, default=2_000)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two messages of a device")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each way, after its warming up")
    parser.add_argument("--batch", type=int, default=1, help="positions in a message")
    parser.add_argument("--carrying", type=int, default=500, help="riders with a delivery, whose way is kept")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", type=lambda text: text.split(","), default=WAYS, help=", ".join(WAYS))
    return parser.parse_args()


def _measured(here: Town, way: str, asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    told = {
        "by": way,
        "host": here.host,
        "port": here.port,
        "riders": here.riders,
        "every": asked.every,
        "seconds": asked.seconds,
        "batch": asked.batch,
        "clock_behind": (time.time() - here.platform.clock.now().timestamp()),
    }
    command = [sys.executable, "-m", "tests.bench.positions.devices"]
    with (folder / "devices.err").open("w+") as errors:
        devices = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert devices.stdin is not None
        assert devices.stdout is not None
        devices.stdin.write(json.dumps(told))
        devices.stdin.close()
        devices.stdout.readline()
        before, counted = cpu_seconds(here.pids), _counts(here)
        last = devices.stdout.read()
        used = {part: seconds - before[part] for part, seconds in cpu_seconds(here.pids).items()}
        if devices.wait():
            raise RuntimeError(f"the devices ended with {devices.returncode}: {(folder / 'devices.err').read_text()}")
    seen: dict[str, Any] = json.loads(last)
    used["devices"] = seen["cpu_seconds"]
    seen["cores"] = {part: seconds / seen["seconds"] for part, seconds in used.items()}
    batches = {name: count - counted[name] for name, count in _counts(here).items()}
    seen["in_a_batch"] = batches["reports"] / max(1, batches["batches"])
    seen["hub_late_ms"] = 1000 * batches["late"] / max(1, batches["looks"])
    _say(way, seen)
    return seen


def _counts(here: Town) -> dict[str, float]:
    text = here.metrics()
    names = {
        "reports": "doorstep_position_batch_size_sum",
        "batches": "doorstep_position_batch_size_count",
        "late": "doorstep_hub_lag_seconds_sum",
        "looks": "doorstep_hub_lag_seconds_count",
    }
    found = {name: re.search(rf"^{metric} (\S+)$", text, re.MULTILINE) for name, metric in names.items()}
    return {name: float(match[1]) if match else 0.0 for name, match in found.items()}


def _say(way: str, seen: dict[str, Any]) -> None:
    spread = " ".join(f"p{percent} {_latency(seen, percent):.0f}" for percent in PERCENTS)
    cores = ", ".join(f"{part} {share:.2f}" for part, share in sorted(seen["cores"].items(), key=lambda e: -e[1]))
    say(
        f"{way:<7} {_rate(seen):.0f} positions/s, ms {spread}; "
        f"{len(seen['failed'])} failed, {seen['refused']} refused"
    )
    say(f"        {seen['in_a_batch']:.1f} reports a batch, hub late {seen['hub_late_ms']:.1f} ms; cores: {cores}")
    for failure in sorted(set(seen["failed"]))[:3]:
        say(f"        {failure}")


def _rate(seen: dict[str, Any]) -> float:
    """Believed positions a second, over the whole run: the warming up is at the same rate."""
    return float(seen["believed"] / seen["seconds"])


def _latency(seen: dict[str, Any], percent: float) -> float:
    """Milliseconds from when a message was due to its answer."""
    return 1000 * percentile(sorted(each for at, each in seen["taken"] if at > WARM_UP_SECONDS), percent)


def _tell(report: Report, way: str, seen: list[dict[str, Any]], asked: argparse.Namespace) -> None:
    words = f"{asked.riders} riders every {asked.every:g} s by {way}"
    report.add("positions", f"{words}: believed", "positions/s", [_rate(each) for each in seen])
    for percent in PERCENTS:
        report.add("positions", f"{words}: p{percent:g}", "ms", [_latency(each, percent) for each in seen])
    report.add("positions", f"{words}: failed", "messages", [float(len(each["failed"])) for each in seen])
    for part in sorted(seen[0]["cores"]):
        report.add("positions", f"{words}: CPU of {part}", "cores", [each["cores"][part] for each in seen])
    worst = max(_latency(each, 99) for each in seen)
    say(f"{way}: p99 {worst:.0f} ms at worst, budget {BUDGET_MS:.0f}: {'kept' if worst < BUDGET_MS else 'not kept'}")


if __name__ == "__main__":
    main()
