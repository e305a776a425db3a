"""What dispatchers decide by hand stands: pins, orders of stops and ways, until a dispatcher says otherwise."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from services.dispatch.application import Command
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.delivery import deadlines as waits
from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery import taking
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider.ordering import order_stops
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.values import AssignmentMode, FailureReason, Stage, Stop, StopKind
from shared.kernel.deadlines import SetDeadline
from shared.kernel.errors import DomainError, InvalidInput
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch.test_application import Town, accept_by, assign_to, grab_by, offer_to
from tests.unit.dispatch.test_several_in_hand import busy_town, fail
from tests.unit.dispatch.test_stops import taken

pin = dc.PinDelivery(delivery_id=s.DELIVERY, rider_id=s.RIDER, reason="regular_customer")
unpin = dc.UnpinDelivery(delivery_id=s.DELIVERY, reason="changed_mind")
direct = dc.DirectWay(delivery_id=s.DELIVERY, via=s.way_directed.via, reason="road_works", now=s.at(12))
GET, BRING = StopKind.PICKUP, StopKind.DROPOFF


def pin_to(rider: int, delivery: int = 1) -> dc.PinDelivery:
    return dc.PinDelivery(delivery_id=f"dlv_{delivery}", rider_id=f"rid_{rider}", reason="")


def test_a_delivery_is_kept_for_one_rider_before_and_after_somebody_has_it() -> None:
    for given in ((s.announced,), s.WAITING, s.OFFERED, s.ASSIGNED, s.PICKED_UP):
        s.delivery(*given).when(pin).then(s.pinned)
        s.delivery(*given).when_twice(pin).then_nothing()
    other = replace(pin, rider_id=s.OTHER)
    s.delivery(*s.WAITING, s.pinned).when(other).then(replace(s.pinned, rider_id=s.OTHER))
    s.delivery(*s.ASSIGNED).when(other).then_refused(errors.DeliveryAlreadyTaken)
    s.delivery(*s.DELIVERED).when(pin).then_refused(errors.DeliveryEnded)
    s.delivery().when(pin).then_refused(errors.DeliveryNotFound)


def test_a_pin_ends_when_a_dispatcher_says_so() -> None:
    s.delivery(*s.WAITING, s.pinned).when(unpin).then(s.unpinned)
    s.delivery(*s.WAITING, s.pinned).when_twice(unpin).then_nothing()
    s.delivery(*s.WAITING).when(unpin).then_nothing()


def test_nobody_else_is_offered_or_claims_what_is_kept_for_one() -> None:
    other = s.offer_command(s.OTHER)
    s.delivery(*s.WAITING, s.pinned).when(other).then_refused(errors.PinnedToAnother)
    s.delivery(*s.WAITING, s.pinned).when(s.offer_command()).then(s.offered)
    s.delivery(*s.WAITING, s.pinned, s.unpinned).when(other).then_types(de.DeliveryOffered)
    claim = dc.GrabDelivery(delivery_id=s.DELIVERY, rider_id=s.OTHER, distance_m=None, now=s.NOW)
    s.delivery(*s.IN_POOL, s.pinned).when(claim).then_refused(errors.PinnedToAnother)
    s.delivery(*s.IN_POOL, s.pinned).when(replace(claim, rider_id=s.RIDER)).then_types(
        de.DeliveryGrabbed, de.RiderAssigned
    )


def test_a_pin_voids_an_offer_to_another_without_counting_as_his_answer() -> None:
    town = Town()
    town.do(offer_to(1))
    town.do(pin_to(2))
    assert (town.delivery().offer, town.rider(1).offers, town.rider(1).offers_refused) == (None, (), 0)
    assert town.refusal(accept_by(1)) is errors.OfferNotOpen
    assert not town.delivery().in_grab_pool


def test_what_is_kept_for_one_never_comes_into_the_pool() -> None:
    town = Town()
    town.do(pin_to(1))
    town.open_for_grab()
    assert not town.delivery().in_grab_pool
    assert town.refusal(grab_by(2)) is errors.PinnedToAnother


def test_a_delivery_is_kept_only_for_a_rider_who_exists_and_has_the_skills() -> None:
    town = Town()
    assert town.refusal(pin_to(9)) is errors.RiderNotFound
    town.do(s.announce_command("dlv_2", "ord_2", skills=("alcohol",)))
    assert town.refusal(pin_to(1, 2)) is errors.RiderLacksSkills
    assert town.delivery(2).pinned_to is None


def test_a_pin_lifts_a_bar_and_a_dispatcher_who_assigns_another_lifts_the_pin() -> None:
    town = Town()
    town.do(assign_to(1))
    town.do(dc.UnassignRider(delivery_id="dlv_1", reason="", now=s.NOW))
    town.do(pin_to(1))
    town.do(replace(offer_to(1), again=True))
    town.do(accept_by(1))
    assert town.delivery().rider_id == "rid_1"
    town.do(assign_to(2))
    delivery = town.delivery()
    assert (delivery.rider_id, delivery.pinned_to, delivery.mode) == ("rid_2", None, AssignmentMode.TRANSFER)
    town.do(pin_to(2))
    town.do(dc.UnassignRider(delivery_id="dlv_1", reason="", now=s.NOW))
    assert (town.delivery().stage, town.delivery().pinned_to) == (Stage.WAITING, None)


def test_re_planning_leaves_what_is_kept_for_a_rider_unless_he_is_down() -> None:
    take_off = taking.TakeOff(delivery_id=s.DELIVERY, rider_id=s.RIDER, cause="jam", down=False, now=s.at(2))
    kept = s.delivery(*s.ASSIGNED, s.pinned)
    kept.when(take_off).then_nothing()
    kept.when(replace(take_off, down=True)).then_types(de.DeliveryUnpinned, de.RiderUnassigned, de.DeliveryRequested)


def test_whoever_is_lost_or_cannot_go_on_keeps_nothing() -> None:
    town = busy_town()
    for number in (1, 2, 3):
        town.do(pin_to(1, number))
    town.do(fail(2, FailureReason.RIDER_VEHICLE, 12), 12)
    assert [town.delivery(number).pinned_to for number in (1, 2, 3)] == [None, None, None]
    town = busy_town()
    for number in (1, 2, 3):
        town.do(pin_to(1, number))
    town.pass_time(120)
    assert [town.delivery(number).pinned_to for number in (1, 2, 3)] == [None, None, None]


def ordered(
    *stops: Stop, carrying: tuple[str, ...] = ("a", "b"), picked_up: frozenset[str] = frozenset()
) -> list[str]:
    """The codes of everything that is wrong with an order, by field."""
    rider = s.rider_after(*s.READY_RIDER, *(replace(s.taken, delivery_id=each) for each in carrying))
    command = c.OrderStops(rider_id=s.RIDER, stops=stops, picked_up=picked_up, reason="")
    try:
        order_stops(command, rider)
    except InvalidInput as wrong:
        return [f"{fault.field}: {fault.code}" for fault in wrong.faults]
    return []


def test_an_order_of_stops_tells_all_its_faults_at_once() -> None:
    assert ordered(Stop("a", GET), Stop("b", GET), Stop("b", BRING), Stop("a", BRING)) == []
    assert ordered(Stop("b", GET)) == [], "the others come behind"
    assert ordered(Stop("x", GET), Stop("a", BRING), Stop("b", GET), Stop("b", GET)) == [
        "stops.0.delivery_id: not_in_hand",
        "stops.1.kind: dropoff_before_pickup",
        "stops.3: named_twice",
    ]
    has_a = frozenset({"a"})
    assert ordered(Stop("a", BRING), Stop("b", GET), picked_up=has_a) == []
    assert ordered(Stop("a", GET), Stop("b", BRING), Stop("b", GET), picked_up=has_a) == [
        "stops.0.kind: picked_up_already",
        "stops.1.kind: dropoff_before_pickup",
    ]


def test_an_order_of_stops_is_kept_once_and_given_back() -> None:
    given = s.rider(*s.READY_RIDER, s.taken)
    command = c.OrderStops(
        rider_id=s.RIDER, stops=s.stops_ordered.stops, picked_up=frozenset(), reason="cold_food_first"
    )
    given.when(command).then(s.stops_ordered)
    given.when_twice(command).then_nothing()
    back = replace(command, stops=(), reason="")
    s.rider(*s.READY_RIDER, s.taken, s.stops_ordered).when(back).then(replace(s.stops_ordered, stops=(), reason=""))
    s.rider().when(command).then_refused(errors.RiderNotFound)


def test_a_set_order_comes_first_and_what_is_new_behind_it() -> None:
    deliveries = {"a": taken(), "b": taken(1, "mer_2")}
    order = replace(s.stops_ordered, stops=(Stop("b", GET), Stop("a", GET), Stop("b", BRING), Stop("a", BRING)))
    rider = s.rider_after(*s.READY_RIDER, *(replace(s.taken, delivery_id=each) for each in deliveries), order)
    assert stops_of(rider, deliveries) == order.stops
    deliveries["b"] = taken(1, "mer_2", s.picked_up)
    assert stops_of(rider, deliveries) == order.stops[1:], "done is done"
    deliveries["c"] = taken(2)
    more = s.rider_after(*s.READY_RIDER, *(replace(s.taken, delivery_id=each) for each in deliveries), order)
    assert stops_of(more, deliveries) == (*order.stops[1:], Stop("c", GET), Stop("c", BRING))


def test_what_leaves_his_hands_leaves_the_order() -> None:
    town = busy_town()
    stops = (Stop("dlv_1", BRING), Stop("dlv_3", GET))
    town.do(c.OrderStops(rider_id="rid_1", stops=stops, picked_up=frozenset({"dlv_1"}), reason=""))
    town.do(dc.UnassignRider(delivery_id="dlv_3", reason="", now=s.at(12)), 12)
    town.do(assign_to(1, 3), 13)
    assert town.rider().stops_ordered == stops[:1]


def test_a_carrier_is_sent_by_points_and_has_the_time_for_it() -> None:
    [directed] = s.delivery(*s.PICKED_UP).when(direct).events
    assert (directed.via, directed.reason) == (s.way_directed.via, "road_works")
    assert directed.report_by > s.picked_up.report_by
    assert waits.deadlines(directed) == (SetDeadline(waits.REPORT, directed.report_by),)
    s.delivery(*s.PICKED_UP).when_twice(direct).then_nothing()
    back = replace(direct, via=(), reason="")
    s.delivery(*s.PICKED_UP, s.way_directed).when(back).then(
        de.WayDirected(rider_id=s.RIDER, via=(), reason="", report_by=None)
    )
    assert waits.deadlines(replace(s.way_directed, report_by=None)) == ()


def test_a_way_is_set_for_whoever_carries_and_goes_with_him() -> None:
    s.delivery(*s.WAITING).when(direct).then_refused(errors.DeliveryNotAssigned)
    s.delivery(*s.DELIVERED).when(direct).then_refused(errors.DeliveryNotAssigned)
    s.delivery().when(direct).then_refused(errors.DeliveryNotFound)
    assert s.delivery_after(*s.ASSIGNED, s.way_directed).via == s.way_directed.via
    moved = (s.unassigned, s.requested, replace(s.assigned, rider_id=s.OTHER))
    assert s.delivery_after(*s.ASSIGNED, s.way_directed, *moved).via == ()


def test_a_pin_and_an_offer_at_once_never_bind_another() -> None:
    for _ in range(20):
        town = Town()
        start = Barrier(3)

        def run(command: Command, town: Town = town, start: Barrier = start) -> type[DomainError] | None:
            start.wait()
            return town.refusal(command)

        with ThreadPoolExecutor(3) as hands:
            asked, kept, answered = hands.map(run, (offer_to(1), pin_to(2), accept_by(1)))
        delivery = town.delivery()
        if answered is None:
            assert (asked, kept, delivery.rider_id) == (None, errors.DeliveryAlreadyTaken, "rid_1")
        else:
            assert asked in {None, errors.PinnedToAnother}
            assert (kept, delivery.pinned_to, delivery.offer, town.rider(1).offers) == (None, "rid_2", None, ())
