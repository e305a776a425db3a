"""What may be asked of a disruption: by the office, by a rider in the street, or by its end."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.disruptions.values import Ground, Kind, Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDisruption:
    """What is said has been examined before: see `reading.examine`."""

    disruption_id: str
    kind: Kind
    ground: Ground
    factor: float
    weather: Weather | None
    starts_at: datetime
    until: datetime
    reason: str
    seen_by: str | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendDisruption:
    disruption_id: str
    until: datetime
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftDisruption:
    disruption_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndDisruption:
    """The time that was said has come."""

    disruption_id: str
    now: datetime


DisruptionCommand = ReportDisruption | ExtendDisruption | LiftDisruption | EndDisruption
