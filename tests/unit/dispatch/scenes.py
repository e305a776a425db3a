"""The usual delivery, the usual riders, and a small language for given, when and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.delivery import decisions as delivery_decisions
from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery.explanation import Candidate, Explanation
from services.dispatch.domain.delivery.state import UNHEARD_DELIVERY, Delivery
from services.dispatch.domain.delivery.state import evolve as evolve_delivery
from services.dispatch.domain.eta import events as te
from services.dispatch.domain.eta.forecasting import Eta
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as rc
from services.dispatch.domain.rider import decisions as rider_decisions
from services.dispatch.domain.rider import events as re
from services.dispatch.domain.rider.state import NOBODY, Rider
from services.dispatch.domain.rider.state import evolve as evolve_rider
from services.dispatch.domain.values import (
    BUY,
    AssignmentMode,
    FailureReason,
    FurtherPickup,
    Goods,
    Priority,
    Proof,
    Stop,
    StopKind,
)
from shared.eventstore.model import Context
from shared.kernel.errors import DomainError
from shared.kernel.place import Place

NOW = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
ORDER, DELIVERY, RIDER, OTHER = "ord_1", "dlv_1", "rid_1", "rid_2"
SHOP, HOME = Place(31.2300, 121.4700), Place(31.2400, 121.4800)
# With goods ready in ten minutes, riders are asked from the start.
POLICY = DispatchPolicy(version="nearest-1", offer_ahead_seconds=600)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def context(minutes: float = 0, actor: str = "test:1") -> Context:
    now = at(minutes)
    return Context(actor=actor, now=now, occurred_at=now, correlation_id="cor_1")


announced = de.DeliveryAnnounced(
    order_id=ORDER,
    merchant_id="mer_1",
    pickup=SHOP,
    dropoff_area=HOME,
    pickup_cell="8930e1d8a27ffff",
    dropoff_cell="8930e1d8a2bffff",
    promised_at=at(40),
)
SECOND, THIRD = Place(31.2330, 121.4720), Place(31.2360, 121.4760)
announced_errand = replace(
    announced,
    merchant_id="",
    kind=BUY,
    further_pickups=(FurtherPickup(SECOND, "8930e1d8a23ffff"), FurtherPickup(THIRD, "8930e1d8a2fffff")),
)
"""To three places: the shop, and two more."""
requested = de.DeliveryRequested(
    attempt=1,
    ready_at=at(10),
    requested_at=NOW,
    dispatcher_at=at(5),
    wanted_by=at(15),
    policy_version="nearest-1",
)
explained = Explanation(
    chosen=Candidate(
        rider_id=RIDER, cost_seconds=620.0, parts={"until_ready": 300.0, "ride": 280.0, "fairness": 40.0}
    ),
    next_best=(Candidate(rider_id=OTHER, cost_seconds=700.0, parts={"approach": 420.0, "ride": 280.0}),),
    barred={"on_break": 1},
    reasons={"rid_3": "on_break"},
    looked_at=3,
)
offered = de.DeliveryOffered(
    rider_id=RIDER,
    distance_m=400.0,
    offered_at=NOW,
    answer_by=NOW + timedelta(seconds=30),
    reasons=("nearest_free_rider",),
    policy_version="nearest-1",
    bundle=(DELIVERY,),
    explanation=explained,
)
nobody_fitted = de.NoRiderFitted(
    explanation=Explanation(chosen=None, barred={"silent": 1}, reasons={RIDER: "silent"}, looked_at=1),
    policy_version="nearest-1",
    looked_at=NOW,
)
declined = de.OfferDeclined(rider_id=RIDER, reason="too_far")
expired = de.OfferExpired(rider_id=RIDER)
opened_for_grab = de.DeliveryOpenedForGrab(attempt=1, policy_version="nearest-1")
grabbed = de.DeliveryGrabbed(rider_id=RIDER)
assigned = de.RiderAssigned(
    rider_id=RIDER,
    mode=AssignmentMode.ENGINE,
    reasons=("nearest_free_rider",),
    policy_version="nearest-1",
    assigned_at=NOW,
    report_by=POLICY.report_by(NOW, 400.0, at(10)),
)
unassigned = de.RiderUnassigned(rider_id=RIDER, reason="silent", silent=True)
goods_ready = de.GoodsReady(ready_at=at(9))
at_pickup = de.ArrivedAtPickup(rider_id=RIDER, report_by=at(23))
pinned = de.DeliveryPinned(rider_id=RIDER, reason="regular_customer")
unpinned = de.DeliveryUnpinned(rider_id=RIDER, reason="changed_mind")
way_directed = de.WayDirected(
    rider_id=RIDER, via=(Place(31.2350, 121.4700), Place(31.2350, 121.4800)), reason="road_works", report_by=at(45)
)
stop_collected = de.StopCollected(rider_id=RIDER, stop=1, at=at(15), report_by=at(32), receipt_cents=1250)
picked_up = de.PickedUp(rider_id=RIDER, proof=Proof("code", "1234"), report_by=at(30), picked_up_at=at(12))
at_dropoff = de.ArrivedAtDropoff(rider_id=RIDER, report_by=at(40))
delivered = de.Delivered(rider_id=RIDER, proof=Proof("photo", "p1"))
failed = de.DeliveryFailed(
    rider_id=RIDER, reason=FailureReason.CUSTOMER_UNREACHABLE, evidence=("photo-1",), goods=Goods.WITH_RIDER
)
lost = de.DeliveryFailed(rider_id=RIDER, reason=FailureReason.RIDER_ACCIDENT, goods=Goods.WITH_RIDER, silent=True)
undeliverable = de.DeliveryUndeliverable(attempt=1)
withdrawn = de.DeliveryWithdrawn(reason="changed my mind")
return_opened = de.ReturnOpened(rider_id=RIDER, return_by=at(60))
goods_returned = de.GoodsReturned(rider_id=RIDER)
eta_told = te.EtaTold(
    pickup=Eta(at(12), at(18)),
    dropoff=Eta(at(24), at(35)),
    stage="assigned",
    cause="assigned",
    model_version="prior/prior",
    policy_version="nearest-1",
)
delay_foreseen = te.DelayForeseen(
    promised_at=at(40),
    dropoff=Eta(at(47), at(58)),
    probability=0.9,
    model_version="prior/prior",
    policy_version="nearest-1",
)

WAITING = (announced, requested)
OFFERED = (*WAITING, offered)
IN_POOL = (*WAITING, opened_for_grab)
ASSIGNED = (*OFFERED, assigned)
AT_PICKUP = (*ASSIGNED, at_pickup)
PICKED_UP = (*AT_PICKUP, picked_up)
AT_DROPOFF = (*PICKED_UP, at_dropoff)
DELIVERED = (*AT_DROPOFF, delivered)
FAILED = (*AT_DROPOFF, failed)
LOST = (*PICKED_UP, lost)
UNDELIVERABLE = (*WAITING, undeliverable)
WITHDRAWN = (*ASSIGNED, withdrawn)
RETURNING = (*PICKED_UP, return_opened)


def delivery_after(*events: de.DeliveryEvent) -> Delivery:
    state = UNHEARD_DELIVERY
    for event in events:
        state = evolve_delivery(state, event)
    return state


def rider_after(*events: re.RiderEvent) -> Rider:
    state = NOBODY
    for event in events:
        state = evolve_rider(state, event)
    return state


@dataclass(frozen=True)
class Decision:
    """What followed from a command, to be looked at."""

    events: Sequence[Any]
    refusal: DomainError | None = None

    def then(self, *expected: Any) -> None:
        assert self.refusal is None, self.refusal
        assert list(self.events) == list(expected)

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, refusal: type[DomainError]) -> None:
        assert type(self.refusal) is refusal, f"{self.refusal!r}, {list(self.events)}"

    def then_types(self, *types: type[Any]) -> Any:
        assert self.refusal is None, self.refusal
        assert [type(event) for event in self.events] == list(types)
        return self.events if len(types) != 1 else self.events[0]


@dataclass(frozen=True)
class GivenDelivery:
    """A delivery to which these things have happened."""

    events: tuple[de.DeliveryEvent, ...]
    policy: DispatchPolicy = POLICY

    def when(self, command: dc.DeliveryCommand) -> Decision:
        try:
            return Decision(delivery_decisions.decide(command, delivery_after(*self.events), self.policy))
        except DomainError as refusal:
            return Decision((), refusal)

    def when_twice(self, command: dc.DeliveryCommand) -> Decision:
        """The command again, after what it led to the first time."""
        return replace(self, events=(*self.events, *self.when(command).events)).when(command)


def delivery(*events: de.DeliveryEvent) -> GivenDelivery:
    return GivenDelivery(events)


@dataclass(frozen=True)
class GivenRider:
    """A rider to whom these things have happened."""

    events: tuple[re.RiderEvent, ...]
    policy: DispatchPolicy = POLICY

    def when(self, command: rc.RiderCommand) -> Decision:
        try:
            return Decision(rider_decisions.decide(command, rider_after(*self.events), self.policy))
        except DomainError as refusal:
            return Decision((), refusal)

    def when_twice(self, command: rc.RiderCommand) -> Decision:
        return replace(self, events=(*self.events, *self.when(command).events)).when(command)


def rider(*events: re.RiderEvent, policy: DispatchPolicy = POLICY) -> GivenRider:
    return GivenRider(events, policy)


registered = re.RiderRegistered(
    rider_id=RIDER,
    name="Li Lei",
    phone="+8613900000000",
    skills=("cold_box",),
    vehicle="scooter",
    capacity_g=20_000,
    capacity_ml=60_000,
)
on_shift = re.ShiftStarted(place=SHOP, cell="8930e1d8a27ffff", until=at(240), started_at=NOW)
on_break = re.BreakStarted(started_at=at(60), until=at(90))
break_ended = re.BreakEnded(ended_at=at(90), rested=True, reason="time")
offer_received = re.OfferReceived(
    delivery_id=DELIVERY, answer_by=NOW + timedelta(seconds=30), weight_g=1_000, volume_ml=2_000
)
taken = re.DeliveryTaken(delivery_id=DELIVERY, weight_g=1_000, volume_ml=2_000)
pay_accrued = re.PayAccrued(
    delivery_id=DELIVERY,
    attempt=1,
    amount_cents=546,
    currency="CNY",
    parts={"delivery": 400, "way": 146},
    policy_version="nearest-1",
)
stops_ordered = re.StopsOrdered(
    stops=(Stop(DELIVERY, StopKind.PICKUP), Stop(DELIVERY, StopKind.DROPOFF)), reason="cold_food_first"
)
ZONE, FAR_ZONE = "8730e1d8affffff", "8730e1d8cffffff"
"""The first holds the shop's cell."""
READY_RIDER = (registered, on_shift)


def register_command(rider_id: str = RIDER, **changes: Any) -> rc.RegisterRider:
    command = rc.RegisterRider(
        rider_id=rider_id,
        name="Li Lei",
        phone="+8613900000000",
        skills=("cold_box",),
        vehicle="scooter",
        capacity_g=20_000,
        capacity_ml=60_000,
    )
    return replace(command, **changes)


def start_command(rider_id: str = RIDER, place: Place = SHOP) -> rc.StartShift:
    return rc.StartShift(rider_id=rider_id, place=place, cell="8930e1d8a27ffff", until=at(240), now=NOW)


def announce_command(delivery_id: str = DELIVERY, order_id: str = ORDER, **changes: Any) -> dc.AnnounceDelivery:
    command = dc.AnnounceDelivery(
        delivery_id=delivery_id,
        order_id=order_id,
        merchant_id="mer_1",
        pickup=SHOP,
        dropoff_area=HOME,
        pickup_cell="8930e1d8a27ffff",
        dropoff_cell="8930e1d8a2bffff",
        skills=(),
        priority=Priority.NORMAL,
        weight_g=0,
        volume_ml=0,
        promised_at=at(40),
    )
    return replace(command, **changes)


def offer_command(rider_id: str = RIDER, delivery_id: str = DELIVERY, again: bool = False) -> dc.OfferDelivery:
    return dc.OfferDelivery(
        delivery_id=delivery_id,
        rider_id=rider_id,
        distance_m=400.0,
        reasons=("nearest_free_rider",),
        again=again,
        bundle=(delivery_id,),
        explanation=explained,
        now=NOW,
    )


def nobody_command(barred: dict[str, int]) -> dc.NoteNobodyFits:
    why = Explanation(chosen=None, barred=barred, reasons=dict.fromkeys([RIDER], next(iter(barred))), looked_at=1)
    return dc.NoteNobodyFits(delivery_id=DELIVERY, explanation=why, now=NOW)


def refused_with(code: str) -> Any:
    """A domain refusal with this code."""
    return pytest.raises(DomainError, check=lambda error: error.code == code)
