"""Decides how long a subscription waits for messages that the broker owes it, so that nobody waits for ever."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 15.0
"""A broker that was killed finds out who is gone, and delivers again what they held: six seconds were seen."""
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

    def lasts(self, waiting_since: float | None, more_may_come: bool) -> bool:
        """Whether messages may wait for earlier ones, as some do since `waiting_since`; once not, not for a while."""
        now = self._clock()
        if now < self._spent_until:
            return False
        if waiting_since is None or (more_may_come and now - waiting_since < PATIENCE_SECONDS):
            return True
        self._spent_until = now + PAUSE_SECONDS
        return False
