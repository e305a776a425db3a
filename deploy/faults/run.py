"""One seeded fault run from the first event to the verdict: `python -m deploy.faults.run --seed 1 --events 2000`."""

import argparse
import json
import logging
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog
from kombu import Connection

from deploy.faults.blows import Dealer, Dealt, plan
from deploy.faults.checker import Verdict, check_everything
from deploy.faults.layout import Layout
from deploy.faults.load import WRITERS, Load
from deploy.faults.shovel import QUEUE
from deploy.faults.synthetic import HEARD, PARTITIONS, PUBLISHERS
from deploy.faults.world import World, open_world
from shared.eventstore.connecting import connect
from shared.messaging.consumer import CONNECTION_ERRORS
from shared.messaging.topology import inbox_queues

BACKLOG = 2_000
"""Events that may be on their way; more would let the load end before the faults begin."""
LOOK_SECONDS = 0.2
REST_SECONDS = 180.0
QUIET_SECONDS = 25.0
"""No change for so long is rest too: something was lost, and the checker says what."""
SETTLED_LOOKS = 5
TOLD = 10


AWAY: tuple[type[BaseException], ...] = (psycopg.OperationalError, *CONNECTION_ERRORS)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far everything is, for the backlog and for the end."""

    events: tuple[int, ...]
    logged: tuple[int, ...]
    relayed: tuple[int, ...]
    followed: tuple[int, ...]
    effects: tuple[int, ...]
    waiting: int

    @property
    def caught_up(self) -> bool:
        return self.events == self.logged == self.relayed == self.followed and self.waiting == 0


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


def progress(layout: Layout) -> Progress | None:
    """Looks at every store; None while PostgreSQL is away."""
    try:
        published = [_look(layout.postgres[service], _PUBLISHER) for service in PUBLISHERS]
        effects = tuple(_look(layout.postgres[service], _SUBSCRIBER)[0] for service in HEARD)
        waiting = _waiting(layout)
    except AWAY:
        return None
    events, logged, relayed, followed = zip(*published, strict=True)
    return Progress(events, logged, relayed, followed, effects, waiting)


_PUBLISHER = """
SELECT (SELECT coalesce(sum(version), 0)::bigint FROM streams) AS events,
       (SELECT coalesce(max(position), 0) FROM log) AS logged,
       coalesce((SELECT position FROM relay_position), 0) AS relayed,
       coalesce((SELECT position FROM follower_positions WHERE name = 'totals.v1'), 0) AS followed
"""
_SUBSCRIBER = "SELECT coalesce(max(seq), 0) FROM effects"


def _look(url: str, query: str) -> tuple[int, ...]:
    with connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return tuple(row.values())


def _waiting(layout: Layout) -> int:
    """Messages that lie in queues and are with nobody."""
    queues = [QUEUE, *(queue for service in HEARD for queue in inbox_queues(service, PARTITIONS))]
    with Connection(layout.admin_amqp, connect_timeout=5) as connection, connection.channel() as channel:
        return sum(channel.queue_declare(queue=queue, passive=True).message_count for queue in queues)


def play(world: World, seed: int, events: int, kills: int) -> tuple[Load, Dealt]:
    """Runs the load and deals the blows; returns when all is done and all is at rest."""
    load, dealer = Load(world.layout, events, seed), Dealer(world, seed)
    blows = plan(seed, events, kills)
    load.start()
    try:
        while not load.done:
            if blows and load.appended >= blows[0].at:
                dealer.deal(blows.pop(0))
            world.revive()
            _let_on(load, world.layout, blows[0].at if blows else events)
            time.sleep(LOOK_SECONDS)
        dealer.finish()
    finally:
        load.stop()
    wait_for_rest(world)
    return load, dealer.dealt


def _let_on(load: Load, layout: Layout, next_blow: int) -> None:
    """Lets the load go on past the next blow, so that it strikes under load, but not far ahead of the relay."""
    now = progress(layout)
    if now is not None:
        ahead = sum(now.events) - sum(now.relayed) + now.waiting // 2
        load.allow(min(next_blow + BACKLOG // 4, load.appended + max(0, BACKLOG - ahead)))


def wait_for_rest(world: World, quiet_seconds: float = QUIET_SECONDS) -> None:
    """Returns when everything has arrived everywhere, or when nothing has moved for a while."""
    end = time.monotonic() + REST_SECONDS
    before, moved_at, settled = None, time.monotonic(), 0
    while time.monotonic() < end and settled < SETTLED_LOOKS:
        world.revive()
        now = progress(world.layout)
        if now is None or now != before:
            before, moved_at, settled = now, time.monotonic(), 0
        elif now.caught_up:
            settled += 1
        elif time.monotonic() - moved_at > quiet_seconds:
            return
        time.sleep(2 * LOOK_SECONDS)


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
