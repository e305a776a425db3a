"""The nameko entrypoint by which a service hears the others: `@subscription((OrderPlaced, …))`."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import amqp.exceptions
import psycopg
import structlog
from eventlet.event import Event
from kombu import Connection
from nameko.extensions import Entrypoint

from shared.contracts.message import Channel, Message
from shared.messaging.batch import Batch, EarlierMissing
from shared.messaging.consumer import QueueReader
from shared.messaging.generations import agreed, note_marks, parted
from shared.messaging.topology import (
    TELEMETRY_BACKLOG,
    dead_queue_of,
    declare,
    inbox_topology,
    telemetry_bindings,
)

__all__ = ["Batch", "Subscription", "subscription"]

_log = structlog.get_logger(__name__)


class Subscription(Entrypoint):
    """Calls a service's method with batches of messages; acknowledges them when it has returned.

    The method is called again with the same batch while it raises: it must take every message in, or park it (an
    `Inbox` does), and raise only when a backend is away, or to hold messages back whose earlier ones are missing. A
    service has one inbox, so at most one subscription to events. What the broker gave up delivering comes in batches
    of its own, marked as dead.

    Telemetry (transient messages) needs a subscription of its own: it is heard from now on, nothing is kept for later
    and nothing is acknowledged.

    The container's config holds the process's `settings`. Which queues the inbox has is agreed in the service's
    schema (`generations.py`); the settings' `partitions` count when nothing was agreed yet.
    """

    def __init__(self, messages: Iterable[type[Message]], **kwargs: Any) -> None:
        self.messages = tuple(messages)
        transient = {message.channel is Channel.TELEMETRY for message in self.messages}
        if len(transient) != 1:
            raise ValueError("a subscription names messages, and either telemetry or events, not both")
        self.transient = transient.pop()
        self.reader: QueueReader | None = None
        self.dead_reader: QueueReader | None = None
        kwargs.setdefault(
            "expected_exceptions", (psycopg.OperationalError, amqp.exceptions.AMQPError, EarlierMissing)
        )
        super().__init__(**kwargs)

    def setup(self) -> None:
        self.settings = self.container.config["settings"]
        self.service = str(self.container.service_name)
        url = self.settings.amqp_url
        if self.transient:
            self.reader = QueueReader(self.service, url, self._prepare_telemetry, self._call, acknowledged=False)
            return
        self.reader = QueueReader(self.service, url, self._prepare_inbox, self._take_in)
        self.dead_reader = QueueReader(dead_queue_of(self.service), url, self._prepare_dead, self._keep_dead)

    def start(self) -> None:
        for name, reader in ((self.service, self.reader), (dead_queue_of(self.service), self.dead_reader)):
            if reader is not None:
                self.container.spawn_managed_thread(reader.read, identifier=f"{name}.reader")
                self.container.spawn_managed_thread(reader.work, identifier=f"{name}.worker")

    def stop(self) -> None:
        for reader in (self.reader, self.dead_reader):
            if reader is not None:
                reader.stop()

    @property
    def ready(self) -> bool:
        """True while messages can arrive; for the health route."""
        return self.reader is not None and self.reader.ready

    def _prepare_inbox(self, connection: Connection) -> list[str]:
        """Declares what was agreed. Without the database nothing could be handled: it is waited for too."""
        wanted = self.settings.partitions
        try:
            with agreed(self.settings.postgres_url, wanted) as layout:
                now = layout.current
                joined = layout.filling is None
                topology = inbox_topology(self.service, self.messages, now.partitions, now.number, joined=joined)
                declare(connection, topology)
        except psycopg.OperationalError as error:
            raise ConnectionError(f"the layout of the inbox cannot be read: {error}") from error
        if now.partitions != wanted:
            _log.info("partitions_as_agreed", service=self.service, partitions=now.partitions, settings=wanted)
        return list(now.queues(self.service))

    def _prepare_dead(self, connection: Connection) -> list[str]:
        topology = inbox_topology(self.service, (), 0, joined=False)
        name = dead_queue_of(self.service)
        declare(
            connection,
            replace(
                topology,
                exchanges=tuple(each for each in topology.exchanges if each.name == name),
                bindings=tuple(each for each in topology.bindings if each.source == name),
            ),
        )
        return [name]

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

    def _take_in(self, batch: Batch) -> None:
        """Hands the messages to the service; a mark counts once all that came before it has had its effect."""
        messages, marks = parted(self.service, batch.arrived)
        try:
            if messages:
                self._call(replace(batch, arrived=messages))
        except EarlierMissing as missing:
            raise EarlierMissing((*missing.held, *marks), str(missing)) from None
        if marks:
            note_marks(self.settings.postgres_url, marks)

    def _keep_dead(self, batch: Batch) -> None:
        messages, _marks = parted(self.service, batch.arrived)
        if messages:
            self._call(Batch(messages, dead=True))

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
