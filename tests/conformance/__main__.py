"""`python -m tests.conformance --minutes 10 --services order`: generated calls to gateways; a JSON line for each."""

import argparse
import json
import sys
import time
from random import Random

from deploy.local.backends import open_backends
from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from tests.conformance.calls import Caller
from tests.conformance.known import KnownIds
from tests.conformance.world import furnish
from tests.support.backends import session_folder

EXAMPLES_A_ROUND = 8


def main() -> None:
    asked = _arguments()
    chance = Random(asked.seed)
    with session_folder() as folder:
        backends = open_backends(folder / "backends", say=_say)
        try:
            with Platform(folder / "platform", backends=backends) as platform:
                broken = run(platform, asked.services, asked.minutes * 60, chance)
        finally:
            backends.close()
    sys.exit(1 if broken else 0)


def run(platform: Platform, services: list[str], seconds: float, chance: Random) -> int:
    """Calls each gateway for its share of the time; says what broke its word, and returns how many did."""
    known = KnownIds(chance)
    furnish(platform, known)
    broken = 0
    for service in services:
        caller = Caller(platform.url(service), platform.token, known, chance)
        started = time.monotonic()
        until = started + seconds / len(services)
        rounds = 0
        while time.monotonic() < until:
            caller.round(EXAMPLES_A_ROUND, until)
            rounds += 1
            _say(f"{service}: round {rounds}, {caller.tally.calls} calls, {len(caller.tally.breaches)} breaches")
        for breach in caller.tally.breaches.values():
            _say(f"\n{breach.operation}\n  {breach.what}\n  {breach.how}")
        broken += len(caller.tally.breaches)
        sys.stdout.write(
            json.dumps(
                {
                    "service": service,
                    "operations": caller.operations,
                    "called": len(caller.tally.by_operation),
                    "calls": caller.tally.calls,
                    "answers": {str(status): number for status, number in sorted(caller.tally.answers.items())},
                    "breaches": len(caller.tally.breaches),
                    "seconds": round(time.monotonic() - started, 1),
                }
            )
            + "\n"
        )
        sys.stdout.flush()
    return broken


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--services", type=lambda text: text.split(","), default=list(SERVICES))
    return parser.parse_args()


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    main()
