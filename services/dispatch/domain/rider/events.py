"""What can happen to a rider. What he is asked and what he carries is here too, so that he is never asked twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.values import Stop
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderRegistered:
    """`name` and `phone` are personal: they read None once the rider has been forgotten. `zones`: the H3 cells that
    he is bound to; none: he works everywhere."""

    rider_id: str
    name: str | None
    phone: str | None
    skills: tuple[str, ...] = ()
    vehicle: str
    capacity_g: int
    capacity_ml: int
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderZonesChanged:
    zones: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftStarted:
    """During a shift it moves its end. `started_at` is unknown in what was stored before it was recorded."""

    place: Place
    cell: str
    until: datetime
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnded:
    """`reason`: rider, time, or why he cannot go on."""

    reason: str = "rider"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakStarted:
    """During a break it moves its end; `started_at` stays."""

    started_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEnded:
    """`reason`: asked or time. `rested`: it was long enough, with empty hands, to begin another spell of work."""

    ended_at: datetime
    rested: bool
    reason: str = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferReceived:
    """Weight and volume are kept free for it until it is answered; unknown (0) in what was stored before."""

    delivery_id: str
    answer_by: datetime
    weight_g: int = 0
    volume_ml: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferClosed:
    """`how`: declined, expired, taken, withdrawn, or what the rider did instead."""

    delivery_id: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTaken:
    """One more in hand, with what it takes of the vehicle; unknown (0) in what was stored before."""

    delivery_id: str
    weight_g: int = 0
    volume_ml: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReleased:
    """`released_at` is unknown in what was stored before it was recorded."""

    delivery_id: str
    how: str
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsOrdered:
    """A dispatcher set the order of his stops; none: the usual one. What is not named comes behind."""

    stops: tuple[Stop, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayAccrued:
    """What he gets for a delivery that has come to its customer, once for each attempt; `parts` add up to the
    amount."""

    delivery_id: str
    attempt: int
    amount_cents: int
    currency: str
    parts: Mapping[str, int]
    policy_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnTaken:
    """He has goods to bring back; that does not keep him from other work."""

    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnDone:
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderWentSilent:
    """A mandatory report did not come: no offers until he reports again."""

    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderCameBack:
    """The first sign of life after a silence."""


RiderEvent = (
    RiderRegistered
    | RiderZonesChanged
    | ShiftStarted
    | ShiftEnded
    | BreakStarted
    | BreakEnded
    | OfferReceived
    | OfferClosed
    | DeliveryTaken
    | DeliveryReleased
    | StopsOrdered
    | PayAccrued
    | ReturnTaken
    | ReturnDone
    | RiderWentSilent
    | RiderCameBack
)
