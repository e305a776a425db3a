"""A rider who cannot go on: what he has not fetched is taken over, what he has is handed over or has failed."""

from typing import Any

import pytest

from services.dispatch.application import Command, fire_deadlines, perform
from services.dispatch.breakdowns import Breakdown, break_down
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery import taking
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import FailureReason, Goods, Proof, Stage
from shared.eventstore.memory import MemoryStore
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy(deliveries_per_rider=3)
ROADSIDE = (Place(31.2350, 121.4750), "8930e1d8a2fffff")
waits = e.GoodsToBeFetched(rider_id=s.RIDER, place=ROADSIDE[0], cell=ROADSIDE[1], reason=FailureReason.RIDER_VEHICLE)


class Street:
    """A rider with one delivery in hand and one not fetched yet, and another rider."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        for rider_id in (s.RIDER, s.OTHER):
            self.do(s.register_command(rider_id))
            self.do(s.start_command(rider_id))
        for number in (1, 2):
            self.do(s.announce_command(f"dlv_{number}", f"ord_{number}"))
            self.do(c.RequestDelivery(delivery_id=f"dlv_{number}", ready_at=s.at(1), now=s.NOW))
            self.take(f"dlv_{number}", s.RIDER)
        self.pick_up("dlv_1", s.RIDER, 2)

    def do(self, command: Command, minutes: float = 0) -> None:
        self.store.run(lambda tx: perform(tx, command, s.context(minutes), POLICY))

    def take(self, delivery_id: str, rider_id: str, minutes: float = 0) -> None:
        self.do(s.offer_command(rider_id, delivery_id), minutes)
        self.do(c.AcceptOffer(delivery_id=delivery_id, rider_id=rider_id, now=s.at(minutes)), minutes)

    def pick_up(self, delivery_id: str, rider_id: str, minutes: float) -> None:
        now = s.at(minutes)
        self.do(
            c.ReportPickUp(delivery_id=delivery_id, rider_id=rider_id, proof=Proof(), occurred_at=now, now=now),
            minutes,
        )

    def break_down(self, hands_over: bool, minutes: float = 5) -> None:
        breakdown = Breakdown(
            rider_id=s.RIDER,
            reason=FailureReason.RIDER_VEHICLE,
            hands_over_at=ROADSIDE if hands_over else None,
            occurred_at=s.at(minutes),
            now=s.at(minutes),
        )
        self.store.run(lambda tx: break_down(tx, breakdown, s.context(minutes), POLICY))

    def delivery(self, number: int) -> Delivery:
        return self.store.load(DELIVERY, f"dlv_{number}").state

    def rider(self, rider_id: str = s.RIDER) -> Any:
        return self.store.load(RIDER, rider_id).state


def test_what_he_has_in_hand_is_fetched_from_where_he_waits_and_brought() -> None:
    street = Street()
    street.break_down(hands_over=True)
    in_hand, to_fetch = street.delivery(1), street.delivery(2)
    assert (in_hand.stage, in_hand.attempt, in_hand.goods_with) == (Stage.WAITING, 1, s.RIDER)
    assert (in_hand.pickup, in_hand.goods_ready, in_hand.replanned_for) == (ROADSIDE[0], True, "hand_over")
    assert (to_fetch.stage, to_fetch.replanned_for, to_fetch.goods_with) == (Stage.WAITING, "rider_down", None)
    assert (street.rider().on_shift, street.rider().carrying) == (False, ())
    street.take("dlv_1", s.OTHER, 6)
    assert "goods_from_a_rider" in street.store.stream("dlv_1")[-1].data["reasons"]
    street.pick_up("dlv_1", s.OTHER, 9)
    assert (street.delivery(1).stage, street.delivery(1).goods_with) == (Stage.PICKED_UP, None)
    now = s.at(15)
    street.do(c.ReportDelivered(delivery_id="dlv_1", rider_id=s.OTHER, proof=Proof(), occurred_at=now, now=now), 15)
    assert (street.delivery(1).stage, street.delivery(1).rider_id) == (Stage.DELIVERED, s.OTHER)


def test_said_twice_there_is_nothing_left_to_do() -> None:
    street = Street()
    street.break_down(hands_over=True)
    before = len(street.store.records.log)
    street.break_down(hands_over=True)
    assert len(street.store.records.log) == before


def test_without_a_hand_over_what_he_has_in_hand_has_failed_as_ever() -> None:
    street = Street()
    street.break_down(hands_over=False)
    failed = street.delivery(1)
    assert (failed.stage, failed.goods, failed.failure) == (
        Stage.FAILED,
        Goods.WITH_RIDER,
        FailureReason.RIDER_VEHICLE,
    )
    assert street.delivery(2).stage is Stage.WAITING
    assert (street.rider().on_shift, street.rider().carrying) == (False, ())


def test_if_nobody_comes_it_has_failed_with_the_goods_with_him_and_is_a_case_as_ever() -> None:
    street = Street()
    street.break_down(hands_over=True)
    wanted_by = street.delivery(1).wanted_by
    assert wanted_by is not None
    fire_deadlines(street.store, "system:deadline", wanted_by, POLICY)
    failed = street.delivery(1)
    assert (failed.stage, failed.goods, failed.rider_id) == (Stage.FAILED, Goods.WITH_RIDER, s.RIDER)
    street.do(c.RequestAgain(delivery_id="dlv_1", now=s.at(60)), 60)
    again = street.delivery(1)
    assert (again.stage, again.attempt, again.pickup, again.goods_with) == (Stage.WAITING, 2, s.SHOP, None)


@pytest.mark.parametrize("asked_again", [False, True])
def test_a_customer_cannot_withdraw_what_is_on_its_way_and_a_cancelled_order_goes_back_with_him(
    asked_again: bool,
) -> None:
    street = Street()
    street.break_down(hands_over=True)
    if asked_again:
        street.do(s.offer_command(s.OTHER, "dlv_1"), 6)
    street.do(c.AskWithdrawal(delivery_id="dlv_1", reason="changed_mind", now=s.at(7)), 7)
    assert street.store.stream("dlv_1")[-1].type == "WithdrawalRefused"
    street.do(c.EndOrder(delivery_id="dlv_1", reason="over", now=s.at(8)), 8)
    returning = street.delivery(1)
    assert (returning.stage, returning.rider_id) == (Stage.RETURNING, s.RIDER)
    assert street.rider().returns == ("dlv_1",)
    assert street.rider(s.OTHER).offers == ()


def test_what_has_not_been_picked_up_cannot_be_handed_over() -> None:
    command = taking.HandOver(
        delivery_id=s.DELIVERY,
        rider_id=s.RIDER,
        place=ROADSIDE[0],
        cell=ROADSIDE[1],
        reason=FailureReason.RIDER_VEHICLE,
        now=s.at(5),
    )
    s.delivery(*s.ASSIGNED).when(command).then_nothing()
    s.delivery(*s.PICKED_UP).when(command).then_types(e.RiderUnassigned, e.GoodsToBeFetched, e.DeliveryRequested)
    s.delivery(*s.PICKED_UP).when_twice(command).then_nothing()
