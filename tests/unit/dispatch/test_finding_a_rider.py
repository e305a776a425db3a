"""A delivery looks for its rider: what is allowed, what is refused, and what happens when it is asked twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery import finding
from services.dispatch.domain.delivery.deadlines import deadlines
from services.dispatch.domain.values import AssignmentMode, FailureReason, Goods
from shared.kernel.deadlines import SetDeadline
from shared.kernel.errors import DomainError
from tests.unit.dispatch import scenes as s

request = c.RequestDelivery(delivery_id=s.DELIVERY, ready_at=s.at(10), now=s.NOW)
accept = c.AcceptOffer(delivery_id=s.DELIVERY, rider_id=s.RIDER, now=s.NOW)
decline = c.DeclineOffer(delivery_id=s.DELIVERY, rider_id=s.RIDER, reason="too_far")
grab = c.GrabDelivery(delivery_id=s.DELIVERY, rider_id=s.RIDER, distance_m=400.0, now=s.NOW)
assign = c.AssignRider(
    delivery_id=s.DELIVERY, rider_id=s.RIDER, distance_m=None, reason="he knows the way", now=s.NOW
)
unassign = c.UnassignRider(delivery_id=s.DELIVERY, reason="", now=s.at(3))
expire = c.ExpireOffer(delivery_id=s.DELIVERY, now=s.at(0.5))
EVERY_STAGE = {
    "unheard": (),
    "announced": (s.announced,),
    "waiting": s.WAITING,
    "assigned": s.ASSIGNED,
    "at_pickup": s.AT_PICKUP,
    "picked_up": s.PICKED_UP,
    "at_dropoff": s.AT_DROPOFF,
    "delivered": s.DELIVERED,
    "failed": s.FAILED,
    "undeliverable": s.UNDELIVERABLE,
    "withdrawn": s.WITHDRAWN,
    "returning": s.RETURNING,
    "returned": (*s.RETURNING, s.goods_returned),
}


def test_a_placed_order_announces_a_delivery_once() -> None:
    s.delivery().when(s.announce_command()).then(s.announced)
    s.delivery().when_twice(s.announce_command()).then_nothing()


def test_an_accepted_order_wants_a_rider_with_every_wait_told() -> None:
    s.delivery(s.announced).when(request).then(s.requested)
    s.delivery(s.announced).when_twice(request).then_nothing()


@pytest.mark.parametrize(
    "history", [(), s.ASSIGNED, s.DELIVERED, s.WITHDRAWN], ids=["unheard", "assigned", "done", "withdrawn"]
)
def test_an_acceptance_heard_at_another_time_changes_nothing(history: tuple[e.DeliveryEvent, ...]) -> None:
    s.delivery(*history).when(request).then_nothing()


def test_a_waiting_delivery_is_offered_to_one_rider() -> None:
    s.delivery(*s.WAITING).when(s.offer_command()).then(s.offered)
    s.delivery(*s.WAITING).when_twice(s.offer_command()).then_nothing()


def test_that_nobody_fits_is_kept_once_for_the_same_reasons() -> None:
    nobody = s.nobody_command({"silent": 1})
    s.delivery(*s.WAITING).when(nobody).then(s.nobody_fitted)
    s.delivery(*s.WAITING).when_twice(nobody).then_nothing()
    waits = s.delivery(*s.WAITING, s.nobody_fitted)
    waits.when(s.nobody_command({"silent": 4})).then_nothing()
    waits.when(s.nobody_command({"silent": 1, "on_break": 1})).then_types(e.NoRiderFitted)


def test_that_nobody_fits_is_not_said_of_what_is_offered_or_carried() -> None:
    s.delivery(*s.OFFERED).when(s.nobody_command({"silent": 1})).then_nothing()
    s.delivery(*s.ASSIGNED).when(s.nobody_command({"silent": 1})).then_nothing()


def test_the_waits_for_a_rider_begin_when_somebody_is_asked_at_the_latest() -> None:
    far_ahead = replace(s.POLICY, offer_ahead_seconds=120)
    wanted = finding.requested(1, s.at(30), s.NOW, far_ahead)
    assert (wanted.dispatcher_at, wanted.wanted_by) == (s.at(28 + 5), s.at(28 + 15))


def test_a_merchant_who_is_late_gives_the_search_more_time() -> None:
    """Nobody calls a dispatcher, or gives up, before the goods are there to be fetched."""
    move = c.MoveReadyTime(delivery_id=s.DELIVERY, ready_at=s.at(30), now=s.at(4))
    moved = e.ReadyTimeMoved(ready_at=s.at(30), dispatcher_at=s.at(20 + 5), wanted_by=s.at(20 + 15))
    s.delivery(*s.WAITING).when(move).then(moved)
    s.delivery(*s.WAITING).when_twice(move).then_nothing()
    give_up = c.GiveUp(delivery_id=s.DELIVERY, now=s.at(20))
    s.delivery(*s.WAITING).when(give_up).then_types(e.DeliveryUndeliverable)
    s.delivery(*s.WAITING, moved).when(give_up).then_nothing()
    assert set(deadlines(moved)) == {SetDeadline("dispatcher", s.at(25)), SetDeadline("undeliverable", s.at(35))}


def test_a_delivery_is_offered_to_no_second_rider_while_one_is_asked() -> None:
    s.delivery(*s.OFFERED).when(s.offer_command(s.OTHER)).then_refused(errors.DeliveryHasOffer)


def test_a_rider_is_asked_again_only_on_purpose() -> None:
    asked = s.delivery(*s.OFFERED, s.declined)
    asked.when(s.offer_command()).then_refused(errors.AlreadyOfferedToRider)
    asked.when(s.offer_command(again=True)).then_types(e.DeliveryOffered)


def test_the_engine_never_puts_back_a_rider_whom_a_person_took_off() -> None:
    off = replace(s.unassigned, silent=False, barred=True)
    taken_off = s.delivery(*s.ASSIGNED, off, s.requested)
    taken_off.when(s.offer_command(again=True)).then_refused(errors.AlreadyOfferedToRider)
    taken_off.when(assign).then_types(e.RiderAssigned)


@pytest.mark.parametrize(
    ("stage", "refusal"),
    [
        ("unheard", errors.DeliveryNotFound),
        ("announced", errors.DeliveryNotWaiting),
        ("assigned", errors.DeliveryAlreadyTaken),
        ("picked_up", errors.DeliveryAlreadyTaken),
        ("delivered", errors.DeliveryAlreadyTaken),
        ("failed", errors.DeliveryEnded),
        ("undeliverable", errors.DeliveryEnded),
        ("withdrawn", errors.DeliveryEnded),
        ("returning", errors.DeliveryEnded),
    ],
)
def test_only_a_waiting_delivery_can_be_offered_accepted_or_grabbed(stage: str, refusal: type[DomainError]) -> None:
    given = s.delivery(*EVERY_STAGE[stage])
    given.when(s.offer_command(s.OTHER)).then_refused(refusal)
    given.when(replace(accept, rider_id=s.OTHER)).then_refused(refusal)
    given.when(replace(grab, rider_id=s.OTHER)).then_refused(refusal)


def test_the_asked_rider_accepts_and_accepting_twice_changes_nothing() -> None:
    s.delivery(*s.OFFERED).when(accept).then(s.assigned)
    s.delivery(*s.OFFERED).when_twice(accept).then_nothing()


def test_a_rider_who_was_not_asked_cannot_accept() -> None:
    s.delivery(*s.OFFERED).when(replace(accept, rider_id=s.OTHER)).then_refused(errors.OfferNotOpen)
    s.delivery(*s.OFFERED, s.expired).when(accept).then_refused(errors.OfferNotOpen)


def test_declining_frees_the_delivery_for_the_next_and_twice_changes_nothing() -> None:
    s.delivery(*s.OFFERED).when(decline).then(s.declined)
    s.delivery(*s.OFFERED).when_twice(decline).then_nothing()
    s.delivery(*s.WAITING).when(decline).then_refused(errors.OfferNotOpen)
    s.delivery(*s.ASSIGNED).when(decline).then_refused(errors.OfferNotOpen)


def test_an_offer_expires_at_its_time_and_once() -> None:
    s.delivery(*s.OFFERED).when(replace(expire, now=s.NOW)).then_nothing()
    s.delivery(*s.OFFERED).when(expire).then(s.expired)
    s.delivery(*s.OFFERED).when_twice(expire).then_nothing()
    s.delivery(*s.ASSIGNED).when(expire).then_nothing()


def test_after_three_offers_the_delivery_is_open_for_grab() -> None:
    third = (*s.OFFERED, s.expired, s.offered, s.declined, s.offered)
    s.delivery(*third).when(expire).then(s.expired, s.opened_for_grab)
    s.delivery(*third).when(decline).then(s.declined, s.opened_for_grab)
    fourth = (*third, s.expired, s.opened_for_grab, s.offered)
    s.delivery(*fourth).when(expire).then(s.expired)


def test_an_offer_that_its_rider_left_is_void_and_never_refused() -> None:
    drop = c.DropOffer(delivery_id=s.DELIVERY, rider_id=s.RIDER, reason="took_another")
    s.delivery(*s.OFFERED).when(drop).then(e.OfferDeclined(rider_id=s.RIDER, reason="took_another"))
    s.delivery(*s.OFFERED).when_twice(drop).then_nothing()


def test_a_delivery_in_the_pool_goes_to_the_first_who_grabs_it() -> None:
    _, assigned = s.delivery(*s.IN_POOL).when(grab).then_types(e.DeliveryGrabbed, e.RiderAssigned)
    assert assigned.mode is AssignmentMode.GRAB
    s.delivery(*s.IN_POOL).when_twice(grab).then_nothing()
    s.delivery(*s.IN_POOL, s.grabbed, s.assigned).when(replace(grab, rider_id=s.OTHER)).then_refused(
        errors.DeliveryAlreadyTaken
    )
    s.delivery(*s.WAITING).when(grab).then_refused(errors.NotInGrabPool)


def test_a_dispatcher_assigns_a_waiting_delivery_even_while_another_rider_is_asked() -> None:
    given = s.delivery(*s.WAITING, replace(s.offered, rider_id=s.OTHER))
    assigned = given.when(assign).then_types(e.RiderAssigned)
    assert (assigned.mode, assigned.reasons) == (AssignmentMode.MANUAL, ("he knows the way",))
    given.when_twice(assign).then_nothing()


def test_a_dispatcher_moves_a_delivery_to_another_rider_only_before_the_pick_up() -> None:
    to_other = replace(assign, rider_id=s.OTHER)
    off, on = s.delivery(*s.AT_PICKUP).when(to_other).then_types(e.RiderUnassigned, e.RiderAssigned)
    assert (off.rider_id, on.rider_id, on.mode) == (s.RIDER, s.OTHER, AssignmentMode.TRANSFER)
    s.delivery(*s.AT_PICKUP).when_twice(to_other).then_nothing()
    s.delivery(*s.PICKED_UP).when(to_other).then_refused(errors.DeliveryAlreadyPickedUp)
    s.delivery(*s.WITHDRAWN).when(to_other).then_refused(errors.DeliveryEnded)


def test_a_dispatcher_takes_a_rider_off_only_before_the_pick_up() -> None:
    off, again = s.delivery(*s.ASSIGNED).when(unassign).then_types(e.RiderUnassigned, e.DeliveryRequested)
    assert (off.barred, again.attempt, again.wanted_by) == (True, 1, s.at(18))
    s.delivery(*s.ASSIGNED).when_twice(unassign).then_nothing()
    s.delivery(*s.PICKED_UP).when(unassign).then_refused(errors.DeliveryAlreadyPickedUp)
    s.delivery(*s.DELIVERED).when(unassign).then_refused(errors.DeliveryNotAssigned)
    s.delivery().when(unassign).then_refused(errors.DeliveryNotFound)


def test_after_five_minutes_a_dispatcher_is_called_once() -> None:
    call = c.CallDispatcher(delivery_id=s.DELIVERY, now=s.at(5))
    s.delivery(*s.WAITING).when(call).then(e.DispatcherNeeded(waiting_seconds=300))
    s.delivery(*s.WAITING).when_twice(call).then_nothing()
    s.delivery(*s.ASSIGNED).when(call).then_nothing()


def test_after_fifteen_minutes_without_a_rider_it_is_undeliverable() -> None:
    give_up = c.GiveUp(delivery_id=s.DELIVERY, now=s.at(15))
    s.delivery(*s.WAITING).when(give_up).then(s.undeliverable)
    s.delivery(*s.WAITING).when_twice(give_up).then_nothing()
    s.delivery(*s.WAITING).when(replace(give_up, now=s.at(14))).then_nothing()
    s.delivery(*s.ASSIGNED).when(give_up).then_nothing()


@pytest.mark.parametrize("history", [s.FAILED, s.UNDELIVERABLE], ids=["failed", "undeliverable"])
def test_a_redispatch_is_a_second_attempt_of_the_same_delivery(history: tuple[e.DeliveryEvent, ...]) -> None:
    again = c.RequestAgain(delivery_id=s.DELIVERY, now=s.at(50))
    event = s.delivery(*history).when(again).then_types(e.DeliveryRequested)
    assert (event.attempt, event.wanted_by) == (2, s.at(65))
    s.delivery(*history).when_twice(again).then_nothing()


@pytest.mark.parametrize(
    "stage", ["unheard", "announced", "waiting", "assigned", "delivered", "withdrawn", "returning"]
)
def test_a_redispatch_of_what_has_not_failed_changes_nothing(stage: str) -> None:
    again = c.RequestAgain(delivery_id=s.DELIVERY, now=s.at(50))
    s.delivery(*EVERY_STAGE[stage]).when(again).then_nothing()


def test_who_was_asked_before_is_remembered_across_attempts() -> None:
    second = replace(s.requested, attempt=2)
    state = s.delivery_after(*s.FAILED, second)
    assert s.RIDER in state.tried
    assert (state.offers_made, state.in_grab_pool, state.failure, state.goods) == (0, False, None, None)


@pytest.mark.parametrize("stage", ["announced", "waiting", "assigned", "at_pickup", "undeliverable"])
def test_a_withdrawal_is_granted_until_the_rider_has_the_goods(stage: str) -> None:
    ask = c.AskWithdrawal(delivery_id=s.DELIVERY, reason="changed my mind", now=s.at(5))
    s.delivery(*EVERY_STAGE[stage]).when(ask).then(s.withdrawn)
    s.delivery(*EVERY_STAGE[stage]).when_twice(ask).then_nothing()


@pytest.mark.parametrize(
    ("stage", "reason"), [("picked_up", "picked_up"), ("at_dropoff", "picked_up"), ("delivered", "delivered")]
)
def test_a_withdrawal_is_refused_from_the_pick_up_on_each_time_it_is_asked(stage: str, reason: str) -> None:
    ask = c.AskWithdrawal(delivery_id=s.DELIVERY, reason="changed my mind", now=s.at(25))
    s.delivery(*EVERY_STAGE[stage]).when(ask).then(e.WithdrawalRefused(reason=reason))
    s.delivery(*EVERY_STAGE[stage]).when_twice(ask).then(e.WithdrawalRefused(reason=reason))


@pytest.mark.parametrize("stage", ["announced", "waiting", "assigned", "at_pickup", "undeliverable"])
def test_the_end_of_the_order_ends_a_delivery_that_has_no_goods(stage: str) -> None:
    end = c.EndOrder(delivery_id=s.DELIVERY, reason="changed my mind", now=s.at(5))
    s.delivery(*EVERY_STAGE[stage]).when(end).then(s.withdrawn)
    s.delivery(*EVERY_STAGE[stage]).when_twice(end).then_nothing()


@pytest.mark.parametrize("stage", ["picked_up", "at_dropoff", "failed"])
def test_the_end_of_the_order_sends_goods_on_the_way_back(stage: str) -> None:
    end = c.EndOrder(delivery_id=s.DELIVERY, reason="refunded", now=s.at(45))
    event = s.delivery(*EVERY_STAGE[stage]).when(end).then_types(e.ReturnOpened)
    assert (event.rider_id, event.return_by > s.at(55)) == (s.RIDER, True)
    s.delivery(*EVERY_STAGE[stage]).when_twice(end).then_nothing()


@pytest.mark.parametrize("stage", ["unheard", "delivered", "withdrawn", "returning", "returned"])
def test_the_end_of_the_order_changes_nothing_where_all_is_over(stage: str) -> None:
    end = c.EndOrder(delivery_id=s.DELIVERY, reason="refunded", now=s.at(45))
    s.delivery(*EVERY_STAGE[stage]).when(end).then_nothing()


def test_goods_that_failed_and_went_back_need_no_second_return() -> None:
    end = c.EndOrder(delivery_id=s.DELIVERY, reason="refunded", now=s.at(45))
    s.delivery(*s.AT_DROPOFF, replace(s.failed, goods=Goods.LEFT)).when(end).then(
        e.DeliveryWithdrawn(reason="refunded")
    )
    s.delivery(*s.FAILED, s.goods_returned).when(end).then(e.DeliveryWithdrawn(reason="refunded"))


def test_the_figures_of_a_policy_are_obeyed() -> None:
    policy = replace(s.POLICY, offer_seconds=45, offers_before_grab=1, undeliverable_seconds=60)
    given = s.GivenDelivery(s.WAITING, policy)
    offered = given.when(s.offer_command()).then_types(e.DeliveryOffered)
    assert offered.answer_by == s.NOW + timedelta(seconds=45)
    s.GivenDelivery((*s.WAITING, offered), policy).when(decline).then(s.declined, s.opened_for_grab)
    wanted = s.GivenDelivery((s.announced,), policy).when(request).then_types(e.DeliveryRequested)
    assert wanted.wanted_by == s.at(1)


def test_a_claim_from_beyond_the_radius_is_refused_and_from_nowhere_is_not() -> None:
    near = s.GivenDelivery(s.IN_POOL, replace(s.POLICY, grab_radius_m=399))
    near.when(grab).then_refused(errors.TooFarToGrab)
    near.when(replace(grab, distance_m=399)).then_types(e.DeliveryGrabbed, e.RiderAssigned)
    near.when(replace(grab, distance_m=None)).then_types(e.DeliveryGrabbed, e.RiderAssigned)


@pytest.mark.parametrize(
    "reason", [FailureReason.RIDER_VEHICLE, FailureReason.RIDER_ILLNESS, FailureReason.RIDER_ACCIDENT]
)
def test_a_rider_who_cannot_go_on_before_the_pick_up_is_replaced(reason: FailureReason) -> None:
    fail = c.ReportFailure(
        delivery_id=s.DELIVERY,
        rider_id=s.RIDER,
        reason=reason,
        goods=None,
        evidence=(),
        occurred_at=s.at(3),
        now=s.at(3),
    )
    off, again = s.delivery(*s.ASSIGNED).when(fail).then_types(e.RiderUnassigned, e.DeliveryRequested)
    assert (off.unfit, again.attempt) == (True, 1)


def corrected(*, delivered: bool) -> tuple[c.CorrectDelivery, e.DeliveryCorrected]:
    goods = None if delivered else Goods.LEFT
    asked = c.CorrectDelivery(
        delivery_id=s.DELIVERY, delivered=delivered, goods=goods, reason="rider_mistake", now=s.at(50)
    )
    return asked, e.DeliveryCorrected(delivered=delivered, goods=goods, reason="rider_mistake")


def test_a_delivery_that_was_none_has_failed_and_may_be_asked_for_again() -> None:
    asked, fact = corrected(delivered=False)
    s.delivery(*s.DELIVERED).when(asked).then(fact)
    s.delivery(*s.DELIVERED).when_twice(asked).then_nothing()
    again = c.RequestAgain(delivery_id=s.DELIVERY, now=s.at(51))
    (wanted,) = s.delivery(*s.DELIVERED, fact).when(again).events
    assert isinstance(wanted, e.DeliveryRequested)
    assert wanted.attempt == 2


@pytest.mark.parametrize("stage", ["failed", "returning", "waiting", "assigned", "undeliverable"])
def test_a_failure_that_was_none_ends_the_delivery_wherever_it_stands(stage: str) -> None:
    asked, fact = corrected(delivered=True)
    s.delivery(*EVERY_STAGE[stage]).when(asked).then(fact)
    s.delivery(*EVERY_STAGE[stage]).when_twice(asked).then_nothing()


@pytest.mark.parametrize("stage", ["unheard", "announced", "withdrawn", "returned"])
def test_there_is_nothing_to_correct_where_nothing_was_carried(stage: str) -> None:
    for delivered in (True, False):
        s.delivery(*EVERY_STAGE[stage]).when(corrected(delivered=delivered)[0]).then_nothing()


def moved_to(cell: str) -> c.MoveDropoff:
    return c.MoveDropoff(
        delivery_id=s.DELIVERY, dropoff_area=s.announced.pickup, dropoff_cell=cell, promised_at=s.at(70), now=s.at(20)
    )


@pytest.mark.parametrize("stage", ["announced", "waiting", "assigned", "picked_up", "at_dropoff", "failed"])
def test_a_delivery_goes_where_the_customer_now_is(stage: str) -> None:
    (changed,) = s.delivery(*EVERY_STAGE[stage]).when(moved_to("c9")).events
    assert isinstance(changed, e.RouteChanged)
    assert (changed.dropoff_cell, changed.promised_at) == ("c9", s.at(70))
    assert (changed.report_by is not None) is (stage in ("picked_up", "at_dropoff"))
    s.delivery(*EVERY_STAGE[stage]).when_twice(moved_to("c9")).then_nothing()


@pytest.mark.parametrize("stage", ["unheard", "delivered", "withdrawn", "returning", "returned"])
def test_a_delivery_that_is_over_goes_nowhere(stage: str) -> None:
    s.delivery(*EVERY_STAGE[stage]).when(moved_to("c9")).then_nothing()


def test_another_load_counts_before_anybody_was_asked() -> None:
    load = c.ChangeLoad(delivery_id=s.DELIVERY, skills=("fragile",), weight_g=1, volume_ml=2, promised_at=s.at(60))
    changed = e.LoadChanged(skills=("fragile",), weight_g=1, volume_ml=2, promised_at=s.at(60))
    s.delivery(s.announced).when(load).then(changed)
    s.delivery(s.announced).when_twice(load).then_nothing()
    s.delivery(*s.WAITING).when(load).then_nothing()
