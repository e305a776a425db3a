"""Hears everything that is published, writes it down, and delivers it a second time, some of it in another order.

`python -m deploy.faults.shovel <layout>`. What it wrote down is the wire's own account for the checker. A message is
acknowledged only when its copies are confirmed, so that every message is delivered twice whatever falls over.
"""

import json
import random
import sys
import time
from collections import deque
from typing import Any

import amqp.exceptions
import structlog
from kombu import Connection

from deploy.faults.layout import Layout
from deploy.faults.synthetic import HEARD, PUBLISHERS
from shared.contracts.message import Channel, exchange_name
from shared.messaging.consumer import CONNECTION_ERRORS
from shared.messaging.topology import PARTITION_HEADER

QUEUE = "audit.shovel"
BATCH = 100
OLD = 500
CONFIRM_SECONDS = 10.0
RETRY_SECONDS = 0.3
INBOXES = {
    message.type_name(): [f"{service}.inbox" for service in HEARD if message in HEARD[service]]
    for heard in HEARD.values()
    for message in heard
}

_log = structlog.get_logger(__name__)


def declare_queue(connection: Connection) -> None:
    """A classic queue: it keeps the order even when the broker is killed."""
    with connection.channel() as channel:
        channel.queue_declare(queue=QUEUE, durable=True, auto_delete=False)
        for service in PUBLISHERS:
            channel.queue_bind(QUEUE, exchange=exchange_name(service, Channel.PUBLIC), routing_key="#")


class Shovel:
    """One connection's worth of work."""

    def __init__(self, connection: Connection, wire: Any, dice: random.Random, old: deque[Any]) -> None:
        self._connection = connection
        self._wire = wire
        self._dice = dice
        self._old = old
        self._heard: list[Any] = []
        self._in = connection.channel()
        self._out = connection.channel()
        self._out.confirm_select()
        self._unconfirmed: set[int] = set()
        self._tag = 0
        self._out.events["basic_ack"].add(self._confirmed)

    def run(self) -> None:
        self._in.basic_qos(0, BATCH, False)
        self._in.basic_consume(QUEUE, callback=self._heard.append)
        while True:
            self._wait(0.2)
            while self._heard and len(self._heard) < BATCH and self._wait(0.01):
                pass
            if self._heard:
                self._deliver_again()
            self._connection.heartbeat_check()

    def _wait(self, seconds: float) -> bool:
        try:
            self._connection.drain_events(timeout=seconds)
        except TimeoutError:
            return False
        return True

    def _deliver_again(self) -> None:
        batch, self._heard[:] = list(self._heard), []
        for message in batch:
            envelope = json.loads(message.body)
            told = (envelope["id"], envelope["source"], envelope["type"], envelope["subject"], envelope["sequence"])
            self._wire.write(json.dumps(told) + "\n")
        self._wire.flush()
        copies = list(batch)
        if self._dice.random() < 0.5:
            self._dice.shuffle(copies)
        copies += self._dice.sample(list(self._old), min(len(self._old), 10))
        for message in copies:
            self._publish(message)
        end = time.monotonic() + CONFIRM_SECONDS
        while self._unconfirmed:
            self._wait(0.5)
            if time.monotonic() > end:
                raise TimeoutError("the broker does not confirm the copies")
        self._in.basic_ack(batch[-1].delivery_tag, multiple=True)
        self._old.extend(batch)

    def _publish(self, message: Any) -> None:
        kind = message.delivery_info["routing_key"]
        headers = {PARTITION_HEADER: message.properties["application_headers"][PARTITION_HEADER]}
        for inbox in INBOXES[kind]:
            copy = amqp.basic_message.Message(
                message.body, application_headers=headers, content_type="application/json", delivery_mode=2
            )
            self._tag += 1
            self._unconfirmed.add(self._tag)
            self._out.basic_publish(copy, exchange=inbox, routing_key=kind)

    def _confirmed(self, tag: int, multiple: bool) -> None:
        self._unconfirmed -= {each for each in self._unconfirmed if each <= tag} if multiple else {tag}


def main(layout_file: str) -> None:
    layout = Layout.read(layout_file)
    dice, old = random.Random(layout.seed), deque[Any](maxlen=OLD)
    with open(layout.wire, "a", encoding="utf-8") as wire:
        while True:
            try:
                with Connection(layout.admin_amqp, heartbeat=20, connect_timeout=5) as connection:
                    declare_queue(connection)
                    Shovel(connection, wire, dice, old).run()
            except CONNECTION_ERRORS as error:
                _log.warning("shovel_paused", error=repr(error))
                time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
