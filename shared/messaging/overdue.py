"""Tells a broker that is gone from one that is slow or full: leaving a slow one would only add to its load."""

SILENCE_SECONDS = 10.0
LATEST_CONFIRM_SECONDS = 60.0


class Overdue:
    """When the broker of one connection owes a confirm for too long; all times are the caller's, in seconds.

    A broker under load confirms late, but it confirms something. One that is short of memory or disk says so and then
    reads nothing: it owes nothing until it says that it has room again.
    """

    def __init__(self) -> None:
        self.blocked = False
        self._heard_at = 0.0
        self._unblocked_at = 0.0

    def heard(self, now: float) -> None:
        """A confirm came, or a refusal."""
        self._heard_at = now

    def block(self) -> None:
        """The broker takes nothing from now on."""
        self.blocked = True

    def unblock(self, now: float) -> None:
        """The broker has room again."""
        self.blocked = False
        self._unblocked_at = now

    def reason(self, oldest_sent_at: float | None, now: float) -> str | None:
        """Why the connection should be given up, None while there is hope; `oldest_sent_at` of the unconfirmed."""
        if self.blocked or oldest_sent_at is None:
            return None
        owed_since = max(oldest_sent_at, self._unblocked_at)
        if now - max(owed_since, self._heard_at) >= SILENCE_SECONDS:
            return f"no confirm in {SILENCE_SECONDS} s"
        if now - owed_since >= LATEST_CONFIRM_SECONDS:
            return f"a message without its confirm for {LATEST_CONFIRM_SECONDS} s"
        return None
