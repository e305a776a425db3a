"""Whoever is too slow, full or blocked is waited for: nothing is lost, nothing doubled, and memory stays bounded."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kombu import Connection

from deploy.faults.backlog import (
    CONSUMERS,
    TAILS,
    amounts,
    append,
    before_the_consumers,
    before_the_relay,
    check,
    peak_mib,
    peaks,
    wait_for,
    waiting,
)
from deploy.faults.shovel import QUEUE
from deploy.faults.synthetic import PARTITIONS, PUBLISHERS, tail_spec
from deploy.faults.world import World, open_world
from shared.contracts.common import GeoPoint
from shared.contracts.dispatch import RiderMoved
from shared.eventstore.connecting import connect
from shared.messaging import metrics, overdue
from shared.messaging.consumer import PREFETCH
from shared.messaging.publisher import TelemetryPublisher
from tests.contract.processes import tailing
from tests.support.waiting import wait_until

SILENCE_SECONDS = 1.0
MOST_MIB = 110
"""What a tail or a consumer may need at most; without any backlog they need about 70."""
SLOW_CONSUMER = "tests.faults.planted.slow_consumer"
MESSAGES_IN_INBOXES = """
lists:sum([Count || [{name, {resource, _, queue, Name}}, {messages, Count}]
                    <- rabbit_amqqueue:info_all(<<"doorstep">>, [name, messages]),
                    binary:match(Name, <<".inbox.">>) =/= nomatch]).
"""


@pytest.fixture(scope="module")
def world(session_folder: Path) -> Iterator[World]:
    """Backends of this module's own, whose alarms go off and whose node is killed."""
    with open_world(session_folder / "flow", seed=1) as opened:
        with Connection(opened.layout.admin_amqp) as connection, connection.channel() as channel:
            channel.queue_delete(QUEUE)
        yield opened


@pytest.fixture
def consumers(world: World) -> Iterator[None]:
    for name in CONSUMERS:
        world.start(name)
    yield
    for name in CONSUMERS:
        world.kill(name)


@pytest.fixture
def tails(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tails in threads of this process, who soon lose patience with a broker that says nothing."""
    monkeypatch.setattr(overdue, "SILENCE_SECONDS", SILENCE_SECONDS)
    layout = world.layout
    with tailing(*(tail_spec(service, layout.postgres[service], layout.amqp[service]) for service in PUBLISHERS)):
        yield


def settle(world: World) -> None:
    """Everything has arrived everywhere, once and in order."""
    wait_for(world.layout, lambda now: now.at_rest)
    wait_until(lambda: messages_in_inboxes(world) == 0, 20, "everything is acknowledged")
    verdict = check(world.layout)
    assert verdict.count == 0, verdict.anomalies


def messages_in_inboxes(world: World) -> int:
    """Those that wait and those that a consumer holds, as the broker counts them."""
    told = world.rabbit.evaluate(" ".join(MESSAGES_IN_INBOXES.split()))
    return int(told.strip().removeprefix("{ok, ").removesuffix("}"))


def is_blocked() -> bool:
    return metrics.REGISTRY.get_sample_value("doorstep_relay_blocked", {"service": "order"}) == 1


def resent() -> float:
    """Messages that any relay had to send again since this process began."""
    return sum(
        sample.value
        for metric in metrics.RESENT.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


def unsequenced(world: World) -> int:
    with connect(world.layout.postgres["order"]) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM events) - (SELECT count(*) FROM log) AS missing"
        ).fetchone()
    assert row is not None
    return int(row["missing"])


def pass_the_time_of_several_silences() -> None:
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 3 * SILENCE_SECONDS, 10 * SILENCE_SECONDS)


@pytest.mark.usefixtures("tails", "consumers")
@pytest.mark.parametrize("resource", ["disk", "memory"])
def test_a_broker_that_is_full_is_waited_for_while_the_store_goes_on(world: World, resource: str) -> None:
    append(world.layout, f"{resource}_before", 300)
    settle(world)
    before = resent()
    with world.rabbit.alarm(resource):
        append(world.layout, f"{resource}_during", 1000)
        wait_until(is_blocked, 20, "the broker blocked the relay")
        pass_the_time_of_several_silences()
        append(world.layout, f"{resource}_later", 500)
        wait_until(lambda: unsequenced(world) == 0, 20, "the sequencer goes on")
        assert amounts(world.layout).unpublished == 1500
        assert is_blocked()
    settle(world)
    assert resent() == before, "no time-out and no new connection: nothing was sent twice"


@pytest.mark.usefixtures("tails", "consumers")
def test_what_lies_in_the_queues_is_handled_and_acknowledged_while_the_broker_is_full(world: World) -> None:
    settle(world)
    for name in CONSUMERS:
        world.signal(name, signal.SIGSTOP)
    try:
        append(world.layout, "held", 300)
        wait_for(world.layout, lambda now: now.unpublished == 0)
        alarm = world.rabbit.alarm("disk")
        with alarm:
            for name in CONSUMERS:
                world.signal(name, signal.SIGCONT)
            wait_until(lambda: messages_in_inboxes(world) == 0, 30, "everything is handled and acknowledged")
    finally:
        for name in CONSUMERS:
            world.signal(name, signal.SIGCONT)
    settle(world)


@pytest.mark.usefixtures("tails", "consumers")
def test_blocked_connections_that_are_cut_come_back_and_wait_again(world: World) -> None:
    settle(world)
    connected = connections(world)
    with world.rabbit.alarm("disk"):
        append(world.layout, "cut", 1000)
        for _ in range(3):
            wait_until(is_blocked, 20, "the broker blocked the relay")
            world.rabbit.evaluate('rabbit_networking:close_all_connections("a test").')
            wait_until(lambda: not is_blocked(), 20, "the relay noticed")
        wait_until(is_blocked, 20, "the relay waits again")
        assert amounts(world.layout).unpublished == 1000
        assert connections(world) <= connected, "none is left behind"
    settle(world)


def connections(world: World) -> int:
    return world.rabbit.evaluate("rabbit_networking:connections().").count("<")


@pytest.mark.usefixtures("tails", "consumers")
def test_a_broker_that_is_killed_while_it_is_full_and_is_full_again_ends_in_catching_up(world: World) -> None:
    settle(world)
    with world.rabbit.alarm("disk"):
        append(world.layout, "killed", 1000)
        wait_until(is_blocked, 20, "the broker blocked the relay")
        world.rabbit.kill()
        world.rabbit.start()
    with world.rabbit.alarm("disk"):
        append(world.layout, "again", 500)
        wait_until(is_blocked, 30, "the broker blocks the relay again")
    settle(world)


@pytest.mark.usefixtures("tails")
def test_a_consumer_that_stands_still_lets_its_queues_grow_and_not_itself(world: World) -> None:
    gate = world.folder / "stop"
    gate.touch()
    world.start("consumer.order.0")
    world.start("consumer.dispatch.0")
    world.start("consumer.support.0", SLOW_CONSUMER)
    try:
        append(world.layout, "slow", 1500)
        wait_for(world.layout, lambda now: now.unpublished == 0)
        wait_until(lambda: waiting(world.layout, "dispatch", "order") == 0, 60, "the others are not held up")
        assert waiting(world.layout, "support") >= 1500 - PARTITIONS * PREFETCH
        gate.unlink()
        settle(world)
        assert peak_mib(world.pid("consumer.support.0")) < MOST_MIB
    finally:
        gate.unlink(missing_ok=True)
        for name in CONSUMERS:
            world.kill(name)


@pytest.fixture
def impatient_broker(world: World) -> Iterator[None]:
    """Takes a consumer's channel away after a second in which it acknowledged nothing, instead of half an hour."""
    for name, milliseconds in (("consumer_timeout", 1000), ("channel_tick_interval", 500)):
        world.rabbit.evaluate(f"application:set_env(rabbit, {name}, {milliseconds}).")
    yield
    for name, milliseconds in (("consumer_timeout", 1_800_000), ("channel_tick_interval", 60_000)):
        world.rabbit.evaluate(f"application:set_env(rabbit, {name}, {milliseconds}).")


@pytest.mark.usefixtures("tails", "impatient_broker")
def test_a_consumer_that_stands_still_past_the_brokers_patience_loses_and_doubles_nothing(world: World) -> None:
    gate = world.folder / "stop"
    gate.touch()
    world.start("consumer.order.0")
    world.start("consumer.dispatch.0")
    world.start("consumer.support.0", SLOW_CONSUMER)
    log = world.folder / "consumer.support.0.log"
    begun = log.stat().st_size
    try:
        append(world.layout, "patience", 300)
        wait_until(lambda: b"PRECONDITION_FAILED" in log.read_bytes()[begun:], 30, "the broker lost patience")
        gate.unlink()
        settle(world)
    finally:
        gate.unlink(missing_ok=True)
        for name in CONSUMERS:
            world.kill(name)


def test_backlogs_before_the_relay_and_before_the_consumers_are_caught_up_in_bounded_memory(world: World) -> None:
    try:
        before_the_relay(world, 4000)
        caught_up = peaks(world, (*TAILS, *CONSUMERS))
        before_the_consumers(world, 4000)
        needed = caught_up | peaks(world, TAILS)
        assert {name: mib for name, mib in needed.items() if mib > MOST_MIB} == {}
        settle(world)
    finally:
        for name in (*TAILS, *CONSUMERS):
            world.kill(name)


def test_telemetry_is_dropped_and_counted_while_the_broker_is_full_and_holds_nobody_up(world: World) -> None:
    publisher = TelemetryPublisher("dispatch", world.layout.amqp["dispatch"])
    now = datetime.now(UTC)
    moved = RiderMoved(rider_id="rid_1", position=GeoPoint(lat=30.2, lon=120.1), at=now, delivery_ids=())
    lost = metrics.TELEMETRY_LOST.labels("dispatch")

    def publish() -> bool:
        return publisher.publish(moved, "rid_1", "rider:rid_1", now)

    try:
        assert publish()
        with world.rabbit.alarm("disk"):
            publish()
            wait_until(lambda: not publish(), 10, "the broker blocked the publisher")
            dropped, began = lost._value.get(), time.monotonic()
            assert not any(publish() for _ in range(5000))
            assert time.monotonic() - began < 5, "5,000 positions are dropped at once"
            assert lost._value.get() == dropped + 5000
        wait_until(publish, 10, "positions are told again")
    finally:
        publisher.close()
