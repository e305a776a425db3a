"""Vocabulary shared by the messages of several services."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Cents = Annotated[int, Field(ge=0, description="integer cents of the message's currency")]
Score = Annotated[int, Field(ge=1, le=5)]


class OrderKind(StrEnum):
    FOOD = "food"
    BUY = "errand_buy"
    CARRY = "errand_carry"
    QUEUE = "errand_queue"
    DOCUMENT = "errand_document"


class Priority(StrEnum):
    NORMAL = "normal"
    URGENT = "urgent"
    MEDICAL = "medical"


class FailureReason(StrEnum):
    """Why a delivery failed. Who is at fault is decided later, from evidence."""

    CUSTOMER_REFUSED = "customer_refused"
    CUSTOMER_UNREACHABLE = "customer_unreachable"
    ADDRESS_WRONG = "address_wrong"
    ADDRESS_UNSAFE = "address_unsafe"
    GOODS_DAMAGED = "goods_damaged"
    GOODS_MISSING = "goods_missing"
    MERCHANT_CLOSED = "merchant_closed"
    MERCHANT_NOT_READY = "merchant_not_ready"
    MERCHANT_WRONG_ITEM = "merchant_wrong_item"
    RIDER_ACCIDENT = "rider_accident"
    RIDER_VEHICLE = "rider_vehicle"
    RIDER_ILLNESS = "rider_illness"
    TRAFFIC_BLOCKED = "traffic_blocked"
    WEATHER = "weather"
    AGE_CHECK_FAILED = "age_check_failed"
    FORCE_MAJEURE = "force_majeure"


class Goods(StrEnum):
    """What was done with the goods when a delivery failed."""

    NOT_COLLECTED = "not_collected"
    WITH_RIDER = "with_rider"
    RETURNED = "returned"
    LEFT = "left"


class AssignmentMode(StrEnum):
    ENGINE = "engine"
    MANUAL = "manual"
    GRAB = "grab"
    TRANSFER = "transfer"


class Part(BaseModel):
    """A value inside a message."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Line(Part):
    """One item of an order."""

    sku: str
    name: str
    quantity: int = Field(ge=1)
    unit_cents: Cents
    options: tuple[str, ...] = Field(default=(), description="the names of the options chosen for it")


class Proof(Part):
    """Evidence that a hand-over happened: a kind (`code`, `photo`, `signature`, `none`) and its reference.

    Everybody is told, so who took it is a code (`received_by`), never a name.
    """

    kind: str = "none"
    reference: str = ""
    sha256: str = Field(default="", description="of the photo or signature, in hexadecimal")
    received_by: str = Field(default="", description="`customer`, `household`, `neighbour`, `reception`, `locker`, …")


class GeoPoint(Part):
    """WGS84 degrees. Only in private messages, and for places that are not personal (a shop, a cell's middle)."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class FurtherPickup(Part):
    """One more place where an errand fetches something, as everybody may know it."""

    cell: str = Field(description="H3 cell, resolution 9")
    middle: GeoPoint = Field(description="of the cell; the door is told in private")


class FurtherDoor(Part):
    """One more place where an errand fetches something, exactly; only in private messages."""

    place: GeoPoint
    address: str
    contact_name: str = Field(default="", description="whoever hands the things over; empty where nobody does")
    contact_phone: str = ""
    task: str = Field(default="", description="what is to be done there, in the customer's own words")
