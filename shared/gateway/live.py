"""Fans a service's log out to its live pages: one reader of the database, however many pages watch.

It is written with plain threads, which are greenthreads in a service: the tail builds a service's parts too, and must
not load eventlet for it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Store
from shared.runtime.logging import get_logger
from shared.runtime.metrics import counter, gauge

IDLE_SECONDS = 2.0
MAX_WAITING_EVENTS = 1_000
PAGE = 500

_log = get_logger(__name__)
_subscribers = gauge("doorstep_live_subscribers", "Live pages that are connected")
_dropped = counter("doorstep_live_dropped", "Live pages that were disconnected, and why", ("reason",))

Wanted = Callable[[StoredEvent], bool]


class Subscription:
    """The events that one page wants, oldest first, from a known position on.

    Iterating yields a stored event, or None after some seconds without one. The iteration ends when the page is too
    slow or the log cannot be read; the page then comes back with its last event id and misses nothing.
    """

    def __init__(self, broadcast: "LogBroadcast", wanted: Wanted, after_position: int | None) -> None:
        self._broadcast = broadcast
        self._wanted = wanted
        self._waiting: deque[StoredEvent] = deque()
        self._signal = threading.Event()
        self._ended = False
        self.joined_at = broadcast.join(self)
        """What is later than this position in the log arrives live."""
        self.position = self.joined_at if after_position is None else min(after_position, self.joined_at)
        """Up to here this subscriber has seen the log; the id for a snapshot taken after subscribing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broadcast.leave(self)
        self.end()

    def __iter__(self) -> Iterator[StoredEvent | None]:
        yield from self._catch_up()
        while True:
            while self._waiting:
                event = self._waiting.popleft()
                self.position = event.position
                yield event
            if self._ended:
                return
            if not self._signal.wait(IDLE_SECONDS):
                yield None
            self._signal.clear()

    def offer(self, event: StoredEvent) -> None:
        """Called by the broadcast with each new event of the log; never blocks."""
        try:
            if self._ended or not self._wanted(event):
                return
        except Exception:  # noqa: BLE001 - one page's faulty filter must not stop the others
            _log.error("live_filter_failed", event_type=event.type, exc_info=True)
            _dropped.labels("filter").inc()
            self.end()
            return
        if len(self._waiting) >= MAX_WAITING_EVENTS:
            _dropped.labels("slow").inc()
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(event)
        self._signal.set()

    def end(self) -> None:
        """No more events will come."""
        self._ended = True
        self._signal.set()

    def _catch_up(self) -> Iterator[StoredEvent | None]:
        while self.position < self.joined_at:
            page = self._broadcast.read(self.position)
            if not page:
                return
            for event in page:
                if event.position > self.joined_at:
                    return
                self.position = event.position
                if self._wanted(event):
                    yield event
            # A long catch-up is a sign of life too.
            yield None


class LogBroadcast:
    """Reads the log of a store once per process for all live pages, and only while there are any."""

    def __init__(self, store: Store, poll_seconds: float = 0.05) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._position = 0
        self._thread: threading.Thread | None = None

    def subscribe(self, wanted: Wanted, after_position: int | None = None) -> Subscription:
        """`with broadcast.subscribe(lambda e: …, after_position) as events: for event in events: …`

        `after_position` None means from now on. `wanted` must be quick and do no I/O. Take a snapshot after
        subscribing, not before, and nothing falls between the two.
        """
        return Subscription(self, wanted, after_position)

    def join(self, subscription: Subscription) -> int:
        """Adds a subscriber; the position after which events reach it live."""
        with self._lock:
            idle = self._thread is None
            if idle:
                self._position = self._store.log_position()
            self._subscriptions.add(subscription)
            _subscribers.set(len(self._subscriptions))
            if idle:
                self._thread = threading.Thread(target=self._tail, name="live log", daemon=True)
                self._thread.start()
            return self._position

    def leave(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        _subscribers.set(len(self._subscriptions))

    def read(self, after_position: int) -> list[StoredEvent]:
        """A page of the log, for a subscriber that catches up."""
        return self._store.log_after(after_position, PAGE)

    def close(self) -> None:
        """Ends every subscription; the pages come back to the next process."""
        for subscription in list(self._subscriptions):
            subscription.end()

    def _tail(self) -> None:
        try:
            while self._wanted():
                page = self._store.log_after(self._position, PAGE)
                for event in page:
                    self._position = event.position
                    for subscription in list(self._subscriptions):
                        subscription.offer(event)
                time.sleep(0 if len(page) == PAGE else self._poll_seconds)
        except Exception:  # noqa: BLE001 - logged; the pages are told by the end of their streams, and come back
            _log.warning("live_log_unreadable", exc_info=True)
            _dropped.labels("log").inc(len(self._subscriptions))
            with self._lock:
                self._thread = None
                self.close()
                self._subscriptions.clear()

    def _wanted(self) -> bool:
        """Whether anybody listens; when nobody does the reader ends, and the next to join starts another."""
        with self._lock:
            if not self._subscriptions:
                self._thread = None
            return self._thread is not None
