"""What the dispatch service tells the world: who carries, where, and how well."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.common import AssignmentMode, FailureReason, GeoPoint, Goods, Proof
from shared.contracts.message import Channel, Message


class RiderMessage(Message):
    """Subject: the rider's stream."""

    service: ClassVar[str] = "dispatch"
    rider_id: str


class RiderRegistered(RiderMessage):
    skills: tuple[str, ...] = ()
    vehicle: str


class ShiftStarted(RiderMessage):
    cell: str
    until: datetime


class ShiftEnded(RiderMessage):
    pass


class RiderWentSilent(RiderMessage):
    """A mandatory report did not come."""

    delivery_id: str
    order_id: str


class PayAccrued(RiderMessage):
    """What a rider gets for a delivery that has come to its customer. `parts` add up to the amount."""

    delivery_id: str
    order_id: str
    amount_cents: int
    currency: str
    parts: dict[str, int]
    policy_version: str


class RiderAsked(RiderMessage):
    """Nothing has been heard of a rider with something to fetch: is he well? Subject: a stream beside the rider's."""

    delivery_id: str
    order_id: str
    answer_by: datetime = Field(description="then what he has not fetched is given to others")


class DeliveryMessage(Message):
    """Subject: the delivery's stream; partition key: the order's id."""

    service: ClassVar[str] = "dispatch"
    delivery_id: str
    order_id: str


class DeliveryRequested(DeliveryMessage):
    """A rider is wanted. `attempt` counts from 1."""

    attempt: int = Field(ge=1)
    wanted_by: datetime = Field(description="when it becomes undeliverable")
    policy_version: str = Field(default="", description="whose waits these are; empty in messages of release 0.1")


class DeliveryOffered(DeliveryMessage):
    rider_id: str
    answer_by: datetime
    reasons: tuple[str, ...] = ()
    policy_version: str


class OfferDeclined(DeliveryMessage):
    rider_id: str
    reason: str = ""


class OfferExpired(DeliveryMessage):
    rider_id: str


class RiderAssigned(DeliveryMessage):
    rider_id: str
    mode: AssignmentMode
    reasons: tuple[str, ...] = ()
    policy_version: str


class RiderUnassigned(DeliveryMessage):
    """Another rider is looked for, unless one is assigned at once. `cause` says why it was planned anew."""

    rider_id: str
    reason: str
    cause: str = Field(default="", description="of reason `replanned`: disruption, rider_down, merchant_late …")


class DeliveryOpenedForGrab(DeliveryMessage):
    attempt: int
    policy_version: str = Field(
        default="", description="who says after how many offers; empty in messages of release 0.1"
    )


class DeliveryGrabbed(DeliveryMessage):
    rider_id: str


class DispatcherNeeded(DeliveryMessage):
    """Nobody took it for too long: a person must look at it now."""

    waiting_seconds: int


class ArrivedAtPickup(DeliveryMessage):
    rider_id: str


class StopCollected(DeliveryMessage):
    """An errand with several places: the rider is done at one of them. `PickedUp` follows once he was at all."""

    rider_id: str
    stop: int = Field(ge=0, description="0 where the errand begins, n at the n-th of its `further_pickups`")
    empty_handed: bool = Field(default=False, description="it was closed, or had nothing: the errand goes on without")


class PickedUp(DeliveryMessage):
    rider_id: str
    proof: Proof
    after_withdrawal: bool = False
    receipt_cents: int | None = Field(default=None, ge=0, description="what the rider paid at the till, of an errand")


class RouteChanged(DeliveryMessage):
    """The drop-off has moved; the rider who carries it (or None) goes there instead."""

    rider_id: str | None = None
    dropoff_cell: str


class ArrivedAtDropoff(DeliveryMessage):
    rider_id: str


class Delivered(DeliveryMessage):
    rider_id: str
    proof: Proof


class DeliveryFailed(DeliveryMessage):
    rider_id: str | None = None
    reason: FailureReason
    evidence: tuple[str, ...] = ()
    goods: Goods


class DeliveryCorrected(DeliveryMessage):
    """What was reported was a mistake: it was delivered after all, or was not."""

    delivered: bool
    reason: str


class DeliveryUndeliverable(DeliveryMessage):
    """No rider was found in time."""

    attempt: int


class DeliveryWithdrawn(DeliveryMessage):
    """The delivery will not happen; the goods stay at the merchant's."""

    reason: str = ""


class WithdrawalRefused(DeliveryMessage):
    """Too late to withdraw: the rider has the goods, or the delivery has ended."""

    reason: str


class ReturnOpened(DeliveryMessage):
    """A new leg of the same delivery: the goods go back to the merchant."""

    rider_id: str | None = None


class GoodsReturned(DeliveryMessage):
    rider_id: str


class EtaChanged(DeliveryMessage):
    """When it is expected: half of such deliveries are there by p50, nine of ten by p90. Told when it has moved.
    Subject: the stream of the delivery's times."""

    p50: datetime = Field(description="hand-over at the customer's door")
    p90: datetime
    pickup_p50: datetime | None = Field(default=None, description="absent once it has been picked up")
    pickup_p90: datetime | None = None
    cause: str = Field(description="the stage that the delivery has reached, or `moved`")


class DelayPredicted(DeliveryMessage):
    """It will probably miss its promise, and there is still time to do something about it; once for each promise.
    Subject: the stream of the delivery's times."""

    promised_at: datetime
    p50: datetime = Field(description="when it is expected at the door instead")
    p90: datetime
    probability: float = Field(ge=0, le=1, description="of missing the promise, at least")


class PolicyActivated(Message):
    """From now on dispatch decides by another version of its policy. Subject: the policy's stream."""

    service: ClassVar[str] = "dispatch"
    scope: str
    policy_version: str = Field(description="what decisions record of it; `base` is the settings alone")
    previous_policy_version: str
    rolled_back: bool = False


class DisruptionMessage(Message):
    """Subject: the disruption's stream."""

    service: ClassVar[str] = "dispatch"
    disruption_id: str


class RoadDisrupted(DisruptionMessage):
    """Riders are hindered on a ground: by a jam (its ways take `factor` times as long), a closed road (no way leads
    through), or weather. The ground is a polygon, a circle or H3 cells; with none of them it is the whole town."""

    kind: Literal["jam", "closed", "weather"]
    polygon: tuple[GeoPoint, ...] = ()
    centre: GeoPoint | None = None
    radius_m: float | None = None
    cells: tuple[str, ...] = ()
    factor: float = Field(default=1.0, ge=1)
    weather: Literal["rain", "storm", "snow", "heat"] | None = None
    starts_at: datetime
    until: datetime = Field(description="it ends by itself then, unless `DisruptionExtended` says another time")


class DisruptionExtended(DisruptionMessage):
    """It lasts until another time than was said."""

    until: datetime


class DisruptionLifted(DisruptionMessage):
    """It is over: what rides there is not hindered any more."""

    lifted_at: datetime
    reason: str = Field(description="a code; `time` when the end that was said had come")


class SurgeMessage(Message):
    """Subject: the zone's stream."""

    service: ClassVar[str] = "dispatch"
    zone: str = Field(description="an H3 cell of resolution 7")
    orders_waiting: int
    free_riders: int


class SurgeBegan(SurgeMessage):
    """More orders wait in a zone than there are riders for: more of them are brought together until it ends."""


class SurgeEnded(SurgeMessage):
    """There are riders enough again."""


class PickupZoneEntered(DeliveryMessage):
    """The rider's positions say that he is at the pick-up. `ArrivedAtPickup` is his own word for it, and may still
    come."""

    rider_id: str
    at: datetime = Field(description="by the device's clock, set right")


class DropoffZoneEntered(DeliveryMessage):
    """The rider's positions say that he is at the door with the goods. Nothing is delivered by that."""

    rider_id: str
    at: datetime = Field(description="by the device's clock, set right")


class RiderMoved(Message):
    """Where a rider is; telemetry, never stored as an event. `coarse`: near somebody's door, and so the middle of
    an H3 cell (resolution 9) is told instead."""

    service: ClassVar[str] = "dispatch"
    channel: ClassVar[Channel] = Channel.TELEMETRY
    rider_id: str
    position: GeoPoint
    at: datetime
    delivery_ids: tuple[str, ...] = ()
    coarse: bool = False
