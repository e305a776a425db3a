"""One seeded fault run from the first event to the verdict: `python -m deploy.faults.run --seed 1 --events 2000`."""

import argparse
import json
import logging
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from deploy.faults.blows import Dealer, Dealt, plan
from deploy.faults.checker import Verdict, check_everything
from deploy.faults.load import WRITERS, Load
from deploy.faults.watch import Watch
from deploy.faults.world import World, open_world

BACKLOG = 2_000
"""Events that may be on their way; more would let the load end before the faults begin."""
LOOK_SECONDS = 0.2
REST_SECONDS = 180.0
QUIET_SECONDS = 25.0
"""No change for so long is rest too: something was lost, and the checker says what."""
SETTLED_LOOKS = 5
TOLD = 10


@dataclass(frozen=True, slots=True)
class Run:
    """What happened and what was found."""

    seed: int
    load: Load
    dealt: Dealt
    verdict: Verdict
    died: int
    seconds: float

    def as_json(self) -> str:
        verdict, kills = self.verdict, dict(sorted(self.dealt.kills.items()))
        return json.dumps(
            {
                "seed": self.seed,
                "seconds": round(self.seconds, 1),
                "appended": self.load.appended,
                "unanswered": len(self.load.promises.unanswered),
                "events": verdict.events,
                "streams": self.load.streams,
                "writers": WRITERS,
                "messages": verdict.messages,
                "heard_on_wire": verdict.heard_on_wire,
                "effects": verdict.effects,
                "kills": sum(kills.values()),
                "killed": kills,
                "takeovers": self.dealt.takeovers,
                "freezes": self.dealt.freezes,
                "cuts": self.dealt.cuts,
                "ended_by_themselves": self.died,
                "anomalies": verdict.count,
                "found": {kind: len(found) for kind, found in verdict.anomalies.items() if found},
            }
        )


def play(world: World, seed: int, events: int, kills: int) -> tuple[Load, Dealt]:
    """Runs the load and deals the blows; returns when all is done and all is at rest."""
    load, dealer = Load(world.layout, events, seed), Dealer(world, seed)
    blows, watch = plan(seed, events, kills), Watch(world.layout)
    load.start()
    try:
        while not load.done:
            if blows and load.appended >= blows[0].at:
                dealer.deal(blows.pop(0))
            world.revive()
            _let_on(load, watch, blows[0].at if blows else events)
            time.sleep(LOOK_SECONDS)
        dealer.finish()
    finally:
        load.stop()
        watch.close()
    wait_for_rest(world)
    return load, dealer.dealt


def _let_on(load: Load, watch: Watch, next_blow: int) -> None:
    """Lets the load go on past the next blow, so that it strikes under load, but not far ahead of the relay."""
    now = watch.look()
    if now is not None:
        ahead = sum(now.events) - sum(now.relayed) + now.waiting // 2
        past = min(BACKLOG // 4, load.events // 20)
        load.allow(min(next_blow + past, load.appended + max(0, BACKLOG - ahead)))


def wait_for_rest(world: World, quiet_seconds: float = QUIET_SECONDS) -> None:
    """Returns when everything has arrived everywhere, or when nothing has moved for a while."""
    end = time.monotonic() + REST_SECONDS
    watch, before, moved_at, settled = Watch(world.layout), None, time.monotonic(), 0
    try:
        while time.monotonic() < end and settled < SETTLED_LOOKS:
            world.revive()
            now = watch.look()
            if now is None or now != before:
                before, moved_at, settled = now, time.monotonic(), 0
            elif now.caught_up and (settled or not watch.owes()):
                settled += 1
            elif time.monotonic() - moved_at > quiet_seconds:
                break
            time.sleep(2 * LOOK_SECONDS)
    finally:
        watch.close()


def run(folder: Path, seed: int, events: int, kills: int | None = None) -> Run:
    """A whole run in `folder`: backends, processes, load, blows, rest, verdict."""
    with open_world(folder, seed) as world:
        began = time.monotonic()
        world.start_all()
        load, dealt = play(world, seed, events, kills_for(events) if kills is None else kills)
        verdict = check_everything(world.layout.postgres, Path(world.layout.wire), load.promises)
        return Run(seed, load, dealt, verdict, sum(world.died.values()), time.monotonic() - began)


def kills_for(events: int) -> int:
    """Six, and one more for every 2,500 events: 46 in 100,000."""
    return 6 + events // 2_500


def main(arguments: list[str]) -> int:
    """Prints findings, if any, and one JSON line last; 0 only without anomalies."""
    parser = argparse.ArgumentParser(prog="deploy.faults.run", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="a new folder to work in and to keep")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="doorstep-faults-") as folder:
        Path(folder).chmod(0o755)
        done = run(options.keep or Path(folder), options.seed, options.events, options.kills)
    for kind, found in done.verdict.anomalies.items():
        for sentence in found[:TOLD]:
            print(f"{kind}: {sentence}", file=sys.stderr)
    print(done.as_json())
    return 1 if done.verdict.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
