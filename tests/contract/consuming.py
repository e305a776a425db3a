"""A subscriber with a real inbox, in threads of the test's own process: what it heard is in its store."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kombu import Connection

from shared.contracts.dispatch import DeliveryFailed, RiderAssigned
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.contracts.order import OrderPlaced
from shared.eventstore.model import Context
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.messaging.batch import Batch
from shared.messaging.consumer import QueueReader
from shared.messaging.inbox import Inbox
from shared.messaging.topology import declare, inbox_queues, inbox_topology
from tests.contract.publishing import NOW, THINGS, Noticed, store_of

HEARD: Sequence[type[Message]] = (OrderPlaced, RiderAssigned, DeliveryFailed)
PARTITIONS = 4


def heard_stream(subject: str) -> str:
    """The subscriber's own stream about another service's stream."""
    return f"heard-{subject}"


def note(tx: Transaction, envelope: Envelope, _message: Message) -> None:
    """The effect of a message: one event, which says the sequence it was about."""
    context = Context(
        actor="service:test",
        now=NOW,
        occurred_at=NOW,
        correlation_id=envelope.correlationid,
        causation_id=envelope.id,
    )
    event = Noticed(str(envelope.sequence))
    tx.execute(THINGS, heard_stream(envelope.subject), lambda _state: [event], context)


@dataclass
class Subscriber:
    """Reads its inbox until stopped; `batches` are the sizes it was given."""

    service: str
    amqp_url: str
    store: PostgresStore
    inbox: Inbox
    batches: list[int] = field(default_factory=list)

    def consume(self, batch: Batch) -> None:
        self.batches.append(len(batch))
        self.inbox.consume(batch)

    def prepare(self, connection: Connection) -> list[str]:
        declare(connection, inbox_topology(self.service, HEARD, PARTITIONS))
        return list(inbox_queues(self.service, PARTITIONS))

    def heard(self, subject: str) -> list[int]:
        """The sequences of a stream that had an effect, in the order of the effects."""
        return [int(event.data["order_id"]) for event in self.store.stream(heard_stream(subject))]

    def total(self) -> int:
        with self.store.transaction() as tx:
            row = tx.connection.execute("SELECT count(*) AS effects FROM events").fetchone()
        assert row is not None
        return int(row["effects"])

    @contextmanager
    def running(self) -> Iterator[QueueReader]:
        reader = QueueReader(self.service, self.amqp_url, self.prepare, self.consume)
        threads = [threading.Thread(target=side, daemon=True) for side in (reader.read, reader.work)]
        for thread in threads:
            thread.start()
        try:
            yield reader
        finally:
            reader.stop()
            for thread in threads:
                thread.join(10)
                assert not thread.is_alive(), "the subscriber did not stop"


def subscriber(
    service: str,
    postgres_url: str,
    amqp_url: str,
    handle: Callable[[Transaction, Envelope, Message], None] = note,
) -> Subscriber:
    """A subscriber whose inbox exists at the broker from now on."""
    store = store_of(postgres_url)
    made = Subscriber(service, amqp_url, store, Inbox(store, f"{service}.test", handle, heard=HEARD))
    with Connection(amqp_url) as connection:
        made.prepare(connection)
    return made
