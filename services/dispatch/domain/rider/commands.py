"""What may be asked of a rider: by himself, by the office, or by what happened to a delivery."""

from dataclasses import dataclass
from datetime import datetime

from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRider:
    rider_id: str
    name: str
    phone: str
    skills: tuple[str, ...]
    vehicle: str
    capacity_g: int
    capacity_ml: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartShift:
    rider_id: str
    place: Place
    cell: str
    until: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndShift:
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseShift:
    """The time of the shift is over; with a delivery in hand it ends with that."""

    rider_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveOffer:
    """`bundle` are the deliveries that are offered together: who is asked about one may be asked about them all."""

    rider_id: str
    delivery_id: str
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    answer_by: datetime
    bundle: tuple[str, ...] = ()
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOffer:
    rider_id: str
    delivery_id: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDelivery:
    """`in_hand`: he has the goods already, so neither shift nor skills matter any more."""

    rider_id: str
    delivery_id: str
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    in_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDelivery:
    """`unfit`: he cannot go on, and his shift ends."""

    rider_id: str
    delivery_id: str
    how: str
    unfit: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseRider:
    rider_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignOfLife:
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeReturn:
    rider_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishReturn:
    rider_id: str
    delivery_id: str


RiderCommand = (
    RegisterRider
    | StartShift
    | EndShift
    | CloseShift
    | ReceiveOffer
    | CloseOffer
    | TakeDelivery
    | ReleaseDelivery
    | LoseRider
    | NoteSignOfLife
    | TakeReturn
    | FinishReturn
)
