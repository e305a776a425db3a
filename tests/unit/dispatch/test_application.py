"""One command, all the streams it concerns, one transaction: who wins, and that everybody agrees on it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

from services.dispatch.application import Command, fire_deadlines, perform
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as r
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import AssignmentMode, FailureReason, Goods, Proof, Stage
from shared.eventstore.memory import MemoryStore
from shared.kernel.errors import DomainError
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy(offers_before_grab=1, offer_ahead_seconds=600)
ONE_AT_A_TIME = replace(POLICY, deliveries_per_rider=1)


class Town:
    """A store with a few riders on shift and deliveries that wait."""

    def __init__(self, riders: int = 2, deliveries: int = 1, policy: DispatchPolicy = POLICY) -> None:
        self.store = MemoryStore()
        self.policy = policy
        for number in range(1, riders + 1):
            self.do(s.register_command(f"rid_{number}"))
            self.do(s.start_command(f"rid_{number}"))
        for number in range(1, deliveries + 1):
            self.do(s.announce_command(f"dlv_{number}", f"ord_{number}"))
            self.do(c.RequestDelivery(delivery_id=f"dlv_{number}", ready_at=s.at(10), now=s.NOW))

    def do(self, command: Command, minutes: float = 0) -> None:
        self.store.run(lambda tx: perform(tx, command, s.context(minutes), self.policy), attempts=200)

    def refusal(self, command: Command) -> type[DomainError] | None:
        try:
            self.do(command)
        except DomainError as refusal:
            return type(refusal)
        return None

    def pass_time(self, minutes: float) -> None:
        fire_deadlines(self.store, "system:deadline", s.context(minutes).now, self.policy)

    def delivery(self, number: int = 1) -> Delivery:
        return self.store.load(DELIVERY, f"dlv_{number}").state

    def rider(self, number: int = 1) -> Rider:
        return self.store.load(RIDER, f"rid_{number}").state

    def open_for_grab(self, number: int = 1) -> None:
        self.do(s.offer_command("rid_1", f"dlv_{number}"))
        self.do(c.DeclineOffer(delivery_id=f"dlv_{number}", rider_id="rid_1", reason="too_far"))


def offer_to(rider: int, delivery: int = 1) -> c.OfferDelivery:
    return s.offer_command(f"rid_{rider}", f"dlv_{delivery}")


def accept_by(rider: int, delivery: int = 1) -> c.AcceptOffer:
    return c.AcceptOffer(delivery_id=f"dlv_{delivery}", rider_id=f"rid_{rider}", now=s.NOW)


def grab_by(rider: int, delivery: int = 1) -> c.GrabDelivery:
    return c.GrabDelivery(delivery_id=f"dlv_{delivery}", rider_id=f"rid_{rider}", distance_m=None, now=s.NOW)


def assign_to(rider: int, delivery: int = 1) -> c.AssignRider:
    return c.AssignRider(
        delivery_id=f"dlv_{delivery}", rider_id=f"rid_{rider}", distance_m=None, reason="", now=s.NOW
    )


def pick_up_by(rider: int) -> c.ReportPickUp:
    return c.ReportPickUp(
        delivery_id="dlv_1", rider_id=f"rid_{rider}", proof=Proof(), occurred_at=s.at(11), now=s.at(11)
    )


def test_an_accepted_offer_binds_rider_and_delivery_together() -> None:
    town = Town()
    town.do(offer_to(1))
    assert (town.rider().offers, town.rider().free) == (("dlv_1",), False)
    town.do(accept_by(1))
    assert (town.delivery().rider_id, town.delivery().stage) == ("rid_1", Stage.ASSIGNED)
    assert (town.rider().carrying, town.rider().offers) == (("dlv_1",), ())


def test_a_rider_is_never_asked_about_two_deliveries_at_once() -> None:
    town = Town(deliveries=2)
    town.do(offer_to(1, 1))
    assert town.refusal(offer_to(1, 2)) is errors.RiderHasOffer
    assert town.delivery(2).offer is None


def test_a_refusal_on_one_stream_leaves_all_streams_as_they_were() -> None:
    town = Town(deliveries=2, policy=ONE_AT_A_TIME)
    town.do(assign_to(1, 1))
    before = len(town.store.records.log)
    assert town.refusal(assign_to(1, 2)) is errors.RiderBusy
    assert len(town.store.records.log) == before


def test_an_expired_offer_frees_the_rider_for_the_next_one() -> None:
    town = Town(deliveries=2)
    town.do(offer_to(1, 1))
    town.pass_time(0.5)
    assert (town.delivery().offer, town.rider().offers) == (None, ())
    town.do(offer_to(1, 2))
    assert town.rider().offers == ("dlv_2",)


def test_manual_assignment_wins_over_an_offer_of_the_engine() -> None:
    town = Town()
    town.do(offer_to(1))
    town.do(assign_to(2))
    assert town.delivery().rider_id == "rid_2"
    assert (town.rider(1).offers, town.rider(1).free) == ((), True)
    assert town.refusal(accept_by(1)) is errors.DeliveryAlreadyTaken
    assert town.refusal(offer_to(1)) is errors.DeliveryAlreadyTaken


def test_manual_assignment_of_a_rider_who_is_being_asked_elsewhere_voids_an_offer_that_has_no_room_any_more() -> None:
    town = Town(deliveries=2)
    town.do(offer_to(1, 1))
    town.do(assign_to(1, 2))
    assert (town.rider().carrying, town.rider().offers) == (("dlv_2",), ("dlv_1",))
    town = Town(deliveries=2, policy=ONE_AT_A_TIME)
    town.do(offer_to(1, 1))
    town.do(assign_to(1, 2))
    assert (town.rider().carrying, town.rider().offers) == (("dlv_2",), ())
    assert (town.delivery(1).offer, town.delivery(1).stage) == (None, Stage.WAITING)
    assert town.delivery(1).in_grab_pool, "that offer counts as declined"


def test_a_transfer_by_a_dispatcher_frees_the_one_and_binds_the_other() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(assign_to(2))
    assert (town.delivery().rider_id, town.delivery().mode) == ("rid_2", AssignmentMode.TRANSFER)
    assert (town.rider(1).carrying, town.rider(2).carrying) == ((), ("dlv_1",))


def test_ending_a_shift_declines_the_open_offer() -> None:
    town = Town()
    town.do(offer_to(1))
    town.do(r.EndShift(rider_id="rid_1"))
    assert (town.delivery().offer, town.rider().on_shift) == (None, False)


def test_a_shift_ends_at_its_time() -> None:
    town = Town()
    town.pass_time(241)
    assert not town.rider().on_shift


def test_a_rider_lost_before_the_pick_up_is_silent_and_the_delivery_waits_again() -> None:
    town = Town()
    town.do(assign_to(1))
    town.pass_time(40)
    assert (town.delivery().stage, town.delivery().attempt) == (Stage.WAITING, 1)
    assert (town.rider().silent, town.rider().carrying) == (True, ())
    assert town.refusal(replace(offer_to(1), again=True)) is errors.RiderSilent
    town.do(r.NoteSignOfLife(rider_id="rid_1"), 41)
    town.do(replace(offer_to(1), again=True), 41)
    assert town.rider().offers == ("dlv_1",)


def test_a_rider_lost_with_the_goods_fails_the_delivery_and_is_silent() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(pick_up_by(1), 11)
    town.pass_time(60)
    delivery = town.delivery()
    assert (delivery.stage, delivery.failure) == (Stage.FAILED, FailureReason.RIDER_ACCIDENT)
    assert (delivery.goods, town.rider().silent) == (Goods.WITH_RIDER, True)
    town.do(c.RequestAgain(delivery_id="dlv_1", now=s.at(61)), 61)
    assert (town.delivery().stage, town.delivery().attempt) == (Stage.WAITING, 2)


def test_a_rider_taken_for_lost_who_comes_with_the_goods_carries_on() -> None:
    town = Town()
    town.do(assign_to(1))
    town.pass_time(40)
    town.do(pick_up_by(1), 41)
    assert (town.delivery().stage, town.delivery().rider_id) == (Stage.PICKED_UP, "rid_1")
    assert (town.rider().carrying, town.rider().silent) == (("dlv_1",), False)


def test_a_withdrawal_frees_the_rider_and_a_late_pick_up_gives_him_a_return() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(c.AskWithdrawal(delivery_id="dlv_1", reason="late", now=s.at(3)), 3)
    assert town.rider().free
    town.do(pick_up_by(1), 11)
    assert (town.delivery().stage, town.rider().returns) == (Stage.RETURNING, ("dlv_1",))
    town.do(c.ReportReturn(delivery_id="dlv_1", rider_id="rid_1", occurred_at=s.at(20), now=s.at(20)), 20)
    assert (town.delivery().stage, town.rider().returns) == (Stage.RETURNED, ())


def test_a_withdrawal_while_a_rider_is_asked_closes_the_question() -> None:
    town = Town()
    town.do(offer_to(1))
    town.do(c.EndOrder(delivery_id="dlv_1", reason="rejected", now=s.NOW))
    assert (town.delivery().stage, town.rider().offers) == (Stage.WITHDRAWN, ())


def test_goods_that_nobody_brings_back_call_a_dispatcher() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(pick_up_by(1), 11)
    town.do(c.EndOrder(delivery_id="dlv_1", reason="refunded", now=s.at(12)), 12)
    assert town.rider().free
    town.pass_time(60)
    assert town.delivery().urgent


def test_nobody_in_five_minutes_calls_a_dispatcher_and_in_fifteen_gives_up() -> None:
    town = Town(riders=0)
    town.pass_time(5)
    assert (town.delivery().urgent, town.delivery().stage) == (True, Stage.WAITING)
    town.pass_time(15)
    assert (town.delivery().urgent, town.delivery().stage) == (False, Stage.UNDELIVERABLE)


def test_a_hundred_riders_grab_one_delivery_and_one_wins() -> None:
    town = Town(riders=100)
    town.open_for_grab()
    start = Barrier(100)

    def grab(rider: int) -> type[DomainError] | None:
        start.wait()
        return town.refusal(grab_by(rider))

    with ThreadPoolExecutor(100) as riders:
        answers = list(riders.map(grab, range(1, 101)))
    assert answers.count(None) == 1
    assert answers.count(errors.DeliveryAlreadyTaken) == 99
    carrying = [number for number in range(1, 101) if town.rider(number).carrying]
    assert [f"rid_{number}" for number in carrying] == [town.delivery().rider_id]


def test_a_rider_who_grabs_more_deliveries_at_once_than_he_may_have_gets_as_many_as_he_may() -> None:
    town = Town(riders=2, deliveries=8)
    for number in range(1, 9):
        town.open_for_grab(number)
    start = Barrier(8)

    def grab(delivery: int) -> type[DomainError] | None:
        start.wait()
        return town.refusal(grab_by(2, delivery))

    with ThreadPoolExecutor(8) as hands:
        answers = list(hands.map(grab, range(1, 9)))
    assert Counter(answers) == {None: 3, errors.RiderBusy: 5}
    assert len(town.rider(2).carrying) == 3


def test_manual_and_engine_at_once_leave_one_rider_bound_and_the_other_free() -> None:
    for _ in range(20):
        town = Town()
        start = Barrier(2)

        def run(command: Command, town: Town = town, start: Barrier = start) -> type[DomainError] | None:
            start.wait()
            return town.refusal(command)

        with ThreadPoolExecutor(2) as hands:
            engine, manual = hands.map(run, (offer_to(1), assign_to(2)))
        assert manual is None
        assert engine in {None, errors.DeliveryAlreadyTaken}
        assert town.delivery().rider_id == "rid_2"
        assert town.rider(1).free


def test_pick_up_and_transfer_at_once_leave_the_goods_with_the_rider_who_carries_them() -> None:
    for _ in range(20):
        town = Town()
        town.do(assign_to(1))
        start = Barrier(2)

        def run(command: Command, town: Town = town, start: Barrier = start) -> type[DomainError] | None:
            start.wait()
            return town.refusal(command)

        with ThreadPoolExecutor(2) as hands:
            picked, moved = hands.map(run, (pick_up_by(1), assign_to(2)))
        assert picked is None, "a fact of the street is never refused to its rider"
        if moved is None:
            assert (town.delivery().stage, town.delivery().rider_id) == (Stage.ASSIGNED, "rid_2")
            assert town.delivery().late_reports == {("rid_1", "picked_up")}
        else:
            assert moved is errors.DeliveryAlreadyPickedUp
            assert (town.delivery().stage, town.delivery().rider_id) == (Stage.PICKED_UP, "rid_1")


def test_deadlines_fire_once_and_only_when_due() -> None:
    town = Town()
    town.do(offer_to(1))
    due = s.NOW + timedelta(seconds=30)
    assert fire_deadlines(town.store, "system:deadline", due - timedelta(seconds=6), POLICY) == 0
    assert fire_deadlines(town.store, "system:deadline", due, POLICY) == 1
    assert fire_deadlines(town.store, "system:deadline", due, POLICY) == 0


def test_what_a_deadline_leads_to_is_the_consequence_of_the_event_that_set_it() -> None:
    town = Town()
    town.do(offer_to(1))
    [offered] = [event for event in town.store.stream("dlv_1") if event.type == "DeliveryOffered"]
    town.pass_time(0.5)
    expired = town.store.stream("dlv_1")[-1]
    assert expired.version > offered.version
    assert (expired.actor, expired.causation_id) == ("system:deadline", offered.event_id)
    assert (expired.correlation_id, expired.traceparent) == (offered.correlation_id, offered.traceparent)
