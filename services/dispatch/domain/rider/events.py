"""What can happen to a rider. What he is asked and what he carries is here too, so that he is never asked twice."""

from dataclasses import dataclass
from datetime import datetime

from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderRegistered:
    """`name` and `phone` are personal: they read None once the rider has been forgotten."""

    rider_id: str
    name: str | None
    phone: str | None
    skills: tuple[str, ...] = ()
    vehicle: str
    capacity_g: int
    capacity_ml: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftStarted:
    place: Place
    cell: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnded:
    """`reason`: rider, time, or why he cannot go on."""

    reason: str = "rider"


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
    delivery_id: str
    how: str


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
    | ShiftStarted
    | ShiftEnded
    | OfferReceived
    | OfferClosed
    | DeliveryTaken
    | DeliveryReleased
    | ReturnTaken
    | ReturnDone
    | RiderWentSilent
    | RiderCameBack
)
