"""What the dispatch gateway takes and answers, in the words of its clients."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.eta.state import NOTHING_TOLD, Told
from services.dispatch.domain.values import AssignmentMode, FailureReason, Goods, Priority, Stage
from services.dispatch.eta_schemas import EtaView
from services.dispatch.inputs import Input, Point
from services.dispatch.rider_schemas import Reason, RiderId, RiderView
from services.dispatch.stop_schemas import FurtherPickupView
from services.dispatch.views import DeliveryRow, WaitingRow
from shared.gateway.cursor import PageQuery
from shared.gateway.words import Reference


class EmptyBody(Input):
    """Nothing to say."""


class ReportBody(Input):
    """A rider's report; `occurred_at` is his device's time, kept beside the server's."""

    occurred_at: AwareDatetime | None = None


class DeclineBody(ReportBody):
    reason: Reason = ""


class ProofBody(Input):
    kind: Annotated[str, StringConstraints(pattern=r"^(code|photo|signature|none)$")] = "none"
    reference: Reference | Literal[""] = ""
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    received_by: Literal["", "customer", "household", "neighbour", "reception", "locker", "merchant", "other"] = ""


class HandOverBody(ReportBody):
    proof: ProofBody = ProofBody()


class CollectedBody(ReportBody):
    """Done at one of an errand's places."""

    stop: Annotated[int, Field(ge=0, le=100, description="0 where the errand begins, n at its n-th further place")]
    receipt_cents: Annotated[
        int | None, Field(ge=0, le=100_000_000, description="paid there, of an errand that buys something")
    ] = None
    empty_handed: Annotated[bool, Field(description="it was closed or had nothing: the errand goes on without")] = (
        False
    )


class PickUpBody(HandOverBody):
    receipt_cents: Annotated[
        int | None,
        Field(
            ge=0,
            le=100_000_000,
            description="paid at the till, of an errand that buys something; beside what was told place by place",
        ),
    ] = None


class FailureBody(ReportBody):
    reason: FailureReason
    goods: Annotated[
        Goods | None, Field(description="absent: at the merchant's before the pick-up, with the rider after it")
    ] = None
    evidence: Annotated[tuple[Reference, ...], Field(max_length=20)] = ()


class BreakdownBody(ReportBody):
    """He cannot go on. With `hands_over` he waits where he is for whoever fetches what he has in hand; else that has
    failed."""

    reason: Literal["rider_accident", "rider_vehicle", "rider_illness"]
    hands_over: bool = False
    place: Annotated[Point | None, Field(description="absent: where his device was last")] = None


class AssignBody(Input):
    rider_id: RiderId
    reason: Reason = ""


class UnassignBody(Input):
    reason: Reason = ""


class DeliveriesQuery(PageQuery):
    stage: Stage | None = None


class DeliveryView(BaseModel):
    """A delivery as its stream tells it. Places are the shop's door and a cell; nobody's home."""

    delivery_id: str
    order_id: str
    version: int
    stage: Stage
    attempt: int
    rider_id: str | None
    mode: AssignmentMode | None
    pinned_to: str | None
    via: list[Point]
    offered_to: str | None
    answer_by: datetime | None
    in_grab_pool: bool
    urgent: bool
    pickup: Point
    pickup_cell: str
    further_pickups: list[FurtherPickupView] = []
    dropoff_cell: str
    skills: tuple[str, ...]
    priority: Priority
    promised_at: datetime | None
    ready_at: datetime | None
    goods_ready: bool
    wanted_by: datetime | None
    assigned_at: datetime | None
    seen_at_pickup: datetime | None = None
    seen_at_dropoff: datetime | None = None
    report_by: datetime | None
    replanned_at: datetime | None = None
    replanned_for: str = ""
    goods_with: str | None = None
    failure: FailureReason | None
    goods: Goods | None
    return_by: datetime | None
    eta: EtaView | None = Field(default=None, description="while it is awaited; not in the answers to commands")

    @classmethod
    def of(cls, delivery_id: str, version: int, delivery: Delivery, told: Told = NOTHING_TOLD) -> "DeliveryView":
        offer = delivery.offer
        return cls(
            delivery_id=delivery_id,
            order_id=delivery.order_id,
            version=version,
            stage=delivery.stage,
            attempt=delivery.attempt,
            rider_id=delivery.rider_id,
            mode=delivery.mode,
            pinned_to=delivery.pinned_to,
            via=[Point.of(place) for place in delivery.via],
            offered_to=offer.rider_id if offer else None,
            answer_by=offer.answer_by if offer else None,
            in_grab_pool=delivery.in_grab_pool,
            urgent=delivery.urgent,
            pickup=Point.of(delivery.pickup),
            pickup_cell=delivery.pickup_cell,
            further_pickups=FurtherPickupView.all_of(delivery),
            dropoff_cell=delivery.dropoff_cell,
            skills=delivery.skills,
            priority=delivery.priority,
            promised_at=delivery.promised_at,
            ready_at=delivery.ready_at,
            goods_ready=delivery.goods_ready,
            wanted_by=delivery.wanted_by,
            assigned_at=delivery.assigned_at,
            seen_at_pickup=delivery.seen_at_pickup,
            seen_at_dropoff=delivery.seen_at_dropoff,
            report_by=delivery.report_by,
            replanned_at=delivery.replanned_at,
            replanned_for=delivery.replanned_for,
            goods_with=delivery.goods_with,
            failure=delivery.failure,
            goods=delivery.goods,
            return_by=delivery.return_by,
            eta=EtaView.of(told, delivery),
        )


class PoolEntry(BaseModel):
    """A delivery that any fitting rider may claim."""

    delivery_id: str
    order_id: str
    pickup: Point
    pickup_cell: str
    further_pickups: list[FurtherPickupView] = []
    dropoff_cell: str
    skills: tuple[str, ...]
    priority: Priority
    ready_at: datetime | None
    requested_at: datetime | None
    wanted_by: datetime | None

    @classmethod
    def of(cls, row: DeliveryRow) -> "PoolEntry":
        delivery = row.delivery
        return cls(
            delivery_id=row.delivery_id,
            order_id=delivery.order_id,
            pickup=Point.of(delivery.pickup),
            pickup_cell=delivery.pickup_cell,
            further_pickups=FurtherPickupView.all_of(delivery),
            dropoff_cell=delivery.dropoff_cell,
            skills=delivery.skills,
            priority=delivery.priority,
            ready_at=delivery.ready_at,
            requested_at=delivery.requested_at,
            wanted_by=delivery.wanted_by,
        )


class WaitingView(BaseModel):
    """A delivery without a rider. `planned_rider_id`: whom the engine means to ask when it is time; `why`: what bars
    each rider, while nobody can be asked; both null before it has looked."""

    delivery_id: str
    order_id: str
    version: int
    attempt: int
    since: datetime | None
    wanted_by: datetime | None
    offered_to: str | None
    in_grab_pool: bool
    urgent: bool
    pickup: Point
    dropoff_cell: str
    skills: tuple[str, ...]
    priority: Priority
    promised_at: datetime | None
    planned_rider_id: str | None
    why: dict[str, str] | None

    @classmethod
    def of(cls, waiting: WaitingRow) -> "WaitingView":
        row, delivery = waiting.row, waiting.row.delivery
        return cls(
            delivery_id=row.delivery_id,
            order_id=delivery.order_id,
            version=row.version,
            attempt=delivery.attempt,
            since=delivery.requested_at,
            wanted_by=delivery.wanted_by,
            offered_to=delivery.offer.rider_id if delivery.offer else None,
            in_grab_pool=delivery.in_grab_pool,
            urgent=delivery.urgent,
            pickup=Point.of(delivery.pickup),
            dropoff_cell=delivery.dropoff_cell,
            skills=delivery.skills,
            priority=delivery.priority,
            promised_at=delivery.promised_at,
            planned_rider_id=waiting.word.planned_rider_id,
            why=None if waiting.word.why is None else dict(waiting.word.why),
        )


class SurgeView(BaseModel):
    """A zone (an H3 cell) with more orders than riders, as it was counted when that began."""

    zone: str
    began_at: datetime
    orders_waiting: int
    free_riders: int


class DispatchBoard(BaseModel):
    """A dispatcher's screen, true up to `position` of the log; `disruptions` are the ids of those in force."""

    position: int
    server_time: datetime
    waiting: list[WaitingView]
    riders: list[RiderView]
    urgent: list[DeliveryView]
    disruptions: list[str] = []
    surges: list[SurgeView] = []
