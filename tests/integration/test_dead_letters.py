"""What the broker gave up delivering is parked by the service itself: one place to look, and nothing lost."""

from collections.abc import Iterator

import pika
import pytest
from kombu import Connection

from shared.eventstore.postgres import PostgresStore
from shared.messaging import metrics
from shared.messaging.batch import Arrived, Batch
from shared.messaging.dead import GIVEN_UP, PERHAPS_HANDLED
from shared.messaging.sequences import REMEMBERED
from shared.messaging.topology import (
    DELIVERY_LIMIT,
    PARTITION_HEADER,
    dead_queue_of,
    declare,
    inbox_exchange,
    inbox_queues,
    inbox_topology,
)
from tests.contract.consuming import HEARD, PARTITIONS
from tests.contract.processes import speaking
from tests.contract.publishing import store_of
from tests.integration.test_messaging_inbox import OLGA, Bench
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def store(database: Database) -> Iterator[PostgresStore]:
    opened = store_of(database.url("dispatch"))
    yield opened
    opened.close()


@pytest.fixture
def bench(store: PostgresStore, request: pytest.FixtureRequest) -> Bench:
    return Bench(store, request.node.name[:60])


def dead(*bodies: bytes) -> Batch:
    return Batch(tuple(Arrived(body) for body in bodies), dead=True)


def parked_count(handler: str) -> float:
    return (
        metrics.REGISTRY.get_sample_value("doorstep_inbox_parked_total", {"handler": handler, "cause": "dead"}) or 0
    )


def test_a_dead_message_is_parked_unhandled_and_what_follows_it_queues_behind(bench: Bench) -> None:
    bench.consume(("a", 1))
    bench.inbox.consume(dead(bench.body("a", 2)))
    bench.consume(("a", 3), ("b", 1))
    assert (bench.effects("a"), bench.effects("b")) == ([1], [1])
    first, second = bench.parked.show(bench.head())
    assert (first.sequence, first.cause, first.error, first.tries) == (2, "dead", GIVEN_UP, 0)
    assert (second.sequence, second.cause) == (3, "behind")
    assert parked_count(bench.prefix) == 1
    bench.parked.retry(first.parked_id, OLGA)
    assert bench.effects("a") == [1, 2, 3]


def test_the_same_dead_message_twice_is_parked_once_whatever_became_of_it(bench: Bench) -> None:
    for _ in range(2):
        bench.inbox.consume(dead(bench.body("a", 1), bench.body("a", 1)))
    assert bench.waiting() == {"a": 1}
    bench.parked.skip(bench.head(), OLGA, "a test")
    bench.inbox.consume(dead(bench.body("a", 1)))
    assert bench.waiting() == {}


def test_one_that_was_handled_before_it_died_is_dropped(bench: Bench) -> None:
    bench.consume(("a", 1), ("a", 2))
    bench.inbox.consume(dead(bench.body("a", 1)))
    assert (bench.waiting(), bench.effects("a")) == ({}, [1, 2])


def test_one_that_is_older_than_what_is_remembered_is_parked_rather_than_lost(bench: Bench) -> None:
    bench.consume(*(("a", sequence) for sequence in range(2, REMEMBERED + 20)))
    for _ in range(2):
        bench.inbox.consume(dead(bench.body("a", 1)))
    [shown] = bench.parked.show(bench.head())
    assert (shown.sequence, shown.error) == (1, PERHAPS_HANDLED)
    bench.consume(("a", 2), ("a", REMEMBERED + 20))
    assert bench.waiting() == {"a": 2}
    bench.parked.retry(shown.parked_id, OLGA)
    assert bench.effects("a")[-2:] == [1, REMEMBERED + 20]
    assert bench.effects("a").count(2) == 1


def test_dead_bytes_that_nobody_can_read_are_parked_whole(bench: Bench) -> None:
    bench.inbox.consume(dead(b"\xff garbage " + bench.prefix.encode()))
    [found] = [each for each in bench.parked.list() if each.handler == bench.prefix]
    assert (found.cause, found.type) == ("dead", "unreadable")


def publish_to_inbox(broker: VirtualHost, body: bytes) -> None:
    """A message in dispatch's inbox, which nobody reads yet."""
    with Connection(broker.url_for("dispatch")) as connection:
        declare(connection, inbox_topology("dispatch", HEARD, PARTITIONS))
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        properties = pika.BasicProperties(headers={PARTITION_HEADER: "ord_1"}, delivery_mode=2)
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(inbox_exchange("dispatch"), "OrderPlaced", body, properties, mandatory=True)


def waiting_in(broker: VirtualHost, queue: str) -> int:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)


def refuse_until_it_dies(broker: VirtualHost) -> int:
    """Takes the one message and gives it back, as processes that fall over it do; how often that went."""
    [queue] = [name for name in inbox_queues("dispatch", PARTITIONS) if waiting_in(broker, name)]
    times = 0
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        for method, _properties, _body in channel.consume(queue, inactivity_timeout=3):
            if method is None:
                break
            times += 1
            channel.basic_nack(method.delivery_tag, requeue=True)
    return times


def test_a_message_past_the_brokers_delivery_limit_ends_up_with_the_operators(
    bench: Bench, database: Database, broker: VirtualHost
) -> None:
    body = bench.body("ord_1", 1)
    publish_to_inbox(broker, body)
    assert refuse_until_it_dies(broker) == DELIVERY_LIMIT + 1
    wait_until(lambda: waiting_in(broker, dead_queue_of("dispatch")) == 1, 10, "it is dead")
    arguments = ("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    with speaking("tests.contract.nameko_subscriber", *arguments) as service:
        found = wait_until(
            lambda: [each for each in bench.parked.list() if each.handler == "dispatch.test"], 30, "it is parked"
        )
        wait_until(lambda: waiting_in(broker, dead_queue_of("dispatch")) == 0, 10, "it is acknowledged")
        assert service.stop() == 0
    assert [(each.cause, each.stream_id, each.waiting) for each in found] == [("dead", bench.stream("ord_1"), 1)]
    assert bench.parked.show(found[0].parked_id)[0].body.encode() == body
    assert bench.effects("ord_1") == []
