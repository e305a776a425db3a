"""Reads a service's queues over a connection of its own: batches, acknowledgement after the effect, pauses.

Two threads of control (greenthreads under eventlet) share one buffer. The reader owns the connection: it receives,
acknowledges and keeps heartbeats going, whatever the service is doing. The worker hands batches to the service, one
at a time, and keeps the same batch for as long as a backend is away. Nothing is ever requeued on purpose: what was
not acknowledged when a connection falls is delivered again, in order, and the inbox drops what it has seen.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import amqp.exceptions
import kombu.exceptions
import structlog
from kombu import Connection, Consumer, Queue

from shared.messaging import metrics
from shared.messaging.batch import Arrived, Batch
from shared.messaging.lags import SENT_AT_HEADER, observe_handled
from shared.messaging.outages import is_outage

BATCH_LIMIT = 200
LINGER_SECONDS = 0.02
PREFETCH = 200
HEARTBEAT_SECONDS = 20
BUSY_WAIT_SECONDS = 0.01
IDLE_WAIT_SECONDS = 0.5
FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 5.0
STOP_SECONDS = 8.0
# A quorum queue of a broker that was killed may deliver new messages before those that a consumer held when it fell
# (seen with RabbitMQ 3.10). What comes in this time after connecting is one batch, which an inbox puts in order.
SETTLE_SECONDS = 1.0
# A socket with more to read never makes a greenthread wait: after so many messages the others get their turn.
TURN_MESSAGES = 25

CONNECTION_ERRORS: tuple[type[BaseException], ...] = (
    amqp.exceptions.AMQPError,
    kombu.exceptions.OperationalError,
    OSError,
)

_log = structlog.get_logger(__name__)


class QueueReader:
    """Delivers the messages of some queues to `handle`, in batches, in order, until stopped.

    `prepare(connection)` declares what is to be read and answers the queues' names; it runs on every new connection.
    With `acknowledged=False` (telemetry) the broker forgets a message as it sends it.
    """

    def __init__(
        self,
        service: str,
        amqp_url: str,
        prepare: Callable[[Connection], list[str]],
        handle: Callable[[Batch], None],
        *,
        acknowledged: bool = True,
    ) -> None:
        self._service = service
        self._amqp_url = amqp_url
        self._prepare = prepare
        self._handle = handle
        self._acknowledged = acknowledged
        self._buffer: deque[tuple[int, Arrived]] = deque()
        self._done_tags: deque[tuple[int, int]] = deque()
        self._session = 0
        self._settled_at = 0.0
        self._unacknowledged_limit = PREFETCH
        self._busy = False
        # Delivery tags mean something on one connection only: batches are taken and connections counted under a lock.
        self._changing = threading.Lock()
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._reader_ended = threading.Event()
        self._worker_ended = threading.Event()
        self._ready = threading.Event()

    @property
    def ready(self) -> bool:
        """True while connected and consuming."""
        return self._ready.is_set()

    def stop(self) -> None:
        """Takes no more batches, lets the one in hand end, acknowledges it and closes; bounded."""
        self._stopping.set()
        self._arrived.set()
        self._worker_ended.wait(STOP_SECONDS)
        self._reader_ended.wait(STOP_SECONDS)

    # The reader's side.

    def read(self) -> None:
        """Runs the reader until stopped."""
        backoff = FIRST_BACKOFF_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    self._read_one_connection()
                    backoff = FIRST_BACKOFF_SECONDS
                except CONNECTION_ERRORS as error:
                    if self._ready.is_set():
                        backoff = FIRST_BACKOFF_SECONDS
                    self._lost(error, backoff)
                    self._stopping.wait(backoff)
                    backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)
        finally:
            self._reader_ended.set()

    def _lost(self, error: BaseException, backoff: float) -> None:
        self._ready.clear()
        with self._changing:
            self._session += 1
            self._buffer.clear()
            self._done_tags.clear()
        metrics.PAUSED.labels(self._service).set(1)
        _log.warning("broker_lost", service=self._service, error=repr(error), retry_seconds=backoff)

    def _read_one_connection(self) -> None:
        with Connection(self._amqp_url, heartbeat=HEARTBEAT_SECONDS, connect_timeout=5) as connection:
            queues = self._prepare(connection)
            channel = connection.channel()
            channel.basic_qos(prefetch_size=0, prefetch_count=PREFETCH, a_global=False)
            consumer = Consumer(
                channel,
                [Queue(name, no_declare=True) for name in queues],
                on_message=self._receive,
                accept=None,
                auto_declare=False,
                no_ack=not self._acknowledged,
            )
            consumer.consume()
            self._unacknowledged_limit = PREFETCH * len(queues)
            self._settled_at = time.monotonic() + SETTLE_SECONDS if self._acknowledged else 0.0
            self._ready.set()
            metrics.PAUSED.labels(self._service).set(0)
            _log.info("consuming", service=self._service, queues=queues)
            while not (self._stopping.is_set() and self._worker_ended.is_set()):
                self._turn(connection, channel)
            self._acknowledge(channel)
            self._ready.clear()

    def _turn(self, connection: Connection, channel: Any) -> None:
        """Receives what is there, acknowledges what is done, and keeps the heartbeat."""
        waiting = self._busy or self._buffer or self._done_tags or self._stopping.is_set()
        try:
            for _ in range(TURN_MESSAGES):
                connection.drain_events(timeout=BUSY_WAIT_SECONDS if waiting else IDLE_WAIT_SECONDS)
                waiting = True
        except TimeoutError:
            pass
        self._acknowledge(channel)
        connection.heartbeat_check()
        time.sleep(0)

    def _receive(self, message: Any) -> None:
        body = message.body
        sent_at = (message.headers or {}).get(SENT_AT_HEADER)
        arrived = Arrived(
            body=body.encode() if isinstance(body, str) else bytes(body),
            routing_key=message.delivery_info["routing_key"],
            redelivered=bool(message.delivery_info["redelivered"]),
            sent_at_ms=sent_at if isinstance(sent_at, int) else None,
        )
        if not self._acknowledged and len(self._buffer) >= BATCH_LIMIT * 10:
            self._buffer.popleft()
        self._buffer.append((message.delivery_tag, arrived))
        self._arrived.set()

    def _acknowledge(self, channel: Any) -> None:
        newest = None
        while self._done_tags:
            session, tag = self._done_tags.popleft()
            if session == self._session:
                newest = tag
        if newest is not None and self._acknowledged:
            # Batches are handled in the order of delivery, so one acknowledgement covers all before it.
            channel.basic_ack(newest, multiple=True)

    # The worker's side.

    def work(self) -> None:
        """Runs the worker until stopped."""
        try:
            while not self._stopping.is_set():
                if self._buffer:
                    self._work_one_batch(self._linger())
                else:
                    self._arrived.wait(IDLE_WAIT_SECONDS)
                    self._arrived.clear()
        finally:
            self._worker_ended.set()

    def _linger(self) -> int:
        """Gives a batch a moment to fill; returns how many messages it may have."""
        settling = time.monotonic() < self._settled_at
        deadline = self._settled_at if settling else time.monotonic() + LINGER_SECONDS
        while settling or len(self._buffer) < BATCH_LIMIT:
            left = deadline - time.monotonic()
            if left <= 0 or self._stopping.is_set():
                break
            time.sleep(min(left, LINGER_SECONDS / 4))
        return self._unacknowledged_limit if settling else BATCH_LIMIT

    def _work_one_batch(self, limit: int) -> None:
        with self._changing:
            session = self._session
            taken = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        if not taken:
            return
        self._busy = True
        try:
            if self._handle_until_done(Batch(tuple(arrived for _, arrived in taken)), session):
                self._done_tags.append((session, taken[-1][0]))
        finally:
            self._busy = False

    def _handle_until_done(self, batch: Batch, session: int) -> bool:
        """Hands the batch over again and again while it fails; False when the broker will deliver it again."""
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            try:
                self._handle(batch)
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the batch is kept and tried again
                metrics.PAUSED.labels(self._service).set(1)
                log = _log.warning if is_outage(error) else _log.error
                log("paused", service=self._service, size=len(batch), error=repr(error), retry_seconds=backoff)
            else:
                metrics.PAUSED.labels(self._service).set(0 if session == self._session else 1)
                metrics.BATCH_SIZE.labels(self._service).observe(len(batch))
                observe_handled(self._service, [each.sent_at_ms for each in batch if each.sent_at_ms is not None])
                return True
            self._stopping.wait(backoff)
            if self._stopping.is_set() or session != self._session or not self._acknowledged:
                return False
            backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)
