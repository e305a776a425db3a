"""When a merchant is open: a week by its own clock, and the days that are unlike the others."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS_OF_A_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpan:
    """From opening to closing; closing at or before opening means past midnight, into the next day."""

    opens: time
    closes: time

    @property
    def past_midnight(self) -> bool:
        return self.closes <= self.opens

    def holds(self, local: time) -> bool:
        """Whether a moment of the span's own day is in it."""
        return self.opens <= local and (self.past_midnight or local < self.closes)

    def spills(self, local: time) -> bool:
        """Whether a moment of the day after is still in it."""
        return self.past_midnight and local < self.closes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """A date with hours of its own; none at all means closed."""

    day: date
    spans: tuple[OpenSpan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """`days` are the spans of Monday to Sunday by the wall clock of `zone` (IANA name)."""

    zone: str
    days: tuple[tuple[OpenSpan, ...], ...]
    exceptions: tuple[SpecialDay, ...] = ()

    def open_at(self, moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(self.zone))
        clock, today = local.time(), local.date()
        yesterday = today - timedelta(days=1)
        return any(span.holds(clock) for span in self.spans_of(today)) or any(
            span.spills(clock) for span in self.spans_of(yesterday)
        )

    def spans_of(self, day: date) -> tuple[OpenSpan, ...]:
        """The hours of one date."""
        special = next((each for each in self.exceptions if each.day == day), None)
        return self.days[day.weekday()] if special is None else special.spans
