"""Whoever is too slow, full or blocked is waited for: nothing is lost, nothing doubled, and memory stays bounded."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kombu import Connection

from deploy.faults.backlog import (
    CONSUMERS,
    TAILS,
    amounts,
    append,
    check,
    peak_mib,
    wait_for,
    waiting,
)
from deploy.faults.shovel import QUEUE
from deploy.faults.synthetic import PUBLISHERS, tail_spec
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
BACKLOG = 8_000
LONG_NAME = "backlog" * 60
"""Streams with such names make messages of some kilobytes, so that memory shows how many of them are held."""
MOST_MIB_OF_A_RELAY = 22
"""Above one with nothing to do: seen 13; a relay that reads all of its backlog needs 33."""
MOST_MIB_OF_A_CONSUMER = 10
"""Above one with little to do: seen 6; a consumer without a prefetch limit needs 14."""
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


@contextmanager
def running(world: World, *names: str, program: str | None = None) -> Iterator[None]:
    for name in names:
        world.start(name, program)
    try:
        yield
    finally:
        for name in names:
            world.kill(name)


@pytest.fixture
def consumers(world: World) -> Iterator[None]:
    with running(world, *CONSUMERS):
        yield


@contextmanager
def standing_still(world: World) -> Iterator[Path]:
    """All consumers run, and that of support stands still until the file is gone."""
    gate = world.folder / "stop"
    gate.touch()
    with (
        running(world, "consumer.order.0", "consumer.dispatch.0"),
        running(world, "consumer.support.0", program=SLOW_CONSUMER),
    ):
        try:
            yield gate
        finally:
            gate.unlink(missing_ok=True)


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
    append(world.layout, "before", 300)
    settle(world)  # Everybody has done something, so everybody is connected.
    connected = connections(world)
    with world.rabbit.alarm("disk"):
        append(world.layout, "cut", 1000)
        for _ in range(3):
            wait_until(is_blocked, 20, "the broker blocked the relay")
            world.rabbit.evaluate('rabbit_networking:close_all_connections("a test").')
            wait_until(lambda: not is_blocked(), 20, "the relay noticed")
        wait_until(is_blocked, 20, "the relay waits again")
        assert amounts(world.layout).unpublished == 1000
        wait_until(lambda: connections(world) <= connected, 20, "none is left behind")
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
def test_a_consumer_that_stands_still_lets_its_queue_grow_and_holds_up_nobody_else(world: World) -> None:
    with standing_still(world) as gate:
        append(world.layout, "slow", 1000, appends_per_stream=20)
        wait_for(world.layout, lambda now: now.unpublished == 0)
        wait_until(lambda: waiting(world.layout, "dispatch", "order") == 0, 60, "the others are not held up")
        # One stream is in one queue, of which a consumer holds so many.
        assert waiting(world.layout, "support") >= 1000 - PREFETCH > 0
        gate.unlink()
        settle(world)


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
    log = world.folder / "consumer.support.0.log"
    begun = log.stat().st_size if log.exists() else 0
    with standing_still(world) as gate:
        append(world.layout, "patience", 300)
        wait_until(lambda: b"PRECONDITION_FAILED" in log.read_bytes()[begun:], 30, "the broker lost patience")
        gate.unlink()
        settle(world)


def test_a_backlog_before_the_relay_and_then_before_the_consumers_is_caught_up_in_bounded_memory(
    world: World,
) -> None:
    append(world.layout, LONG_NAME, BACKLOG)
    with running(world, *TAILS):
        wait_for(world.layout, lambda now: now.unpublished == 0)
        assert waiting(world.layout, "dispatch", "support") == 2 * BACKLOG
        # Dispatch has had nothing to publish yet.
        assert peak_of(world, "tail.order.0") - peak_of(world, "tail.dispatch.0") < MOST_MIB_OF_A_RELAY
        with running(world, *CONSUMERS):
            settle(world)
            # Order hears the fewest messages.
            assert peak_of(world, "consumer.support.0") - peak_of(world, "consumer.order.0") < MOST_MIB_OF_A_CONSUMER


def peak_of(world: World, name: str) -> float:
    return peak_mib(world.pid(name))


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
            assert not any(publish() for _ in range(2000))
            assert time.monotonic() - began < 5, "2,000 positions are dropped at once"
            assert lost._value.get() == dropped + 2000
        wait_until(publish, 10, "positions are told again")
    finally:
        publisher.close()
