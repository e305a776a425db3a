"""Which of a device's positions can be true, because everything that asks "who is near" builds on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from services.dispatch.domain.policy import DispatchPolicy
from shared.kernel.place import Place, distance_m

JITTER_M = 100.0
"""A satellite fix is this uncertain in a street: no speed is computed from less."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a rider was, and when his device says so."""

    place: Place
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """One reported position and why it is not believed; `refused` None: it is."""

    position: Position
    refused: str | None


def judge(
    reported: Iterable[Position], last: Position | None, now: datetime, policy: DispatchPolicy
) -> list[Verdict]:
    """Each reported position in the given order, against the last believed one."""
    verdicts = []
    for position in reported:
        refused = _fault(position, last, now, policy)
        if refused is None:
            last = position
        verdicts.append(Verdict(position, refused))
    return verdicts


def _fault(position: Position, last: Position | None, now: datetime, policy: DispatchPolicy) -> str | None:
    place = position.place
    if not (isfinite(place.lat) and isfinite(place.lon)) or abs(place.lat) > 90 or abs(place.lon) > 180:
        return "out_of_range"
    if position.at > now + timedelta(seconds=policy.clock_skew_seconds):
        return "from_the_future"
    if last is None:
        return None
    if position.at <= last.at:
        return None if position == last else "out_of_order"
    way_m = distance_m(last.place, place)
    seconds = (position.at - last.at).total_seconds()
    if way_m > JITTER_M and way_m / seconds * 3.6 > policy.max_speed_km_per_h:
        return "impossible_speed"
    return None
