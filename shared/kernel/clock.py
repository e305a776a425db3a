"""Time as a value that is handed in, so that a lunch peak can pass in minutes and a test in no time at all."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the platform's time (timezone-aware, UTC)."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class VirtualClock:
    """Wall time, `speed` times as fast since `started_unix` (seconds), from `epoch`. Speed 1 is real time.

    Every process that is given the same three figures tells the same time.
    """

    speed: float
    started_unix: float
    epoch: datetime

    def now(self) -> datetime:
        return self.epoch + timedelta(seconds=(time.time() - self.started_unix) * self.speed)

    def real_seconds(self, virtual: timedelta) -> float:
        """How long a span of the platform's time takes on the wall, in seconds."""
        return virtual.total_seconds() / self.speed


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that moves only when told to; for tests and replays."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, span: timedelta) -> None:
        self.at += span
