"""The nameko entrypoint by which a service hears the others: `@subscription((OrderPlaced, …))`."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import amqp.exceptions
import psycopg
from eventlet.event import Event
from kombu import Connection
from nameko.extensions import Entrypoint

from shared.contracts.message import Channel, Message
from shared.messaging.batch import Batch, EarlierMissing
from shared.messaging.consumer import QueueReader
from shared.messaging.topology import (
    DEFAULT_PARTITIONS,
    TELEMETRY_BACKLOG,
    declare,
    inbox_queues,
    inbox_topology,
    telemetry_bindings,
)

__all__ = ["Batch", "Subscription", "subscription"]


class Subscription(Entrypoint):
    """Calls a service's method with batches of messages; acknowledges them when it has returned.

    The method is called again with the same batch while it raises: it must take every message in, or park it (an
    `Inbox` does), and raise only when a backend is away, or to hold messages back whose earlier ones are missing. A
    service has one inbox, so at most one subscription to events.

    Telemetry (transient messages) needs a subscription of its own: it is heard from now on, nothing is kept for later
    and nothing is acknowledged.

    The container's config holds the process's `settings` (`amqp_url`, `partitions`), or `AMQP_URI` and `partitions`.
    """

    def __init__(self, messages: Iterable[type[Message]], **kwargs: Any) -> None:
        self.messages = tuple(messages)
        transient = {message.channel is Channel.TELEMETRY for message in self.messages}
        if len(transient) != 1:
            raise ValueError("a subscription names messages, and either telemetry or events, not both")
        self.transient = transient.pop()
        self.reader: QueueReader | None = None
        kwargs.setdefault(
            "expected_exceptions", (psycopg.OperationalError, amqp.exceptions.AMQPError, EarlierMissing)
        )
        super().__init__(**kwargs)

    def setup(self) -> None:
        config = self.container.config
        settings = config.get("settings")
        self.service = str(self.container.service_name)
        self.partitions = int(settings.partitions if settings else config.get("partitions", DEFAULT_PARTITIONS))
        self.reader = QueueReader(
            self.service,
            settings.amqp_url if settings else config["AMQP_URI"],
            self._prepare_telemetry if self.transient else self._prepare_inbox,
            self._call,
            acknowledged=not self.transient,
        )

    def start(self) -> None:
        assert self.reader is not None
        self.container.spawn_managed_thread(self.reader.read, identifier=f"{self.service}.reader")
        self.container.spawn_managed_thread(self.reader.work, identifier=f"{self.service}.worker")

    def stop(self) -> None:
        if self.reader is not None:
            self.reader.stop()

    @property
    def ready(self) -> bool:
        """True while messages can arrive; for the health route."""
        return self.reader is not None and self.reader.ready

    def _prepare_inbox(self, connection: Connection) -> list[str]:
        declare(connection, inbox_topology(self.service, self.messages, self.partitions))
        return list(inbox_queues(self.service, self.partitions))

    def _prepare_telemetry(self, connection: Connection) -> list[str]:
        topology = inbox_topology(self.service, self.messages, 0)
        foreign = tuple(exchange for exchange in topology.exchanges if exchange.foreign)
        declare(connection, type(topology)(exchanges=foreign))
        with connection.channel() as channel:
            name: str = channel.queue_declare(
                queue="",
                exclusive=True,
                auto_delete=True,
                arguments={"x-max-length": TELEMETRY_BACKLOG, "x-overflow": "drop-head"},
            ).queue
            for exchange, routing_key in telemetry_bindings(self.messages):
                channel.queue_bind(queue=name, exchange=exchange, routing_key=routing_key)
        return [name]

    def _call(self, batch: Batch) -> None:
        """Runs the service's method in a managed worker and waits for it; raises what it raised."""
        done = Event()
        self.container.spawn_worker(self, (batch,), {}, handle_result=partial(_report, done))
        done.wait()


def _report(done: Event, _context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
    if exc_info is None:
        done.send(result)
    else:
        done.send_exception(*exc_info)
    return result, exc_info


subscription = Subscription.decorator
