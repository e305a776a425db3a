"""The built-in travel times: a city's assumptions, put right by what its own riders needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from services.dispatch.domain.travel.prior import OTHER, Prior
from services.dispatch.domain.travel.ways import Span, Way

UNLEARNED = "prior"
"""The version of a model that has learned nothing yet."""
TIME_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Correction:
    """What half and nine tenths of the ways took, over what was assumed; `ways` is how many say so."""

    p50: float
    p90: float
    ways: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelModel:
    """Data through and through: kept, compared and rolled back like any. `corrections` are by `key_of`; a condition
    that is not among them is judged by the next coarser one that is."""

    version: str = UNLEARNED
    prior: Prior = field(default_factory=Prior)
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    time_zone: str = TIME_ZONE

    def spans(self, ways: Sequence[Way]) -> list[Span]:
        """The port of travel times; it computes, and so never fails."""
        zone = ZoneInfo(self.time_zone)
        return [self._span(way, hour_of(way.departs_at, zone)) for way in ways]

    def hold_up(self, way: Way) -> float:
        """By how much the way's hour and weather are assumed to slow it down."""
        return self.hold_up_at(way.departs_at, way.weather)

    def hold_up_at(self, moment: datetime, weather: str) -> float:
        """By how much a moment's hour and weather are assumed to slow everybody down."""
        return self.prior.hold_up(hour_of(moment, ZoneInfo(self.time_zone)), weather)

    def seconds_per_m(self, vehicle: str, moment: datetime, weather: str) -> float:
        """What half of the riders need at most for each metre as the crow flies, on ways that are no mere steps."""
        hour = hour_of(moment, ZoneInfo(self.time_zone))
        return self.prior.seconds_per_m(vehicle, hour, weather) * self.correction(vehicle, hour, weather).p50

    def correction(self, vehicle: str, hour: int, weather: str) -> Correction:
        """What was learned for the condition, or for the finest that holds it."""
        for key in keys_of(vehicle, hour, weather):
            if key in self.corrections:
                return self.corrections[key]
        return Correction(1.0, self.prior.spread)

    def _span(self, way: Way, hour: int) -> Span:
        assumed = self.prior.seconds(way.straight_m, way.vehicle, hour, way.weather)
        correction = self.correction(way.vehicle, hour, way.weather)
        return Span(assumed * correction.p50, assumed * correction.p90)


def hour_of(moment: datetime, zone: ZoneInfo) -> int:
    """The hour of the day where the riders are."""
    return moment.astimezone(zone).hour


def key_of(vehicle: str = OTHER, weather: str = OTHER, hour: int | None = None) -> str:
    """The name under which a condition is kept."""
    return f"{vehicle}|{weather}|{OTHER if hour is None else hour}"


def keys_of(vehicle: str, hour: int, weather: str) -> tuple[str, ...]:
    """The conditions that hold one way, the finest first."""
    return key_of(vehicle, weather, hour), key_of(vehicle, weather), key_of(vehicle), key_of()
