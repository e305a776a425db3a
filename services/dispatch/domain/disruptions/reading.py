"""Reads what somebody says of a disruption: all that is wrong with it at once, each fault with its field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from services.dispatch.domain.disruptions.values import EVERYWHERE, Circle, Ground, Kind, Weather
from services.dispatch.domain.policies.figures import Faults
from services.dispatch.domain.policies.reading import Outline, read_cells, read_place, read_polygon
from shared.kernel.errors import Fault
from shared.kernel.place import Place, distance_m

LONGEST = timedelta(days=7)
"""Whatever lasts longer belongs into the map."""
AHEAD_MAX = timedelta(days=30)
SLOWEST = 10.0
"""A jam slower than a tenth of the usual speed is a closed road."""
RADIUS_M = (10.0, 20_000.0)

RIDERS_RADIUS_M = 300.0
RIDERS_SPAN = timedelta(minutes=30)
RIDERS_FACTOR = 2.0
RIDERS_REACH_M = 2_000.0
"""A rider's word is taken at once, and therefore only for what he can see, and for as long as a jam mostly lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A disruption as it was understood."""

    kind: Kind
    ground: Ground
    factor: float
    weather: Weather | None
    starts_at: datetime
    until: datetime


def examine(raw: Mapping[str, Any], now: datetime, outline: Outline) -> tuple[Said, list[Fault]]:
    """What was said, and all that is wrong with it; `raw` has kind, area, factor, weather, starts_at and until."""
    faults = Faults()
    kind = Kind(raw["kind"])
    starts_at, until = _span(raw.get("starts_at"), raw["until"], now, faults)
    said = Said(
        kind=kind,
        ground=_ground(raw.get("area"), kind, faults, outline),
        factor=_factor(raw.get("factor"), kind, faults),
        weather=_weather(raw.get("weather"), kind, faults),
        starts_at=starts_at,
        until=until,
    )
    return said, faults.found


def examine_riders(said: Said, seen_at: Place | None, now: datetime) -> list[Fault]:
    """What is wrong with it when a rider says so, who was last seen there (None: nobody knows where he is)."""
    faults, circle = Faults(), said.ground.circle
    if said.kind is Kind.WEATHER:
        faults.add("kind", "not_a_riders", "a rider reports jams and closed roads; the weather is the office's")
    if circle is None:
        faults.add("area", "not_a_circle", "a rider reports a circle around what he sees")
    elif circle.radius_m > RIDERS_RADIUS_M:
        faults.add("area.radius_m", "out_of_range", f"a rider reports at most {RIDERS_RADIUS_M:g} metres around")
    elif seen_at is None or distance_m(circle.centre, seen_at) > RIDERS_REACH_M:
        faults.add("area.centre", "out_of_sight", f"it must lie within {RIDERS_REACH_M:g} metres of where you are")
    if said.starts_at > now:
        faults.add("starts_at", "not_a_riders", "a rider reports what he sees now")
    if said.until > now + RIDERS_SPAN:
        minutes = RIDERS_SPAN.total_seconds() / 60
        faults.add("until", "too_far_ahead", f"a rider's word holds for at most {minutes:g} minutes")
    if said.factor > RIDERS_FACTOR:
        faults.add("factor", "out_of_range", f"a rider says at most {RIDERS_FACTOR:g}")
    return faults.found


def _span(starts_at: datetime | None, until: datetime, now: datetime, faults: Faults) -> tuple[datetime, datetime]:
    begins = starts_at or now
    if begins > now + AHEAD_MAX:
        faults.add("starts_at", "too_far_ahead", f"at most {AHEAD_MAX.days} days ahead")
    if until <= now:
        faults.add("until", "in_the_past", "this time has passed")
    elif until <= begins:
        faults.add("until", "before_it_starts", "it must end after it starts")
    elif until - begins > LONGEST:
        faults.add("until", "too_long", f"it lasts at most {LONGEST.days} days")
    return begins, until


def _factor(raw: float | None, kind: Kind, faults: Faults) -> float:
    if kind is not Kind.JAM:
        if raw is not None:
            faults.add("factor", "not_of_this_kind", f"only a jam has a factor, no {kind.value}")
        return 1.0
    if raw is None:
        faults.add("factor", "required", "say how much longer its ways take, such as 2.5")
        return 1.0
    if not isfinite(raw) or not 1 < raw <= SLOWEST:
        faults.add("factor", "out_of_range", f"above 1 and at most {SLOWEST:g} is allowed")
        return 1.0
    return float(raw)


def _weather(raw: str | None, kind: Kind, faults: Faults) -> Weather | None:
    if kind is Kind.WEATHER and raw is None:
        faults.add("weather", "required", f"say which: {', '.join(Weather)}")
    if kind is not Kind.WEATHER and raw is not None:
        faults.add("weather", "not_of_this_kind", f"{kind.value} is no weather")
    return None if raw is None else Weather(raw)


def _ground(raw: Mapping[str, Any] | None, kind: Kind, faults: Faults, outline: Outline) -> Ground:
    if raw is None:
        if kind is not Kind.WEATHER:
            faults.add("area", "required", "only weather can be everywhere")
        return EVERYWHERE
    ways = [name for name in ("polygon", "centre", "cells") if raw.get(name) is not None]
    if len(ways) != 1:
        faults.add("area", "one_of_three", "an area is a polygon, a circle (centre and radius_m), or cells")
        return EVERYWHERE
    if (raw.get("radius_m") is not None) != (ways == ["centre"]):
        faults.add("area.radius_m", "centre_and_radius", "a circle has both a centre and a radius, others have none")
    match ways[0]:
        case "polygon":
            return Ground(polygon=read_polygon("area.polygon", raw["polygon"], faults))
        case "cells":
            return Ground(cells=read_cells("area.cells", raw["cells"], faults, outline))
        case _:
            return _circle(raw, faults)


def _circle(raw: Mapping[str, Any], faults: Faults) -> Ground:
    centre, radius_m = read_place(raw["centre"]), raw.get("radius_m")
    if centre is None:
        faults.add("area.centre", "not_a_place", "a centre is {lat, lon} in degrees")
    if radius_m is not None and not RADIUS_M[0] <= radius_m <= RADIUS_M[1]:
        faults.add("area.radius_m", "out_of_range", f"{RADIUS_M[0]:g} to {RADIUS_M[1]:g} metres are allowed")
    if centre is None or radius_m is None:
        return EVERYWHERE
    return Ground(circle=Circle(centre, float(radius_m)))
