"""The words that riders and deliveries share, each with one home."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.kernel.place import Place

FOOD = "food"
BUY = "errand_buy"
"""The kinds of an order that make a difference on the road; the others are told as they come."""


class Stage(StrEnum):
    """Where a delivery stands."""

    UNHEARD = "unheard"
    ANNOUNCED = "announced"
    WAITING = "waiting"
    ASSIGNED = "assigned"
    AT_PICKUP = "at_pickup"
    PICKED_UP = "picked_up"
    AT_DROPOFF = "at_dropoff"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    WITHDRAWN = "withdrawn"
    RETURNING = "returning"
    RETURNED = "returned"


class AssignmentMode(StrEnum):
    """How a delivery came to its rider."""

    ENGINE = "engine"
    MANUAL = "manual"
    GRAB = "grab"
    TRANSFER = "transfer"


BY_HAND = frozenset({AssignmentMode.MANUAL, AssignmentMode.TRANSFER})
"""A dispatcher decided."""


class Goods(StrEnum):
    """What was done with the goods when a delivery failed."""

    NOT_COLLECTED = "not_collected"
    WITH_RIDER = "with_rider"
    RETURNED = "returned"
    LEFT = "left"


class FailureReason(StrEnum):
    """Why a delivery failed; who is at fault is decided later, by others, from evidence."""

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


RIDER_UNFIT = frozenset({FailureReason.RIDER_ACCIDENT, FailureReason.RIDER_VEHICLE, FailureReason.RIDER_ILLNESS})
"""Reasons after which the rider himself cannot go on: his shift ends until he starts one again."""


class Priority(StrEnum):
    NORMAL = "normal"
    URGENT = "urgent"
    MEDICAL = "medical"


class StopKind(StrEnum):
    """What a rider does at a stop."""

    PICKUP = "pickup"
    DROPOFF = "dropoff"


@dataclass(frozen=True, slots=True)
class Stop:
    """One place that a rider has to go to for one delivery."""

    delivery_id: str
    kind: StopKind


@dataclass(frozen=True, slots=True)
class Load:
    """What one delivery takes of a vehicle."""

    weight_g: int = 0
    volume_ml: int = 0


@dataclass(frozen=True, slots=True)
class FurtherPickup:
    """One more place where an errand fetches something: the middle of a cell, nobody's door."""

    place: Place
    cell: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What a rider has of one of an errand's places: 0 where it begins, n at the n-th further one.

    `empty_handed`: it was closed or had nothing. `receipt_cents` is what he paid there, if he said so.
    """

    stop: int
    at: datetime
    empty_handed: bool = False
    receipt_cents: int | None = None


class Change(StrEnum):
    """What became otherwise of a delivery since its rider accepted it."""

    MERCHANT_LATE = "merchant_late"
    ADDRESS_CHANGED = "address_changed"


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence of a hand-over: a kind (`code`, `photo`, `signature`, `none`), where it is kept, and who took it."""

    kind: str = "none"
    reference: str = ""
    sha256: str = ""
    received_by: str = ""
