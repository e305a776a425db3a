"""Publishes with pipelined confirms, so that nothing the log holds is ever missing at the broker.

It lives in a pika I/O loop and never blocks it: declaring what it publishes to, which asks and waits, is done by a
short-lived thread. A lost connection, a nack, or a broker that falls silent leads to sending again; one that says
that it is short of memory or disk is waited for, however long that takes.
"""

import threading
import time
from enum import Enum, auto
from typing import Any

import pika
import pika.exceptions
import structlog

from shared.messaging import metrics
from shared.messaging.lags import SENT_AT_HEADER, sent_at_ms
from shared.messaging.overdue import Overdue
from shared.messaging.topology import PARTITION_HEADER, declare_outgoing
from shared.messaging.window import Item, Window

WINDOW_SIZE = 128
HEARTBEAT_SECONDS = 20
RESEND_AFTER_NACK_SECONDS = 0.1
FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class _Connection(pika.SelectConnection):
    """Sends the frames of a message in one system call instead of three."""

    def _output_marshaled_frames(self, marshaled_frames: Any) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])


class _Link(Enum):
    """How the relay stands with the broker."""

    DOWN = auto()
    CONNECTING = auto()
    UP = auto()
    CLOSED = auto()


class Relay:
    """Sends what a Window allows. All methods are called from the I/O loop's own thread."""

    def __init__(self, service: str, amqp_url: str, loop: Any, window: Window) -> None:
        self.window = window
        self._service = service
        self._amqp_url = amqp_url
        self._loop = loop
        self._link = _Link.DOWN
        self._attempt = 0
        self._overdue = Overdue()
        self._backoff = FIRST_BACKOFF_SECONDS
        self._connection: Any = None
        self._channel: Any = None
        self._tag = 0
        self._pumping = False
        self._draining = False

    @property
    def up(self) -> bool:
        """True while connected."""
        return self._link is _Link.UP

    @property
    def flowing(self) -> bool:
        """True while messages can be sent."""
        return self._link is _Link.UP and not self._overdue.blocked

    def open(self) -> None:
        """Connects, and keeps connecting until `close`."""
        if self._link is not _Link.DOWN:
            return
        self._link = _Link.CONNECTING
        self._attempt += 1
        attempt = self._attempt
        threading.Thread(target=self._declare, args=(attempt,), name=f"{self._service}.declare", daemon=True).start()

    def close(self) -> None:
        """Leaves the broker; what was not confirmed counts as not sent."""
        self._link = _Link.CLOSED
        self._attempt += 1
        connection, self._connection, self._channel = self._connection, None, None
        metrics.RELAY_BLOCKED.labels(self._service).set(0)
        _hang_up(connection)

    def drain(self) -> None:
        """Sends nothing more; confirms are still heard."""
        self._draining = True

    def pump(self) -> None:
        """Sends as much as the window allows."""
        if not self.flowing or self._draining or self._pumping:
            return
        self._pumping = True
        sent = 0
        try:
            while self.flowing and (item := self.window.next()) is not None:
                self._send(item)
                sent += 1
        except pika.exceptions.AMQPError as error:
            self._fail(repr(error), cause="connection")
        finally:
            self._pumping = False
            metrics.PUBLISHED.labels(self._service).inc(sent)

    def check_confirms(self) -> None:
        """Gives a connection up whose confirms do not come."""
        reason = self._overdue.reason(self.window.oldest_sent_at(), time.monotonic())
        if reason is not None:
            self._fail(reason, cause="timeout")

    def _send(self, item: Item) -> None:
        wire = item.wire
        self._tag += 1
        self.window.sent(self._tag, item, time.monotonic())
        self._channel.basic_publish(
            exchange=wire.exchange,
            routing_key=wire.routing_key,
            body=wire.body,
            properties=pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=wire.message_id,
                type=wire.routing_key,
                headers={PARTITION_HEADER: wire.partition_key, SENT_AT_HEADER: sent_at_ms()},
            ),
            mandatory=True,
        )

    # Connecting.

    def _declare(self, attempt: int) -> None:
        failure: Exception | None = None
        try:
            declare_outgoing(self._amqp_url, self._service)
        except Exception as error:  # noqa: BLE001 - reported to the loop, which tries again
            failure = error
        self._loop.add_callback_threadsafe(lambda: self._declared(attempt, failure))

    def _declared(self, attempt: int, failure: Exception | None) -> None:
        if attempt != self._attempt or self._link is not _Link.CONNECTING:
            return
        if failure is not None:
            self._fail(repr(failure), cause="connection")
            return
        parameters = pika.URLParameters(self._amqp_url)
        parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.socket_timeout = parameters.stack_timeout = 10
        parameters.client_properties = {"connection_name": f"{self._service}.relay"}
        self._connection = _Connection(
            parameters,
            on_open_callback=lambda connection: self._opened(attempt, connection),
            on_open_error_callback=lambda _connection, error: self._ended(attempt, error),
            on_close_callback=lambda _connection, reason: self._ended(attempt, reason),
            custom_ioloop=self._loop,
        )

    def _opened(self, attempt: int, connection: Any) -> None:
        if attempt != self._attempt:
            _hang_up(connection)
            return
        connection.add_on_connection_blocked_callback(lambda *_: self._block(attempt, True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._block(attempt, False))
        connection.channel(on_open_callback=lambda channel: self._channel_opened(attempt, channel))

    def _channel_opened(self, attempt: int, channel: Any) -> None:
        if attempt != self._attempt:
            return
        self._channel = channel
        self._tag = 0
        channel.add_on_close_callback(lambda _channel, reason: self._channel_closed(attempt, reason))
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(
            lambda frame: self._answered(attempt, frame.method), callback=lambda _frame: self._confirming(attempt)
        )

    def _confirming(self, attempt: int) -> None:
        if attempt != self._attempt:
            return
        self._link = _Link.UP
        self._backoff = FIRST_BACKOFF_SECONDS
        _log.info("relay_connected", service=self._service, position=self.window.position)
        self.pump()

    # Answers.

    def _answered(self, attempt: int, method: Any) -> None:
        if attempt != self._attempt:
            return
        now = time.monotonic()
        self._overdue.heard(now)
        if isinstance(method, pika.spec.Basic.Ack):
            done = self.window.confirmed(method.delivery_tag, method.multiple)
            metrics.CONFIRMED.labels(self._service).inc(len(done))
            seconds = metrics.CONFIRM_SECONDS.labels(self._service)
            for item in done:
                seconds.observe(now - item.sent_at)
            self.pump()
        else:
            again = self.window.rejected(method.delivery_tag, method.multiple)
            metrics.RESENT.labels(self._service, "nack").inc(again)
            _log.warning("nacked", service=self._service, messages=again)
            self._loop.call_later(RESEND_AFTER_NACK_SECONDS, self._resend)

    def _resend(self) -> None:
        self.window.release()
        self.pump()

    def _returned(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        """Nobody is bound for this type, so there is nobody who could miss it; its confirm comes all the same."""
        metrics.UNROUTABLE.labels(self._service, method.routing_key).inc()

    def _block(self, attempt: int, blocked: bool) -> None:
        """The broker is short of memory or disk and reads nothing, or has room again."""
        if attempt != self._attempt:
            return
        if blocked:
            self._overdue.block()
        else:
            self._overdue.unblock(time.monotonic())
        metrics.RELAY_BLOCKED.labels(self._service).set(blocked)
        _log.warning("broker_blocked" if blocked else "broker_unblocked", service=self._service)
        self.pump()

    # Losing the connection.

    def _channel_closed(self, attempt: int, reason: Any) -> None:
        if attempt == self._attempt:
            self._fail(f"channel closed: {reason!r}", cause="connection")

    def _ended(self, attempt: int, reason: Any) -> None:
        if attempt == self._attempt:
            self._fail(repr(reason), cause="connection")

    def _fail(self, reason: str, cause: str) -> None:
        """Drops the connection, takes back what is unconfirmed, and connects again after a pause."""
        if self._link is _Link.CLOSED:
            return
        connection, self._connection, self._channel = self._connection, None, None
        self._attempt += 1
        self._link = _Link.DOWN
        self._overdue = Overdue()
        metrics.RELAY_BLOCKED.labels(self._service).set(0)
        again = self.window.restart()
        metrics.RESENT.labels(self._service, cause).inc(again)
        _log.warning(
            "relay_disconnected", service=self._service, reason=reason, unconfirmed=again, retry_seconds=self._backoff
        )
        _hang_up(connection)
        self._loop.call_later(self._backoff, self.open)
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_SECONDS)


def _hang_up(connection: Any) -> None:
    """Closes a connection that may be in any state; nobody listens to it any more."""
    if connection is None or connection.is_closing or connection.is_closed:
        return
    try:
        connection.close()
    except pika.exceptions.AMQPError as error:
        _log.debug("closing_failed", error=repr(error))
