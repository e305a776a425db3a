"""Decides how long a subscription waits for messages that the broker owes it, so that nobody waits for ever."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 15.0
"""A broker that was killed finds out who is gone, and delivers again what they held: six seconds were seen."""
STEP_SECONDS = 1.0
"""The longest time between two looks that counts as waiting: who was frozen, or had no database, did not wait."""
PAUSE_SECONDS = 60.0
"""After waiting in vain: whoever subscribes in the middle of many streams is not slowed by each of them."""


class Patience:
    """One subscription's; new with every connection."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent_until = clock()

    def renew(self) -> None:
        """The connection fell: what its messages waited for may come with them."""
        self._spent_until = self._clock()

    def lasts(self, waited_seconds: float | None, more_may_come: bool) -> bool:
        """Whether messages may wait for earlier ones, as some have for so long (None: none has); once not, not for a
        while."""
        now = self._clock()
        if now < self._spent_until:
            return False
        if waited_seconds is None or (more_may_come and waited_seconds < PATIENCE_SECONDS):
            return True
        self._spent_until = now + PAUSE_SECONDS
        return False
