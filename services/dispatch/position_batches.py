"""Gathers what devices send at the same time into one transaction, because a transaction each is what would be dear.

A report is answered when its positions are committed. Whoever comes while nobody writes is the one who writes, for
all who came meanwhile; the next is the first who came while he wrote. So nobody waits when there is little to do, and
the batches grow by themselves when there is much.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from services.dispatch.application import perform
from services.dispatch.domain.delivery.commands import NoteArrival
from services.dispatch.domain.policy import PolicySource
from services.dispatch.domain.positions import Position
from services.dispatch.doors import Doors
from services.dispatch.telling import Telling
from services.dispatch.tracking import Following, Report, Tracked, track_all
from shared.eventstore.model import Context
from shared.eventstore.ports import Store
from shared.kernel.errors import DomainError, StaleVersion
from shared.runtime.logging import get_logger
from shared.runtime.metrics import counter, histogram

APART_SECONDS = 0.025
"""Batches begin at least so far apart: forty small transactions a second, however many devices there are."""
MOST_REPORTS = 200
MOST_WAITING = 2_000
ACTOR = "system:geofence"

_log = get_logger(__name__)
_positions = counter("doorstep_positions", "Positions that devices sent, by what became of them", ("verdict",))
_seconds = histogram("doorstep_position_batch_seconds", "Time one transaction of positions took")
_sizes = histogram("doorstep_position_batch_size", "Reports in one transaction", (), (1, 2, 5, 10, 20, 50, 100, 200))


class TooManyWaiting(ConnectionError):
    """More reports wait than can be written in time; a device sends them again, they are not lost."""


@dataclass(slots=True)
class _Waiting:
    """A report on its way; `leads`: its thread is to write the next batch."""

    report: Report
    woken: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    answer: Tracked | BaseException | None = None


class PositionBatches:
    """One a process. Threads are greenthreads in a service."""

    def __init__(self, store: Store, policy: Callable[[], PolicySource], telling: Telling) -> None:
        self._store = store
        self._policy = policy
        self._telling = telling
        self._doors = Doors()
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._writing = False
        self._began_at = 0.0

    def report(self, rider_id: str, positions: Sequence[Position], context: Context) -> Tracked:
        """Judges and keeps positions of one rider; returns when that is committed.

        Raises RiderNotFound, TooManyWaiting, and what the database raises.
        """
        mine = self._join(Report(rider_id, positions, context.now))
        while mine.answer is None:
            if not mine.leads:
                mine.woken.wait()
                mine.woken.clear()
            if mine.leads:
                mine.leads = False
                self._lead()
        if isinstance(mine.answer, BaseException):
            raise mine.answer
        tracked = mine.answer
        _count(tracked)
        for command in tracked.following:
            self._follow(command, context)
        self._telling.tell(rider_id, tracked, context.actor)
        return tracked

    def _join(self, report: Report) -> _Waiting:
        mine = _Waiting(report)
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise TooManyWaiting("too many positions wait to be written")
            self._waiting.append(mine)
            if not self._writing:
                self._writing = mine.leads = True
        return mine

    def _lead(self) -> None:
        batch: list[_Waiting] = []
        try:
            time.sleep(max(0.0, self._began_at + APART_SECONDS - time.monotonic()))
            self._began_at = time.monotonic()
            with self._lock:
                batch = [self._waiting.popleft() for _ in range(min(MOST_REPORTS, len(self._waiting)))]
            self._write(batch)
        finally:
            self._hand_on(batch)

    def _hand_on(self, batch: Sequence[_Waiting]) -> None:
        """Wakes those who were written, and who writes next; also when this thread is being ended."""
        with self._lock:
            heir = self._waiting[0] if self._waiting else None
            self._writing = heir is not None
        if heir is not None:
            heir.leads = True
            heir.woken.set()
        for each in batch:
            each.answer = each.answer or TooManyWaiting("the writing was broken off")
            each.woken.set()

    def _write(self, batch: Sequence[_Waiting]) -> None:
        reports = [each.report for each in batch]
        policy = self._policy().at(None, reports[0].now)
        _sizes.observe(len(batch))
        try:
            with _seconds.time():
                answers = self._store.run(lambda tx: track_all(tx, reports, policy, self._doors))
        except Exception as error:  # noqa: BLE001 - it is raised again by everybody whose report was in the batch
            for each in batch:
                each.answer = error
            return
        for each, answer in zip(batch, answers, strict=True):
            each.answer = answer

    def _follow(self, command: Following, context: Context) -> None:
        """What a position leads to; if it can't be done now, the next position leads to it again."""
        if isinstance(command, NoteArrival):
            context = replace(context, actor=ACTOR, occurred_at=command.at)
        policy = self._policy()
        try:
            self._store.run(lambda tx: perform(tx, command, context, policy))
        except (DomainError, StaleVersion) as error:
            _log.info("position_led_to_nothing", command=type(command).__name__, error=str(error))


def _count(tracked: Tracked) -> None:
    for verdict, count in Counter(each.refused or "accepted" for each in tracked.verdicts).items():
        _positions.labels(verdict).inc(count)
