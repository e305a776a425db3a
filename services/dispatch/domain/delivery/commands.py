"""What may be asked of a delivery: by the order, the engine, a rider, a dispatcher, or a wait that ran out."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.delivery.explanation import Explanation
from services.dispatch.domain.delivery.taking import HandOver, TakeOff
from services.dispatch.domain.values import FOOD, FailureReason, FurtherPickup, Goods, Priority, Proof
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceDelivery:
    delivery_id: str
    order_id: str
    merchant_id: str
    pickup: Place
    dropoff_area: Place
    pickup_cell: str
    dropoff_cell: str
    skills: tuple[str, ...]
    priority: Priority
    weight_g: int
    volume_ml: int
    promised_at: datetime
    kind: str = FOOD
    scheduled_for: datetime | None = None
    further_pickups: tuple[FurtherPickup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDelivery:
    """The merchant accepted: find a rider."""

    delivery_id: str
    ready_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAgain:
    """Support wants another attempt."""

    delivery_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveReadyTime:
    delivery_id: str
    ready_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteGoodsReady:
    delivery_id: str
    ready_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDelivery:
    """`again`: the engine found nobody else, and means to ask a rider for the second time. `bundle`: what he is asked
    about together, in the order of the doors."""

    delivery_id: str
    rider_id: str
    distance_m: float
    reasons: tuple[str, ...]
    again: bool
    bundle: tuple[str, ...] = ()
    explanation: Explanation | None = None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteNobodyFits:
    """The engine found nobody. Never refused."""

    delivery_id: str
    explanation: Explanation
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOffer:
    delivery_id: str
    rider_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineOffer:
    delivery_id: str
    rider_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOffer:
    """The rider got other work or went off shift: his open offer here is void. Never refused."""

    delivery_id: str
    rider_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireOffer:
    delivery_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GrabDelivery:
    """`distance_m` from the rider to the pick-up, None when nobody knows where he is."""

    delivery_id: str
    rider_id: str
    distance_m: float | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRider:
    delivery_id: str
    rider_id: str
    distance_m: float | None
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PinDelivery:
    """For this rider alone, whoever would ask or take."""

    delivery_id: str
    rider_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpinDelivery:
    delivery_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectWay:
    """By which points its carrier rides to his next door with it; none: as he likes."""

    delivery_id: str
    via: tuple[Place, ...]
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnassignRider:
    delivery_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDispatcher:
    delivery_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    delivery_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSilence:
    """A mandatory node report did not come. `busy_until`: its rider has to be elsewhere first, at most until then."""

    delivery_id: str
    busy_until: datetime | None = None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseCarrier:
    """Its rider went silent (`reason` None) or cannot go on, which came out with another delivery. Never refused."""

    delivery_id: str
    rider_id: str
    reason: FailureReason | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectReport:
    """Its rider has done his stop before this one, `way_m` from here. Never refused."""

    delivery_id: str
    rider_id: str
    way_m: float
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArrivalAtPickup:
    delivery_id: str
    rider_id: str
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCollected:
    """Done at one of an errand's places: 0 where it begins, n at the n-th further one. `receipt_cents` was paid
    there; `empty_handed`: it was closed or had nothing."""

    delivery_id: str
    rider_id: str
    stop: int
    receipt_cents: int | None = None
    empty_handed: bool = False
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPickUp:
    """`receipt_cents` is what was paid for what an errand had to buy, beside what was told place by place."""

    delivery_id: str
    rider_id: str
    proof: Proof
    receipt_cents: int | None = None
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArrivalAtDropoff:
    delivery_id: str
    rider_id: str
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDelivered:
    delivery_id: str
    rider_id: str
    proof: Proof
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFailure:
    """`goods` None: still at the merchant's before the pick-up, with the rider after it."""

    delivery_id: str
    rider_id: str
    reason: FailureReason
    goods: Goods | None
    evidence: tuple[str, ...]
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportReturn:
    delivery_id: str
    rider_id: str
    occurred_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWithdrawal:
    """The order would like to be cancelled; the delivery knows whether it still can."""

    delivery_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDropoff:
    """The customer has another address: a fact, whoever has the goods."""

    delivery_id: str
    dropoff_area: Place
    dropoff_cell: str
    promised_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLoad:
    """There is something else to carry."""

    delivery_id: str
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    promised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectDelivery:
    """The order's record was corrected: this was delivered after all, or was not; a fact, not a question."""

    delivery_id: str
    delivered: bool
    goods: Goods | None
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOrder:
    """The order was rejected or cancelled: a fact, not a question."""

    delivery_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteArrival:
    """The carrier's positions say that he is at the pick-up, or at the door. Never refused."""

    delivery_id: str
    rider_id: str
    at_dropoff: bool
    at: datetime
    distance_m: float
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTrackKept:
    """A rider's way with this delivery was closed. Never refused."""

    delivery_id: str
    rider_id: str
    leg: int
    points: int
    sha256: str


DeliveryCommand = (
    AnnounceDelivery
    | RequestDelivery
    | RequestAgain
    | MoveReadyTime
    | NoteGoodsReady
    | OfferDelivery
    | NoteNobodyFits
    | AcceptOffer
    | DeclineOffer
    | DropOffer
    | ExpireOffer
    | GrabDelivery
    | AssignRider
    | UnassignRider
    | PinDelivery
    | UnpinDelivery
    | DirectWay
    | TakeOff
    | HandOver
    | CallDispatcher
    | GiveUp
    | NoteSilence
    | LoseCarrier
    | ExpectReport
    | ReportArrivalAtPickup
    | ReportCollected
    | ReportPickUp
    | ReportArrivalAtDropoff
    | ReportDelivered
    | ReportFailure
    | ReportReturn
    | AskWithdrawal
    | EndOrder
    | CorrectDelivery
    | MoveDropoff
    | ChangeLoad
    | NoteArrival
    | NoteTrackKept
)
