"""Reads a service's queues over a connection of its own: batches, acknowledgement after the effect, pauses.

Two threads of control (greenthreads under eventlet) share one buffer. The reader owns the connection: it receives,
acknowledges and keeps heartbeats going, whatever the service is doing. The worker hands batches to the service, one
at a time, and keeps the same batch for as long as a backend is away. Messages that the service holds back, because
earlier ones of their streams are missing, stay unacknowledged and are handed over again with what comes next. Nothing
is ever requeued on purpose: what was not acknowledged when a connection falls is delivered again, and the inbox drops
what it has seen.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import amqp.exceptions
import kombu.exceptions
import structlog
from kombu import Connection, Consumer, Queue

from shared.messaging import metrics
from shared.messaging.batch import Arrived, Batch, EarlierMissing
from shared.messaging.lags import SENT_AT_HEADER, observe_handled
from shared.messaging.outages import is_outage
from shared.messaging.patience import STEP_SECONDS, Patience

BATCH_LIMIT = 200
LINGER_SECONDS = 0.02
# Of each queue; more than a batch, so that an earlier message finds room while those that wait for it are kept.
PREFETCH = 600
HEARTBEAT_SECONDS = 20
BUSY_WAIT_SECONDS = 0.01
IDLE_WAIT_SECONDS = 0.5
FIRST_BACKOFF_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 5.0
STOP_SECONDS = 8.0
HELD_RETRY_SECONDS = 0.25
# A socket with more to read never makes a greenthread wait: after so many messages the others get their turn.
TURN_MESSAGES = 25

CONNECTION_ERRORS: tuple[type[BaseException], ...] = (
    amqp.exceptions.AMQPError,
    kombu.exceptions.OperationalError,
    OSError,
)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Delivery:
    """A message, what the broker must be told of it, and how long it has waited for an earlier one, if it has."""

    tag: int
    queue: str
    arrived: Arrived
    waited_seconds: float | None = None


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
        self._buffer: deque[_Delivery] = deque()
        self._held: list[_Delivery] = []
        self._done: deque[tuple[int, int, bool]] = deque()
        self._session = 0
        self._patience = Patience()
        self._looked_at = time.monotonic()
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
            self._held = []
            self._done.clear()
            self._patience.renew()
        metrics.PAUSED.labels(self._service).set(1)
        metrics.HELD.labels(self._service).set(0)
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
            self._ready.set()
            metrics.PAUSED.labels(self._service).set(0)
            _log.info("consuming", service=self._service, queues=queues)
            while not (self._stopping.is_set() and self._worker_ended.is_set()):
                self._turn(connection, channel)
            self._acknowledge(channel)
            self._ready.clear()

    def _turn(self, connection: Connection, channel: Any) -> None:
        """Receives what is there, acknowledges what is done, and keeps the heartbeat."""
        waiting = self._busy or self._buffer or self._done or self._stopping.is_set()
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
        self._buffer.append(_Delivery(message.delivery_tag, message.delivery_info["consumer_tag"], arrived))
        self._arrived.set()

    def _acknowledge(self, channel: Any) -> None:
        while self._done:
            session, tag, all_before = self._done.popleft()
            if session == self._session and self._acknowledged:
                channel.basic_ack(tag, multiple=all_before)

    # The worker's side.

    def work(self) -> None:
        """Runs the worker until stopped."""
        try:
            while not self._stopping.is_set():
                if self._buffer:
                    self._linger()
                    self._work_one_batch()
                    continue
                came = self._arrived.wait(HELD_RETRY_SECONDS if self._held else IDLE_WAIT_SECONDS)
                self._arrived.clear()
                if not came and self._held and not self._stopping.is_set():
                    self._work_one_batch()
        finally:
            self._worker_ended.set()

    def _linger(self) -> None:
        """Gives a batch a moment to fill."""
        if len(self._buffer) < BATCH_LIMIT and not self._stopping.is_set():
            time.sleep(LINGER_SECONDS)

    def _work_one_batch(self) -> None:
        """What is held back goes first: it came first."""
        with self._changing:
            session = self._session
            new = [self._buffer.popleft() for _ in range(min(BATCH_LIMIT, len(self._buffer)))]
            taken, self._held = [*self._held, *new], []
        if not taken:
            return
        self._busy = True
        try:
            batch = Batch(tuple(each.arrived for each in taken), self._is_patient(taken))
            held = self._handle_until_done(batch, session)
            if held is not None:
                self._settle(session, taken, held)
        finally:
            self._busy = False

    def _is_patient(self, taken: Sequence[_Delivery]) -> bool:
        """Whether messages may be held back: not when they have been for long, nor when they fill their queue's
        prefetch, so that what they wait for cannot come."""
        now = time.monotonic()
        step, self._looked_at = min(now - self._looked_at, STEP_SECONDS), now
        held = [each for each in taken if each.waited_seconds is not None]
        longest = None
        for each in held:
            each.waited_seconds = (each.waited_seconds or 0.0) + step
            longest = max(longest or 0.0, each.waited_seconds)
        more_may_come = max(Counter(each.queue for each in held).values(), default=0) < PREFETCH
        lasts = self._acknowledged and self._patience.lasts(longest, more_may_come)
        if held and not lasts:
            _log.warning("waited_in_vain", service=self._service, messages=len(held), more_may_come=more_may_come)
        return lasts

    def _settle(self, session: int, taken: Sequence[_Delivery], held: Sequence[Arrived]) -> None:
        """Acknowledges what had its effect, and keeps what is held back."""
        waiting = {id(each) for each in held}
        kept = [each for each in taken if id(each.arrived) in waiting]
        done = [each for each in taken if id(each.arrived) not in waiting]
        for each in kept:
            each.waited_seconds = each.waited_seconds or 0.0
        with self._changing:
            if session != self._session:
                return
            self._held = kept
            # All that came before the first that is kept was handled, so one acknowledgement covers it.
            first = kept[0].tag if kept else taken[-1].tag + 1
            before = [each.tag for each in done if each.tag < first]
            self._done.extend((session, tag, True) for tag in before[-1:])
            self._done.extend((session, each.tag, False) for each in done if each.tag > first)
        metrics.HELD.labels(self._service).set(len(kept))
        metrics.BATCH_SIZE.labels(self._service).observe(len(done))
        times = [each.arrived.sent_at_ms for each in done]
        observe_handled(self._service, [sent_at_ms for sent_at_ms in times if sent_at_ms is not None])

    def _handle_until_done(self, batch: Batch, session: int) -> Sequence[Arrived] | None:
        """Hands the batch over again and again while it fails; returns the messages that were held back, None when
        the broker will deliver the batch again."""
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            held: Sequence[Arrived] | None = None
            try:
                self._handle(batch)
                held = ()
            except EarlierMissing as missing:
                held = missing.held
                _log.info("held_back", service=self._service, messages=len(held), why=str(missing))
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the batch is kept and tried again
                metrics.PAUSED.labels(self._service).set(1)
                log = _log.warning if is_outage(error) else _log.error
                log("paused", service=self._service, size=len(batch), error=repr(error), retry_seconds=backoff)
            if held is not None:
                metrics.PAUSED.labels(self._service).set(0 if session == self._session else 1)
                return held
            self._stopping.wait(backoff)
            if self._stopping.is_set() or session != self._session or not self._acknowledged:
                return None
            backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)
