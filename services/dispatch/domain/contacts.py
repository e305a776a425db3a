"""Who and where exactly: told privately for as long as the order lasts, kept out of every event."""

from dataclasses import dataclass

from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherDoor:
    """One more place of an errand exactly, whoever hands things over there, and what is to be done."""

    place: Place
    address: str
    contact_name: str = ""
    contact_phone: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a rider must know to find the doors, and of an errand what is to be done.

    `pickup` is the door where an errand begins; of a merchant's everybody knows it.
    """

    order_id: str
    customer_id: str
    customer_name: str
    customer_phone: str
    address: str
    dropoff: Place
    merchant_name: str
    merchant_phone: str
    pickup_address: str
    pickup: Place | None = None
    task: str = ""
    further_pickups: tuple[FurtherDoor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberContact:
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetContact:
    order_id: str


ContactCommand = RememberContact | ForgetContact
