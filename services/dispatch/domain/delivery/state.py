"""What a delivery is by now, folded from what happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.values import (
    FOOD,
    AssignmentMode,
    Change,
    Collected,
    FailureReason,
    FurtherPickup,
    Goods,
    Priority,
    Stage,
)
from shared.kernel.place import Place

NOWHERE = Place(0.0, 0.0)
"""Before the order was heard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A proposal that one rider may still answer."""

    rider_id: str
    distance_m: float
    offered_at: datetime
    answer_by: datetime
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery. `rider_id` is who carries it, or carried it last; `tried` tells when each rider was asked last;
    `past_riders` how each former rider had come to it; `barred` whom a person took off; `pinned_to` for whom a
    person keeps it, and `via` by which points it goes; `nobody_because` the kinds of reasons for which the engine
    found nobody when it looked last."""

    stage: Stage = Stage.UNHEARD
    order_id: str = ""
    merchant_id: str = ""
    pickup: Place = NOWHERE
    dropoff_area: Place = NOWHERE
    pickup_cell: str = ""
    dropoff_cell: str = ""
    skills: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    weight_g: int = 0
    volume_ml: int = 0
    promised_at: datetime | None = None
    kind: str = FOOD
    scheduled_for: datetime | None = None
    further_pickups: tuple[FurtherPickup, ...] = ()
    collected: tuple[Collected, ...] = ()
    ready_at: datetime | None = None
    goods_ready: bool = False
    attempt: int = 0
    requested_at: datetime | None = None
    wanted_by: datetime | None = None
    offer: Offer | None = None
    offers_made: int = 0
    tried: Mapping[str, datetime] = field(default_factory=dict)
    past_riders: Mapping[str, AssignmentMode] = field(default_factory=dict)
    lost_riders: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    pinned_to: str | None = None
    via: tuple[Place, ...] = ()
    nobody_because: frozenset[str] = frozenset()
    in_grab_pool: bool = False
    urgent: bool = False
    rider_id: str | None = None
    mode: AssignmentMode | None = None
    assigned_at: datetime | None = None
    picked_up_at: datetime | None = None
    report_by: datetime | None = None
    failure: FailureReason | None = None
    lost_with_rider: bool = False
    goods: Goods | None = None
    return_by: datetime | None = None
    late_reports: frozenset[tuple[str, str]] = frozenset()
    seen_at_pickup: datetime | None = None
    seen_at_dropoff: datetime | None = None
    tracks_kept: int = 0
    replanned_at: datetime | None = None
    replanned_for: str = ""
    changed: Change | None = None
    goods_with: str | None = None
    fetched_because: FailureReason | None = None
    shop: tuple[Place, str] | None = None

    @property
    def all_picked_up(self) -> bool:
        """Its carrier has all of the goods, and only the door is left."""
        return self.stage in AFTER_PICKUP

    def carried_by(self, rider_id: str) -> bool:
        return self.stage in CARRIED and self.rider_id == rider_id

    @property
    def has_goods(self) -> bool:
        """The carrier holds something already: all of it, or what an errand's first places gave him."""
        return self.stage in AFTER_PICKUP or any(not each.empty_handed for each in self.collected)

    @property
    def goods_fetched(self) -> bool:
        """They are not at the merchant's any more: the carrier has them, or a rider who waits with them."""
        return self.has_goods or self.goods_with is not None

    def ever_carried_by(self, rider_id: str) -> bool:
        return self.rider_id == rider_id or rider_id in self.past_riders


BEFORE_PICKUP = frozenset({Stage.ASSIGNED, Stage.AT_PICKUP})
AFTER_PICKUP = frozenset({Stage.PICKED_UP, Stage.AT_DROPOFF})
CARRIED = BEFORE_PICKUP | AFTER_PICKUP
"""A rider is bound to the delivery."""

UNHEARD_DELIVERY = Delivery()
Note = e.DeliveryOpenedForGrab | e.DispatcherNeeded | e.LateReportKept | e.NoRiderFitted | e.GoodsToBeFetched


def evolve(state: Delivery, event: e.DeliveryEvent) -> Delivery:
    """The delivery after one more event."""
    if isinstance(event, Note):
        return _noted(state, event)
    match event:
        case e.DeliveryAnnounced():
            return _announced(state, event)
        case e.DeliveryRequested():
            return _requested(state, event)
        case e.DeliveryOffered() | e.OfferDeclined() | e.OfferExpired():
            return _offer_changed(state, event)
        case e.RiderAssigned() | e.RiderUnassigned():
            return _assigned(state, event) if isinstance(event, e.RiderAssigned) else _unassigned(state, event)
        case e.ArrivedAtPickup() | e.StopCollected() | e.PickedUp() | e.ArrivedAtDropoff():
            return _on_the_way(state, event)
        case e.ReadyTimeMoved() | e.GoodsReady() | e.ReportExtended() | e.RouteChanged() | e.LoadChanged():
            return _terms_changed(state, event)
        case e.DeliveryPinned() | e.DeliveryUnpinned() | e.WayDirected():
            return _decided_by_hand(state, event)
        case e.DeliveryGrabbed() | e.WithdrawalRefused():
            return state
        case _:
            return _ended_or_seen(state, event)


Ending = (
    e.Delivered
    | e.DeliveryCorrected
    | e.DeliveryFailed
    | e.DeliveryUndeliverable
    | e.DeliveryWithdrawn
    | e.ReturnOpened
    | e.GoodsReturned
)
Seen = e.PickupZoneEntered | e.DropoffZoneEntered | e.TrackKept


def _ended_or_seen(state: Delivery, event: Ending | Seen) -> Delivery:
    if isinstance(event, e.PickupZoneEntered | e.DropoffZoneEntered | e.TrackKept):
        return _seen(state, event)
    return _ended(state, event)


def _seen(state: Delivery, event: Seen) -> Delivery:
    match event:
        case e.PickupZoneEntered():
            return replace(state, seen_at_pickup=event.at)
        case e.DropoffZoneEntered():
            return replace(state, seen_at_dropoff=event.at)
        case e.TrackKept():
            return replace(state, tracks_kept=event.leg)
        case _:
            assert_never(event)


def _decided_by_hand(state: Delivery, event: e.DeliveryPinned | e.DeliveryUnpinned | e.WayDirected) -> Delivery:
    match event:
        case e.DeliveryPinned():
            return replace(state, pinned_to=event.rider_id, barred=state.barred - {event.rider_id})
        case e.DeliveryUnpinned():
            return replace(state, pinned_to=None)
        case e.WayDirected():
            return replace(state, via=event.via, report_by=event.report_by or state.report_by)
        case _:
            assert_never(event)


def _terms_changed(
    state: Delivery, event: e.ReadyTimeMoved | e.GoodsReady | e.ReportExtended | e.RouteChanged | e.LoadChanged
) -> Delivery:
    if isinstance(event, e.RouteChanged | e.LoadChanged):
        return _asked_otherwise(state, event)
    return _times_changed(state, event)


def _times_changed(state: Delivery, event: e.ReadyTimeMoved | e.GoodsReady | e.ReportExtended) -> Delivery:
    report_by = event.report_by or state.report_by
    match event:
        case e.ReadyTimeMoved():
            later = state.ready_at is not None and event.ready_at > state.ready_at
            state = replace(state, changed=Change.MERCHANT_LATE) if later else state
            wanted_by = event.wanted_by or state.wanted_by
            return replace(state, ready_at=event.ready_at, report_by=report_by, wanted_by=wanted_by)
        case e.GoodsReady():
            return replace(state, goods_ready=True, ready_at=event.ready_at, report_by=report_by)
        case e.ReportExtended():
            return replace(state, report_by=report_by)
        case _:
            assert_never(event)


def _asked_otherwise(state: Delivery, event: e.RouteChanged | e.LoadChanged) -> Delivery:
    match event:
        case e.RouteChanged():
            stage = Stage.PICKED_UP if state.stage is Stage.AT_DROPOFF else state.stage
            moved = replace(state, stage=stage, dropoff_area=event.dropoff_area, dropoff_cell=event.dropoff_cell)
            moved = replace(moved, promised_at=event.promised_at, report_by=event.report_by or state.report_by)
            return replace(moved, seen_at_dropoff=None, changed=Change.ADDRESS_CHANGED)
        case e.LoadChanged():
            load = replace(state, skills=event.skills, weight_g=event.weight_g, volume_ml=event.volume_ml)
            return replace(load, promised_at=event.promised_at)
        case _:
            assert_never(event)


def _noted(state: Delivery, event: Note) -> Delivery:
    match event:
        case e.NoRiderFitted():
            return replace(state, nobody_because=frozenset(event.explanation.barred))
        case e.DeliveryOpenedForGrab():
            return replace(state, in_grab_pool=True)
        case e.DispatcherNeeded():
            return replace(state, urgent=True)
        case e.GoodsToBeFetched():
            shop = state.shop or (state.pickup, state.pickup_cell)
            there = replace(state, pickup=event.place, pickup_cell=event.cell, shop=shop, goods_ready=True)
            return replace(there, goods_with=event.rider_id, fetched_because=event.reason)
        case e.LateReportKept():
            return replace(state, late_reports=state.late_reports | {(event.rider_id, event.report)})
        case _:
            assert_never(event)


def _announced(state: Delivery, event: e.DeliveryAnnounced) -> Delivery:
    return replace(
        state,
        stage=Stage.ANNOUNCED,
        order_id=event.order_id,
        merchant_id=event.merchant_id,
        pickup=event.pickup,
        dropoff_area=event.dropoff_area,
        pickup_cell=event.pickup_cell,
        dropoff_cell=event.dropoff_cell,
        skills=event.skills,
        priority=event.priority,
        weight_g=event.weight_g,
        volume_ml=event.volume_ml,
        promised_at=event.promised_at,
        kind=event.kind,
        scheduled_for=event.scheduled_for,
        further_pickups=event.further_pickups,
    )


def _requested(state: Delivery, event: e.DeliveryRequested) -> Delivery:
    again = event.attempt == state.attempt
    shop, shop_cell = (state.pickup, state.pickup_cell) if again or state.shop is None else state.shop
    return replace(
        state,
        pickup=shop,
        pickup_cell=shop_cell,
        goods_with=state.goods_with if again else None,
        shop=state.shop if again else None,
        stage=Stage.WAITING,
        attempt=event.attempt,
        ready_at=event.ready_at,
        requested_at=event.requested_at,
        wanted_by=event.wanted_by,
        offers_made=state.offers_made if again else 0,
        in_grab_pool=state.in_grab_pool if again else False,
        urgent=False,
        offer=None,
        rider_id=None,
        mode=None,
        assigned_at=None,
        report_by=None,
        failure=None,
        lost_with_rider=False,
        goods=None,
        collected=state.collected if again else (),
    )


def _offer_changed(state: Delivery, event: e.DeliveryOffered | e.OfferDeclined | e.OfferExpired) -> Delivery:
    match event:
        case e.DeliveryOffered():
            offer = Offer(
                rider_id=event.rider_id,
                distance_m=event.distance_m,
                offered_at=event.offered_at,
                answer_by=event.answer_by,
                reasons=event.reasons,
            )
            tried = {**state.tried, event.rider_id: event.offered_at}
            made = state.offers_made + 1
            return replace(state, offer=offer, offers_made=made, tried=tried, nobody_because=frozenset())
        case e.OfferDeclined() | e.OfferExpired():
            return replace(state, offer=None)
        case _:
            assert_never(event)


def _assigned(state: Delivery, event: e.RiderAssigned) -> Delivery:
    return replace(
        state,
        stage=Stage.ASSIGNED,
        offer=None,
        rider_id=event.rider_id,
        mode=event.mode,
        assigned_at=event.assigned_at,
        picked_up_at=None,
        via=(),
        report_by=event.report_by,
        seen_at_pickup=None,
        seen_at_dropoff=None,
        urgent=False,
        changed=None,
        lost_riders=state.lost_riders - {event.rider_id},
        barred=state.barred - {event.rider_id},
        tried={**state.tried, event.rider_id: event.assigned_at},
    )


def _unassigned(state: Delivery, event: e.RiderUnassigned) -> Delivery:
    mode = state.mode or AssignmentMode.MANUAL
    return replace(
        state,
        stage=Stage.WAITING,
        rider_id=None,
        mode=None,
        report_by=None,
        past_riders={**state.past_riders, event.rider_id: mode},
        lost_riders=state.lost_riders | {event.rider_id} if event.silent else state.lost_riders,
        barred=state.barred | {event.rider_id} if event.barred else state.barred,
        replanned_at=event.at or state.replanned_at,
        replanned_for=event.cause or state.replanned_for,
    )


def _on_the_way(
    state: Delivery, event: e.ArrivedAtPickup | e.StopCollected | e.PickedUp | e.ArrivedAtDropoff
) -> Delivery:
    match event:
        case e.StopCollected():
            done = Collected(event.stop, event.at, event.empty_handed, event.receipt_cents)
            here = replace(state, stage=Stage.AT_PICKUP, report_by=event.report_by)
            return replace(here, collected=(*state.collected, done))
        case e.ArrivedAtPickup():
            return replace(state, stage=Stage.AT_PICKUP, report_by=event.report_by)
        case e.PickedUp(after_withdrawal=True):
            return replace(state, goods=Goods.WITH_RIDER, rider_id=event.rider_id)
        case e.PickedUp():
            in_hand = replace(state, stage=Stage.PICKED_UP, picked_up_at=event.picked_up_at, goods_with=None)
            return replace(in_hand, report_by=event.report_by)
        case e.ArrivedAtDropoff():
            return replace(state, stage=Stage.AT_DROPOFF, report_by=event.report_by)
        case _:
            assert_never(event)


def _ended(state: Delivery, event: Ending) -> Delivery:
    over = replace(state, offer=None, report_by=None, urgent=False, in_grab_pool=False)
    match event:
        case e.Delivered():
            return replace(over, stage=Stage.DELIVERED, rider_id=event.rider_id, goods=None)
        case e.DeliveryCorrected():
            stage = Stage.DELIVERED if event.delivered else Stage.FAILED
            return replace(over, stage=stage, goods=event.goods, failure=None, return_by=None)
        case e.DeliveryFailed():
            past = {**state.past_riders, event.rider_id: state.mode or AssignmentMode.MANUAL}
            lost = replace(over, stage=Stage.FAILED, rider_id=event.rider_id, past_riders=past)
            return replace(lost, failure=event.reason, goods=event.goods, lost_with_rider=event.silent)
        case e.DeliveryUndeliverable():
            return replace(over, stage=Stage.UNDELIVERABLE)
        case e.DeliveryWithdrawn():
            return replace(over, stage=Stage.WITHDRAWN)
        case e.ReturnOpened():
            back = replace(over, goods=Goods.WITH_RIDER, return_by=event.return_by)
            return replace(back, stage=Stage.RETURNING, rider_id=event.rider_id)
        case e.GoodsReturned():
            stage = Stage.RETURNED if state.stage is Stage.RETURNING else state.stage
            return replace(over, stage=stage, goods=Goods.RETURNED, return_by=None)
        case _:
            assert_never(event)
