"""What is left of a delivery from where it stands: ways, the wait at the counter, and the hand-overs."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.eta.forecasting import Remaining
from services.dispatch.domain.values import Stage

FINDING_SECONDS = 90.0
"""Until a rider has said yes; the calibration puts it right."""
APPROACH_SECONDS = 300.0
"""Of a rider who is not known yet, or of whom nobody knows where he is."""
COUNTER_SECONDS = 90.0
DOOR_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A delivery at a moment. `approach_seconds`: until its carrier is at the counter (the last one, of several);
    `carry_seconds`: from the hand-over there, or after the pick-up from now, until he is at the door. Both hold all
    that he does before."""

    stage: Stage
    ready_at: datetime | None
    goods_ready: bool
    approach_seconds: float
    carry_seconds: float


def remaining(standing: Standing, now: datetime) -> Remaining:
    """The middle of each part, added up."""
    pickup = _until_pickup(standing, now)
    door = DOOR_SECONDS
    if standing.stage is not Stage.AT_DROPOFF:
        door += standing.carry_seconds
    return Remaining(stage=standing.stage, pickup_seconds=pickup, dropoff_seconds=pickup + door)


def _until_pickup(standing: Standing, now: datetime) -> float:
    if standing.stage in (Stage.PICKED_UP, Stage.AT_DROPOFF):
        return 0.0
    there = standing.approach_seconds
    if standing.stage is Stage.WAITING:
        there += FINDING_SECONDS
    cooking = 0.0
    if standing.ready_at is not None and not standing.goods_ready:
        cooking = (standing.ready_at - now).total_seconds()
    return max(there, cooking, 0.0) + COUNTER_SECONDS
