"""The checker sees what a relay that does not wait for confirms loses, and what an inbox that forgets does twice."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.faults.checker import Verdict, check_effects, check_wire, published_by
from deploy.faults.synthetic import MASTER_KEY, THINGS, Confirmed, context
from deploy.faults.watch import progress
from deploy.faults.world import World, open_world
from shared.eventstore.connecting import connect
from shared.eventstore.postgres import PostgresStore
from tests.support.waiting import wait_until

RELAYED = "SELECT coalesce((SELECT position FROM relay_position), 0) AS position"
LOGGED = "SELECT coalesce(max(position), 0) AS position FROM log"
EFFECTS = "SELECT count(*) AS position FROM effects"


@pytest.fixture(scope="module")
def world(session_folder: Path) -> Iterator[World]:
    """Backends, queues and the shovel; who sequences, publishes and consumes is up to the test."""
    with open_world(session_folder / "planted", seed=1) as opened:
        opened.start("shovel")
        yield opened


@pytest.fixture
def store(world: World) -> Iterator[PostgresStore]:
    with closing(PostgresStore(world.layout.postgres["order"], MASTER_KEY)) as opened:
        yield opened


def write(store: PostgresStore, stream: str, events: int) -> None:
    happened = [Confirmed(stream, number) for number in range(events)]
    store.execute(THINGS, stream, lambda _state: happened, context())


def number(world: World, service: str, query: str) -> int:
    with connect(world.layout.postgres[service]) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row["position"])


def heard_lines(world: World) -> int:
    path = Path(world.layout.wire)
    return path.read_text(encoding="utf-8").count("\n") if path.exists() else 0


def wait_for_the_shovel(world: World) -> None:
    def empty() -> bool:
        now = progress(world.layout)
        return now is not None and now.waiting == 0

    wait_until(empty, 60, "nothing waits in a queue")


def test_an_inbox_that_forgets_is_caught_where_every_message_comes_twice(world: World, store: PostgresStore) -> None:
    world.start("tail.order.0")
    world.start("consumer.support.0", "tests.faults.planted.forgetful_consumer")
    write(store, "ord_twice", 20)
    wait_until(lambda: number(world, "support", EFFECTS) >= 40, 60, "every message had its effect twice")
    world.kill("consumer.support.0")
    world.kill("tail.order.0")
    verdict = Verdict()
    check_effects(
        "support", world.layout.postgres["support"], list(published_by(world.layout.postgres["order"])), verdict
    )
    assert verdict.kinds() == {"doubled"}


def test_a_relay_that_moves_on_before_the_confirm_is_caught_when_the_broker_is_killed(
    world: World, store: PostgresStore
) -> None:
    world.start("tail.order.0", "tests.faults.planted.eager_tail")
    write(store, "ord_before", 5)
    wait_until(lambda: heard_lines(world) >= 25, 60, "the relay publishes")
    assert world.rabbit.pid is not None
    os.kill(world.rabbit.pid, signal.SIGSTOP)
    write(store, "ord_lost", 20)
    logged = number(world, "order", "SELECT count(*) AS position FROM events")
    wait_until(lambda: number(world, "order", RELAYED) == logged, 60, "the relay believes that all is published")
    world.kill("tail.order.0")
    world.rabbit.kill()
    world.rabbit.start()
    world.start("tail.order.0")
    write(store, "ord_after", 5)
    logged += 5
    wait_until(lambda: number(world, "order", RELAYED) == logged, 60, "the right relay goes on")
    wait_until(lambda: '"ord_after", 5' in Path(world.layout.wire).read_text(encoding="utf-8"), 60, "it is heard")
    verdict = Verdict()
    check_wire(list(published_by(world.layout.postgres["order"])), Path(world.layout.wire), verdict)
    assert verdict.kinds() == {"not_published"}
    assert all("ord_lost" in found for found in verdict.anomalies["not_published"])
