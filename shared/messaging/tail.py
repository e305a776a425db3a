"""Sequences and publishes: one process beside the services, without eventlet, for one service or for all of them.

Each service has a thread with an I/O loop of its own, so that one that stalls holds up no other. Of several tails of
a service the one with the session advisory lock works, the others stand by.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from pika.adapters.select_connection import IOLoop
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from shared.eventstore.codec import Codec
from shared.eventstore.connecting import Connection, connect, is_alive
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer, try_lead
from shared.kernel.clock import VirtualClock
from shared.messaging import metrics
from shared.messaging.lags import TailLags
from shared.messaging.outbox import Bookmark, Outbox, Unpublishable
from shared.messaging.outgoing import Outbound
from shared.messaging.relay import Relay
from shared.messaging.window import Window

BUSY_POLL_SECONDS = 0.01
IDLE_POLL_SECONDS = 0.05
STANDBY_POLL_SECONDS = 0.5
READ_LIMIT = 200
LOOK_AGAIN_SECONDS = 1.0
STALL_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 5.0
DRAIN_SECONDS = 2.0
CLOSE_SECONDS = 0.2
STOP_SECONDS = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TailSpec:
    """What sequencing and publishing one service takes.

    `master_key` (bytes or base64) opens sealed fields for private messages; DOORSTEP_MASTER_KEY when not given.
    """

    service: str
    postgres_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    codecs: Sequence[Codec[Any]]
    outbound: Outbound
    master_key: bytes | str | None = field(default=None, repr=False)
    clock: VirtualClock | None = None
    """Whose times the events carry; the machine's own when not given."""


def run_tail(
    services: Sequence[TailSpec],
    stop: threading.Event | None = None,
    metrics_address: tuple[str, int] | None = None,
) -> None:
    """Runs until SIGTERM or SIGINT (when called in the main thread) or until `stop` is set.

    Raises RuntimeError when a tail ended by a bug, so that whoever supervises the process starts it again.
    """
    stop = stop or threading.Event()
    # It writes a stack trace for every lost connection; the relay says the same in one line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    if metrics_address is not None:
        start_http_server(metrics_address[1], metrics_address[0], registry=_registry_of_a_process())
    tails = [_Tail(spec, stop) for spec in services]
    signals = {signal.SIGTERM, signal.SIGINT}
    in_main = threading.current_thread() is threading.main_thread()
    # Blocked and waited for, not handled: a handler could not set an event that the main thread waits for.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals) if in_main else set()
    try:
        for tail in tails:
            tail.start()
        while not stop.is_set():
            if not in_main:
                stop.wait()
            elif signal.sigtimedwait(signals, 0.5) is not None:
                stop.set()
        for tail in tails:
            tail.join(STOP_SECONDS)
    finally:
        stop.set()
        if in_main:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    broken = [tail.name for tail in tails if tail.broken or tail.is_alive()]
    if broken:
        raise RuntimeError(f"ended by an error, or not at all: {', '.join(broken)}")


def _registry_of_a_process() -> CollectorRegistry:
    """What messaging measures, and what the process itself needs of memory and processor."""
    registry = CollectorRegistry()
    registry.register(metrics.REGISTRY)
    ProcessCollector(registry=registry)
    return registry


class _Tail(threading.Thread):
    """One service's thread: tries to lead, and leads."""

    def __init__(self, spec: TailSpec, stop: threading.Event) -> None:
        super().__init__(name=f"{spec.service}.tail", daemon=True)
        self.broken = False
        self._spec = spec
        self._stop_asked = stop
        self._loop = IOLoop()
        self._store = PostgresStore(
            spec.postgres_url, spec.master_key or os.environ["DOORSTEP_MASTER_KEY"], pool_size=2
        )
        self._outbox = Outbox(self._store, spec.codecs, spec.outbound)
        self._lead: _Lead | None = None
        self._standby: Connection | None = None
        self._backoff = IDLE_POLL_SECONDS
        self._drain_until: float | None = None

    def run(self) -> None:
        try:
            self._loop.call_later(0, self._turn)
            self._loop.start()
        except BaseException:
            self.broken = True
            _log.exception("tail_broken", service=self._spec.service)
            self._stop_asked.set()
            raise
        finally:
            self._step_down()
            if self._standby is not None:
                self._standby.close()
            self._store.close()

    def _turn(self) -> None:
        try:
            delay = self._step()
            self._backoff = IDLE_POLL_SECONDS
        except Exception as error:  # noqa: BLE001 - an outage or a bug: either way stand back and try again
            self._step_down()
            self._backoff = delay = min(self._backoff * 2, MAX_BACKOFF_SECONDS)
            _log.warning("tail_paused", service=self._spec.service, error=repr(error), retry_seconds=delay)
        if delay is None:
            self._step_down()
            self._loop.call_later(CLOSE_SECONDS, self._loop.stop)
        else:
            self._loop.call_later(delay, self._turn)

    def _step(self) -> float | None:
        """One turn; returns in how many seconds the next is due, None for never."""
        if self._stop_asked.is_set():
            return self._finish()
        if self._lead is None:
            if self._standby is None or not is_alive(self._standby):
                self._standby = connect(self._spec.postgres_url)
            if not try_lead(self._standby, self._spec.service):
                return STANDBY_POLL_SECONDS
            connection, self._standby = self._standby, None
            self._lead = _Lead(self._spec, connection, self._outbox, self._loop)
        return self._lead.work()

    def _finish(self) -> float | None:
        """Waits, bounded, for the confirms of what was sent."""
        if self._lead is None:
            return None
        now = time.monotonic()
        if self._drain_until is None:
            self._drain_until = now + DRAIN_SECONDS
        if self._lead.drained() or now > self._drain_until:
            self._lead.save()
            return None
        return BUSY_POLL_SECONDS

    def _step_down(self) -> None:
        lead, self._lead = self._lead, None
        if lead is not None:
            lead.close()


class _Lead:
    """What the leader does in a turn: sequence, read, send, remember."""

    def __init__(self, spec: TailSpec, connection: Connection, outbox: Outbox, loop: Any) -> None:
        self._service = spec.service
        self._connection = connection
        self._outbox = outbox
        self._bookmark = Bookmark(connection)
        self._sequencer = Sequencer(spec.postgres_url)
        self._window = Window(self._bookmark.position)
        self._lags = TailLags(spec.service, outbox.log_position(), spec.clock)
        self._relay = Relay(spec.service, spec.amqp_url, loop, self._window)
        self._behind = True
        self._looked_at = time.monotonic()
        self._stalled_until = 0.0
        self._delay = BUSY_POLL_SECONDS
        self._relay.open()
        metrics.TAIL_LEADER.labels(self._service).set(1)
        _log.info("leading", service=self._service, position=self._bookmark.position)

    def work(self) -> float:
        """One turn; returns in how many seconds the next is due."""
        self._look()
        placed = self._sequencer.tick()
        if placed and self._sequencer.last is not None:
            self._lags.placed(self._sequencer.last)
        self._behind = self._behind or placed > 0
        if self._behind and self._relay.up and self._window.room:
            self._fill()
        self._relay.pump()
        self._relay.check_confirms()
        self._bookmark.save(self._window.position)
        self._lags.confirmed(self._window.position)
        metrics.RELAY_POSITION.labels(self._service).set(self._window.position)
        if placed or (self._relay.flowing and self._window.pending):
            self._delay = BUSY_POLL_SECONDS
        else:
            self._delay = min(self._delay * 1.5, IDLE_POLL_SECONDS)
        return self._delay

    def drained(self) -> bool:
        """Sends nothing more; True once nothing is unconfirmed."""
        self._relay.drain()
        return self._window.in_flight == 0

    def save(self) -> None:
        self._bookmark.save(self._window.position, at_once=True)

    def close(self) -> None:
        """Gives the lock back and leaves the broker."""
        metrics.TAIL_LEADER.labels(self._service).set(0)
        self._relay.close()
        self._sequencer.close()
        self._connection.close()

    def _look(self) -> None:
        """Now and then: is the lock still ours, and is there something in the log that nobody told us of?"""
        now = time.monotonic()
        if now - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        self._looked_at = now
        self._behind = True
        if not is_alive(self._connection):
            raise LeadLost("the connection that holds the lock is gone")

    def _fill(self) -> None:
        if time.monotonic() < self._stalled_until:
            return
        try:
            publications = self._outbox.read(self._window.last_added, READ_LIMIT)
        except Unpublishable as error:
            self._stalled_until = time.monotonic() + STALL_SECONDS
            metrics.RELAY_STALLED.labels(self._service).set(1)
            _log.error("relay_stalled", service=self._service, error=str(error), exc_info=error)
            return
        metrics.RELAY_STALLED.labels(self._service).set(0)
        for publication in publications:
            self._window.add(publication.position, publication.wires)
        # Fewer than asked for is the end of the log, or an event that cannot be published: looked at again soon.
        self._behind = len(publications) == READ_LIMIT


class LeadLost(Exception):
    """Another tail may lead now."""
