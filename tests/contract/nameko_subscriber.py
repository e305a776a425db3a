"""A nameko service with our subscription and a real inbox, as a process of its own."""

from shared.runtime import process  # noqa: I001 - patches the standard library before anything else is imported

import json
import sys
import time
from pathlib import Path
from typing import Any

import eventlet

from shared.kernel.clock import VirtualClock
from shared.messaging.inbox import Inbox
from shared.messaging.subscription import Batch, subscription
from shared.runtime.settings import Address, Settings
from tests.contract.consuming import HEARD, note
from tests.contract.publishing import MASTER_KEY, NOW, store_of


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(service: str, postgres_url: str, amqp_url: str) -> None:
    inbox = Inbox(store_of(postgres_url), f"{service}.test", note, heard=HEARD)

    class Subscriber:
        name = service

        @subscription(HEARD)
        def on_messages(self, batch: Batch) -> None:
            started = time.time()
            inbox.consume(batch)
            say(batch=len(batch), started=started, ended=time.time())

    settings = Settings(
        service=service,
        postgres_url=postgres_url,
        amqp_url=amqp_url,
        http=Address("127.0.0.1", 0),
        master_key=MASTER_KEY,
        jwks=Path(),
        clock=VirtualClock(1.0, time.time(), NOW),
    )
    eventlet.spawn_n(say, ready=True)
    process.serve(Subscriber, settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
