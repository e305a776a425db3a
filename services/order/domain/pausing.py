"""A shop that takes no orders for a while: because it is overrun, until a time or until it says otherwise."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

PAUSE = "pause"
"""The name of the one wait of a merchant: for the end of its pause."""


class PauseReason(StrEnum):
    """Why no orders are taken; everybody is told, so nobody's own words."""

    UNSPECIFIED = "unspecified"
    TOO_BUSY = "too_busy"
    SHORT_OF_STAFF = "short_of_staff"
    SHORT_OF_GOODS = "short_of_goods"
    EQUIPMENT = "equipment"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """No orders from `since` on; `until` None means until somebody says otherwise."""

    since: datetime
    until: datetime | None
    reason: str

    def holds_at(self, moment: datetime) -> bool:
        return self.until is None or moment < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantPaused:
    reason: str
    until: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantResumed:
    """Orders are taken again: somebody said so, or the time of the pause was over."""

    by_time: bool
    at: datetime


PauseEvent = MerchantPaused | MerchantResumed


def pause(reason: str, until: datetime | None, at: datetime, present: Pause | None) -> list[PauseEvent]:
    """Pauses, or changes until when; the same again changes nothing, and a pause that is over at once is none."""
    if until is not None and until <= at:
        return resume(at, present)
    if present is not None and (present.until, present.reason) == (until, reason):
        return []
    return [MerchantPaused(reason=reason, until=until, at=at)]


def resume(at: datetime, present: Pause | None) -> list[PauseEvent]:
    return [] if present is None else [MerchantResumed(by_time=False, at=at)]


def end_by_time(at: datetime, present: Pause | None) -> list[PauseEvent]:
    """When a pause has run out; one that was made longer meanwhile goes on."""
    if present is None or present.holds_at(at):
        return []
    return [MerchantResumed(by_time=True, at=at)]


def after(present: Pause | None, event: PauseEvent) -> Pause | None:
    """The pause after one more fact; a pause that is changed has begun when it began."""
    if isinstance(event, MerchantResumed):
        return None
    since = event.at if present is None else present.since
    return Pause(since=since, until=event.until, reason=event.reason)


def waits_of(event: object) -> list[DeadlineChange]:
    """A pause with an end waits for it."""
    match event:
        case MerchantPaused(until=until):
            return [ClearDeadline(PAUSE)] if until is None else [SetDeadline(PAUSE, until)]
        case MerchantResumed():
            return [ClearDeadline(PAUSE)]
        case _:
            return []
