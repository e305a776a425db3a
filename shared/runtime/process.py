"""Runs one service in this process; the only place that patches the standard library for eventlet.

Import this module before anything that opens a socket or imports psycopg: what it patches must not be in use yet.
"""

import os
import signal
import time
from types import FrameType
from typing import Any

import eventlet

eventlet.monkey_patch()
# psycopg reads this when it is first imported. Its own C wait function would stop every other greenthread for as long
# as a query runs (ten queries of 0.5 s took 5.06 s instead of 0.56 s).
os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_selector")

import psycopg.waiting  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from shared.runtime.extensions import MAX_WORKERS, SETTINGS_KEY  # noqa: E402
from shared.runtime.garbage import set_aside_what_stays  # noqa: E402
from shared.runtime.hub_waiting import wait_in_hub  # noqa: E402
from shared.runtime.logging import configure_logging, get_logger  # noqa: E402
from shared.runtime.metrics import gauge, histogram  # noqa: E402
from shared.runtime.settings import Settings  # noqa: E402
from shared.runtime.tracing import configure_tracing  # noqa: E402

# Only in the place of the cooperative one: whatever else psycopg chose means that it was imported too early.
if psycopg.waiting.wait is psycopg.waiting.wait_selector:
    psycopg.waiting.wait = wait_in_hub

STOP_SECONDS = 10.0
HUB_PROBE_SECONDS = 0.1
HUB_LAG_BUDGET_SECONDS = 0.05
_HUB_WARNING_EVERY_SECONDS = 10.0

_log = get_logger(__name__)
_hub_lag = histogram(
    "doorstep_hub_lag_seconds",
    "How late the event loop woke a sleeper: what every request waited beside its own work",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
_started = gauge("doorstep_process_started_unix_seconds", "When this process began to serve", ("service",))


class UnsafeRuntime(RuntimeError):
    """This process would freeze under load; it refuses to start."""


def check_runtime() -> None:
    """Raises UnsafeRuntime unless the standard library is patched and psycopg waits the cooperative way."""
    for module in ("socket", "select", "thread", "time"):
        if not eventlet.patcher.is_monkey_patched(module):
            raise UnsafeRuntime(f"the standard library's {module} is not patched by eventlet")
    waits_by: Any = psycopg.waiting.wait
    if waits_by is not wait_in_hub:
        raise UnsafeRuntime(
            f"psycopg waits by {waits_by.__name__}, which blocks every greenthread: set "
            "PSYCOPG_WAIT_FUNC=wait_selector before psycopg is imported"
        )


def nameko_config(settings: Settings) -> dict[str, Any]:
    """What nameko's containers and our extensions read."""
    return {
        "WEB_SERVER_ADDRESS": str(settings.http),
        "max_workers": MAX_WORKERS,
        SETTINGS_KEY: settings,
    }


def serve(service_class: type, settings: Settings) -> None:
    """Runs the service until SIGTERM or SIGINT, then lets requests and turns in hand end (at most 10 s)."""
    check_runtime()
    configure_logging(settings.service, settings.log_level)
    stop_tracing = configure_tracing(settings.service, settings.traces)
    runner = ServiceRunner(nameko_config(settings))
    runner.add_service(service_class)
    stopping = _stop_on_signals(runner)
    eventlet.spawn_n(watch_hub)
    runner.start()
    set_aside_what_stays()
    _started.labels(settings.service).set(time.time())
    _log.info("service_started", http=str(settings.http), clock_speed=settings.clock.speed)
    # A signal interrupts whatever the main greenlet waits for, so that the waiting is done in another one.
    waiting = eventlet.spawn(runner.wait)
    while True:
        try:
            waiting.wait()
        except InterruptedError:
            continue
        break
    stop_tracing()
    _log.info("service_stopped", asked=stopping.asked)


class _Stopping:
    """Whether somebody asked the process to stop."""

    asked = False


def _stop_on_signals(runner: Any) -> _Stopping:
    stopping = _Stopping()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Signal handlers run in the hub and may not wait: the work is handed to a greenthread.
        if not stopping.asked:
            stopping.asked = True
            eventlet.spawn_n(runner.stop)
            eventlet.spawn_after(STOP_SECONDS, runner.kill)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def watch_hub() -> None:
    """Measures for ever how late the hub wakes a sleeper; says so when it is over budget."""
    warned_at = float("-inf")
    while True:
        due = time.monotonic() + HUB_PROBE_SECONDS
        eventlet.sleep(HUB_PROBE_SECONDS)
        lag = max(0.0, time.monotonic() - due)
        _hub_lag.observe(lag)
        if lag > HUB_LAG_BUDGET_SECONDS * 5 and due - warned_at > _HUB_WARNING_EVERY_SECONDS:
            warned_at = due
            _log.warning("hub_lagged", lag_ms=round(lag * 1000), budget_ms=HUB_LAG_BUDGET_SECONDS * 1000)
