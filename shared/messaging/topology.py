"""The exchanges and queues that messages flow through, said once, so that publisher, subscriber and broker agree.

A service publishes to topic exchanges. A subscribing service has one durable inbox:

    order.events ──OrderPlaced──▶ dispatch.inbox.intake (fanout)
        ──▶ dispatch.inbox (consistent hash on `partitionkey`) ──▶ dispatch.inbox.0 … N-1

Each of the N quorum queues has a single active consumer, so what shares a partition key is handled in order. Before N
changes the queues must be drained: a message that waits in one queue could be overtaken in another. So another number
is another generation, with a hash exchange and queues of its own (`dispatch.inbox.g2`, `dispatch.inbox.g2.0` …); the
intake is the one place where the stream of messages is turned from one to the other (`repartition.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from amqp.exceptions import AccessRefused, NotFound
from kombu import Connection

from shared.contracts.catalogue import messages
from shared.contracts.message import Channel, Message

PARTITION_HEADER = "partitionkey"
DEFAULT_PARTITIONS = 4
# A message counts as redelivered whenever its consumer's connection falls; the limit only stops one that takes the
# whole process down each time.
DELIVERY_LIMIT = 100
LOG_STREAM = "doorstep.log"
LOG_MAX_AGE = "7D"
LOG_MAX_BYTES = 1_000_000_000
LOG_SEGMENT_BYTES = 20_000_000
TELEMETRY_BACKLOG = 10_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExchangeSpec:
    """A durable exchange. A `foreign` one belongs to another service and is declared only when it is missing."""

    name: str
    type: str = "topic"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A durable queue."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BindingSpec:
    """From a source exchange to a queue, or to another exchange when `to_exchange`."""

    source: str
    destination: str
    routing_key: str
    to_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """Things to declare, in order: exchanges, queues, bindings."""

    exchanges: tuple[ExchangeSpec, ...] = ()
    queues: tuple[QueueSpec, ...] = ()
    bindings: tuple[BindingSpec, ...] = ()


def published_exchanges(service: str) -> tuple[str, ...]:
    """The exchanges that a service publishes to: its public one, and those its contracts name."""
    channels = {message.channel for message in messages() if message.service == service} | {Channel.PUBLIC}
    return tuple(f"{service}.{channel.value}" for channel in Channel if channel in channels)


def outgoing_topology(service: str) -> Topology:
    """What a publishing service declares for itself."""
    return Topology(exchanges=tuple(ExchangeSpec(name) for name in published_exchanges(service)))


def log_topology(services: Iterable[str]) -> Topology:
    """`doorstep.log`: a stream of every public message, for any subscriber to read from an offset."""
    public = [f"{service}.{Channel.PUBLIC.value}" for service in services]
    arguments = {
        "x-queue-type": "stream",
        "x-max-age": LOG_MAX_AGE,
        "x-max-length-bytes": LOG_MAX_BYTES,
        "x-stream-max-segment-size-bytes": LOG_SEGMENT_BYTES,
    }
    return Topology(
        exchanges=tuple(ExchangeSpec(name, foreign=True) for name in public),
        queues=(QueueSpec(LOG_STREAM, arguments),),
        bindings=tuple(BindingSpec(name, LOG_STREAM, "#") for name in public),
    )


def intake_of(service: str) -> str:
    """The exchange that all a service subscribes to comes in by."""
    return f"{service}.inbox.intake"


def dead_queue_of(service: str) -> str:
    """Where the messages of a service's inbox go that the broker gives up delivering."""
    return f"{service}.dead"


def inbox_exchange(service: str, generation: int = 1) -> str:
    """The exchange that shares messages out to the queues of a generation."""
    return f"{service}.inbox" if generation == 1 else f"{service}.inbox.g{generation}"


def inbox_queues(service: str, partitions: int, generation: int = 1) -> tuple[str, ...]:
    """The queues of a service's inbox."""
    return tuple(f"{inbox_exchange(service, generation)}.{number}" for number in range(partitions))


def inbox_topology(
    service: str, heard: Iterable[type[Message]], partitions: int, generation: int = 1, *, joined: bool = True
) -> Topology:
    """A subscribing service's inbox, its partitions, where its undeliverable messages go, and its bindings.

    `joined` is False for a generation that must get no more messages.
    """
    heard = tuple(heard)
    intake, inbox, dead = intake_of(service), inbox_exchange(service, generation), dead_queue_of(service)
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    queues = inbox_queues(service, partitions, generation)
    return Topology(
        exchanges=(
            ExchangeSpec(dead, "fanout"),
            ExchangeSpec(intake, "fanout"),
            ExchangeSpec(inbox, "x-consistent-hash", {"hash-header": PARTITION_HEADER}),
            *(ExchangeSpec(name, foreign=True) for name in sorted({each.exchange() for each in heard})),
        ),
        queues=(
            QueueSpec(dead, {"x-queue-type": "quorum"}),
            *(QueueSpec(name, arguments) for name in queues),
        ),
        bindings=(
            BindingSpec(dead, dead, ""),
            *(BindingSpec(inbox, name, "1") for name in queues),
            *((BindingSpec(intake, inbox, "", to_exchange=True),) if joined else ()),
            *(BindingSpec(each.exchange(), intake, each.type_name(), to_exchange=True) for each in heard),
        ),
    )


def declare(connection: Connection, topology: Topology) -> None:
    """Declares everything, or raises what the broker answered; safe to repeat and to run beside itself."""
    for exchange in topology.exchanges:
        if not (exchange.foreign and _exists(connection, exchange.name)):
            with connection.channel() as channel:
                channel.exchange_declare(
                    exchange=exchange.name,
                    type=exchange.type,
                    durable=True,
                    auto_delete=False,
                    arguments=dict(exchange.arguments),
                )
    with connection.channel() as channel:
        for queue in topology.queues:
            channel.queue_declare(queue=queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments))
        for binding in topology.bindings:
            _bind(channel, binding)


def declare_outgoing(amqp_url: str, service: str) -> None:
    """Declares what a relay needs.

    The audit stream is declared too when it is missing and the broker user may; where it may not, somebody else does
    (`declare_platform`) or there is none, and messages flow all the same.
    """
    with Connection(amqp_url, connect_timeout=5) as connection:
        declare(connection, outgoing_topology(service))
        if _has_log_stream(connection):
            return
        try:
            declare(connection, log_topology([service]))
        except AccessRefused as error:
            _log.info("audit_stream_not_declared", service=service, reason=str(error))


def declare_platform(
    amqp_url: str, heard: Mapping[str, Iterable[type[Message]]], partitions: int = DEFAULT_PARTITIONS
) -> None:
    """Declares every service's exchanges and inbox and the audit stream, as a broker user who may do all that.

    `heard` says what each service subscribes to. Done before any service runs, so that what is published first waits
    for who is started last.
    """
    with Connection(amqp_url, connect_timeout=5) as connection:
        for service in heard:
            declare(connection, outgoing_topology(service))
        for service, messages_heard in heard.items():
            declare(connection, inbox_topology(service, messages_heard, partitions))
        declare(connection, log_topology(tuple(heard)))


def _exists(connection: Connection, exchange: str) -> bool:
    """Asking needs no permission to configure, which a service has for its own exchanges only."""
    channel = connection.channel()
    try:
        channel.exchange_declare(exchange=exchange, type="topic", passive=True)
    except NotFound:
        return False
    channel.close()
    return True


def _has_log_stream(connection: Connection) -> bool:
    channel = connection.channel()
    try:
        channel.queue_declare(queue=LOG_STREAM, passive=True)
    except NotFound:
        return False
    channel.close()
    return True


def _bind(channel: Any, binding: BindingSpec) -> None:
    if binding.to_exchange:
        channel.exchange_bind(destination=binding.destination, source=binding.source, routing_key=binding.routing_key)
    else:
        channel.queue_bind(queue=binding.destination, exchange=binding.source, routing_key=binding.routing_key)


def telemetry_bindings(heard: Iterable[type[Message]]) -> Iterator[tuple[str, str]]:
    """(exchange, routing key) of the transient messages that somebody wants to hear."""
    for message in heard:
        yield message.exchange(), message.type_name()
