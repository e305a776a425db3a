"""What a service's `outbound.py` answers with, and how it becomes an envelope, so that every service says the same of
who, when and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.envelope import Envelope
from shared.contracts.message import Channel, Message
from shared.eventstore import spans
from shared.eventstore.model import StoredEvent


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One public or private message that a stored event leads to.

    `partition_key` is the order's id for whatever concerns an order, else the id of the stream's own thing. Messages
    with the same stream and partition key arrive in order.
    """

    message: Message
    partition_key: str


Outbound = Callable[[StoredEvent, Any], Sequence[Outgoing]]
"""A service's pure mapping of one stored event (and its decoded domain event) to messages: none, or at most one per
channel, because a message is known by its event's id and its channel."""

Previous = Callable[[int, Sequence[Outgoing]], Sequence[str | None]]
"""Takes what a version of a stream leads to, and answers what each message says of those before it."""


def untold(_version: int, outgoing: Sequence[Outgoing]) -> Sequence[str | None]:
    """Nobody knows what came before."""
    return [None] * len(outgoing)


@dataclass(frozen=True, slots=True)
class Wire:
    """A message ready for the broker."""

    stream_id: str
    exchange: str
    routing_key: str
    message_id: str
    partition_key: str
    body: bytes
    span: spans.Span | None = field(default=None, compare=False)
    """Ends with the broker's confirm; the envelope names it as the parent of what consumers do."""


def message_id(event_id: str, channel: Channel) -> str:
    """The id of the message that tells of an event on a channel; the same when it is sent again."""
    return event_id if channel is Channel.PUBLIC else f"{event_id}/{channel.value}"


def envelope_of(
    stored: StoredEvent, outgoing: Outgoing, traceparent: str | None = None, previous: str | None = None
) -> Envelope:
    """Wraps a message in what the store knows of the event behind it; `traceparent` in place of the event's."""
    message = outgoing.message
    return Envelope(
        id=message_id(stored.event_id, message.channel),
        source=message.source(),
        type=message.type_name(),
        subject=stored.stream_id,
        time=stored.occurred_at,
        dataschema=message.schema_urn(),
        sequence=stored.version,
        partitionkey=outgoing.partition_key,
        correlationid=stored.correlation_id,
        causationid=stored.causation_id,
        traceparent=traceparent or stored.traceparent,
        actor=stored.actor,
        recordedat=stored.recorded_at,
        previous=previous,
        data=message.model_dump(mode="json"),
    )


def wire_of(stored: StoredEvent, outgoing: Outgoing, traced: bool = False, previous: str | None = None) -> Wire:
    """The envelope as bytes, with where they go. A traced one begins a span, which ends with its confirm."""
    span = _sending(stored, outgoing) if traced and spans.on() else None
    envelope = envelope_of(stored, outgoing, span.traceparent if span else None, previous)
    return Wire(
        stream_id=stored.stream_id,
        exchange=outgoing.message.exchange(),
        routing_key=envelope.type,
        message_id=envelope.id,
        partition_key=envelope.partitionkey,
        body=envelope.to_bytes(),
        span=span,
    )


def _sending(stored: StoredEvent, outgoing: Outgoing) -> spans.Span | None:
    message = outgoing.message
    told: dict[str, str | int | bool] = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": message.exchange(),
        "messaging.message.id": message_id(stored.event_id, message.channel),
        "doorstep.stream": stored.stream_id,
        "doorstep.position": stored.position,
    }
    return spans.start(f"publish {message.type_name()}", spans.Kind.PRODUCER, stored.traceparent, told)


def wires_of(
    stored: StoredEvent, event: Any, outbound: Outbound, traced: bool = False, previous: Previous = untold
) -> list[Wire]:
    """All messages of one stored event; raises ValueError when two share a channel, since their ids would be one."""
    outgoing = outbound(stored, event)
    if len({each.message.channel for each in outgoing}) != len(outgoing):
        raise ValueError(f"event {stored.event_id} ({stored.type}) leads to two messages on one channel")
    told = previous(stored.version, outgoing)
    return [wire_of(stored, each, traced, before) for each, before in zip(outgoing, told, strict=True)]
