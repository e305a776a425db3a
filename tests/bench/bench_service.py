"""nameko services that take messages in: ours, and one as nameko's documentation would have it."""

from shared.runtime import process  # noqa: I001 - patches the standard library before anything else is imported

import json
import sys
import time
from pathlib import Path
from typing import Any

import eventlet
from nameko.events import event_handler
from nameko.runners import ServiceRunner

from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.ports import Transaction
from shared.kernel.clock import VirtualClock
from shared.messaging.batch import Batch
from shared.messaging.inbox import Inbox
from shared.messaging.subscription import subscription
from shared.runtime.settings import Address, Settings
from tests.bench.workload import MASTER_KEY, NOW, open_store
from tests.contract.consuming import HEARD

PROJECT = (
    "INSERT INTO bench_orders AS mine (order_id, steps, total_cents) VALUES (%s, 1, %s)"
    " ON CONFLICT (order_id) DO UPDATE SET steps = mine.steps + 1, total_cents = mine.total_cents + %s"
)


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def ours(postgres_url: str, amqp_url: str, tell: str) -> None:
    """Our subscription and inbox. `tell` "times" says when each message was handled; else it projects."""

    def handle(tx: Transaction, envelope: Envelope, _message: Message) -> None:
        if tell == "times":
            say(id=envelope.subject, at=time.time())
        else:
            cents = envelope.data["total_cents"]
            tx.connection.execute(PROJECT, (envelope.data["order_id"], cents, cents))

    inbox = Inbox(open_store(postgres_url), "dispatch.bench", handle)

    class Subscriber:
        name = "dispatch"

        @subscription(HEARD)
        def on_messages(self, batch: Batch) -> None:
            inbox.consume(batch)

    settings = Settings(
        service="dispatch",
        postgres_url=postgres_url,
        amqp_url=amqp_url,
        http=Address("127.0.0.1", 0),
        master_key=MASTER_KEY,
        jwks=Path(),
        clock=VirtualClock(1.0, time.time(), NOW),
    )
    eventlet.spawn_n(say, ready=True)
    process.serve(Subscriber, settings)


def stock(postgres_url: str, amqp_url: str, _tell: str) -> None:
    """nameko's own event handler, ten workers, each message in a transaction of its own."""
    store = open_store(postgres_url)

    class Stock:
        name = "stock"

        @event_handler("order", "OrderPlaced")
        def on_order_placed(self, payload: dict[str, Any]) -> None:
            cents = payload["data"]["total_cents"]
            with store.transaction() as tx:
                tx.connection.execute(PROJECT, (payload["data"]["order_id"], cents, cents))

    runner = ServiceRunner({"AMQP_URI": amqp_url})
    runner.add_service(Stock)
    runner.start()
    say(ready=True)
    runner.wait()


if __name__ == "__main__":
    {"ours": ours, "stock": stock}[sys.argv[1]](*sys.argv[2:])
