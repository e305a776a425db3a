"""A plain AMQP client, as a team without nameko would write it."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pika
from kombu import Connection


@dataclass
class Ear:
    """A queue of its own, bound to what it wants to hear."""

    connection: Any
    channel: Any
    queue: str
    heard: list[dict[str, Any]] = field(default_factory=list)
    properties: list[Any] = field(default_factory=list)

    def listen(self, number: int, timeout: float = 20) -> list[dict[str, Any]]:
        """Takes messages until so many were heard; fails when they do not come."""
        end = time.monotonic() + timeout
        while len(self.heard) < number:
            method, properties, body = self.channel.basic_get(self.queue, auto_ack=True)
            if method is not None:
                self.heard.append(json.loads(body))
                self.properties.append(properties)
                continue
            assert time.monotonic() < end, f"heard only {len(self.heard)} of {number}"
            self.connection.process_data_events(0.02)
        return self.heard

    def nothing_more(self) -> bool:
        method, _, _ = self.channel.basic_get(self.queue, auto_ack=False)
        return method is None


@contextmanager
def ear(amqp_url: str, bindings: Sequence[tuple[str, str]]) -> Iterator[Ear]:
    """Bindings are (exchange, routing key)."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        for exchange, routing_key in bindings:
            channel.exchange_declare(exchange, "topic", durable=True)
            channel.queue_bind(queue, exchange, routing_key)
        yield Ear(connection, channel, queue)


def read_stream(
    amqp_url: str, stream: str, enough: Callable[[list[bytes]], bool], timeout: float = 20
) -> list[bytes]:
    """The messages of a RabbitMQ stream, from its beginning to the one with which there are enough.

    Whoever stops before a stream's end has others on the way to him. Pika refuses those as it leaves, and a stream
    knows no refusals, so that the broker drops the connection; this client just leaves.
    """
    read: list[bytes] = []
    ended: list[bool] = []
    with Connection(amqp_url) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 100, a_global=False)

        def take(message: Any) -> None:
            channel.basic_ack(message.delivery_tag)
            if not ended:
                read.append(message.body.encode() if isinstance(message.body, str) else bytes(message.body))
                ended.extend([True] * enough(read))

        channel.basic_consume(stream, callback=take, arguments={"x-stream-offset": "first"})
        while not ended:
            try:
                connection.drain_events(timeout=timeout)
            except TimeoutError:
                raise AssertionError(f"nothing more came after {len(read)} messages of {stream}") from None
    return read
