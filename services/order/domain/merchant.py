"""The merchant: its door, its menu and its hours, in one place because its life is short to tell."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from services.order.domain.values import MenuItem, OpenHours, Pickup
from shared.kernel.errors import DomainError
from shared.kernel.place import Place

_FLAGS_KEPT = 50


class MerchantAlreadyRegistered(DomainError):
    code = "merchant.already_registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantRegistered:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantFlagged:
    """The merchant let an order run out of time; operations look at those who do it often."""

    order_id: str
    at: datetime


MerchantEvent = MerchantRegistered | MerchantFlagged


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant; `flagged_orders` are the last ones it did not answer, `missed_answers` how many there were."""

    registered: MerchantRegistered
    missed_answers: int = 0
    flagged_orders: tuple[str, ...] = ()

    @property
    def pickup(self) -> Pickup:
        facts = self.registered
        return Pickup(name=facts.name, phone=facts.phone, place=facts.place, address=facts.address)

    def sells(self, sku: str) -> MenuItem | None:
        return next((item for item in self.registered.menu if item.sku == sku), None)

    def open_at(self, moment: datetime) -> bool:
        hours = self.registered.open_hours
        return hours is None or hours.hold(moment.astimezone(ZoneInfo(hours.zone)).time())


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMerchant:
    registration: MerchantRegistered


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagMerchant:
    merchant_id: str
    order_id: str
    at: datetime


MerchantCommand = RegisterMerchant | FlagMerchant


def evolve(merchant: Merchant | None, event: MerchantEvent) -> Merchant | None:
    if isinstance(event, MerchantRegistered):
        return Merchant(registered=event)
    if merchant is None:
        raise ValueError("a merchant cannot begin with a flag")
    flagged = (*merchant.flagged_orders, event.order_id)[-_FLAGS_KEPT:]
    return replace(merchant, missed_answers=merchant.missed_answers + 1, flagged_orders=flagged)


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
