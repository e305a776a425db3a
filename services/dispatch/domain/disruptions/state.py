"""What a disruption is by now, folded from what was said of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.disruptions import events as e
from services.dispatch.domain.disruptions.values import EVERYWHERE, Ground, Kind, Weather
from services.dispatch.domain.policy import Where

PREFIX = "dis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disruption:
    """One disruption; without `kind` nobody has reported it."""

    kind: Kind | None = None
    ground: Ground = EVERYWHERE
    factor: float = 1.0
    weather: Weather | None = None
    starts_at: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    seen_by: str | None = None
    lifted_at: datetime | None = None

    def in_force(self, moment: datetime) -> bool:
        """Whether riders are hindered by it at that moment."""
        if self.starts_at is None or self.until is None or self.lifted_at is not None:
            return False
        return self.starts_at <= moment < self.until


UNREPORTED = Disruption()


def weather_then(disruptions: Iterable[Disruption], where: Where, moment: datetime) -> str | None:
    """What was said last of the sky over a place at a past moment; None when nothing was."""
    there = [
        each
        for each in disruptions
        if each.weather is not None
        and each.starts_at is not None
        and each.until is not None
        and each.starts_at <= moment < min(each.until, each.lifted_at or each.until)
        and each.ground.holds(where)
    ]
    last = max(there, key=lambda each: each.starts_at or moment, default=None)
    return None if last is None or last.weather is None else last.weather.value


def evolve(state: Disruption, event: e.DisruptionEvent) -> Disruption:
    """The disruption after one more event."""
    match event:
        case e.RoadDisrupted():
            return Disruption(
                kind=event.kind,
                ground=event.ground,
                factor=event.factor,
                weather=event.weather,
                starts_at=event.starts_at,
                until=event.until,
                reason=event.reason,
                seen_by=event.seen_by,
            )
        case e.DisruptionExtended():
            return replace(state, until=event.until)
        case e.DisruptionLifted():
            return replace(state, lifted_at=event.lifted_at)
        case _:
            assert_never(event)
