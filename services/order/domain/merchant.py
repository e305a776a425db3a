"""The merchant: its door, its menu, its hours and where it delivers, and how each of them changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from services.order.domain import pausing
from services.order.domain.hours import WeeklyHours
from services.order.domain.pausing import MerchantPaused, MerchantResumed, Pause
from services.order.domain.values import MenuItem, OpenHours, Pickup
from shared.kernel.area import contains
from shared.kernel.errors import DomainError, NotFound
from shared.kernel.place import Place, distance_m

_FLAGS_KEPT = 50


class MerchantAlreadyRegistered(DomainError):
    code = "merchant.already_registered"


class UnknownItem(DomainError):
    code = "merchant.unknown_item"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantRegistered:
    """`area` is the polygon that it delivers to; empty: the circle of `service_radius_m` around its door.

    `packing_cents` is once for each order, beside what single items ask for. `week` comes before `open_hours`.
    """

    merchant_id: str
    name: str
    phone: str
    place: Place
    address: str
    service_radius_m: int
    menu: tuple[MenuItem, ...]
    preparation_minutes: int
    open_hours: OpenHours | None
    at: datetime
    week: WeeklyHours | None = None
    area: tuple[Place, ...] = ()
    packing_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantFlagged:
    """The merchant let an order run out of time; operations look at those who do it often."""

    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPublished:
    """A new menu, whole. Orders placed before it keep the prices they were placed with."""

    menu: tuple[MenuItem, ...]
    preparation_minutes: int
    packing_cents: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursChanged:
    week: WeeklyHours
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAreaChanged:
    """Where it delivers from now on; without corners, in the circle of `service_radius_m`."""

    area: tuple[Place, ...]
    service_radius_m: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSoldOut:
    """None is left of an item, until a time or (None) until somebody says otherwise."""

    sku: str
    until: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBackInStock:
    sku: str
    at: datetime


ShopEvent = (
    MenuPublished
    | HoursChanged
    | ServiceAreaChanged
    | ItemSoldOut
    | ItemBackInStock
    | MerchantPaused
    | MerchantResumed
)
MerchantEvent = MerchantRegistered | MerchantFlagged | ShopEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant; `flagged_orders` are the last ones it did not answer, `missed_answers` how many there were.

    `registered` stays what it was; `menu`, `week`, `area` and the figures beside them are those of today. `sold_out`
    says until when each item is gone, None: until somebody says otherwise.
    """

    registered: MerchantRegistered
    menu: tuple[MenuItem, ...]
    preparation_minutes: int
    packing_cents: int
    week: WeeklyHours | None
    area: tuple[Place, ...]
    service_radius_m: int
    sold_out: Mapping[str, datetime | None] = field(default_factory=dict)
    pause: Pause | None = None
    missed_answers: int = 0
    flagged_orders: tuple[str, ...] = ()

    @property
    def pickup(self) -> Pickup:
        facts = self.registered
        return Pickup(name=facts.name, phone=facts.phone, place=facts.place, address=facts.address)

    def sells(self, sku: str) -> MenuItem | None:
        return next((item for item in self.menu if item.sku == sku), None)

    def in_stock(self, sku: str, moment: datetime) -> bool:
        """Whether an item of the menu can be had at a moment."""
        if sku not in self.sold_out:
            return True
        until = self.sold_out[sku]
        return until is not None and moment >= until

    def open_at(self, moment: datetime) -> bool:
        if self.week is not None:
            return self.week.open_at(moment)
        hours = self.registered.open_hours
        return hours is None or hours.hold(moment.astimezone(ZoneInfo(hours.zone)).time())

    def paused_at(self, moment: datetime) -> bool:
        return self.pause is not None and self.pause.holds_at(moment)

    def delivers_to(self, place: Place) -> bool:
        if self.area:
            return contains(self.area, place)
        return distance_m(self.registered.place, place) <= self.service_radius_m

    def preparation_of(self, items: Iterable[MenuItem]) -> int:
        """Minutes until the slowest of these items is done: a kitchen cooks them side by side."""
        usual = self.preparation_minutes
        return max(
            (usual if item.preparation_minutes is None else item.preparation_minutes for item in items), default=usual
        )


def opened(event: MerchantRegistered) -> Merchant:
    """The merchant as it was registered."""
    return Merchant(
        registered=event,
        menu=event.menu,
        preparation_minutes=event.preparation_minutes,
        packing_cents=event.packing_cents,
        week=event.week,
        area=event.area,
        service_radius_m=event.service_radius_m,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMerchant:
    registration: MerchantRegistered


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagMerchant:
    merchant_id: str
    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopCommand:
    """What its owner or operations change about a merchant."""

    merchant_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishMenu(ShopCommand):
    menu: tuple[MenuItem, ...]
    preparation_minutes: int
    packing_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHours(ShopCommand):
    week: WeeklyHours


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeServiceArea(ShopCommand):
    area: tuple[Place, ...]
    service_radius_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SellOut(ShopCommand):
    sku: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restock(ShopCommand):
    sku: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseOrders(ShopCommand):
    """`until` None: until somebody says otherwise."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOrders(ShopCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPause(ShopCommand):
    """The time of a pause may be over."""


MerchantCommand = RegisterMerchant | FlagMerchant | ShopCommand


def evolve(merchant: Merchant | None, event: MerchantEvent) -> Merchant | None:
    if isinstance(event, MerchantRegistered):
        return opened(event)
    if merchant is None:
        raise ValueError(f"a merchant cannot begin with {type(event).__name__}")
    if isinstance(event, MerchantFlagged):
        flagged = (*merchant.flagged_orders, event.order_id)[-_FLAGS_KEPT:]
        return replace(merchant, missed_answers=merchant.missed_answers + 1, flagged_orders=flagged)
    return _after_shop(merchant, event)


def _after_shop(merchant: Merchant, event: ShopEvent) -> Merchant:
    match event:
        case MenuPublished():
            return replace(
                merchant,
                menu=event.menu,
                preparation_minutes=event.preparation_minutes,
                packing_cents=event.packing_cents,
            )
        case HoursChanged():
            return replace(merchant, week=event.week)
        case ServiceAreaChanged():
            return replace(merchant, area=event.area, service_radius_m=event.service_radius_m)
        case ItemSoldOut():
            return replace(merchant, sold_out={**merchant.sold_out, event.sku: event.until})
        case ItemBackInStock():
            left = {sku: until for sku, until in merchant.sold_out.items() if sku != event.sku}
            return replace(merchant, sold_out=left)
        case MerchantPaused() | MerchantResumed():
            return replace(merchant, pause=pausing.after(merchant.pause, event))
        case _:
            assert_never(event)


def register(command: RegisterMerchant, merchant: Merchant | None) -> list[MerchantEvent]:
    """Registers once; the same registration again changes nothing, another one under the same id is refused."""
    if merchant is None:
        return [command.registration]
    if replace(merchant.registered, at=command.registration.at) == command.registration:
        return []
    raise MerchantAlreadyRegistered(
        "another merchant is registered under this id", merchant_id=command.registration.merchant_id
    )


def flag(command: FlagMerchant, merchant: Merchant | None) -> list[MerchantEvent]:
    if merchant is None or command.order_id in merchant.flagged_orders:
        return []
    return [MerchantFlagged(order_id=command.order_id, at=command.at)]


def change(command: ShopCommand, merchant: Merchant | None) -> list[MerchantEvent]:
    """What a change of the shop leads to; what is so already changes nothing."""
    if merchant is None:
        raise NotFound("there is no such merchant", merchant_id=command.merchant_id)
    match command:
        case PublishMenu():
            published = MenuPublished(
                menu=command.menu,
                preparation_minutes=command.preparation_minutes,
                packing_cents=command.packing_cents,
                at=command.at,
            )
            return _unless_same(merchant, published)
        case ChangeHours():
            return _unless_same(merchant, HoursChanged(week=command.week, at=command.at))
        case ChangeServiceArea():
            moved = ServiceAreaChanged(area=command.area, service_radius_m=command.service_radius_m, at=command.at)
            return _unless_same(merchant, moved)
        case SellOut():
            _check_on_menu(merchant, command.sku)
            return _unless_same(merchant, ItemSoldOut(sku=command.sku, until=command.until, at=command.at))
        case Restock():
            _check_on_menu(merchant, command.sku)
            return _unless_same(merchant, ItemBackInStock(sku=command.sku, at=command.at))
        case _:
            return [*_of_pause(command, merchant)]


def _of_pause(command: ShopCommand, merchant: Merchant) -> list[pausing.PauseEvent]:
    match command:
        case PauseOrders():
            return pausing.pause(command.reason, command.until, command.at, merchant.pause)
        case ResumeOrders():
            return pausing.resume(command.at, merchant.pause)
        case EndPause():
            return pausing.end_by_time(command.at, merchant.pause)
        case _:
            raise TypeError(f"{type(command).__name__} is not a change of a shop")


def _unless_same(merchant: Merchant, event: ShopEvent) -> list[MerchantEvent]:
    return [] if _after_shop(merchant, event) == merchant else [event]


def _check_on_menu(merchant: Merchant, sku: str) -> None:
    if merchant.sells(sku) is None and sku not in merchant.sold_out:
        raise UnknownItem("the merchant does not sell this", sku=sku)
