"""A backlog before the relay, and another before the consumers, measured: `python -m deploy.faults.backlog`.

Events are appended while no relay runs, which then has to catch up; then events are published while no consumer runs,
and these have to. What each process needed at most is read from the kernel, so that no peak is missed. At the end
everything must have been handled once and in order.
"""

import argparse
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import structlog
from kombu import Connection

from deploy.faults.checker import Verdict, check_answers, check_effects, check_log, check_projection, published_by
from deploy.faults.layout import Layout
from deploy.faults.shovel import QUEUE
from deploy.faults.synthetic import HEARD, MASTER_KEY, PARTITIONS, PUBLISHERS, THINGS, Confirmed, context
from deploy.faults.world import World, open_world
from shared.eventstore.connecting import connect
from shared.eventstore.postgres import PostgresStore
from shared.messaging.topology import inbox_queues

EVENTS_AT_ONCE = 50
APPENDS_PER_STREAM = 2
LOOK_SECONDS = 0.1
STALLED_SECONDS = 60.0
TOLD = 10
CONSUMERS = tuple(f"consumer.{service}.0" for service in HEARD)
TAILS = tuple(f"tail.{service}.0" for service in PUBLISHERS)


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much there is of everything, at one moment."""

    unpublished: int
    waiting: int
    unfollowed: int
    effects: int

    @property
    def at_rest(self) -> bool:
        return self.unpublished == self.waiting == self.unfollowed == 0


_BEHIND = """
SELECT (SELECT coalesce(sum(version), 0)::bigint FROM streams) AS events,
       coalesce((SELECT position FROM relay_position), 0) AS relayed,
       coalesce((SELECT position FROM follower_positions WHERE name = 'totals.v1'), 0) AS followed
"""
_EFFECTS = "SELECT count(*) AS effects FROM effects"


def amounts(layout: Layout) -> Amounts:
    """Looks at every store and every inbox."""
    unpublished = unfollowed = effects = 0
    for service in PUBLISHERS:
        with connect(layout.postgres[service]) as connection:
            row = connection.execute(_BEHIND.encode()).fetchone()
        assert row is not None
        unpublished += row["events"] - row["relayed"]
        unfollowed += row["events"] - row["followed"]
    for service in HEARD:
        with connect(layout.postgres[service]) as connection:
            row = connection.execute(_EFFECTS.encode()).fetchone()
        assert row is not None
        effects += row["effects"]
    return Amounts(unpublished, waiting(layout, *HEARD), unfollowed, effects)


def waiting(layout: Layout, *services: str) -> int:
    """Messages that lie in inboxes and are with nobody."""
    queues = [queue for service in services for queue in inbox_queues(service, PARTITIONS)]
    with Connection(layout.admin_amqp, connect_timeout=5) as connection, connection.channel() as channel:
        return sum(channel.queue_declare(queue=queue, passive=True).message_count for queue in queues)


def append(layout: Layout, name: str, events: int, appends_per_stream: int = APPENDS_PER_STREAM) -> int:
    """Appends so many events to new streams, many at once; returns how many."""
    appended = 0
    with closing(PostgresStore(layout.postgres["order"], MASTER_KEY, pool_size=1)) as store:
        while appended < events:
            stream = f"ord_{name}_{appended}"
            for number in range(appends_per_stream):
                happened = [Confirmed(stream, each) for each in range(EVENTS_AT_ONCE)]
                store.append(THINGS, stream, number * EVENTS_AT_ONCE, happened, context())
                appended += EVENTS_AT_ONCE
    return appended


def peak_mib(pid: int) -> float:
    """The most memory that a process has ever held (`VmHWM`)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError(f"the kernel tells no peak of process {pid}")


def peaks(world: World, names: tuple[str, ...]) -> dict[str, float]:
    return {name: peak_mib(world.pid(name)) for name in names}


def wait_for(layout: Layout, there: Callable[[Amounts], bool]) -> float:
    """Returns after how many seconds it was there; raises when nothing has moved for a minute."""
    began = moved_at = time.monotonic()
    before, never = amounts(layout), threading.Event()
    while not there(now := amounts(layout)):
        if now != before:
            before, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > STALLED_SECONDS:
            raise TimeoutError(f"nothing moves any more: {now}")
        never.wait(LOOK_SECONDS)
    return time.monotonic() - began


def check(layout: Layout) -> Verdict:
    """Everything happened once and in order."""
    verdict = Verdict()
    published = []
    for service in PUBLISHERS:
        check_log(service, layout.postgres[service], verdict)
        check_projection(service, layout.postgres[service], verdict)
        published += list(published_by(layout.postgres[service]))
    verdict.messages = len(published)
    for service in HEARD:
        check_effects(service, layout.postgres[service], published, verdict)
    check_answers(layout.postgres["dispatch"], published, verdict)
    return verdict


def before_the_relay(world: World, events: int) -> dict[str, float]:
    """Appends without any relay, then starts it."""
    began = time.monotonic()
    appended = append(world.layout, "unrelayed", events)
    append_seconds = time.monotonic() - began
    for name in (*CONSUMERS, *TAILS):
        world.start(name)
    published = wait_for(world.layout, lambda now: now.unpublished < appended // 100)
    handled = published + wait_for(world.layout, lambda now: now.at_rest)
    return {
        "appended_per_second": round(appended / append_seconds),
        "published_per_second": round(appended / published),
        "handled_per_second": round(amounts(world.layout).effects / handled),
        "seconds": round(handled, 1),
    }


def before_the_consumers(world: World, events: int) -> dict[str, float]:
    """Publishes without any consumer, then starts them."""
    for name in CONSUMERS:
        world.kill(name)
    effects = amounts(world.layout).effects
    appended = append(world.layout, "unheard", events)
    # Dispatch and support hear every one of them.
    wait_for(world.layout, lambda now: now.unpublished == 0 and now.waiting >= 2 * appended)
    broker = peak_mib(world.rabbit.pid or 0)
    for name in CONSUMERS:
        world.start(name)
    handled = wait_for(world.layout, lambda now: now.effects > effects and now.at_rest)
    return {
        "waiting": 2 * appended,
        "handled_per_second": round((amounts(world.layout).effects - effects) / handled),
        "seconds": round(handled, 1),
        "broker_peak_mib": broker,
    }


def run(folder: Path, events: int) -> dict[str, object]:
    """A whole run; what it measured, with the anomalies found."""
    with open_world(folder, seed=1) as world:
        with Connection(world.layout.admin_amqp) as connection, connection.channel() as channel:
            channel.queue_delete(QUEUE)
        relayed = before_the_relay(world, events)
        first = peaks(world, (*TAILS, *CONSUMERS))
        heard = before_the_consumers(world, events)
        second = peaks(world, (*TAILS, *CONSUMERS))
        verdict = check(world.layout)
        for kind, found in verdict.anomalies.items():
            for sentence in found[:TOLD]:
                print(f"{kind}: {sentence}", file=sys.stderr)
        return {
            "messages": events,
            "before_the_relay": relayed,
            "before_the_consumers": heard,
            "peak_mib": {name: max(first[name], second[name]) for name in first},
            "events": verdict.events,
            "effects": verdict.effects,
            "anomalies": verdict.count,
        }


def main(arguments: list[str]) -> int:
    """Prints one JSON line last; 0 only when everything happened once and in order."""
    parser = argparse.ArgumentParser(prog="deploy.faults.backlog", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="doorstep-backlog-") as folder:
        Path(folder).chmod(0o755)
        measured = run(Path(folder), options.messages)
    print(json.dumps(measured))
    return 1 if measured["anomalies"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
