"""What can happen to a disruption. Who said so is in every event's metadata."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.disruptions.values import Ground, Kind, Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadDisrupted:
    """From a time until another riders are hindered on a ground. `factor` is how much longer a jam's ways take;
    `seen_by` the rider who reported it from the street (None: the office did)."""

    kind: Kind
    ground: Ground
    factor: float = 1.0
    weather: Weather | None = None
    starts_at: datetime
    until: datetime
    reason: str = ""
    seen_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisruptionExtended:
    """It lasts until another time than was said; earlier is possible too."""

    until: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisruptionLifted:
    """It is over; `reason`: `time` when its end had come."""

    lifted_at: datetime
    reason: str


DisruptionEvent = RoadDisrupted | DisruptionExtended | DisruptionLifted
