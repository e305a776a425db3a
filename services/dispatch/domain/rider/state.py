"""What a rider is by now, folded from what happened to him."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.rider import events as e
from services.dispatch.domain.values import Load
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """One rider; without `rider_id` nobody was registered.

    `carrying` are the deliveries in his hands in the order that he took them, `offers` those that he is asked about;
    `loads` says of each of both what it takes of his vehicle.
    """

    rider_id: str = ""
    name: str | None = None
    phone: str | None = None
    skills: tuple[str, ...] = ()
    vehicle: str = ""
    capacity_g: int = 0
    capacity_ml: int = 0
    on_shift: bool = False
    shift_until: datetime | None = None
    shift_place: Place | None = None
    silent: bool = False
    offers: tuple[str, ...] = ()
    carrying: tuple[str, ...] = ()
    loads: Mapping[str, Load] = field(default_factory=dict)
    returns: tuple[str, ...] = ()

    @property
    def free(self) -> bool:
        """On shift with empty hands, and not being asked."""
        return self.on_shift and not self.silent and not self.offers and not self.carrying

    def has_room_for(self, load: Load) -> bool:
        """Whether it fits beside everything that he carries and is asked about."""
        weight_g = load.weight_g + sum(each.weight_g for each in self.loads.values())
        volume_ml = load.volume_ml + sum(each.volume_ml for each in self.loads.values())
        return weight_g <= self.capacity_g and volume_ml <= self.capacity_ml


NOBODY = Rider()


def evolve(state: Rider, event: e.RiderEvent) -> Rider:
    """The rider after one more event."""
    match event:
        case e.RiderRegistered():
            return replace(
                state,
                rider_id=event.rider_id,
                name=event.name,
                phone=event.phone,
                skills=event.skills,
                vehicle=event.vehicle,
                capacity_g=event.capacity_g,
                capacity_ml=event.capacity_ml,
            )
        case e.ShiftStarted() | e.ShiftEnded():
            return _shift_changed(state, event)
        case e.RiderWentSilent():
            return replace(state, silent=True)
        case e.RiderCameBack():
            return replace(state, silent=False)
        case _:
            return _work_changed(state, event)


def _shift_changed(state: Rider, event: e.ShiftStarted | e.ShiftEnded) -> Rider:
    match event:
        case e.ShiftStarted():
            return replace(state, on_shift=True, silent=False, shift_until=event.until, shift_place=event.place)
        case e.ShiftEnded():
            return replace(state, on_shift=False, shift_until=None, shift_place=None)
        case _:
            assert_never(event)


Work = e.OfferReceived | e.OfferClosed | e.DeliveryTaken | e.DeliveryReleased | e.ReturnTaken | e.ReturnDone


def _work_changed(state: Rider, event: Work) -> Rider:
    match event:
        case e.OfferReceived():
            offers = (*_without(state.offers, event.delivery_id), event.delivery_id)
            return replace(state, offers=offers, loads=_loaded(state, event))
        case e.OfferClosed():
            return _lighter(replace(state, offers=_without(state.offers, event.delivery_id)), event.delivery_id)
        case e.DeliveryTaken():
            carrying = (*_without(state.carrying, event.delivery_id), event.delivery_id)
            return replace(state, carrying=carrying, loads=_loaded(state, event))
        case e.DeliveryReleased():
            return _lighter(replace(state, carrying=_without(state.carrying, event.delivery_id)), event.delivery_id)
        case e.ReturnTaken():
            return replace(state, returns=(*state.returns, event.delivery_id))
        case e.ReturnDone():
            return replace(state, returns=_without(state.returns, event.delivery_id))
        case _:
            assert_never(event)


def _without(delivery_ids: tuple[str, ...], delivery_id: str) -> tuple[str, ...]:
    return tuple(other for other in delivery_ids if other != delivery_id)


def _loaded(state: Rider, event: e.OfferReceived | e.DeliveryTaken) -> Mapping[str, Load]:
    return {**state.loads, event.delivery_id: Load(event.weight_g, event.volume_ml)}


def _lighter(state: Rider, delivery_id: str) -> Rider:
    if delivery_id in state.carrying or delivery_id in state.offers:
        return state
    return replace(state, loads={other: load for other, load in state.loads.items() if other != delivery_id})
