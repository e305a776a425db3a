"""nameko extensions that every service needs: its parts, and work that repeats."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

import eventlet
import psycopg
import structlog
from eventlet.event import Event
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import DependencyProvider, Entrypoint

from shared.runtime.health import BOARD
from shared.runtime.logging import get_logger
from shared.runtime.metrics import counter, histogram
from shared.runtime.settings import Settings

MAX_WORKERS = 256
"""So many messages and requests are worked on at once; more wait."""

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

SETTINGS_KEY = "settings"
LOG_FIELDS_KEY = "log_fields"
MAX_BACKOFF_SECONDS = 5.0

_log = get_logger(__name__)
_turns = histogram("doorstep_every_seconds", "Time one turn of a repeated task took", ("task",))
_failures = counter("doorstep_every_failures", "Turns of a repeated task that failed", ("task",))


class Parts(DependencyProvider, Generic[T]):
    """Gives the service what `build(settings)` made, once per process: `parts = Parts(build)`.

    `self.parts` is then of the type that `build` returns. Its `close()`, when it has one, is called at the end.
    """

    def __init__(self, build: Callable[[Settings], T]) -> None:
        self._build = build
        self.value: T | None = None

    @overload
    def __get__(self, instance: None, owner: type) -> "Parts[T]": ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> "Parts[T] | T":
        if instance is None:
            return self
        # nameko puts the value into the instance itself, which then hides this descriptor.
        raise AttributeError(f"{owner.__name__} has not been started by nameko: it has no parts yet")

    def setup(self) -> None:
        self.value = self._build(self.container.config[SETTINGS_KEY])

    def get_dependency(self, worker_ctx: Any) -> T | None:  # noqa: ARG002 - nameko's signature
        return self.value

    def worker_setup(self, worker_ctx: Any) -> None:
        # Each worker is a greenlet with a context of its own: what its log lines must carry is bound here.
        structlog.contextvars.bind_contextvars(**worker_ctx.data.get(LOG_FIELDS_KEY, {}))

    def stop(self) -> None:
        self._close()

    def kill(self) -> None:
        self._close()

    def _close(self) -> None:
        value, self.value = self.value, None
        close = getattr(value, "close", None)
        if close is not None:
            close()


def parts_of(container: Any) -> Any:
    """The parts of the service that a nameko container runs."""
    for provider in container.dependencies:
        if isinstance(provider, Parts):
            return provider.value
    raise LookupError(f"{container.service_cls.__name__} declares no parts = Parts(build)")


class Every(Entrypoint):
    """Runs a method again and again in one greenthread, never two turns at once."""

    logs_its_failures = True

    def __init__(self, seconds: float) -> None:
        if seconds <= 0:
            raise ValueError("every() needs a time above 0 seconds")
        self.seconds = seconds
        self._stopping: Event | None = None
        self._thread: Any = None
        self._failures_in_a_row = 0
        super().__init__()

    def start(self) -> None:
        self._stopping = Event()
        self._thread = self.container.spawn_managed_thread(self._run, identifier=f"every {self.method_name}")

    def stop(self) -> None:
        if self._thread is not None and self._stopping is not None:
            self._stopping.send(True)
            self._thread.wait()

    def kill(self) -> None:
        if self._thread is not None:
            self._thread.kill()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped_within(pause):
            pause = self._turn()

    def _stopped_within(self, seconds: float) -> bool:
        if self._stopping is None:
            return True
        if seconds > 0:
            with eventlet.Timeout(seconds, False):
                self._stopping.wait()
        else:
            eventlet.sleep(0)
        return bool(self._stopping.ready())

    def _turn(self) -> float:
        """Runs the method once; the seconds to wait before the next turn."""
        done = Event()

        def keep(_worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done.send((result, exc_info))
            return result, exc_info

        try:
            with _turns.labels(self.method_name).time():
                self.container.spawn_worker(self, (), {}, handle_result=keep)
                result, exc_info = done.wait()
        except ContainerBeingKilled:
            return MAX_BACKOFF_SECONDS
        if exc_info is not None:
            return self._failed(exc_info)
        self._failures_in_a_row = 0
        BOARD.well(self.method_name)
        return 0.0 if isinstance(result, int) and result > 0 else self.seconds

    def _failed(self, exc_info: Any) -> float:
        self._failures_in_a_row += 1
        backoff = min(MAX_BACKOFF_SECONDS, max(self.seconds, 0.05) * 2 ** min(self._failures_in_a_row, 10))
        error = exc_info[1]
        outage = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | ConnectionError)
        _failures.labels(self.method_name).inc()
        BOARD.ill(self.method_name, type(error).__name__)
        _log.warning(
            "task_failed",
            task=self.method_name,
            failures_in_a_row=self._failures_in_a_row,
            again_in_seconds=round(backoff, 2),
            error=f"{type(error).__name__}: {error}",
            exc_info=None if outage else exc_info,
        )
        return backoff


def every(seconds: float) -> Callable[[F], F]:
    """Runs the method every `seconds` of wall time; a returned int above 0 means "more to do": at once again.

    While it raises, it is tried again ever more slowly (at most every 5 seconds), and the process says that it is not
    ready once that has lasted 15 seconds.
    """
    decorate: Callable[[F], F] = Every.decorator(seconds)
    return decorate
