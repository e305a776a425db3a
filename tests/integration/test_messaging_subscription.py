"""The subscription under real nameko: everything once, in order, with a clean stop and through an outage."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import psycopg
import pytest
from kombu import Connection

from shared.eventstore.postgres import PostgresStore
from shared.messaging.consumer import BATCH_LIMIT
from shared.messaging.repartition import figures
from shared.messaging.topology import declare_platform, inbox_queues
from tests.contract import publishing
from tests.contract.consuming import PARTITIONS, Subscriber, subscriber
from tests.contract.processes import Speaking, speaking, tailing
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until

SERVICE = "tests.contract.nameko_subscriber"


@pytest.fixture(scope="module")
def hearing(database: Database, broker: VirtualHost) -> Iterator[Subscriber]:
    """What the service hears, seen from outside: its inbox exists, and nobody reads it yet."""
    declare_platform(broker.url, {"order": (), "dispatch": ()})
    made = subscriber("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    yield made
    made.store.close()


def publish(database: Database, broker: VirtualHost, name: str, streams: int, events: int) -> list[str]:
    """Publishes through a real store and relay, and waits until the broker has all of it."""
    store = publishing.store_of(database.url("order"))
    ids = [f"ord_{name}_{number}" for number in range(streams)]
    for stream_id in ids:
        publishing.append(store, stream_id, *[publishing.Placed(stream_id)] * events)
    end = _events(store)
    with tailing(publishing.spec("order", database.url("order"), broker.url_for("order"))):
        wait_until(lambda: _confirmed(database) == end, 60, "all is confirmed")
    store.close()
    return ids


def _events(store: PostgresStore) -> int:
    with store.transaction() as tx:
        row = tx.connection.execute("SELECT count(*) AS number FROM events").fetchone()
    assert row is not None
    return int(row["number"])


def _confirmed(database: Database) -> int:
    with psycopg.connect(database.url("order")) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM relay_position").fetchone()
    assert row is not None
    return int(row[0])


def left_in_queues(amqp_url: str) -> dict[str, int]:
    """Messages that wait in each queue of the inbox."""
    with Connection(amqp_url) as connection, connection.channel() as channel:
        return {
            name: channel.queue_declare(queue=name, passive=True).message_count
            for name in inbox_queues("dispatch", PARTITIONS)
        }


def test_two_thousand_messages_over_four_queues_are_handled_once_each_and_in_order(
    database: Database, broker: VirtualHost, hearing: Subscriber
) -> None:
    ids = publish(database, broker, "many", streams=80, events=25)
    waiting = left_in_queues(broker.url_for("dispatch"))
    assert sum(waiting.values()) == 2000
    assert all(waiting.values()), f"every queue has its share: {waiting}"
    with speaking(SERVICE, "dispatch", database.url("dispatch"), broker.url_for("dispatch")) as service:
        wait_until(
            lambda: sum(line["batch"] for line in service.said() if "batch" in line) >= 2000, 60, "all handled"
        )
        assert service.stop() == 0
        batches = [line for line in service.lines if "batch" in line]
    assert [hearing.heard(stream) for stream in ids] == [list(range(1, 26))] * 80
    assert sum(line["batch"] for line in batches) == 2000, "nothing was delivered twice"
    assert max(line["batch"] for line in batches) <= BATCH_LIMIT
    assert all(before["ended"] <= after["started"] for before, after in pairwise(batches)), "one batch at a time"


def test_a_service_that_is_stopped_in_the_middle_has_acknowledged_what_it_handled(
    database: Database, broker: VirtualHost, hearing: Subscriber
) -> None:
    ids = publish(database, broker, "stopped", streams=40, events=25)
    arguments = ("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    with speaking(SERVICE, *arguments) as service:
        wait_until(lambda: any("batch" in line for line in service.lines), 30, "a batch was handled")
        assert service.stop() == 0
        handled = sum(line["batch"] for line in service.lines if "batch" in line)
    wait_until(
        lambda: sum(left_in_queues(arguments[2]).values()) == 1000 - handled, 10, "the rest waits in its queue"
    )
    with speaking(SERVICE, *arguments) as service:
        wait_until(lambda: sum(left_in_queues(arguments[2]).values()) == 0, 30, "the rest is taken")
        wait_until(lambda: all(len(hearing.heard(stream)) == 25 for stream in ids), 30, "the rest is handled")
        service.stop()
    assert [hearing.heard(stream) for stream in ids] == [list(range(1, 26))] * 40


def test_a_service_that_is_killed_does_nothing_twice_and_loses_nothing(
    database: Database, broker: VirtualHost, hearing: Subscriber
) -> None:
    ids = publish(database, broker, "killed", streams=40, events=25)
    arguments = ("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    with speaking(SERVICE, *arguments) as service:
        wait_until(lambda: any("batch" in line for line in service.lines), 30, "a batch was handled")
        service.kill()
    with speaking(SERVICE, *arguments) as service:
        wait_until(lambda: all(len(hearing.heard(stream)) >= 25 for stream in ids), 30, "the rest is handled")
        service.stop()
    assert [hearing.heard(stream) for stream in ids] == [list(range(1, 26))] * 40


@contextmanager
def refusing(database: Database) -> Iterator[None]:
    """Within it the database admits dispatch no more."""
    role = f"{database.name}_dispatch"
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 0'.encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
        try:
            yield
        finally:
            admin.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT -1'.encode())


def test_while_the_database_refuses_the_service_its_messages_wait_unparked(
    database: Database, broker: VirtualHost, hearing: Subscriber
) -> None:
    arguments = ("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    with speaking(SERVICE, *arguments) as service:
        wait_until(lambda: all(each.consumers for each in figures(*arguments)), 30, "it reads all of its queues")
        with refusing(database):
            ids = publish(database, broker, "refused", streams=4, events=5)
            wait_until(lambda: sum(left_in_queues(arguments[2]).values()) == 0, 30, "the service has the messages")
            assert not service.said(batch=20)
        wait_until(lambda: all(len(hearing.heard(stream)) == 5 for stream in ids), 30, "they had their effect")
        service.stop()
    with hearing.store.transaction() as tx:
        assert tx.connection.execute("SELECT * FROM parked").fetchall() == []


def test_a_service_that_starts_while_the_database_refuses_it_reads_as_soon_as_it_is_admitted(
    database: Database, broker: VirtualHost, hearing: Subscriber
) -> None:
    arguments = ("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    with refusing(database):
        ids = publish(database, broker, "early", streams=4, events=5)
        service = Speaking(SERVICE, *arguments)
        service.wait_ready()
        assert sum(left_in_queues(arguments[2]).values()) == 20
    wait_until(lambda: all(len(hearing.heard(stream)) == 5 for stream in ids), 30, "they had their effect")
    service.stop()
