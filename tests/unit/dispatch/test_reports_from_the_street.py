"""What riders report: in order, twice, late, by the wrong rider, and not at all."""

from dataclasses import replace

import pytest

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.reporting import Report
from services.dispatch.domain.values import FailureReason, Goods, Proof, Stage
from tests.unit.dispatch import scenes as s

arrive = c.ReportArrivalAtPickup(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(5), now=s.at(5))
pick_up = c.ReportPickUp(
    delivery_id=s.DELIVERY, rider_id=s.RIDER, proof=Proof("code", "1234"), occurred_at=s.at(11), now=s.at(11)
)
arrive_home = c.ReportArrivalAtDropoff(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(20), now=s.at(20))
deliver = c.ReportDelivered(
    delivery_id=s.DELIVERY, rider_id=s.RIDER, proof=Proof("photo", "p1"), occurred_at=s.at(21), now=s.at(21)
)
fail = c.ReportFailure(
    delivery_id=s.DELIVERY,
    rider_id=s.RIDER,
    reason=FailureReason.CUSTOMER_UNREACHABLE,
    goods=Goods.WITH_RIDER,
    evidence=("photo-1",),
    occurred_at=s.at(21),
    now=s.at(21),
)
bring_back = c.ReportReturn(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(50), now=s.at(50))
silence = c.NoteSilence(delivery_id=s.DELIVERY, now=s.at(60))
REPORTS: list[Report] = [arrive, pick_up, arrive_home, deliver, fail]


def test_the_way_of_a_delivery_is_reported_node_by_node() -> None:
    arrived = s.delivery(*s.ASSIGNED).when(arrive).then_types(e.ArrivedAtPickup)
    assert arrived.report_by == s.POLICY.report_by(s.at(5), 0, s.at(10))
    s.delivery(*s.AT_PICKUP).when(pick_up).then_types(e.PickedUp)
    s.delivery(*s.PICKED_UP).when(arrive_home).then_types(e.ArrivedAtDropoff)
    s.delivery(*s.AT_DROPOFF).when(deliver).then(s.delivered)


def test_a_report_repeated_changes_nothing() -> None:
    s.delivery(*s.ASSIGNED).when_twice(arrive).then_nothing()
    s.delivery(*s.AT_PICKUP).when_twice(pick_up).then_nothing()
    s.delivery(*s.PICKED_UP).when_twice(arrive_home).then_nothing()
    s.delivery(*s.AT_DROPOFF).when_twice(deliver).then_nothing()
    s.delivery(*s.AT_DROPOFF).when_twice(fail).then_nothing()
    s.delivery(*s.RETURNING).when_twice(bring_back).then_nothing()


def test_a_pick_up_shows_that_its_rider_has_arrived() -> None:
    s.delivery(*s.ASSIGNED).when(pick_up).then_types(e.PickedUp)
    s.delivery(*s.PICKED_UP).when(arrive).then_nothing()


@pytest.mark.parametrize("history", [s.ASSIGNED, s.AT_PICKUP], ids=["assigned", "at_pickup"])
def test_nothing_is_delivered_before_it_was_picked_up(history: tuple[e.DeliveryEvent, ...]) -> None:
    s.delivery(*history).when(deliver).then_refused(errors.DeliveryNotPickedUp)
    s.delivery(*history).when(arrive_home).then_refused(errors.DeliveryNotPickedUp)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_rider_acts_on_his_own_delivery_only(report: Report) -> None:
    by_other = replace(report, rider_id=s.OTHER)
    s.delivery(*s.PICKED_UP).when(by_other).then_refused(errors.NotYourDelivery)
    s.delivery(*s.WAITING).when(by_other).then_refused(errors.NotYourDelivery)
    s.delivery().when(by_other).then_refused(errors.DeliveryNotFound)


def test_a_pick_up_reported_after_the_withdrawal_is_kept_and_opens_a_return() -> None:
    late, back = s.delivery(*s.WITHDRAWN).when(pick_up).then_types(e.PickedUp, e.ReturnOpened)
    assert (late.after_withdrawal, back.rider_id) == (True, s.RIDER)
    assert s.delivery_after(*s.WITHDRAWN, late, back).stage is Stage.RETURNING
    s.delivery(*s.WITHDRAWN, late, back).when(bring_back).then(s.goods_returned)


def test_a_rider_taken_for_lost_who_has_the_goods_is_back_on_his_delivery() -> None:
    lost = (*s.ASSIGNED, s.unassigned, s.requested)
    back, picked = s.delivery(*lost).when(pick_up).then_types(e.RiderAssigned, e.PickedUp)
    assert (back.rider_id, back.reasons, picked.after_withdrawal) == (s.RIDER, ("came_back_with_the_goods",), False)


def test_what_a_former_rider_reports_late_is_kept_as_evidence_once() -> None:
    moved_on = (*s.ASSIGNED, s.unassigned, s.requested, replace(s.assigned, rider_id=s.OTHER))
    s.delivery(*moved_on).when(pick_up).then(e.LateReportKept(rider_id=s.RIDER, report="picked_up"))
    s.delivery(*moved_on).when_twice(pick_up).then_nothing()
    assert s.delivery_after(*moved_on).rider_id == s.OTHER


def test_a_delivery_by_a_rider_taken_for_lost_is_a_fact_all_the_same() -> None:
    s.delivery(*s.LOST).when(deliver).then(s.delivered)
    s.delivery(*s.LOST).when(arrive_home).then_nothing()
    s.delivery(*s.FAILED).when(deliver).then_nothing()


def test_both_clocks_count_and_a_device_that_is_ahead_is_flagged() -> None:
    ahead = replace(deliver, occurred_at=s.at(30))
    assert s.delivery(*s.AT_DROPOFF).when(ahead).then_types(e.Delivered).clock_skewed
    before_assigned = replace(deliver, occurred_at=s.at(-10))
    assert s.delivery(*s.AT_DROPOFF).when(before_assigned).then_types(e.Delivered).clock_skewed
    offline = replace(deliver, occurred_at=s.at(21), now=s.at(50))
    assert not s.delivery(*s.AT_DROPOFF).when(offline).then_types(e.Delivered).clock_skewed


def test_a_failure_says_where_the_goods_are() -> None:
    s.delivery(*s.AT_DROPOFF).when(fail).then(s.failed)
    assumed = s.delivery(*s.AT_DROPOFF).when(replace(fail, goods=None)).then_types(e.DeliveryFailed)
    assert assumed.goods is Goods.WITH_RIDER
    closed = replace(fail, reason=FailureReason.MERCHANT_CLOSED, goods=None)
    assert s.delivery(*s.AT_PICKUP).when(closed).then_types(e.DeliveryFailed).goods is Goods.NOT_COLLECTED


def test_goods_cannot_be_where_they_cannot_be() -> None:
    s.delivery(*s.AT_PICKUP).when(fail).then_refused(errors.GoodsContradiction)
    not_collected = replace(fail, goods=Goods.NOT_COLLECTED)
    s.delivery(*s.AT_DROPOFF).when(not_collected).then_refused(errors.GoodsContradiction)


def test_goods_that_failed_can_be_brought_back_without_being_asked() -> None:
    s.delivery(*s.FAILED).when(bring_back).then(s.goods_returned)
    state = s.delivery_after(*s.FAILED, s.goods_returned)
    assert (state.stage, state.goods) == (Stage.FAILED, Goods.RETURNED)


def test_only_who_holds_goods_can_bring_them_back() -> None:
    s.delivery(*s.PICKED_UP).when(bring_back).then_refused(errors.NothingToReturn)
    s.delivery(*s.DELIVERED).when(bring_back).then_refused(errors.NothingToReturn)
    s.delivery(*s.RETURNING).when(replace(bring_back, rider_id=s.OTHER)).then_refused(errors.NotYourDelivery)


def test_a_rider_lost_before_the_pick_up_is_replaced_in_the_same_attempt() -> None:
    lost, again = s.delivery(*s.ASSIGNED).when(silence).then_types(e.RiderUnassigned, e.DeliveryRequested)
    assert (lost.silent, again.attempt, again.requested_at) == (True, 1, s.at(60))
    s.delivery(*s.ASSIGNED).when_twice(silence).then_nothing()


def test_a_rider_lost_with_the_goods_fails_the_delivery() -> None:
    s.delivery(*s.PICKED_UP).when(silence).then(s.lost)
    s.delivery(*s.PICKED_UP).when_twice(silence).then_nothing()


def test_a_rider_is_not_silent_before_his_report_is_due_or_while_the_goods_are_late() -> None:
    s.delivery(*s.ASSIGNED).when(replace(silence, now=s.at(12))).then_nothing()
    s.delivery(*s.AT_PICKUP).when(silence).then_types(e.ReportExtended)
    s.delivery(*s.AT_PICKUP, s.goods_ready).when(silence).then_types(e.RiderUnassigned, e.DeliveryRequested)
    s.delivery(*s.DELIVERED).when(silence).then_nothing()


def test_goods_that_are_ready_restart_the_wait_for_the_rider_at_the_counter() -> None:
    ready = c.NoteGoodsReady(delivery_id=s.DELIVERY, ready_at=s.at(25), now=s.at(26))
    told = s.delivery(*s.AT_PICKUP).when(ready).then_types(e.GoodsReady)
    assert told.report_by == s.POLICY.report_by(s.at(26), 0)
    s.delivery(*s.AT_PICKUP).when_twice(ready).then_nothing()
    assert s.delivery(*s.WAITING).when(ready).then_types(e.GoodsReady).report_by is None
    s.delivery().when(ready).then_nothing()


def test_a_merchant_who_needs_longer_gives_the_rider_longer() -> None:
    move = c.MoveReadyTime(delivery_id=s.DELIVERY, ready_at=s.at(40), now=s.at(8))
    moved = s.delivery(*s.AT_PICKUP).when(move).then_types(e.ReadyTimeMoved)
    assert moved.report_by == s.POLICY.report_by(s.at(40), 0)
    s.delivery(*s.AT_PICKUP).when_twice(move).then_nothing()
    s.delivery(*s.AT_PICKUP, s.goods_ready).when(move).then_nothing()
