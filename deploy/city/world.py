"""What a city is made of before anything happens in it: its people, their plans, and the orders to come."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.kernel.place import Place


class Fate(StrEnum):
    """How one order goes. The script of the actors only: the platform learns of it by what they do."""

    SMOOTH = "smooth"
    PAYMENT_DECLINED = "payment_declined"
    MERCHANT_REJECTS = "merchant_rejects"
    MERCHANT_SILENT = "merchant_silent"
    CUSTOMER_CANCELS = "customer_cancels"
    OFFER_DECLINED = "offer_declined"
    OFFERS_IGNORED = "offers_ignored"
    RIDER_LOST_BEFORE_PICKUP = "rider_lost_before_pickup"
    RIDER_LOST_AFTER_PICKUP = "rider_lost_after_pickup"
    DELIVERY_FAILS = "delivery_fails"
    NEVER_CONFIRMED = "never_confirmed"


@dataclass(frozen=True, slots=True)
class MerchantPlan:
    key: str
    name: str
    place: Place
    address: str
    preparation_minutes: int
    menu: tuple[Mapping[str, Any], ...]
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else it is registered with: packing, hours, an area."""


@dataclass(frozen=True, slots=True)
class RiderPlan:
    key: str
    name: str
    start: Place
    on_at: datetime
    off_at: datetime
    speed_m_per_minute: float
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FurtherPlan:
    """What a rider will find at a further place of an errand: what he pays there, or that it is closed."""

    receipt_cents: int | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class ErrandPlan:
    """`receipt_cents` is what will be paid at the till, `wait` how long the queue really is; `further` what there is
    at each of its further places."""

    kind: str
    body: Mapping[str, Any]
    receipt_cents: int | None = None
    wait: timedelta = timedelta(0)
    further: tuple[FurtherPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """`ready_at` is when the kitchen will really be done; None means the merchant's usual time.

    `options` are those chosen for each sku; `quoted` asks the price first; an order with an `errand` has no merchant.
    """

    key: str
    merchant_key: str
    placed_at: datetime
    dropoff: Place
    address: str
    skus: tuple[str, ...]
    fate: Fate = Fate.SMOOTH
    ready_at: datetime | None = None
    language: str = "en"
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errand: "ErrandPlan | None" = None
    coupon: str | None = None
    tip_cents: int = 0
    quoted: bool = False
    scheduled_after: timedelta | None = None

    def moved(self, shift: timedelta) -> "OrderPlan":
        """The same order, earlier or later."""
        ready_at = self.ready_at + shift if self.ready_at else None
        return replace(self, placed_at=self.placed_at + shift, ready_at=ready_at)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole run. `pickup_service` and `dropoff_service` are what a hand-over takes at each door."""

    name: str
    merchants: tuple[MerchantPlan, ...]
    riders: tuple[RiderPlan, ...]
    orders: tuple[OrderPlan, ...]
    starts_at: datetime
    speed: float
    pickup_service: timedelta
    dropoff_service: timedelta
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    coupons: tuple[Mapping[str, Any], ...] = ()
    weather: str | None = None
    whole_minutes: bool = False
    """Travel takes whole minutes, rounded up (the rule of the public benchmark)."""

    def starting(self, at: datetime) -> "Scenario":
        """The same run, all of it moved so that it starts at `at`."""
        shift = at - self.starts_at
        riders = (replace(rider, on_at=rider.on_at + shift, off_at=rider.off_at + shift) for rider in self.riders)
        orders = (order.moved(shift) for order in self.orders)
        return replace(self, riders=tuple(riders), orders=tuple(orders), starts_at=at)
