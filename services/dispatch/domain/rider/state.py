"""What a rider is by now, folded from what happened to him."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.rider import events as e
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """One rider; without `rider_id` nobody was registered. He holds at most one open offer and one open delivery."""

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
    offered: str | None = None
    answer_by: datetime | None = None
    carrying: str | None = None
    returns: tuple[str, ...] = ()

    @property
    def free(self) -> bool:
        """May be asked to carry something now."""
        return self.on_shift and not self.silent and self.offered is None and self.carrying is None


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
            return replace(state, offered=event.delivery_id, answer_by=event.answer_by)
        case e.OfferClosed():
            return replace(state, offered=None, answer_by=None)
        case e.DeliveryTaken():
            return replace(state, carrying=event.delivery_id)
        case e.DeliveryReleased():
            return replace(state, carrying=None)
        case e.ReturnTaken():
            return replace(state, returns=(*state.returns, event.delivery_id))
        case e.ReturnDone():
            return replace(state, returns=tuple(other for other in state.returns if other != event.delivery_id))
        case _:
            assert_never(event)
