"""What the gateway takes and answers of riders: who they are, their shifts, and their work."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from services.dispatch.domain.policies.cells import resolution_of
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import FOOD, Stage, StopKind
from services.dispatch.inputs import Input, Point
from services.dispatch.stop_schemas import FurtherDoorView, FurtherPickupView
from services.dispatch.views import RiderRow
from shared.contracts.cells import RESOLUTION, outline_of
from shared.gateway.sealing import PersonalPart
from shared.gateway.words import Code

RiderId = Annotated[str, StringConstraints(pattern=r"^rid_[A-Za-z0-9-]{1,60}$")]
Reason = Code | Literal[""]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()-]{3,18}[0-9]$")]
Skill = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]

COARSEST_ZONE = 4


def _zone(cell: str) -> str:
    """An H3 cell that can hold a pick-up's: neither a country nor finer than the cells that orders are told in."""
    if outline_of(cell) is None or not COARSEST_ZONE <= resolution_of(cell) <= RESOLUTION:
        raise ValueError(f"a zone is an H3 cell of resolution {COARSEST_ZONE} to {RESOLUTION}")
    return cell


Zones = Annotated[tuple[Annotated[str, AfterValidator(_zone)], ...], Field(max_length=200)]


class Capacity(Input):
    """What the vehicle can take at once."""

    weight_g: Annotated[int, Field(ge=0, le=10_000_000)] = 20_000
    volume_ml: Annotated[int, Field(ge=0, le=100_000_000)] = 60_000


class RegisterRiderBody(Input):
    rider_id: Annotated[RiderId | None, Field(description="made here when absent")] = None
    name: Name
    phone: Phone
    skills: Annotated[tuple[Skill, ...], Field(max_length=20)] = ()
    vehicle: Name = "scooter"
    capacity: Capacity = Capacity()
    zones: Annotated[Zones, Field(description="H3 cells that he is bound to; none: he works everywhere")] = ()


class ZonesBody(Input):
    """The H3 cells that a rider is bound to from now on; none: he works everywhere."""

    zones: Zones
    reason: Reason = ""


class BreakBody(Input):
    until: AwareDatetime


class StartShiftBody(Input):
    place: Point
    until: AwareDatetime


class WorkStop(BaseModel):
    """Where the rider has to go for one of his deliveries."""

    delivery_id: str
    kind: StopKind


class LastSeen(BaseModel):
    """Where a rider was last, and when his device said so."""

    lat: float
    lon: float
    at: datetime


class RiderView(BaseModel):
    """A rider as his stream tells him. What he has earned is of this shift; offers are counted over the last fifty or
    so. `stops_ordered`: the order that a dispatcher has set for his stops."""

    personal: ClassVar[PersonalPart] = PersonalPart("rider_id", {"name": None, "phone": None})

    rider_id: str
    version: int
    name: str | None
    phone: str | None
    skills: tuple[str, ...]
    vehicle: str
    capacity: Capacity
    on_shift: bool
    shift_until: datetime | None
    silent: bool
    zones: tuple[str, ...]
    shift_started_at: datetime | None
    working_since: datetime | None
    break_until: datetime | None
    earned_cents: int
    offers_accepted: int
    offers_refused: int
    offered: tuple[str, ...]
    carrying: tuple[str, ...]
    stops_ordered: list[WorkStop]
    returns: tuple[str, ...]
    last_seen: LastSeen | None = None

    @classmethod
    def of(cls, version: int, rider: Rider, last_seen: LastSeen | None = None) -> "RiderView":
        return cls(
            rider_id=rider.rider_id,
            version=version,
            name=rider.name,
            phone=rider.phone,
            skills=rider.skills,
            vehicle=rider.vehicle,
            capacity=Capacity(weight_g=rider.capacity_g, volume_ml=rider.capacity_ml),
            on_shift=rider.on_shift,
            shift_until=rider.shift_until,
            silent=rider.silent,
            zones=rider.zones,
            shift_started_at=rider.shift_started_at,
            working_since=rider.working_since,
            break_until=rider.break_until,
            earned_cents=rider.earned_cents,
            offers_accepted=rider.offers_accepted,
            offers_refused=rider.offers_refused,
            offered=rider.offers,
            carrying=rider.carrying,
            stops_ordered=[WorkStop(delivery_id=stop.delivery_id, kind=stop.kind) for stop in rider.stops_ordered],
            returns=rider.returns,
            last_seen=last_seen,
        )

    @classmethod
    def of_row(cls, row: RiderRow) -> "RiderView":
        position = row.position
        if position is None:
            return cls.of(row.version, row.rider)
        last_seen = LastSeen(lat=position.place.lat, lon=position.place.lon, at=position.at)
        return cls.of(row.version, row.rider, last_seen)


class WorkOffer(BaseModel):
    """A question that waits for the rider's answer."""

    delivery_id: str
    order_id: str
    kind: str = FOOD
    pickup: Point
    pickup_address: str
    further_pickups: list[FurtherPickupView] = []
    dropoff_cell: str
    ready_at: datetime | None
    scheduled_for: datetime | None = None
    answer_by: datetime


class WorkDelivery(BaseModel):
    """What the rider carries; `dropoff` is the exact door as soon as it is known, else the middle of its cell. `via`
    are points by which a dispatcher sends him to its next door."""

    delivery_id: str
    order_id: str
    stage: Stage
    kind: str = FOOD
    pickup: Point
    pickup_address: str
    pickup_contact_name: str = ""
    pickup_contact_phone: str = ""
    goods_with: str | None = None
    """The rider who waits at the pick-up with the goods, because he cannot go on."""
    task: str = ""
    further_pickups: list[FurtherDoorView] = []
    dropoff: Point
    address: str
    contact_name: str
    contact_phone: str
    ready_at: datetime | None
    goods_ready: bool
    report_by: datetime | None
    via: list[Point] = []
    suggested_report: Literal["arrived_at_pickup", "arrived_at_dropoff"] | None = None
    """What his positions say that he might report; it is his to do so."""


class WorkReturn(BaseModel):
    """Goods that the rider has to bring back."""

    delivery_id: str
    order_id: str
    pickup: Point
    pickup_address: str
    return_by: datetime | None


class Work(BaseModel):
    """Everything that a rider's device must show now. `stops`: where he goes next, and after that; `rest_by`: from
    then on he is asked about nothing before he has had a break; `wait_at`: where he had better wait while he has
    nothing to do, since orders are expected there: a suggestion, no order."""

    rider_id: str
    on_shift: bool
    silent: bool
    break_until: datetime | None
    rest_by: datetime | None
    earned_cents: int
    offers: list[WorkOffer]
    deliveries: list[WorkDelivery]
    stops: list[WorkStop]
    returns: list[WorkReturn]
    wait_at: Point | None
    server_time: datetime
