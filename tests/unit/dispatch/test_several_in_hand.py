"""A rider with several deliveries in hand: asked about bundles, due at one stop after the other, lost with all."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.rider import commands as r
from services.dispatch.domain.values import FailureReason, Goods, Proof, Stage
from shared.kernel.errors import DomainError
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch.test_application import POLICY, Town, accept_by, assign_to, grab_by, offer_to

WAITING, ASSIGNED, PICKED_UP, FAILED = Stage.WAITING, Stage.ASSIGNED, Stage.PICKED_UP, Stage.FAILED


def pick_up(delivery: int, minutes: float, rider: int = 1) -> c.ReportPickUp:
    return c.ReportPickUp(
        delivery_id=f"dlv_{delivery}",
        rider_id=f"rid_{rider}",
        proof=Proof(),
        occurred_at=s.at(minutes),
        now=s.at(minutes),
    )


def arrive_home(delivery: int, minutes: float) -> c.ReportArrivalAtDropoff:
    now = s.at(minutes)
    return c.ReportArrivalAtDropoff(delivery_id=f"dlv_{delivery}", rider_id="rid_1", occurred_at=now, now=now)


def deliver(delivery: int, minutes: float) -> c.ReportDelivered:
    now = s.at(minutes)
    return c.ReportDelivered(delivery_id=f"dlv_{delivery}", rider_id="rid_1", proof=Proof(), occurred_at=now, now=now)


def fail(delivery: int, reason: FailureReason, minutes: float) -> c.ReportFailure:
    now = s.at(minutes)
    return c.ReportFailure(
        delivery_id=f"dlv_{delivery}",
        rider_id="rid_1",
        reason=reason,
        goods=None,
        evidence=(),
        occurred_at=now,
        now=now,
    )


def busy_town() -> Town:
    """Rider 1 has the goods of the first delivery and is on his way to the shop for two more; he is asked about
    nothing."""
    town = Town(deliveries=4)
    for number in (1, 2, 3):
        town.do(assign_to(1, number))
    town.do(pick_up(1, 11), 11)
    return town


def stages(town: Town, deliveries: int = 3) -> list[Stage]:
    return [town.delivery(number).stage for number in range(1, deliveries + 1)]


def types(town: Town, delivery: int) -> Counter[str]:
    return Counter(event.type for event in town.store.stream(f"dlv_{delivery}"))


def test_a_bundle_is_asked_together_and_each_of_it_answered_on_its_own() -> None:
    town = Town(deliveries=3)
    bundle = ("dlv_1", "dlv_2", "dlv_3")
    for number in (1, 2, 3):
        town.do(replace(offer_to(1, number), bundle=bundle))
    assert town.rider().offers == bundle
    town.do(accept_by(1, 1))
    town.do(c.DeclineOffer(delivery_id="dlv_2", rider_id="rid_1", reason="too_far"))
    assert (town.rider().carrying, town.rider().offers) == (("dlv_1",), ("dlv_3",))
    town.pass_time(0.5)
    assert (stages(town), town.rider().offers) == ([ASSIGNED, WAITING, WAITING], ())


def test_a_rider_who_carries_is_offered_and_grabs_more_within_what_he_may_have() -> None:
    town = Town(deliveries=4)
    town.open_for_grab(2)
    town.do(assign_to(2, 1))
    town.do(grab_by(2, 2))
    town.do(offer_to(2, 3))
    town.do(accept_by(2, 3))
    assert town.rider(2).carrying == ("dlv_1", "dlv_2", "dlv_3")
    assert town.refusal(offer_to(2, 4)) is errors.RiderBusy
    assert town.refusal(assign_to(2, 4)) is errors.RiderBusy


def test_what_is_done_with_one_delivery_leaves_the_others_in_hand() -> None:
    town = busy_town()
    town.do(c.UnassignRider(delivery_id="dlv_2", reason="", now=s.at(12)), 12)
    assert (town.rider().carrying, stages(town)) == (("dlv_1", "dlv_3"), [PICKED_UP, WAITING, ASSIGNED])
    town.do(c.EndOrder(delivery_id="dlv_3", reason="cancelled", now=s.at(13)), 13)
    assert (town.rider().carrying, town.rider().on_shift) == (("dlv_1",), True)


def test_a_shift_whose_time_is_over_ends_with_the_last_delivery_in_hand() -> None:
    town = Town(deliveries=2)
    for number in (1, 2):
        town.do(assign_to(1, number), 239)
        town.do(pick_up(number, 239), 239)
    town.pass_time(240)
    assert town.refusal(r.EndShift(rider_id="rid_1")) is errors.RiderBusy
    town.do(deliver(1, 245), 245)
    assert town.rider().on_shift
    town.do(deliver(2, 250), 250)
    assert not town.rider().on_shift


def test_a_rider_who_goes_silent_loses_everything_in_hand_each_once() -> None:
    town = busy_town()
    town.do(replace(offer_to(2, 4)))
    town.pass_time(120)
    town.pass_time(121)
    assert stages(town) == [FAILED, WAITING, WAITING]
    assert (town.delivery(1).failure, town.delivery(1).goods) == (FailureReason.RIDER_ACCIDENT, Goods.WITH_RIDER)
    assert (town.rider().silent, town.rider().carrying) == (True, ())
    assert types(town, 1)["DeliveryFailed"] == 1
    assert [types(town, number)["RiderUnassigned"] for number in (2, 3)] == [1, 1]
    rider = [event.type for event in town.store.stream("rid_1")]
    assert (rider.count("RiderWentSilent"), rider.count("DeliveryReleased")) == (1, 3)


def test_a_rider_who_goes_silent_is_asked_about_nothing_any_more() -> None:
    town = Town(deliveries=2, policy=replace(POLICY, offer_seconds=600))
    town.do(assign_to(1, 1))
    town.do(replace(offer_to(1, 2), now=s.at(33)), 33)
    town.pass_time(40)
    assert (town.rider().silent, town.rider().offers, town.delivery(2).offer) == (True, (), None)


@pytest.mark.parametrize(
    "reason", [FailureReason.RIDER_ACCIDENT, FailureReason.RIDER_VEHICLE, FailureReason.RIDER_ILLNESS]
)
@pytest.mark.parametrize("told_of", [1, 2])
def test_a_rider_who_cannot_go_on_loses_everything_in_hand_whatever_he_tells_it_of(
    reason: FailureReason, told_of: int
) -> None:
    town = busy_town()
    town.do(fail(told_of, reason, 12), 12)
    assert stages(town) == [FAILED, WAITING, WAITING]
    assert (town.delivery(1).failure, town.delivery(1).goods) == (reason, Goods.WITH_RIDER)
    assert (town.rider().on_shift, town.rider().silent, town.rider().carrying) == (False, False, ())
    assert types(town, 1)["DeliveryFailed"] == 1
    assert [types(town, number)["RiderUnassigned"] for number in (2, 3)] == [1, 1]
    ends = [event.data["reason"] for event in town.store.stream("rid_1") if event.type == "ShiftEnded"]
    assert ends == [reason.value]


def test_a_delivery_that_fails_for_another_reason_leaves_the_others_alone() -> None:
    town = busy_town()
    town.do(fail(1, FailureReason.CUSTOMER_REFUSED, 12), 12)
    assert (stages(town), town.rider().carrying) == ([FAILED, ASSIGNED, ASSIGNED], ("dlv_2", "dlv_3"))


def test_a_rider_who_brings_one_after_the_other_is_not_taken_for_silent() -> None:
    town = Town(deliveries=3)
    for number in (1, 2, 3):
        town.do(assign_to(1, number))
    for number in (1, 2, 3):
        town.do(pick_up(number, 11), 11)
    last = town.delivery(3).report_by
    assert last is not None
    assert last < s.at(31), "the direct way is short"
    for number, minutes in ((1, 18), (2, 29)):
        town.do(arrive_home(number, minutes), minutes)
        town.pass_time(minutes + 6)
        town.do(deliver(number, minutes + 10), minutes + 10)
        town.pass_time(minutes + 10)
    assert (stages(town), town.rider().silent) == ([Stage.DELIVERED, Stage.DELIVERED, PICKED_UP], False)
    town.pass_time(70)
    assert (town.delivery(3).stage, town.rider().silent) == (FAILED, True), "but he is still waited for"


def test_who_is_lost_is_noticed_at_the_stop_that_comes_first() -> None:
    town = Town(deliveries=2)
    town.do(assign_to(1, 1))
    town.do(c.MoveReadyTime(delivery_id="dlv_2", ready_at=s.at(90), now=s.NOW))
    town.do(assign_to(1, 2))
    first, second = (town.delivery(number).report_by for number in (1, 2))
    assert first is not None
    assert second is not None
    assert first < s.at(45) < second
    town.pass_time(45)
    assert (town.rider().silent, stages(town, 2)) == (True, [WAITING, WAITING])


def test_a_hundred_claims_of_one_rider_leave_him_with_what_he_may_have() -> None:
    town = Town(riders=2, deliveries=100)
    for number in range(1, 101):
        town.open_for_grab(number)
    start = Barrier(100)

    def claim(delivery: int) -> type[DomainError] | None:
        start.wait()
        return town.refusal(grab_by(2, delivery))

    with ThreadPoolExecutor(100) as hands:
        answers = list(hands.map(claim, range(1, 101)))
    assert Counter(answers) == {None: 3, errors.RiderBusy: 97}
    assert sorted(town.rider(2).carrying) == sorted(
        f"dlv_{number}" for number in range(1, 101) if town.delivery(number).rider_id == "rid_2"
    )
