"""`python -m tests.bench`: the whole backbone beside its peers; JSON lines come last."""

import argparse
import os
import time
from collections.abc import Callable

from deploy.local.backends import Backends, open_backends
from tests.bench import aggregates, append, consume, growth, latency, publish, read_models, rebuild
from tests.bench.figures import Report, say
from tests.support.backends import session_folder

BENCHES = ("append", "publish", "consume", "rebuild", "models", "aggregate", "latency", "growth")


def main() -> None:
    asked = _arguments()
    report = Report()
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first round")
    with session_folder() as folder:
        # Commits reach the disk here, other than in the tests: that is part of the price.
        backends = open_backends(folder / "backends", say=say, durable=True)
        try:
            for name, bench in _benches(asked, report, backends).items():
                if name in asked.only:
                    started = time.monotonic()
                    bench()
                    say(f"{name}: {time.monotonic() - started:.0f} s\n")
        finally:
            backends.close()
    say(f"load {os.getloadavg()[0]:.1f} after the last round, its own included")
    for line in report.lines():
        say(line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="longer rounds, and growth to a million events")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, help="how many events the larger store of `growth` holds")
    parser.add_argument("--only", type=lambda text: text.split(","), default=BENCHES, help=", ".join(BENCHES))
    return parser.parse_args()


def _benches(asked: argparse.Namespace, report: Report, backends: Backends) -> dict[str, Callable[[], None]]:
    seconds = 5.0 if asked.full else 1.0
    scale = 4 if asked.full else 1
    events = asked.events or (1_000_000 if asked.full else 100_000)
    rounds, dsn = asked.rounds, backends.postgres_url
    return {
        "append": lambda: append.run(report, dsn, rounds, seconds),
        "publish": lambda: publish.run(report, backends, rounds, 3_000 * scale),
        "consume": lambda: consume.run(report, backends, rounds, 3_000 * scale),
        "rebuild": lambda: rebuild.run(report, dsn, rounds, 20_000 * scale),
        "models": lambda: read_models.run(report, dsn, rounds, 20_000 * scale),
        "aggregate": lambda: aggregates.run(report, dsn, rounds),
        "latency": lambda: latency.run(report, backends, 5.0 * scale),
        "growth": lambda: growth.run(report, dsn, rounds, (10_000, events), seconds),
    }


if __name__ == "__main__":
    main()
