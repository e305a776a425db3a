"""Errands to several places: each is reported, in any order and once; nothing is lost of what a rider already has."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.values import AssignmentMode, FailureReason, FurtherPickup, Goods, Proof, Stage
from shared.kernel.place import distance_m
from tests.unit.dispatch import scenes as s

WAITING = (s.announced_errand, s.requested)
ASSIGNED = (*WAITING, s.offered, s.assigned)
AT_PICKUP = (*ASSIGNED, s.at_pickup, s.goods_ready)
pick_up = c.ReportPickUp(
    delivery_id=s.DELIVERY, rider_id=s.RIDER, proof=Proof("code", "1234"), occurred_at=s.at(25), now=s.at(25)
)
withdraw = c.AskWithdrawal(delivery_id=s.DELIVERY, reason="changed_mind", now=s.at(16))
silence = c.NoteSilence(delivery_id=s.DELIVERY, now=s.at(60))


def collect(stop: int, cents: int | None = None, *, empty_handed: bool = False, at: float = 15) -> c.ReportCollected:
    return c.ReportCollected(
        delivery_id=s.DELIVERY,
        rider_id=s.RIDER,
        stop=stop,
        receipt_cents=cents,
        empty_handed=empty_handed,
        occurred_at=s.at(at),
        now=s.at(at),
    )


def collected(stop: int, cents: int | None = None, *, empty_handed: bool = False) -> e.StopCollected:
    return replace(s.stop_collected, stop=stop, receipt_cents=cents, empty_handed=empty_handed)


BEGUN = (*AT_PICKUP, collected(0, 900))
ALL = (*BEGUN, collected(1, 1250), collected(2))


def test_each_place_is_reported_once_with_the_time_to_get_to_the_next() -> None:
    arrive = c.ReportArrivalAtPickup(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(12), now=s.at(12))
    arrived = s.delivery(*ASSIGNED).when(arrive).then_types(e.ArrivedAtPickup)
    assert arrived.report_by == s.POLICY.report_by(s.at(12), distance_m(s.SHOP, s.SECOND))
    first = s.delivery(*AT_PICKUP).when(collect(0, 900)).then_types(e.StopCollected)
    assert first.report_by == s.POLICY.report_by(s.at(15), distance_m(s.SHOP, s.SECOND))
    second = s.delivery(*BEGUN).when(collect(1)).then_types(e.StopCollected)
    assert second.report_by == s.POLICY.report_by(s.at(15), distance_m(s.SECOND, s.THIRD))
    third = s.delivery(*BEGUN, collected(1)).when(collect(2)).then_types(e.StopCollected)
    assert third.report_by == s.POLICY.report_by(s.at(15), 0)
    s.delivery(*AT_PICKUP).when_twice(collect(1)).then_nothing()
    s.delivery(*ALL).when(collect(0)).then_nothing()


def test_places_may_be_done_in_another_order_than_the_one_asked_for() -> None:
    skipped = s.delivery(*AT_PICKUP).when(collect(2)).then_types(e.StopCollected)
    assert skipped.report_by == s.POLICY.report_by(s.at(15), distance_m(s.THIRD, s.SECOND))
    s.delivery(*AT_PICKUP, collected(2), collected(1)).when(replace(pick_up, receipt_cents=500)).then_types(
        e.PickedUp
    )


def test_a_report_of_a_place_shows_that_its_rider_has_arrived() -> None:
    s.delivery(*ASSIGNED).when(collect(0)).then_types(e.StopCollected)
    assert s.delivery_after(*ASSIGNED, collected(0)).stage is Stage.AT_PICKUP


def test_it_is_picked_up_only_once_its_rider_has_been_everywhere() -> None:
    refused = s.delivery(*BEGUN, collected(2)).when(replace(pick_up, receipt_cents=500))
    refused.then_refused(errors.StopsNotCollected)
    assert refused.refusal is not None
    assert refused.refusal.facts == {"stops": (1,)}
    picked = s.delivery(*ALL).when(pick_up).then_types(e.PickedUp)
    assert picked.report_by == s.POLICY.report_by(s.at(25), distance_m(s.THIRD, s.HOME))


def test_a_place_that_was_closed_is_done_without_its_goods() -> None:
    without = (*BEGUN, collected(1, empty_handed=True), collected(2))
    assert s.delivery(*without).when(pick_up).then_types(e.PickedUp).receipt_cents == 900


def test_receipts_of_all_places_add_up() -> None:
    assert s.delivery(*ALL).when(pick_up).then_types(e.PickedUp).receipt_cents == 2150
    last = replace(pick_up, receipt_cents=300)
    assert s.delivery(*ALL).when(last).then_types(e.PickedUp).receipt_cents == 2450
    nothing_told = (*AT_PICKUP, collected(1), collected(2))
    s.delivery(*nothing_told).when(pick_up).then_refused(errors.ReceiptMissing)
    assert s.delivery(*nothing_told).when(last).then_types(e.PickedUp).receipt_cents == 300


@pytest.mark.parametrize("stop", [3, 100])
def test_a_place_that_the_errand_does_not_have_is_refused(stop: int) -> None:
    s.delivery(*AT_PICKUP).when(collect(stop)).then_refused(errors.NoSuchStop)


def test_a_delivery_from_one_place_has_none_to_be_reported() -> None:
    s.delivery(*s.AT_PICKUP).when(collect(0)).then_refused(errors.NoSuchStop)


def test_only_whoever_carries_it_reports_its_places() -> None:
    s.delivery(*AT_PICKUP).when(replace(collect(1), rider_id=s.OTHER)).then_refused(errors.NotYourDelivery)
    s.delivery().when(collect(1)).then_refused(errors.DeliveryNotFound)
    moved_on = (*ASSIGNED, s.unassigned, s.requested, replace(s.assigned, rider_id=s.OTHER))
    s.delivery(*moved_on).when(collect(1)).then(e.LateReportKept(rider_id=s.RIDER, report="collected_1"))
    s.delivery(*moved_on).when_twice(collect(1)).then_nothing()


def test_who_has_some_of_it_cannot_be_taken_off_or_withdrawn_from() -> None:
    assign = c.AssignRider(delivery_id=s.DELIVERY, rider_id=s.OTHER, distance_m=10, reason="", now=s.at(16))
    s.delivery(*BEGUN).when(assign).then_refused(errors.DeliveryAlreadyPickedUp)
    off = c.UnassignRider(delivery_id=s.DELIVERY, reason="", now=s.at(16))
    s.delivery(*BEGUN).when(off).then_refused(errors.DeliveryAlreadyPickedUp)
    s.delivery(*BEGUN).when(withdraw).then(e.WithdrawalRefused(reason="picked_up"))
    end = c.EndOrder(delivery_id=s.DELIVERY, reason="payment_failed", now=s.at(16))
    s.delivery(*BEGUN).when(end).then_types(e.ReturnOpened)


def test_who_found_every_place_closed_so_far_can_be() -> None:
    empty = (*AT_PICKUP, collected(0, empty_handed=True))
    s.delivery(*empty).when(withdraw).then_types(e.DeliveryWithdrawn)
    off = c.UnassignRider(delivery_id=s.DELIVERY, reason="", now=s.at(16))
    s.delivery(*empty).when(off).then_types(e.RiderUnassigned, e.DeliveryRequested)


def test_a_rider_lost_with_some_of_it_fails_the_delivery() -> None:
    s.delivery(*BEGUN).when(silence).then(s.lost)
    s.delivery(*AT_PICKUP).when(silence).then_types(e.RiderUnassigned, e.DeliveryRequested)


def test_a_rider_who_cannot_go_on_says_that_he_has_some_of_it() -> None:
    fail = c.ReportFailure(
        delivery_id=s.DELIVERY,
        rider_id=s.RIDER,
        reason=FailureReason.RIDER_VEHICLE,
        goods=None,
        evidence=(),
        occurred_at=s.at(16),
        now=s.at(16),
    )
    assert s.delivery(*BEGUN).when(fail).then_types(e.DeliveryFailed).goods is Goods.WITH_RIDER
    nothing = replace(fail, goods=Goods.NOT_COLLECTED)
    s.delivery(*BEGUN).when(nothing).then_refused(errors.GoodsContradiction)
    s.delivery(*AT_PICKUP).when(fail).then_types(e.RiderUnassigned, e.DeliveryRequested)


def test_what_was_collected_before_the_withdrawal_was_heard_of_comes_back() -> None:
    withdrawn = (*ASSIGNED, s.withdrawn)
    late, back = s.delivery(*withdrawn).when(collect(1, 1250)).then_types(e.PickedUp, e.ReturnOpened)
    assert (late.after_withdrawal, late.receipt_cents, back.rider_id) == (True, 1250, s.RIDER)
    nothing = collect(1, empty_handed=True)
    s.delivery(*withdrawn).when(nothing).then(e.LateReportKept(rider_id=s.RIDER, report="collected_1"))


def test_a_rider_taken_for_lost_who_has_some_of_it_is_back_on_his_delivery() -> None:
    lost = (*ASSIGNED, s.unassigned, s.requested)
    back, stop = s.delivery(*lost).when(collect(1)).then_types(e.RiderAssigned, e.StopCollected)
    assert (back.rider_id, back.mode, stop.stop) == (s.RIDER, AssignmentMode.ENGINE, 1)


def test_a_new_attempt_begins_with_no_place_done() -> None:
    again = (*ALL, s.picked_up, s.failed, replace(s.requested, attempt=2))
    assert s.delivery_after(*again).collected == ()
    assert s.delivery_after(*again).further_pickups == s.announced_errand.further_pickups


def test_another_address_gives_the_time_from_the_last_place() -> None:
    move = c.MoveDropoff(
        delivery_id=s.DELIVERY, dropoff_area=s.HOME, dropoff_cell="c3", promised_at=s.at(90), now=s.at(40)
    )
    moved = s.delivery(*ALL, s.picked_up).when(move).then_types(e.RouteChanged)
    assert moved.report_by == s.POLICY.report_by(s.at(40), distance_m(s.THIRD, s.HOME))


def test_an_errand_announced_again_keeps_its_places() -> None:
    announce = s.announce_command(further_pickups=(FurtherPickup(s.SECOND, "c2"),))
    told = s.delivery().when(announce).then_types(e.DeliveryAnnounced)
    assert told.further_pickups == (FurtherPickup(s.SECOND, "c2"),)
    s.delivery().when_twice(announce).then_nothing()


def test_both_clocks_of_a_report_of_a_place_count() -> None:
    ahead = replace(collect(1), occurred_at=s.at(15) + timedelta(minutes=10))
    told = s.delivery(*AT_PICKUP).when(ahead).then_types(e.StopCollected)
    assert (told.clock_skewed, told.at) == (True, s.at(25))
