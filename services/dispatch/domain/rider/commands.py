"""What may be asked of a rider: by himself, by the office, or by what happened to a delivery."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.values import Stop
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
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeZones:
    """From now on he works in these cells only; none: everywhere."""

    rider_id: str
    zones: tuple[str, ...]
    reason: str = ""


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
class TakeBreak:
    rider_id: str
    until: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndBreak:
    """`by_time`: its end has come; nobody asked."""

    rider_id: str
    by_time: bool = False
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
    pickup_cell: str = ""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOffer:
    rider_id: str
    delivery_id: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDelivery:
    """`in_hand`: he has the goods already, so neither shift nor skills matter any more; `overruled`: a person said
    why he is to have it outside his zones."""

    rider_id: str
    delivery_id: str
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    in_hand: bool = False
    overruled: bool = False
    pickup_cell: str = ""
    now: datetime


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
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStops:
    """The order of his stops as a dispatcher wants it; `picked_up` are the deliveries whose goods he has."""

    rider_id: str
    stops: tuple[Stop, ...]
    picked_up: frozenset[str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreeToPin:
    """A delivery is to be kept for him."""

    rider_id: str
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccruePay:
    """He has brought it; `way_m` from the pick-up to the drop-off as the crow flies. Never refused."""

    rider_id: str
    delivery_id: str
    attempt: int
    way_m: float


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
    | ChangeZones
    | StartShift
    | EndShift
    | CloseShift
    | TakeBreak
    | EndBreak
    | ReceiveOffer
    | CloseOffer
    | TakeDelivery
    | ReleaseDelivery
    | LoseRider
    | OrderStops
    | AgreeToPin
    | AccruePay
    | NoteSignOfLife
    | TakeReturn
    | FinishReturn
)
