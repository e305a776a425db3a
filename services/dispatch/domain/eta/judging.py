"""Holds what was told of times against what came: how often a range held, and how often a foreseen delay was one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.eta import events as e


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A delivery that is over, and all that was told of it."""

    picked_up_at: datetime | None
    delivered_at: datetime
    promised_at: datetime | None
    told: Sequence[e.EtaEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Counts. `told` are ranges for the door, of which so many held; `foreseen` deliveries of which a delay was."""

    deliveries: int = 0
    told: int = 0
    within_p50: int = 0
    within_p90: int = 0
    pickups_told: int = 0
    pickups_within_p90: int = 0
    foreseen: int = 0
    foreseen_rightly: int = 0
    late: int = 0
    late_and_foreseen: int = 0


def judge(came: Iterable[Came]) -> Judged:
    """All of them together."""
    total = Judged()
    for each in came:
        total = _added(total, _one(each))
    return total


def _one(came: Came) -> Judged:
    told = [each for each in came.told if isinstance(each, e.EtaTold)]
    pickups = [each.pickup for each in told if each.pickup is not None] if came.picked_up_at is not None else []
    promises = [each.promised_at for each in came.told if isinstance(each, e.DelayForeseen)]
    late = came.promised_at is not None and came.delivered_at > came.promised_at
    return Judged(
        deliveries=1,
        told=len(told),
        within_p50=sum(came.delivered_at <= each.dropoff.p50 for each in told),
        within_p90=sum(came.delivered_at <= each.dropoff.p90 for each in told),
        pickups_told=len(pickups),
        pickups_within_p90=sum(came.picked_up_at <= each.p90 for each in pickups if came.picked_up_at is not None),
        foreseen=bool(promises),
        foreseen_rightly=any(came.delivered_at > promised_at for promised_at in promises),
        late=late,
        late_and_foreseen=late and bool(promises),
    )


def _added(one: Judged, other: Judged) -> Judged:
    return Judged(**{name: getattr(one, name) + getattr(other, name) for name in Judged.__dataclass_fields__})
