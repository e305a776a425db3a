"""Where riders work, what they get for it, and how they answer when they are asked."""

from dataclasses import replace

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.state import RECENT_ANSWERS
from services.dispatch.domain.values import AssignmentMode, Proof
from shared.kernel.place import distance_m
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch.test_application import Town, assign_to, grab_by, pick_up_by
from tests.unit.dispatch.test_riders import receive, take

here = e.RiderZonesChanged(zones=(s.FAR_ZONE, s.ZONE))
elsewhere = e.RiderZonesChanged(zones=(s.FAR_ZONE,))
asked = replace(receive, pickup_cell="8930e1d8a27ffff")
given = replace(take, pickup_cell="8930e1d8a27ffff")
WAY_M = distance_m(s.SHOP, s.HOME)


def accrue(attempt: int = 1, way_m: float = WAY_M) -> c.AccruePay:
    return c.AccruePay(rider_id=s.RIDER, delivery_id=s.DELIVERY, attempt=attempt, way_m=way_m)


def test_a_rider_is_bound_to_zones_from_the_beginning_or_later() -> None:
    s.rider().when(s.register_command(zones=(s.ZONE,))).then(replace(s.registered, zones=(s.ZONE,)))
    s.rider().when_twice(s.register_command(zones=(s.ZONE,))).then_nothing()
    s.rider(s.registered, here).when(s.register_command()).then_nothing()
    other = s.register_command(zones=(s.ZONE,))
    s.rider(s.registered, here).when(other).then_refused(errors.RiderAlreadyRegistered)
    change = c.ChangeZones(rider_id=s.RIDER, zones=(s.FAR_ZONE,), reason="")
    s.rider(s.registered).when(change).then(elsewhere)
    s.rider(s.registered).when_twice(change).then_nothing()
    s.rider().when(change).then_refused(errors.RiderNotFound)


def test_who_is_bound_to_zones_is_asked_only_about_pick_ups_in_one_of_them() -> None:
    s.rider(*s.READY_RIDER).when(asked).then_types(e.OfferReceived)
    s.rider(*s.READY_RIDER, here).when(asked).then_types(e.OfferReceived)
    s.rider(*s.READY_RIDER, elsewhere).when(asked).then_refused(errors.RiderOutsideZones)
    s.rider(*s.READY_RIDER, elsewhere).when(given).then_refused(errors.RiderOutsideZones)
    s.rider(*s.READY_RIDER, elsewhere).when(replace(given, overruled=True)).then_types(e.DeliveryTaken)
    s.rider(*s.READY_RIDER, elsewhere).when(replace(given, in_hand=True)).then_types(e.DeliveryTaken)
    s.rider(*s.READY_RIDER, s.offer_received, elsewhere).when(given).then_types(e.OfferClosed, e.DeliveryTaken)


def test_a_dispatcher_who_says_why_overrules_zones_and_a_rider_who_claims_does_not() -> None:
    town = Town()
    town.do(c.ChangeZones(rider_id="rid_2", zones=(s.FAR_ZONE,)))
    town.open_for_grab()
    assert town.refusal(grab_by(2)) is errors.RiderOutsideZones
    assert town.refusal(assign_to(2)) is errors.RiderOutsideZones
    town.do(replace(assign_to(2), reason="nobody_else"))
    assert (town.delivery().rider_id, town.delivery().mode) == ("rid_2", AssignmentMode.MANUAL)
    [event] = [event for event in town.store.stream("dlv_1") if event.type == "RiderAssigned"]
    assert event.data["reasons"] == ["nobody_else"]


def test_pay_is_by_delivery_and_by_way_and_accrues_once_for_each_attempt() -> None:
    s.rider(*s.READY_RIDER).when(accrue()).then(s.pay_accrued)
    s.rider(*s.READY_RIDER).when_twice(accrue()).then_nothing()
    s.rider(*s.READY_RIDER, s.pay_accrued).when(accrue(2)).then(replace(s.pay_accrued, attempt=2))
    cheap = DispatchPolicy(version="p-2", pay_per_delivery_cents=100, pay_per_km_cents=0)
    s.rider(*s.READY_RIDER, policy=cheap).when(accrue()).then(
        replace(s.pay_accrued, amount_cents=100, parts={"delivery": 100, "way": 0}, policy_version="p-2")
    )


def test_what_was_earned_is_of_this_shift() -> None:
    paid = s.rider_after(*s.READY_RIDER, s.pay_accrued, replace(s.pay_accrued, attempt=2))
    assert paid.earned_cents == 2 * s.pay_accrued.amount_cents
    moved = replace(s.on_shift, until=s.at(300))
    assert s.rider_after(*s.READY_RIDER, s.pay_accrued, moved).earned_cents == s.pay_accrued.amount_cents
    again = s.rider_after(*s.READY_RIDER, s.pay_accrued, e.ShiftEnded(), s.on_shift)
    assert (again.earned_cents, again.paid) == (0, ())


def test_whoever_brings_it_is_paid_for_it_and_nobody_else() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(pick_up_by(1), 11)
    assert town.rider().earned_cents == 0
    now = s.at(20)
    done = dc.ReportDelivered(delivery_id="dlv_1", rider_id="rid_1", proof=Proof(), occurred_at=now, now=now)
    town.do(done, 20)
    town.do(done, 21)
    assert (town.rider(1).earned_cents, town.rider(2).earned_cents) == (s.pay_accrued.amount_cents, 0)
    types = [event.type for event in town.store.stream("rid_1")]
    assert types.count("PayAccrued") == 1


def test_a_delivery_that_was_delivered_after_all_is_paid_too() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(pick_up_by(1), 11)
    town.pass_time(60)
    assert town.rider().earned_cents == 0
    it_was = dc.CorrectDelivery(delivery_id="dlv_1", delivered=True, goods=None, reason="has_it", now=s.at(70))
    town.do(it_was, 70)
    assert town.rider().earned_cents == s.pay_accrued.amount_cents


def test_answers_are_counted_and_the_past_fades() -> None:
    def answered(*how: str) -> tuple[int, int]:
        events = [e.OfferClosed(delivery_id=s.DELIVERY, how=each) for each in how]
        rider = s.rider_after(*s.READY_RIDER, *events)
        return rider.offers_accepted, rider.offers_refused

    assert answered("taken", "declined", "expired", "taken", "taken_by_another", "on_break", "silent") == (2, 2)
    assert answered(*["taken"] * RECENT_ANSWERS) == (RECENT_ANSWERS, 0)
    assert answered(*["taken"] * RECENT_ANSWERS, "declined") == (RECENT_ANSWERS // 2, 1)
    assert answered(*["taken"] * RECENT_ANSWERS, "took_another") == (RECENT_ANSWERS, 0)
