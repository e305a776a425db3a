"""What the platform knows of riders and deliveries, and what the engine makes of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.dispatch.domain.delivery.state import Offer
from services.dispatch.domain.policy import DispatchPolicy, Where
from services.dispatch.domain.values import FurtherPickup, Priority, Stage, Stop, StopKind
from services.dispatch.engine.filters import REASONS, bars
from services.dispatch.engine.picture import DeliveryNow, RiderNow
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine.world import Bar, Order, Rider
from tests.unit.dispatch import pictures as p
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy()
TRAVEL = StraightLine(metres_per_second=4)
NOW = s.NOW.timestamp()


def seen(rider: RiderNow, *deliveries: DeliveryNow, policy: DispatchPolicy = POLICY) -> Rider:
    [found] = Town().world(p.picture([rider], deliveries), policy, TRAVEL).riders
    return found


def asked(delivery: DeliveryNow, *riders: RiderNow, policy: DispatchPolicy = POLICY) -> Order:
    [found] = Town().world(p.picture(riders, [delivery]), policy, TRAVEL).orders
    return found


def test_a_rider_with_empty_hands_is_free_where_he_is() -> None:
    town = Town()
    [rider] = town.world(p.picture([p.rider("rid_1", 500)], [p.delivery()]), POLICY, TRAVEL).riders
    assert (rider.free_at, rider.spot, rider.shop_id) == (NOW, town.spot(p.north(500)), None)
    assert rider.off_at == s.at(240).timestamp()


def test_who_has_goods_in_hand_is_free_after_their_doors() -> None:
    first = p.delivery("dlv_1", stage=Stage.PICKED_UP, rider_id="rid_1", dropoff_area=p.north(400))
    second = p.delivery("dlv_2", stage=Stage.PICKED_UP, rider_id="rid_1", dropoff_area=p.north(1200))
    rider = seen(p.carries(p.rider("rid_1"), "dlv_1", "dlv_2"), first, second)
    assert rider.free_at - NOW == pytest.approx(1200 / 4 + 2 * POLICY.handover_seconds, abs=0.5)
    assert rider.unavailable is None


def test_doors_come_in_the_order_that_a_dispatcher_has_set() -> None:
    near = p.delivery("dlv_1", stage=Stage.PICKED_UP, rider_id="rid_1", dropoff_area=p.north(400))
    far = p.delivery("dlv_2", stage=Stage.PICKED_UP, rider_id="rid_1", dropoff_area=p.north(1200))
    far_first = (Stop("dlv_2", StopKind.DROPOFF), Stop("dlv_1", StopKind.DROPOFF))
    town, rider = Town(), p.carries(p.rider("rid_1", stops_ordered=far_first), "dlv_1", "dlv_2")
    [found] = town.world(p.picture([rider], [near, far]), POLICY, TRAVEL).riders
    assert found.spot == town.spot(p.north(400))
    assert found.free_at - NOW == pytest.approx((1200 + 800) / 4 + 2 * POLICY.handover_seconds, abs=0.5)


def test_who_stands_at_a_counter_is_at_that_shop_and_has_been_served() -> None:
    waits = p.delivery(stage=Stage.AT_PICKUP, rider_id="rid_1")
    town = Town()
    world = town.world(p.picture([p.carries(p.rider("rid_1", 30), s.DELIVERY)], [waits]), POLICY, TRAVEL)
    assert world.riders[0].shop_id == world.orders[0].shop_id
    assert world.riders[0].here_at + POLICY.handover_seconds / 2 <= NOW


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"silent": True}, Bar.SILENT),
        ({"break_until": s.at(10)}, Bar.ON_BREAK),
        ({"working_since": s.at(-600)}, Bar.MUST_REST),
        ({"carrying": ("a", "b"), "offers": ("c",)}, None),
    ],
)
def test_who_cannot_be_asked_says_why(changes: dict[str, Any], reason: Bar | None) -> None:
    assert seen(p.rider("rid_1", **changes)).unavailable is reason


class OneByOneAtTheShop:
    """A policy by which whoever has something already is not asked at the shop's place."""

    def at(self, where: Where | None, moment: datetime) -> DispatchPolicy:
        return POLICY if where is None else replace(POLICY, deliveries_per_rider=1)


def test_with_how_many_deliveries_somebody_is_asked_is_said_by_the_place_of_the_next_one() -> None:
    riders = [p.rider("full", carrying=("a",)), p.rider("asked", offers=("b",)), p.rider("free")]
    picture = p.picture(riders, [p.delivery()])
    world = Town().world(picture, OneByOneAtTheShop(), TRAVEL)
    assert [rider.in_hand for rider in world.riders] == [1, 1, 0]
    assert [REASONS[code] for code in bars(world.orders, world.riders, world.now)[0]] == [
        Bar.CARRIES_ENOUGH,
        Bar.CARRIES_ENOUGH,
        None,
    ]
    elsewhere = Town().world(picture, POLICY, TRAVEL)
    assert not bars(elsewhere.orders, elsewhere.riders, elsewhere.now).any()


def test_who_has_accepted_and_who_is_being_asked_keeps_it() -> None:
    offer = Offer(rider_id="rid_2", distance_m=1, offered_at=s.NOW, answer_by=s.at(0.5))
    assert asked(p.delivery(stage=Stage.ASSIGNED, rider_id="rid_1")).bound_to == "rid_1"
    assert asked(p.delivery(offer=offer)).bound_to == "rid_2"
    assert asked(p.delivery()).bound_to is None


def test_what_was_decided_by_people_and_who_was_tried_are_known() -> None:
    order = asked(p.delivery(pinned_to="rid_9", barred=frozenset({"rid_8"}), tried={"rid_7": s.NOW}))
    again = s.NOW + timedelta(seconds=POLICY.offer_seconds + POLICY.reoffer_after_seconds)
    assert (order.pinned_to, order.barred) == ("rid_9", frozenset({"rid_8"}))
    assert order.tried == {"rid_7": again.timestamp()}


def test_urgent_and_medical_deliveries_weigh_more_by_the_policy_of_the_place() -> None:
    weights = [asked(p.delivery(priority=each)).weight for each in Priority]
    assert weights == [1.0, POLICY.urgent_weight, POLICY.medical_weight]


def test_whoever_has_earned_more_than_others_is_asked_a_little_later() -> None:
    riders = [
        p.rider("rich", earned_cents=3000),
        p.rider("poor", earned_cents=1000),
        p.rider("new", shift_started_at=s.NOW),
    ]
    rich, poor, new = Town().world(p.picture(riders, [p.delivery()]), POLICY, TRAVEL).riders
    assert rich.burdens["fairness"] == pytest.approx(POLICY.fairness_seconds * 0.5)
    assert poor.burdens["fairness"] == pytest.approx(-POLICY.fairness_seconds * 0.5)
    assert "fairness" not in new.burdens


def test_a_long_spell_and_many_declines_weigh_too() -> None:
    fresh = seen(p.rider("rid_1", working_since=s.NOW, offers_accepted=90))
    tired = seen(p.rider("rid_1", working_since=s.at(-120), offers_refused=30))
    assert "fatigue" not in fresh.burdens
    assert tired.burdens["fatigue"] == pytest.approx(POLICY.fatigue_seconds * 7200 / POLICY.longest_spell_seconds)
    # 8 of 40 are expected to be accepted, 98 of 100.
    assert tired.burdens["doubt"] == pytest.approx(4 * POLICY.offer_seconds / 2)
    assert fresh.burdens["doubt"] == pytest.approx(2 / 98 * POLICY.offer_seconds / 2)


def test_only_zones_that_hold_the_pick_up_are_its_zones() -> None:
    district = "8830e1d8a3fffff"
    bound = p.rider("rid_1", zones=(district, "8830e1d8abfffff"))
    cell = p.delivery().delivery.pickup_cell
    assert asked(p.delivery(), bound, p.rider("rid_2", zones=(cell,))).zones == {district, cell}


def test_an_errand_with_several_places_stops_at_each() -> None:
    town = Town()
    further = tuple(FurtherPickup(place=p.north(metres), cell="c") for metres in (300, 700))
    errand = p.delivery(further_pickups=further)
    [order] = town.world(p.picture([], [errand]), POLICY, TRAVEL).orders
    assert order.stops == (town.spot(p.north(300)), town.spot(p.north(700)))


def test_shops_keep_their_rows_from_turn_to_turn() -> None:
    town = Town()
    other = p.delivery("dlv_2", merchant_id="mer_2", pickup=p.north(900), pickup_cell="other")
    before = town.world(p.picture([], [p.delivery()]), POLICY, TRAVEL).shops
    after = town.world(p.picture([], [other]), POLICY, TRAVEL).shops
    assert after[: len(before)] == before
    assert [shop.shop_id for shop in after] == [f"mer_1@{s.announced.pickup_cell}", "mer_2@other"]


def test_goods_that_a_rider_waits_with_are_fetched_from_him_and_not_from_the_shop() -> None:
    handed = p.delivery("dlv_2", goods_with="rid_9", pickup=p.north(2500))
    town = Town()
    usual, meeting = town.world(p.picture([], [p.delivery(), handed]), POLICY, TRAVEL).orders
    assert meeting.shop_id != usual.shop_id
    assert meeting.pickup == town.spot(p.north(2500))
