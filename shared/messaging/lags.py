"""How long events wait at each step to a consumer: the figures by which an operator sees where they are held up."""

import time
from collections import deque
from datetime import UTC, datetime

from shared.eventstore.sequencer import Placed
from shared.kernel.clock import VirtualClock
from shared.messaging import metrics

SENT_AT_HEADER = "sentatms"
"""Unix milliseconds at which a message was handed to the broker, told again when it is sent again."""

REMEMBERED = 10_000


class TailLags:
    """What one service's tail measures: append to log, and log to confirm.

    The times of events are the platform's, whose clock may run faster than the wall: `clock` turns them into seconds.
    """

    def __init__(self, service: str, position: int, clock: VirtualClock | None = None) -> None:
        self._sequenced = metrics.SEQUENCE_LAG_SECONDS.labels(service)
        self._confirmed = metrics.RELAY_LAG_SECONDS.labels(service)
        self._position = metrics.LOG_POSITION.labels(service)
        self._clock = clock
        self._waiting: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)
        # What a former leader left behind waits, as far as we know, since now.
        self._waiting.append((position, time.monotonic()))
        self._position.set(position)

    def placed(self, placed: Placed) -> None:
        """The sequencer's turn has committed."""
        self._sequenced.observe(max(0.0, self._since(placed.oldest)))
        self._position.set(placed.position)
        self._waiting.append((placed.position, time.monotonic()))

    def confirmed(self, position: int) -> None:
        """Everything up to here is with the broker."""
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= position:
            self._confirmed.observe(now - self._waiting.popleft()[1])

    def _since(self, moment: datetime) -> float:
        if self._clock is None:
            return (datetime.now(UTC) - moment).total_seconds()
        return self._clock.real_seconds(self._clock.now() - moment)


def sent_at_ms() -> int:
    """What `SENT_AT_HEADER` says of a message that is sent now."""
    return int(time.time() * 1000)


def observe_handled(service: str, sent_at: list[int]) -> None:
    """The effects of messages that were sent at these times have been committed."""
    now, seconds = sent_at_ms(), metrics.HANDLE_LAG_SECONDS.labels(service)
    for each in sent_at:
        seconds.observe(max(0, now - each) / 1000)
