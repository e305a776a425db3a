"""What the process knows of its own health, so that `/health/ready` can tell it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

GRACE_SECONDS = 15.0
"""A loop may fail this long (a restarting backend) before the process calls itself not ready."""


@dataclass(slots=True)
class _Loop:
    failing_since: float | None = None
    sentence: str = ""


class HealthBoard:
    """The loops of a process and since when each has been failing."""

    def __init__(self) -> None:
        self._loops: dict[str, _Loop] = {}
        self._watched: dict[str, Callable[[], bool]] = {}

    def watch(self, name: str, is_well: Callable[[], bool]) -> None:
        """Something whose condition is told, without deciding whether the process can serve."""
        self._watched[name] = is_well

    def conditions(self) -> dict[str, str]:
        """How what is watched fares now."""
        return {name: "ok" if is_well() else "waiting" for name, is_well in self._watched.items()}

    def well(self, loop: str) -> None:
        """The loop's last turn succeeded."""
        self._loops[loop] = _Loop()

    def ill(self, loop: str, sentence: str) -> None:
        """The loop's last turn failed; `sentence` must hold no secret."""
        known = self._loops.setdefault(loop, _Loop())
        known.failing_since = known.failing_since or time.monotonic()
        known.sentence = sentence

    def faults(self) -> dict[str, str]:
        """The loops that have been failing for longer than the grace, and why."""
        now = time.monotonic()
        return {
            name: loop.sentence
            for name, loop in self._loops.items()
            if loop.failing_since is not None and now - loop.failing_since > GRACE_SECONDS
        }


BOARD = HealthBoard()
