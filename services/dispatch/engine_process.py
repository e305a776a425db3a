"""Runs the engine in a process of its own, without eventlet: no gateway ever waits while it thinks.

Any number of them may run; the one with the session advisory lock decides, the others stand by.
"""

import threading
import time
from dataclasses import dataclass

import psycopg
from prometheus_client import start_http_server

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.dispatching import warm_up
from services.dispatch.engine_turn import Engine
from services.dispatch.engine_ways import LearnedWays, WaysSource
from services.dispatch.policy_desk import LOOK_EVERY_SECONDS, PolicyDesk
from shared.eventstore.connecting import Connection, connect, is_alive
from shared.eventstore.postgres import PostgresStore
from shared.runtime.garbage import set_aside_what_stays
from shared.runtime.logging import get_logger
from shared.runtime.metrics import REGISTRY, counter, gauge
from shared.runtime.settings import Address, Settings

POLL_SECONDS = 0.05
STANDBY_SECONDS = 0.5
AT_ONCE_EVERY_SECONDS = 0.25
"""Turns out of turn are so far apart at least: what fits in no picture is no reason to think all the time."""
MAX_BACKOFF_SECONDS = 5.0
_LEAD = "SELECT pg_try_advisory_lock(hashtextextended('doorstep.dispatch.engine', 0)) AS leads"

_log = get_logger(__name__)
_leader = gauge("doorstep_engine_leader", "1 while this engine decides, 0 while it stands by")
_failures = counter("doorstep_engine_failures", "Turns that failed and were tried again", ("kind",))


@dataclass(slots=True)
class Leadership:
    """The lock that lets one engine decide. It goes with the connection: a dead leader keeps nobody waiting."""

    dsn: str
    _connection: Connection | None = None

    def held(self) -> bool:
        """Whether this process leads by now; tries to when nobody does."""
        if self._connection is not None and is_alive(self._connection):
            return True
        self.give_up()
        connection = connect(self.dsn)
        row = connection.execute(_LEAD).fetchone()
        if row is None or not row["leads"]:
            connection.close()
            return False
        self._connection = connection
        return True

    def give_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def run_engine(settings: Settings, stop: threading.Event, metrics: Address | None = None) -> None:
    """Turns until `stop` is set: every `engine_turn_seconds`, and at once when there is something new that waits."""
    if metrics is not None:
        start_http_server(metrics.port, metrics.host, registry=REGISTRY)
    started = time.monotonic()
    warm_up()
    set_aside_what_stays()
    _log.info("engine_ready", compiled_in_seconds=round(time.monotonic() - started, 2))
    store = PostgresStore(settings.postgres_url, settings.master_key, settings.clock, pool_size=2)
    leadership = Leadership(settings.postgres_url)
    ways = LearnedWays(store, settings.osrm_url)
    try:
        _Loop(settings, store, ways, leadership, stop).run()
    finally:
        _leader.set(0)
        leadership.give_up()
        ways.close()
        store.close()


class _Loop:
    def __init__(
        self,
        settings: Settings,
        store: PostgresStore,
        ways: WaysSource,
        leadership: Leadership,
        stop: threading.Event,
    ) -> None:
        self._clock = settings.clock
        self._stop = stop
        self._leadership = leadership
        self._desk = PolicyDesk(store, settings.policy(DispatchPolicy))
        self._engine = Engine(store, self._desk.current, ways)
        self._looked = 0.0
        self._turned: float | None = None
        self._rested_at = 0.0

    def run(self) -> None:
        """An outage of the database pauses it; it goes on by itself."""
        backoff = POLL_SECONDS
        while not self._stop.is_set():
            try:
                pause = self._step()
                backoff = POLL_SECONDS
            except psycopg.Error as error:
                _failures.labels("database").inc()
                _log.warning("engine_waits_for_the_database", kind=type(error).__name__)
                pause = backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)
            self._stop.wait(pause)

    def _step(self) -> float:
        leads = self._leadership.held()
        _leader.set(leads)
        if not leads:
            return STANDBY_SECONDS
        self._look_at_policies()
        now = self._clock.now()
        due = self._turned is None or now.timestamp() - self._turned >= self._turn_seconds()
        if due or self._is_wanted_at_once():
            self._turned = now.timestamp()
            self._engine.take_turn(now)
            self._rested_at = time.monotonic() + AT_ONCE_EVERY_SECONDS
        return POLL_SECONDS

    def _is_wanted_at_once(self) -> bool:
        rested = time.monotonic() >= self._rested_at
        return rested and not self._engine.holds and self._engine.wanted_at_once()

    def _turn_seconds(self) -> float:
        return self._engine.turn_seconds(self._clock.now())

    def _look_at_policies(self) -> None:
        if time.monotonic() - self._looked >= LOOK_EVERY_SECONDS:
            self._looked = time.monotonic()
            self._desk.look()
