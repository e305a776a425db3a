"""What can happen to a delivery. A stream's id is the delivery's, and names the order that it is the sibling of."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.delivery.explanation import Explanation
from services.dispatch.domain.values import FOOD, AssignmentMode, FailureReason, FurtherPickup, Goods, Priority, Proof
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAnnounced:
    """An order was placed: a delivery may be wanted. `dropoff_area` is the middle of a cell, nobody's door; so are
    the `further_pickups` of an errand that fetches at several places, in the order of the way."""

    order_id: str
    merchant_id: str
    pickup: Place
    dropoff_area: Place
    pickup_cell: str
    dropoff_cell: str
    skills: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    weight_g: int = 0
    volume_ml: int = 0
    promised_at: datetime
    kind: str = FOOD
    scheduled_for: datetime | None = None
    further_pickups: tuple[FurtherPickup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequested:
    """A rider is wanted. `attempt` counts from 1; asked again in the same attempt after a rider was lost.
    `policy_version` is whose waits these are; empty in what was stored before it was recorded."""

    attempt: int
    ready_at: datetime
    requested_at: datetime
    dispatcher_at: datetime
    wanted_by: datetime
    policy_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyTimeMoved:
    """`dispatcher_at` and `wanted_by` are the waits for a rider, of a delivery that has none: they move with it."""

    ready_at: datetime
    report_by: datetime | None = None
    dispatcher_at: datetime | None = None
    wanted_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsReady:
    """The merchant has the goods ready; a rider who waits at the counter is due for his next report from now."""

    ready_at: datetime
    report_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOffered:
    """`bundle` is what is offered together, in the order of the doors; absent in what was stored before the engine
    planned more than one delivery, as is the explanation."""

    rider_id: str
    distance_m: float
    offered_at: datetime
    answer_by: datetime
    reasons: tuple[str, ...] = ()
    policy_version: str
    bundle: tuple[str, ...] = ()
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRiderFitted:
    """The engine looked, and nobody could have it; told again when the reasons are others."""

    explanation: Explanation
    policy_version: str
    looked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDeclined:
    rider_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferExpired:
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOpenedForGrab:
    attempt: int
    policy_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherNeeded:
    """Nobody took it, or nobody brought the goods back, for too long."""

    waiting_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryGrabbed:
    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderAssigned:
    rider_id: str
    mode: AssignmentMode
    reasons: tuple[str, ...] = ()
    policy_version: str
    assigned_at: datetime
    report_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderUnassigned:
    """`silent`: he was lost; `unfit`: he cannot go on; `barred`: a person took him off, for good. When it was planned
    anew (`reason` replanned), `cause` says why and `at` when."""

    rider_id: str
    reason: str
    silent: bool = False
    unfit: bool = False
    barred: bool = False
    cause: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPinned:
    """A dispatcher keeps it for one rider."""

    rider_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUnpinned:
    """`rider_id` is whom it was kept for; `reason` says as well when he was lost, or it was given to another."""

    rider_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayDirected:
    """A dispatcher sends its carrier by these points; none: as he likes. `report_by` when he needs longer for it."""

    rider_id: str
    via: tuple[Place, ...]
    reason: str = ""
    report_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsToBeFetched:
    """The rider who had them cannot go on and waits with them there: the pick-up is where he is."""

    rider_id: str
    place: Place
    cell: str
    reason: FailureReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportExtended:
    """The rider waits for goods that are late: his next report is not due yet."""

    report_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedAtPickup:
    rider_id: str
    report_by: datetime
    clock_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCollected:
    """The rider is done at one of an errand's places; `at` is his device's time."""

    rider_id: str
    stop: int
    at: datetime
    report_by: datetime
    receipt_cents: int | None = None
    empty_handed: bool = False
    clock_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedUp:
    """`report_by` is absent after a withdrawal: then a return is opened, with a time of its own. `picked_up_at` is by
    the server's clock; unknown in what was stored before it was recorded."""

    rider_id: str
    proof: Proof
    after_withdrawal: bool = False
    report_by: datetime | None = None
    clock_skewed: bool = False
    receipt_cents: int | None = None
    picked_up_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedAtDropoff:
    rider_id: str
    report_by: datetime
    clock_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    rider_id: str
    proof: Proof
    clock_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed:
    """`silent`: nobody said so; the rider was lost with the goods."""

    rider_id: str
    reason: FailureReason
    evidence: tuple[str, ...] = ()
    goods: Goods
    silent: bool = False
    clock_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUndeliverable:
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryWithdrawn:
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRefused:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOpened:
    """A new leg: the goods go back to the merchant."""

    rider_id: str
    return_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsReturned:
    rider_id: str
    clock_skewed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChanged:
    """The drop-off has moved; `report_by` is the carrier's next report, when he needs longer for that."""

    rider_id: str | None
    dropoff_area: Place
    dropoff_cell: str
    promised_at: datetime
    report_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadChanged:
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    promised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCorrected:
    """What was reported was a mistake: it was `delivered` after all, or was not and its `goods` are elsewhere."""

    delivered: bool
    goods: Goods | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateReportKept:
    """A former rider's report that fits no more: kept as evidence, changes nothing."""

    rider_id: str
    report: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupZoneEntered:
    """His positions say that the carrier is at the pick-up. No report: that is his to make, and only his counts.
    `at` is his device's time, `distance_m` how far he was from the counter."""

    rider_id: str
    at: datetime
    distance_m: float
    accuracy_m: float | None = None
    source: str = "geofence"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropoffZoneEntered:
    """His positions say that the carrier is at the customer's door, with the goods."""

    rider_id: str
    at: datetime
    distance_m: float
    accuracy_m: float | None = None
    source: str = "geofence"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackKept:
    """The way of one rider with this delivery was closed. The places are kept elsewhere, sealed and for a time; their
    digest is here, under the log's chain, so that nobody can change them afterwards."""

    rider_id: str
    leg: int
    points: int
    sha256: str


DeliveryEvent = (
    DeliveryAnnounced
    | DeliveryRequested
    | ReadyTimeMoved
    | GoodsReady
    | DeliveryOffered
    | NoRiderFitted
    | OfferDeclined
    | OfferExpired
    | DeliveryOpenedForGrab
    | DispatcherNeeded
    | DeliveryGrabbed
    | RiderAssigned
    | RiderUnassigned
    | DeliveryPinned
    | DeliveryUnpinned
    | WayDirected
    | GoodsToBeFetched
    | ReportExtended
    | ArrivedAtPickup
    | StopCollected
    | PickedUp
    | ArrivedAtDropoff
    | Delivered
    | DeliveryFailed
    | DeliveryUndeliverable
    | DeliveryWithdrawn
    | WithdrawalRefused
    | ReturnOpened
    | GoodsReturned
    | DeliveryCorrected
    | RouteChanged
    | LoadChanged
    | LateReportKept
    | PickupZoneEntered
    | DropoffZoneEntered
    | TrackKept
)
