"""Which of a device's positions can be true, because everything that asks "who is near" builds on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.position_policy import PositionPolicy
from shared.kernel.place import Place, distance_m

JITTER_M = 100.0
"""A satellite fix is this uncertain in a street: no speed is computed from less."""

REASONS = (
    "out_of_range",
    "no_fix",
    "bad_accuracy",
    "from_the_future",
    "too_old",
    "duplicate",
    "out_of_order",
    "impossible_speed",
    "teleport",
    "off_shift",
)
"""Every code with which a position can be refused."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a rider was, when his device says so, and how far off that may be (68 %; None: not told)."""

    place: Place
    at: datetime
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a rider when he reports: the last believed position, and where he seems to have jumped since.

    `jumps` counts the refused positions in a row that agree with each other; the last of them is `jumped`.
    """

    last: Position | None = None
    jumped: Position | None = None
    jumps: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One reported position and why it is not believed; `refused` None: it is."""

    position: Position
    refused: str | None


def set_right(
    reported: Sequence[Position], sent_at: datetime | None, now: datetime, policy: PositionPolicy
) -> tuple[Sequence[Position], float]:
    """The positions by the server's clock, and by how many seconds the device's was behind it (0: as good as right).

    A device says when it sent by the same clock as when it measured, so that a batch kept for an hour by a clock
    that is a day off still tells the true times.
    """
    if sent_at is None:
        return reported, 0.0
    skew = now - sent_at
    if abs(skew.total_seconds()) <= policy.skew_tolerated_seconds:
        return reported, 0.0
    return [replace(each, at=_shifted(each.at, skew)) for each in reported], round(skew.total_seconds(), 1)


def judge(
    reported: Iterable[Position], known: Known, now: datetime, policy: DispatchPolicy
) -> tuple[list[Verdict], Known]:
    """Each reported position in the given order, and what is known afterwards."""
    verdicts = []
    for position in reported:
        refused = _fault(position, now, policy) or _unlike(position, known, policy)
        if refused in ("impossible_speed", "teleport"):
            known, believed = _jump(position, known, policy)
            refused = None if believed else refused
        elif refused is None:
            known = Known(position)
        verdicts.append(Verdict(position, refused))
    return verdicts, known


def _fault(position: Position, now: datetime, policy: DispatchPolicy) -> str | None:
    """What is wrong with a position in itself."""
    place, accuracy_m = position.place, position.accuracy_m
    if not (isfinite(place.lat) and isfinite(place.lon)) or abs(place.lat) > 90 or abs(place.lon) > 180:
        return "out_of_range"
    if place.lat == 0 and place.lon == 0:
        return "no_fix"
    if accuracy_m is not None and not 0 <= accuracy_m <= policy.positions.max_accuracy_m:
        return "bad_accuracy"
    if position.at > now + timedelta(seconds=policy.clock_skew_seconds):
        return "from_the_future"
    if position.at < now - timedelta(seconds=policy.positions.oldest_seconds):
        return "too_old"
    return None


def _unlike(position: Position, known: Known, policy: DispatchPolicy) -> str | None:
    """What is wrong with a position after the last believed one."""
    last = known.last
    if last is None:
        return None
    if position.at <= last.at:
        return "duplicate" if (position.at, position.place) == (last.at, last.place) else "out_of_order"
    if _rideable(last, position, policy):
        return None
    way_m = distance_m(last.place, position.place)
    return "teleport" if way_m > policy.positions.teleport_m else "impossible_speed"


def _jump(position: Position, known: Known, policy: DispatchPolicy) -> tuple[Known, bool]:
    """A rider who stays where he seems to have jumped is there: it was the last believed position that was wrong."""
    before = known.jumped
    if before is not None and position.at <= before.at:
        return known, False
    agrees = before is not None and _rideable(before, position, policy)
    jumps = known.jumps + 1 if agrees else 1
    if jumps >= policy.positions.jumps_believed:
        return Known(position), True
    return Known(known.last, position, jumps), False


def _rideable(a: Position, b: Position, policy: DispatchPolicy) -> bool:
    way_m = distance_m(a.place, b.place)
    return way_m <= JITTER_M or way_m / (b.at - a.at).total_seconds() * 3.6 <= policy.max_speed_km_per_h


def _shifted(at: datetime, skew: timedelta) -> datetime:
    """Never out of the calendar, however wrong a device is."""
    try:
        return at + skew
    except OverflowError:
        return at
