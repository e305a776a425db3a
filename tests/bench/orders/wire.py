"""The least of HTTP/1.1 and AMQP that a load generator needs, so that it is not what is measured."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pika import BasicProperties, URLParameters
from pika.adapters.asyncio_connection import AsyncioConnection

HEARD_WITHIN_SECONDS = 60.0


class Refused(Exception):
    """The gateway did not do what was asked."""


class Client:
    """One connection that is kept alive; one request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, headers: str, body: Any = None) -> Any:
        """The JSON of the answer; raises Refused with the document of one that is not 2xx."""
        content = b"" if method == "GET" else json.dumps(body or {}).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n{headers}\r\n"
        )
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        assert self._reader is not None, "reader and writer are opened together"
        self._writer.write(head.encode() + content)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in answer.split("\r\n") if line.lower().startswith("content-length:"))
        text = await self._reader.readexactly(length)
        if answer[9] != "2":
            raise Refused(f"{answer[9:12]} {method} {path}: {text.decode()[:300]}")
        return json.loads(text)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class Ear:
    """One connection to the broker: publishes dispatch's facts, and wakes whoever waits for a message about an order.

    What nobody waits for yet is kept: messages may come before the answer of the request that led to them.
    """

    def __init__(self, url: str, exchange: str, types: Sequence[str]) -> None:
        self._url = url
        self._exchange = exchange
        self._types = tuple(types)
        self._ready = asyncio.Event()
        self._heard: dict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self._channel: Any = None
        self._connection: Any = None

    async def open(self) -> None:
        self._connection = AsyncioConnection(URLParameters(self._url), on_open_callback=self._opened)
        await asyncio.wait_for(self._ready.wait(), 10)

    def close(self) -> None:
        self._connection.close()

    async def hear(self, type_name: str, order_id: str) -> None:
        await asyncio.wait_for(self._heard[type_name, order_id].wait(), HEARD_WITHIN_SECONDS)
        del self._heard[type_name, order_id]

    def tell(self, exchange: str, type_name: str, order_id: str, body: bytes, message_id: str) -> None:
        properties = BasicProperties(
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=message_id,
            headers={"partitionkey": order_id},
        )
        self._channel.basic_publish(exchange, type_name, body, properties)

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.exchange_declare(
            self._exchange,
            "topic",
            durable=True,
            callback=lambda _: channel.queue_declare("", exclusive=True, callback=self._queue_declared),
        )

    def _queue_declared(self, frame: Any) -> None:
        queue = frame.method.queue
        for type_name in self._types:
            self._channel.queue_bind(queue, self._exchange, type_name)
        self._channel.basic_consume(queue, self._message, auto_ack=True, callback=lambda _: self._ready.set())

    def _message(self, _channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        told: Mapping[str, Any] = json.loads(body)
        self._heard[method.routing_key, told.get("data", told)["order_id"]].set()
