"""Sends telemetry: transient, unconfirmed, and better lost than late."""

import threading
import time
from datetime import datetime
from typing import Any

import amqp.exceptions
import kombu.exceptions
import structlog
from kombu import Connection

from shared.contracts.envelope import Envelope
from shared.contracts.message import Channel, Message
from shared.kernel.ids import new_id
from shared.messaging import metrics
from shared.messaging.topology import PARTITION_HEADER, declare, outgoing_topology

RECONNECT_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 2.0
WRITE_TIMEOUT_SECONDS = 2.0
CLOSE_TIMEOUT_SECONDS = 0.5

_LOST: tuple[type[BaseException], ...] = (amqp.exceptions.AMQPError, kombu.exceptions.OperationalError, OSError)

_log = structlog.get_logger(__name__)


class TelemetryPublisher:
    """Sends messages of the telemetry channel, from any thread or greenthread, one at a time.

    Never raises and never waits long: when the broker is away, or blocks because it is short of memory or disk, the
    message is counted as lost. A connection is tried again a second later; a blocked one is kept.
    """

    def __init__(self, service: str, amqp_url: str) -> None:
        self._service = service
        self._amqp_url = amqp_url
        self._lock = threading.Lock()
        self._connection: Any = None
        self._channel: Any = None
        self._retry_at = 0.0
        self._blocked = False
        self._sequence = 0

    def publish(self, message: Message, subject: str, actor: str, at: datetime) -> bool:
        """Sends one message about `subject` that was true at `at`; False when it was lost."""
        if message.channel is not Channel.TELEMETRY:
            raise ValueError(f"{message.type_name()} is an event: it goes through the store and the relay")
        with self._lock:
            # There is no stream version: this rises as well, past a restart too, in CloudEvents' 32 bits.
            self._sequence = max(self._sequence + 1, int(time.time()))
            body = _envelope(message, subject, actor, at, self._sequence).to_bytes()
            sent = self._send(message, subject, body)
        (metrics.TELEMETRY_SENT if sent else metrics.TELEMETRY_LOST).labels(self._service).inc()
        return sent

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _send(self, message: Message, subject: str, body: bytes) -> bool:
        try:
            if not self._can_send():
                return False
            self._channel.basic_publish(
                self._channel.prepare_message(
                    body,
                    content_type="application/json",
                    content_encoding="utf-8",
                    headers={PARTITION_HEADER: subject},
                    properties={"delivery_mode": 1, "type": message.type_name()},
                ),
                exchange=message.exchange(),
                routing_key=message.type_name(),
                # Greenthreads' sockets know no time-out of their own, and a broker that stands still takes nothing.
                timeout=WRITE_TIMEOUT_SECONDS,
            )
        except _LOST as error:
            _log.warning("telemetry_lost", service=self._service, error=repr(error))
            self._drop()
            return False
        return True

    def _can_send(self) -> bool:
        if self._channel is None and not self._connect():
            return False
        try:
            # What the broker has said since: that it blocks, does so no more, or closes.
            while True:
                self._connection.drain_events(timeout=0)
        except TimeoutError:
            return not self._blocked

    def _connect(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + RECONNECT_SECONDS
        self._blocked = False
        self._connection = Connection(
            self._amqp_url,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            transport_options={
                "write_timeout": WRITE_TIMEOUT_SECONDS,
                "on_blocked": lambda _reason: self._block(True),
                "on_unblocked": lambda: self._block(False),
            },
        )
        declare(self._connection, outgoing_topology(self._service))
        self._channel = self._connection.channel()
        return True

    def _block(self, blocked: bool) -> None:
        self._blocked = blocked
        _log.warning("telemetry_blocked" if blocked else "telemetry_unblocked", service=self._service)

    def _drop(self) -> None:
        """Leaves without a farewell: a broker that blocks or stands still would never answer it."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            connection.collect(CLOSE_TIMEOUT_SECONDS)


def _envelope(message: Message, subject: str, actor: str, at: datetime, sequence: int) -> Envelope:
    identifier = new_id("tel")
    return Envelope(
        id=identifier,
        source=message.source(),
        type=message.type_name(),
        subject=subject,
        time=at,
        dataschema=message.schema_urn(),
        sequence=sequence,
        partitionkey=subject,
        correlationid=identifier,
        actor=actor,
        recordedat=at,
        data=message.model_dump(mode="json"),
    )
