"""Whatever is commanded, in whatever order: no delivery has two riders, and no rider more than he may have."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.dispatch.application import Command, fire_deadlines, perform
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery.state import CARRIED, UNHEARD_DELIVERY, Delivery
from services.dispatch.domain.delivery.state import evolve as evolve_delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as r
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.values import FailureReason, Load, Proof, Stage, Stop, StopKind
from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import Context
from shared.kernel.errors import DomainError
from tests.unit.dispatch import scenes as s

RIDERS = ("rid_1", "rid_2")
DELIVERIES = ("dlv_1", "dlv_2", "dlv_3")
LOADS = {"dlv_1": 4_000, "dlv_2": 9_000, "dlv_3": 12_000}
"""Grams; a rider carries 20,000: not the two heavy ones together."""
riders = st.sampled_from(RIDERS)
deliveries = st.sampled_from(DELIVERIES)
NODES = ("arrive", "pick_up", "home", "deliver", "fail", "break_down", "back")
DISTURBANCES = ("unassign", "cancel", "withdraw", "end_shift")
POLICY = DispatchPolicy(offers_before_grab=1, deliveries_per_rider=2)


def report_of(node: str, delivery_id: str, rider_id: str, now: datetime) -> Command:
    told: dict[str, Any] = {"delivery_id": delivery_id, "rider_id": rider_id, "occurred_at": now, "now": now}
    match node:
        case "arrive":
            return c.ReportArrivalAtPickup(**told)
        case "pick_up":
            return c.ReportPickUp(proof=Proof(), **told)
        case "home":
            return c.ReportArrivalAtDropoff(**told)
        case "deliver":
            return c.ReportDelivered(proof=Proof(), **told)
        case "fail" | "break_down":
            reason = FailureReason.CUSTOMER_REFUSED if node == "fail" else FailureReason.RIDER_VEHICLE
            return c.ReportFailure(reason=reason, goods=None, evidence=(), **told)
        case _:
            return c.ReportReturn(**told)


class Streets(RuleBasedStateMachine):
    """Two riders who may have two of three deliveries, and everybody's commands at random."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.now = s.NOW
        for rider_id in RIDERS:
            self.do(s.register_command(rider_id))
            self.do(s.start_command(rider_id))
        for delivery_id in DELIVERIES:
            order_id = delivery_id.replace("dlv", "ord")
            self.do(s.announce_command(delivery_id, order_id, weight_g=LOADS[delivery_id]))
            self.do(c.RequestDelivery(delivery_id=delivery_id, ready_at=s.at(10), now=self.now))

    def context(self) -> Context:
        return Context(actor="test:1", now=self.now, occurred_at=self.now, correlation_id="cor_1")

    def do(self, command: Command) -> None:
        # A refusal is a fine answer: what must hold is checked after each step.
        with suppress(DomainError):
            self.store.run(lambda tx: perform(tx, command, self.context(), POLICY))

    def delivery(self, delivery_id: str) -> Delivery:
        return self.store.load(DELIVERY, delivery_id).state

    def rider(self, rider_id: str) -> Rider:
        return self.store.load(RIDER, rider_id).state

    @rule(delivery_id=deliveries, rider_id=riders, again=st.booleans())
    def offer(self, delivery_id: str, rider_id: str, again: bool) -> None:
        command = c.OfferDelivery(
            delivery_id=delivery_id, rider_id=rider_id, distance_m=400.0, reasons=(), again=again, now=self.now
        )
        self.do(command)

    @rule(delivery_id=deliveries, other_id=deliveries, rider_id=riders)
    def offer_together(self, delivery_id: str, other_id: str, rider_id: str) -> None:
        for each in (delivery_id, other_id):
            command = c.OfferDelivery(
                delivery_id=each,
                rider_id=rider_id,
                distance_m=400.0,
                reasons=(),
                again=True,
                bundle=(delivery_id, other_id),
                now=self.now,
            )
            self.do(command)

    @rule(delivery_id=deliveries, rider_id=riders)
    def accept(self, delivery_id: str, rider_id: str) -> None:
        self.do(c.AcceptOffer(delivery_id=delivery_id, rider_id=rider_id, now=self.now))

    @rule(delivery_id=deliveries, rider_id=riders)
    def decline(self, delivery_id: str, rider_id: str) -> None:
        self.do(c.DeclineOffer(delivery_id=delivery_id, rider_id=rider_id, reason=""))

    @rule(delivery_id=deliveries, rider_id=riders)
    def grab(self, delivery_id: str, rider_id: str) -> None:
        self.do(c.GrabDelivery(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, now=self.now))

    @rule(delivery_id=deliveries, rider_id=riders)
    def assign(self, delivery_id: str, rider_id: str) -> None:
        self.do(c.AssignRider(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, reason="", now=self.now))

    @rule(delivery_id=deliveries, rider_id=riders, kept=st.booleans())
    def decide_for_whom(self, delivery_id: str, rider_id: str, kept: bool) -> None:
        if kept:
            self.do(c.PinDelivery(delivery_id=delivery_id, rider_id=rider_id, reason=""))
        else:
            self.do(c.UnpinDelivery(delivery_id=delivery_id, reason=""))

    @rule(rider_id=riders, minutes=st.sampled_from([5, 20]))
    def rest(self, rider_id: str, minutes: float) -> None:
        self.do(r.TakeBreak(rider_id=rider_id, until=self.now + timedelta(minutes=minutes), now=self.now))

    @rule(rider_id=riders, reverse=st.booleans())
    def order_stops(self, rider_id: str, reverse: bool) -> None:
        carried = {each: self.delivery(each) for each in self.rider(rider_id).carrying}
        by_delivery = [(each, kind) for each in sorted(carried, reverse=reverse) for kind in StopKind]
        has = frozenset(each for each, delivery in carried.items() if delivery.all_picked_up)
        stops = tuple(Stop(each, kind) for each, kind in by_delivery if kind is StopKind.DROPOFF or each not in has)
        self.do(r.OrderStops(rider_id=rider_id, stops=stops, picked_up=has, reason=""))

    @rule(delivery_id=deliveries)
    def go_on(self, delivery_id: str) -> None:
        """The carrier's next report, as it should be."""
        delivery = self.delivery(delivery_id)
        if delivery.rider_id is not None:
            node = {Stage.ASSIGNED: "arrive", Stage.AT_PICKUP: "pick_up", Stage.PICKED_UP: "home"}
            self.do(report_of(node.get(delivery.stage, "deliver"), delivery_id, delivery.rider_id, self.now))

    @rule(delivery_id=deliveries)
    def ride_to_the_end(self, delivery_id: str) -> None:
        for _ in range(4):
            self.go_on(delivery_id)

    @rule(delivery_id=deliveries, rider_id=riders, node=st.sampled_from(NODES))
    def say_anything(self, delivery_id: str, rider_id: str, node: str) -> None:
        self.do(report_of(node, delivery_id, rider_id, self.now))

    @rule(delivery_id=deliveries, rider_id=riders, what=st.sampled_from(DISTURBANCES))
    def disturb(self, delivery_id: str, rider_id: str, what: str) -> None:
        commands: dict[str, Command] = {
            "unassign": c.UnassignRider(delivery_id=delivery_id, reason="", now=self.now),
            "cancel": c.EndOrder(delivery_id=delivery_id, reason="", now=self.now),
            "withdraw": c.AskWithdrawal(delivery_id=delivery_id, reason="", now=self.now),
            "end_shift": r.EndShift(rider_id=rider_id),
        }
        self.do(commands[what])

    @rule(delivery_id=deliveries, rider_id=riders)
    def begin_again(self, delivery_id: str, rider_id: str) -> None:
        self.do(c.RequestAgain(delivery_id=delivery_id, now=self.now))
        self.do(r.NoteSignOfLife(rider_id=rider_id))
        until = self.now + timedelta(hours=4)
        self.do(r.StartShift(rider_id=rider_id, place=s.SHOP, cell="8930e1d8a27ffff", until=until, now=self.now))

    @rule(minutes=st.sampled_from([0.2, 0.2, 0.2, 0.6, 0.6, 6, 45]))
    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)
        fire_deadlines(self.store, "system:deadline", self.context().now, POLICY)

    @invariant()
    def both_sides_agree_on_who_carries_what(self) -> None:
        carried = {
            (delivery_id, delivery.rider_id)
            for delivery_id in DELIVERIES
            if (delivery := self.delivery(delivery_id)).stage in CARRIED
        }
        carrying = [(each, rider_id) for rider_id in RIDERS for each in self.rider(rider_id).carrying]
        assert sorted(carried) == sorted(carrying)
        assert len({delivery_id for delivery_id, _ in carrying}) == len(carrying), "a delivery has two riders"

    @invariant()
    def both_sides_agree_on_who_is_asked(self) -> None:
        asked = {
            (delivery_id, offer.rider_id)
            for delivery_id in DELIVERIES
            if (offer := self.delivery(delivery_id).offer) is not None
        }
        offered = [(each, rider_id) for rider_id in RIDERS for each in self.rider(rider_id).offers]
        assert sorted(asked) == sorted(offered)

    @invariant()
    def nobody_is_asked_who_is_silent_or_off_shift_or_has_no_room_for_it(self) -> None:
        for rider_id in RIDERS:
            rider = self.rider(rider_id)
            assert set(rider.loads) == {*rider.offers, *rider.carrying}
            if rider.offers:
                assert rider.on_shift
                assert not rider.silent
                assert len(rider.offers) + len(rider.carrying) <= POLICY.deliveries_per_rider
                assert rider.has_room_for(Load())

    @invariant()
    def what_is_kept_for_one_rider_is_asked_of_nobody_else_and_nobody_is_asked_on_a_break(self) -> None:
        for delivery_id in DELIVERIES:
            delivery = self.delivery(delivery_id)
            if delivery.offer is not None:
                assert delivery.pinned_to in (None, delivery.offer.rider_id)
                assert self.rider(delivery.offer.rider_id).break_until is None

    @invariant()
    def stops_are_of_what_he_has_each_once_and_no_door_before_its_counter(self) -> None:
        for rider_id in RIDERS:
            rider = self.rider(rider_id)
            carried = {each: self.delivery(each) for each in rider.carrying}
            stops = stops_of(rider, carried)
            assert len(set(stops)) == len(stops)
            assert {stop.delivery_id for stop in stops if stop.kind is StopKind.DROPOFF} == set(carried)
            for each, delivery in carried.items():
                kinds = [stop.kind for stop in stops if stop.delivery_id == each]
                wanted = [StopKind.DROPOFF] if delivery.all_picked_up else [StopKind.PICKUP, StopKind.DROPOFF]
                assert kinds == wanted

    @invariant()
    def nobody_is_off_shift_with_something_in_hand_but_who_came_back_with_it(self) -> None:
        for rider_id in RIDERS:
            for delivery_id in self.rider(rider_id).carrying:
                came_back = any(
                    event.type == "RiderAssigned" and "came_back_with_the_goods" in event.data["reasons"]
                    for event in self.store.stream(delivery_id)
                )
                assert self.rider(rider_id).on_shift or came_back

    @invariant()
    def nothing_is_delivered_that_was_not_picked_up_and_everything_waits_with_a_bound(self) -> None:
        waits = set(self.store.records.waits)
        for delivery_id in DELIVERIES:
            types = [event.type for event in self.store.stream(delivery_id)]
            assert "Delivered" not in types or "PickedUp" in types[: types.index("Delivered")]
            match self.delivery(delivery_id).stage:
                case Stage.WAITING:
                    assert (delivery_id, "undeliverable") in waits
                case stage if stage in CARRIED:
                    assert (delivery_id, "report") in waits
                case Stage.DELIVERED | Stage.FAILED | Stage.WITHDRAWN | Stage.UNDELIVERABLE:
                    assert not [name for stream, name in waits if stream == delivery_id]

    def teardown(self) -> None:
        """Whatever was stored can be folded again, to the same end."""
        for delivery_id in DELIVERIES:
            state = UNHEARD_DELIVERY
            with self.store.reading() as reading:
                for stored in self.store.stream(delivery_id):
                    event = DELIVERY.codec.decode(stored.type, stored.schema_version, stored.data, reading.vault)
                    state = evolve_delivery(state, event)
            assert state == self.delivery(delivery_id)


TestStreets = Streets.TestCase
TestStreets.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
