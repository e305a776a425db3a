"""Taking messages in and projecting them: our subscription and inbox beside nameko's stock event handler."""

import time
from collections.abc import Iterator

import psycopg
from kombu import Connection, Exchange, Producer, Queue

from deploy.local.backends import Backends
from shared.messaging.outgoing import Wire, wires_of
from shared.messaging.topology import PARTITION_HEADER, declare_platform
from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.bench.rebuild import COLUMNS
from tests.bench.samples import stored
from tests.contract.consuming import HEARD
from tests.contract.processes import speaking
from tests.support.broker import VirtualHost, fresh_virtual_host
from tests.support.database import Database, fresh_database
from tests.support.waiting import wait_until

SERVICE = "tests.bench.bench_service"
STOCK_QUEUE = "evt-order-OrderPlaced--stock.on_order_placed"
PER_STREAM = 5
LIMIT_SECONDS = 60


def run(report: Report, backends: Backends, rounds: int, messages: int) -> None:
    with fresh_database(backends.postgres_url, ("dispatch",)) as database:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(f"CREATE TABLE dispatch.bench_orders {COLUMNS}")
            admin.execute(f'GRANT ALL ON dispatch.bench_orders TO "{database.name}_dispatch"')
        ours, theirs = in_turn(
            rounds,
            lambda: taken_in("ours", backends, database, messages),
            lambda: taken_in("stock", backends, database, messages),
        )
    report.add("consume", "and project, one process", "messages/s", ours, "nameko event_handler", theirs)


def taken_in(which: str, backends: Backends, database: Database, messages: int) -> float:
    """From the first effects that are seen to the last message's, of a backlog."""
    with (
        psycopg.connect(database.admin_url, autocommit=True) as admin,
        fresh_virtual_host(backends.broker) as broker,
    ):
        admin.execute("TRUNCATE dispatch.bench_orders, dispatch.inbox_position")
        _publish(broker, messages)

        def projected() -> int:
            row = admin.execute("SELECT coalesce(sum(steps), 0) FROM dispatch.bench_orders").fetchone()
            assert row is not None
            return int(row[0])

        with speaking(SERVICE, which, database.url("dispatch"), broker.url, "effects"):
            before = wait_until(projected, 30, "the first effect is seen")
            started = time.perf_counter()
            wait_until(lambda: projected() >= messages, LIMIT_SECONDS, "all effects are seen")
            return (messages - before) / (time.perf_counter() - started)


def _publish(broker: VirtualHost, messages: int) -> None:
    """A backlog for both: in our inbox's queues, and in the durable queue that nameko declares for its handler."""
    declare_platform(broker.url, {"order": (), "dispatch": HEARD})
    with Connection(broker.url) as connection, connection.channel() as channel:
        Queue(STOCK_QUEUE, Exchange("order.events", "topic"), "OrderPlaced", durable=True)(channel).declare()
        producer = Producer(channel)
        for wire in _wires(messages):
            producer.publish(
                wire.body,
                exchange=wire.exchange,
                routing_key=wire.routing_key,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                headers={PARTITION_HEADER: wire.partition_key},
            )


def _wires(messages: int) -> Iterator[Wire]:
    for number in range(messages):
        order_id = f"ord_{number // PER_STREAM:026}"
        yield wires_of(stored(order_id, number % PER_STREAM + 1), workload.noted(order_id), workload.messages_for)[0]
