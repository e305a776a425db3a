"""When a delivery will be picked up and brought, as ranges: the remaining ways and waits, calibrated by its stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.dispatch.domain.values import Stage

SHARES: tuple[float, ...] = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""The quantiles that a calibration keeps: 5 % to 95 %."""
P50, P90 = SHARES.index(0.5), SHARES.index(0.9)
PICKUP, DROPOFF = "pickup", "dropoff"
LEAST_SECONDS = 30.0
"""What is left is never less, as long as it has not happened."""
FAR_SECONDS = (120, 300, 600, 1_200)
"""A forecast of two minutes is off by other shares than one of twenty."""
UNCALIBRATED = "prior"
BEFORE_PICKUP = frozenset({Stage.WAITING, Stage.ASSIGNED, Stage.AT_PICKUP})
AWAITED = BEFORE_PICKUP | {Stage.PICKED_UP, Stage.AT_DROPOFF}

_ASSUMED = (
    0.55,
    0.65,
    0.72,
    0.78,
    0.83,
    0.87,
    0.91,
    0.94,
    0.97,
    1.0,
    1.04,
    1.09,
    1.14,
    1.2,
    1.28,
    1.38,
    1.5,
    1.7,
    2.1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What is left until the pick-up (0 after it) and until the hand-over at the door, by the middle of each part."""

    stage: Stage
    pickup_seconds: float
    dropoff_seconds: float


@dataclass(frozen=True, slots=True)
class Eta:
    """Half of such deliveries are there by `p50`, nine of ten by `p90`."""

    p50: datetime
    p90: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`pickup` None: it has been picked up. `dropoff_by` are the quantiles of the drop-off, share by share."""

    stage: Stage
    pickup: Eta | None
    dropoff: Eta
    dropoff_by: tuple[datetime, ...]
    version: str

    def late_with(self, promised_at: datetime) -> float:
        """At least how probable it is that the promise is missed; 0 when that cannot be said."""
        sure = [share for share, by in zip(SHARES, self.dropoff_by, strict=True) if by > promised_at]
        return round(1 - min(sure), 2) if sure else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How many times the middle forecast it really took, as quantiles by `keys_of`: data, learned from journeys."""

    version: str = UNCALIBRATED
    ratios: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def of(self, stage: Stage, end: str, seconds: float) -> Sequence[float]:
        """One ratio for each of SHARES, from what was as far ahead as this."""
        for key in keys_of(stage, end, seconds):
            if key in self.ratios:
                return self.ratios[key]
        return _ASSUMED


def keys_of(stage: Stage, end: str, seconds: float) -> tuple[str, str]:
    """The names under which a calibration is kept: of what is about as far ahead, and of the whole stage."""
    whole = f"{stage.value}|{end}"
    return f"{whole}|{sum(seconds > each for each in FAR_SECONDS)}", whole


def forecast(remaining: Remaining, now: datetime, calibration: Calibration) -> Forecast:
    """The ranges that follow."""
    stage = remaining.stage
    by = _times(remaining.dropoff_seconds, calibration.of(stage, DROPOFF, remaining.dropoff_seconds), now)
    pickup = None
    if stage in BEFORE_PICKUP:
        at_counter = _times(remaining.pickup_seconds, calibration.of(stage, PICKUP, remaining.pickup_seconds), now)
        pickup = Eta(at_counter[P50], at_counter[P90])
    return Forecast(
        stage=stage,
        pickup=pickup,
        dropoff=Eta(by[P50], by[P90]),
        dropoff_by=by,
        version=calibration.version,
    )


def _times(seconds: float, ratios: Sequence[float], now: datetime) -> tuple[datetime, ...]:
    left = max(seconds, LEAST_SECONDS)
    return tuple(now + timedelta(seconds=round(left * ratio)) for ratio in ratios)
