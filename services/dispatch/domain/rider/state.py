"""What a rider is by now, folded from what happened to him."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.policies.cells import CellSet
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.values import Load, Stop
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """One rider; without `rider_id` nobody was registered.

    `carrying` are the deliveries in his hands in the order that he took them, `offers` those that he is asked about;
    `loads` says of each of both what it takes of his vehicle, `stops_ordered` in which order a dispatcher wants them.
    `zones` are the H3 cells that he is bound to (none: he works everywhere). `working_since` is when his spell of
    work began, `idle_since` when his hands were empty last; `rested_seconds` all breaks of this shift, `earned_cents`
    and `paid` what he got in it and for which attempts. `offers_accepted` and `offers_refused` (declined or not
    answered) fade: they tell of the last fifty or so.
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
    shift_started_at: datetime | None = None
    shift_place: Place | None = None
    zones: tuple[str, ...] = ()
    working_since: datetime | None = None
    break_started_at: datetime | None = None
    break_until: datetime | None = None
    rested_seconds: float = 0
    idle_since: datetime | None = None
    earned_cents: int = 0
    paid: tuple[tuple[str, int], ...] = ()
    offers_accepted: int = 0
    offers_refused: int = 0
    silent: bool = False
    offers: tuple[str, ...] = ()
    carrying: tuple[str, ...] = ()
    loads: Mapping[str, Load] = field(default_factory=dict)
    stops_ordered: tuple[Stop, ...] = ()
    returns: tuple[str, ...] = ()

    @property
    def free(self) -> bool:
        """On shift with empty hands, and not being asked."""
        at_work = self.on_shift and not self.silent and self.break_until is None
        return at_work and not self.offers and not self.carrying

    def spell_seconds(self, now: datetime) -> float:
        """How long he has been at work without a rest."""
        return 0 if self.working_since is None else max(0.0, (now - self.working_since).total_seconds())

    def online_seconds(self, now: datetime) -> float:
        """How long he has been at work in this shift, without his breaks."""
        if self.shift_started_at is None:
            return 0
        since = now if self.break_started_at is None else self.break_started_at
        return max(0.0, (since - self.shift_started_at).total_seconds() - self.rested_seconds)

    def works_at(self, cell: str) -> bool:
        """Whether a cell lies in one of his zones."""
        return not self.zones or CellSet.of(self.zones).holds(cell)

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
                zones=event.zones,
            )
        case e.RiderZonesChanged():
            return replace(state, zones=event.zones)
        case e.ShiftStarted() | e.ShiftEnded() | e.BreakStarted() | e.BreakEnded():
            return _shift_changed(state, event)
        case e.RiderWentSilent():
            return replace(state, silent=True)
        case e.RiderCameBack():
            return replace(state, silent=False)
        case _:
            return _work_changed(state, event)


def _shift_changed(state: Rider, event: e.ShiftStarted | e.ShiftEnded | e.BreakStarted | e.BreakEnded) -> Rider:
    match event:
        case e.ShiftStarted():
            begun = state if state.on_shift else _anew(state, event.started_at)
            return replace(begun, on_shift=True, silent=False, shift_until=event.until, shift_place=event.place)
        case e.ShiftEnded():
            over = replace(state, on_shift=False, shift_started_at=None, shift_until=None, shift_place=None)
            return replace(over, working_since=None, break_started_at=None, break_until=None)
        case e.BreakStarted():
            return replace(state, break_started_at=event.started_at, break_until=event.until)
        case e.BreakEnded():
            began = state.break_started_at or event.ended_at
            return replace(
                state,
                break_started_at=None,
                break_until=None,
                rested_seconds=state.rested_seconds + (event.ended_at - began).total_seconds(),
                working_since=event.ended_at if event.rested else state.working_since,
            )
        case _:
            assert_never(event)


def _anew(state: Rider, at: datetime | None) -> Rider:
    """A shift begins: nothing earned, nobody tired."""
    return replace(
        state,
        shift_started_at=at,
        working_since=at,
        idle_since=at,
        rested_seconds=0,
        earned_cents=0,
        paid=(),
    )


Work = (
    e.OfferReceived
    | e.OfferClosed
    | e.DeliveryTaken
    | e.DeliveryReleased
    | e.StopsOrdered
    | e.PayAccrued
    | e.ReturnTaken
    | e.ReturnDone
)

RECENT_ANSWERS = 50
_ANSWERS = frozenset({"taken", "declined", "expired"})


def _work_changed(state: Rider, event: Work) -> Rider:
    match event:
        case e.OfferReceived():
            offers = (*_without(state.offers, event.delivery_id), event.delivery_id)
            return replace(state, offers=offers, loads=_loaded(state, event))
        case e.OfferClosed():
            left = replace(_answered(state, event.how), offers=_without(state.offers, event.delivery_id))
            return _lighter(left, event.delivery_id)
        case e.DeliveryTaken():
            carrying = (*_without(state.carrying, event.delivery_id), event.delivery_id)
            return replace(state, carrying=carrying, loads=_loaded(state, event))
        case e.DeliveryReleased():
            carrying = _without(state.carrying, event.delivery_id)
            idle_since = state.idle_since if carrying else event.released_at
            ordered = tuple(stop for stop in state.stops_ordered if stop.delivery_id != event.delivery_id)
            left = replace(state, carrying=carrying, idle_since=idle_since, stops_ordered=ordered)
            return _lighter(left, event.delivery_id)
        case e.StopsOrdered():
            return replace(state, stops_ordered=event.stops)
        case e.PayAccrued():
            paid = (*state.paid, (event.delivery_id, event.attempt))
            return replace(state, earned_cents=state.earned_cents + event.amount_cents, paid=paid)
        case e.ReturnTaken():
            return replace(state, returns=(*state.returns, event.delivery_id))
        case e.ReturnDone():
            return replace(state, returns=_without(state.returns, event.delivery_id))
        case _:
            assert_never(event)


def _answered(state: Rider, how: str) -> Rider:
    """Counts an answer; both counts are halved when there are too many, so that the past fades."""
    if how not in _ANSWERS:
        return state
    accepted, refused = state.offers_accepted, state.offers_refused
    if accepted + refused >= RECENT_ANSWERS:
        accepted, refused = accepted // 2, refused // 2
    said_yes = how == "taken"
    return replace(state, offers_accepted=accepted + said_yes, offers_refused=refused + (not said_yes))


def _without(delivery_ids: tuple[str, ...], delivery_id: str) -> tuple[str, ...]:
    return tuple(other for other in delivery_ids if other != delivery_id)


def _loaded(state: Rider, event: e.OfferReceived | e.DeliveryTaken) -> Mapping[str, Load]:
    return {**state.loads, event.delivery_id: Load(event.weight_g, event.volume_ml)}


def _lighter(state: Rider, delivery_id: str) -> Rider:
    if delivery_id in state.carrying or delivery_id in state.offers:
        return state
    return replace(state, loads={other: load for other, load in state.loads.items() if other != delivery_id})
