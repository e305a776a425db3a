"""The checker sees what a relay loses that does not wait for confirms, what an inbox does twice that forgets, and
what one does in the wrong order that does not wait for an earlier message."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kombu import Connection

from deploy.faults.checker import Published, Verdict, check_effects, check_wire, published_by
from deploy.faults.synthetic import MASTER_KEY, THINGS, Confirmed, context, messages_for
from deploy.faults.world import World, open_world
from shared.contracts.envelope import Envelope
from shared.eventstore.connecting import connect
from shared.eventstore.model import StoredEvent
from shared.eventstore.postgres import PostgresStore
from shared.messaging.outgoing import envelope_of
from shared.messaging.topology import PARTITION_HEADER
from tests.support.waiting import wait_until

RELAYED = "SELECT coalesce((SELECT position FROM relay_position), 0) AS position"
LOGGED = "SELECT coalesce(max(position), 0) AS position FROM log"
TWICE = (
    "SELECT count(*) AS position FROM (SELECT 1 FROM effects GROUP BY message_id HAVING count(*) > 1) AS had_twice"
)
THEIRS = "SELECT count(*) AS position FROM effects WHERE stream_id = '{}'"


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


def heard(world: World, stream: str, sequence: int) -> bool:
    path = Path(world.layout.wire)
    return path.exists() and f'"{stream}", {sequence}]' in path.read_text(encoding="utf-8")


def test_an_inbox_that_forgets_is_caught_where_every_message_comes_twice(world: World, store: PostgresStore) -> None:
    world.start("tail.order.0")
    world.start("consumer.support.0", "tests.faults.planted.forgetful_consumer")
    write(store, "ord_twice", 20)
    wait_until(lambda: number(world, "support", TWICE) >= 20, 60, "every message had its effect twice")
    world.kill("consumer.support.0")
    world.kill("tail.order.0")
    verdict = Verdict()
    check_effects(
        "support", world.layout.postgres["support"], list(published_by(world.layout.postgres["order"])), verdict
    )
    assert verdict.kinds() == {"doubled"}


def confirmed(stream: str, sequence: int) -> Envelope:
    """What a relay says of the nth event of a stream, the ones before it being of the same type."""
    now = context().now
    stored = StoredEvent(
        stream_id=stream,
        version=sequence,
        event_id=f"evt_{stream}_{sequence}",
        type="Confirmed",
        schema_version=1,
        data={},
        actor="system:faults",
        occurred_at=now,
        recorded_at=now,
        correlation_id="cor_faults",
    )
    [outgoing] = messages_for(stored, Confirmed(stream, sequence))
    return envelope_of(stored, outgoing, previous=f"OrderConfirmed={sequence - 1}" if sequence > 1 else None)


def deliver(world: World, inbox: str, *told: Envelope) -> None:
    """Puts messages into an inbox, in the order of a broker that was killed."""
    with Connection(world.layout.admin_amqp) as connection:
        producer = connection.Producer(serializer=None)
        for envelope in told:
            producer.publish(
                envelope.to_bytes(),
                exchange=inbox,
                routing_key=envelope.type,
                headers={PARTITION_HEADER: envelope.partitionkey},
                content_type="application/json",
                content_encoding="utf-8",
            )


@pytest.mark.parametrize(
    ("program", "stream", "found"),
    [("tests.faults.planted.impatient_consumer", "ord_swapped", {"out_of_order"}), (None, "ord_kept", set())],
)
def test_an_inbox_that_does_not_wait_for_an_earlier_message_is_caught(
    world: World, program: str | None, stream: str, found: set[str]
) -> None:
    first, second = confirmed(stream, 1), confirmed(stream, 2)
    deliver(world, "dispatch.inbox", second)
    world.start("consumer.dispatch.0", program)
    effects = THEIRS.format(stream)
    wait_until(lambda: number(world, "dispatch", effects) == len(found), 60, "who does not wait does it now")
    deliver(world, "dispatch.inbox", first)
    wait_until(lambda: number(world, "dispatch", effects) == 2, 60, "both messages had their effect")
    world.kill("consumer.dispatch.0")
    published = [Published(each.id, each.source, each.type, each.subject, each.sequence) for each in (first, second)]
    verdict = Verdict()
    check_effects("dispatch", world.layout.postgres["dispatch"], published, verdict)
    swapped = {kind for kind, sentences in verdict.anomalies.items() if any(stream in each for each in sentences)}
    assert swapped == found


def test_a_relay_that_moves_on_before_the_confirm_is_caught_when_the_broker_is_killed(
    world: World, store: PostgresStore
) -> None:
    world.start("tail.order.0", "tests.faults.planted.eager_tail")
    write(store, "ord_before", 5)
    wait_until(lambda: heard(world, "ord_before", 5), 60, "the relay publishes")
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
    wait_until(lambda: heard(world, "ord_after", 5), 60, "it is heard")
    verdict = Verdict()
    check_wire(list(published_by(world.layout.postgres["order"])), Path(world.layout.wire), verdict)
    assert verdict.kinds() == {"not_published"}
    assert all("ord_lost" in found for found in verdict.anomalies["not_published"])
