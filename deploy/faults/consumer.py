"""One consuming process of one service: `python -m deploy.faults.consumer <layout> <service> <name>`.

It has what a service has on the backbone: a subscription with an inbox, and a projection along the service's own log.
"""

import sys
import threading
from collections.abc import Callable
from functools import partial

import psycopg
import structlog
from kombu import Connection

from deploy.faults.layout import Layout
from deploy.faults.synthetic import HEARD, MASTER_KEY, PARTITIONS, TOTALS, handler
from shared.eventstore.ports import Store
from shared.eventstore.postgres import PostgresStore
from shared.messaging import consumer
from shared.messaging.consumer import QueueReader
from shared.messaging.inbox import Handle, Inbox
from shared.messaging.topology import declare, inbox_queues, inbox_topology

HEARTBEAT_SECONDS = 3
"""Shorter than a real service's, so that a frozen one is given up soon."""
PROJECT_EVERY_SECONDS = 0.1

MakeInbox = Callable[[Store, str, Handle], Inbox]

_log = structlog.get_logger(__name__)


def main(layout_file: str, service: str, name: str, *, make_inbox: MakeInbox | None = None) -> None:
    layout = Layout.read(layout_file)
    consumer.HEARTBEAT_SECONDS = HEARTBEAT_SECONDS
    store = PostgresStore(layout.named_postgres(service, name), MASTER_KEY, pool_size=4)
    make = make_inbox or partial(Inbox, heard=HEARD[service])
    inbox = make(store, f"{service}.faults", handler(service, name))

    def prepare(connection: Connection) -> list[str]:
        declare(connection, inbox_topology(service, HEARD[service], PARTITIONS))
        return list(inbox_queues(service, PARTITIONS))

    reader = QueueReader(service, layout.amqp[service], prepare, inbox.consume)
    threading.Thread(target=project, args=(store,), name="projection", daemon=True).start()
    threading.Thread(target=reader.work, name="worker", daemon=True).start()
    reader.read()


def project(store: PostgresStore) -> None:
    """Keeps the live projection at the end of the log, for as long as the process lives."""
    never = threading.Event()
    while True:
        try:
            if TOTALS.run(store):
                continue
        except psycopg.OperationalError as error:
            _log.warning("projection_paused", error=repr(error))
        never.wait(PROJECT_EVERY_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
