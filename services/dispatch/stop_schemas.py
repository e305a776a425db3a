"""The places of an errand that fetches at several, in the words of the gateway's clients."""

from datetime import datetime

from pydantic import BaseModel

from services.dispatch.domain.contacts import Contact
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.values import Collected
from services.dispatch.inputs import Point
from shared.kernel.place import Place


class FurtherPickupView(BaseModel):
    """One more place, in the order of the way: the middle of its cell, and when its rider was done there."""

    stop: int
    place: Point
    cell: str
    done_at: datetime | None = None
    empty_handed: bool = False

    @classmethod
    def all_of(cls, delivery: Delivery) -> list["FurtherPickupView"]:
        done = _done(delivery)
        return [
            cls(
                stop=stop,
                place=Point.of(each.place),
                cell=each.cell,
                done_at=done[stop].at if stop in done else None,
                empty_handed=stop in done and done[stop].empty_handed,
            )
            for stop, each in enumerate(delivery.further_pickups, 1)
        ]


class FurtherDoorView(BaseModel):
    """One more place for the rider who goes there: the door itself as soon as it is known."""

    stop: int
    place: Point
    address: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    task: str = ""
    done_at: datetime | None = None
    empty_handed: bool = False

    @classmethod
    def all_of(cls, delivery: Delivery, contact: Contact | None) -> list["FurtherDoorView"]:
        """In the order of the way."""
        done = _done(delivery)
        return [
            _known(stop, each.place, contact).model_copy(
                update={
                    "done_at": done[stop].at if stop in done else None,
                    "empty_handed": stop in done and done[stop].empty_handed,
                }
            )
            for stop, each in enumerate(delivery.further_pickups, 1)
        ]


def _known(stop: int, area: Place, contact: Contact | None) -> FurtherDoorView:
    doors = contact.further_pickups if contact is not None else ()
    if stop > len(doors):
        return FurtherDoorView(stop=stop, place=Point.of(area))
    door = doors[stop - 1]
    return FurtherDoorView(
        stop=stop,
        place=Point.of(door.place),
        address=door.address,
        contact_name=door.contact_name,
        contact_phone=door.contact_phone,
        task=door.task,
    )


def _done(delivery: Delivery) -> dict[int, Collected]:
    return {each.stop: each for each in delivery.collected}
