"""What the engine sees of the world, and what it says: plain values, so that any policy can be tried on any day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.dispatch.domain.values import Priority
from shared.kernel.place import Place


class Standing(StrEnum):
    """Whether a rider on shift can be asked."""

    FREE = "free"
    ASKED = "asked"
    CARRYING = "carrying"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderSeen:
    """A rider on shift, where he was last seen."""

    rider_id: str
    place: Place
    standing: Standing
    skills: frozenset[str] = frozenset()
    capacity_g: int = 0
    capacity_ml: int = 0
    shift_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySeen:
    """A delivery that waits for a rider and is offered to nobody. `tried`: who was asked before, and when last."""

    delivery_id: str
    pickup: Place
    skills: frozenset[str] = frozenset()
    weight_g: int = 0
    volume_ml: int = 0
    priority: Priority = Priority.NORMAL
    requested_at: datetime
    ready_at: datetime
    tried: Mapping[str, datetime] = field(default_factory=dict)
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One moment: who could carry, and what waits."""

    now: datetime
    riders: tuple[RiderSeen, ...]
    deliveries: tuple[DeliverySeen, ...]


class WhyNot(StrEnum):
    """Why a rider is not asked about a delivery."""

    ASKED = "asked"
    CARRYING = "carrying"
    SILENT = "silent"
    LACKS_SKILLS = "lacks_skills"
    LACKS_CAPACITY = "lacks_capacity"
    SHIFT_ENDS = "shift_ends"
    ASKED_BEFORE = "asked_before"
    TAKEN_OFF = "taken_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTo:
    """Ask this rider. `again`: everybody else who could has been asked."""

    delivery_id: str
    rider_id: str
    distance_m: float
    reasons: tuple[str, ...]
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyFits:
    """Nobody can be asked now; why, rider by rider (no entry: nobody is on shift)."""

    delivery_id: str
    why: Mapping[str, WhyNot]


Decision = OfferTo | NobodyFits
