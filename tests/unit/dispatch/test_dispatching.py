"""One turn of live dispatch: who is asked about what, together with what, and why; who is not, and why not."""

from dataclasses import replace
from typing import Any

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import FurtherPickup, Priority, Stage
from services.dispatch.engine.dispatching import Turn, turn
from services.dispatch.engine.engine import Memory, decide
from services.dispatch.engine.picture import DeliveryNow, RiderNow
from services.dispatch.engine.policy import engine_policy
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import StraightLine
from tests.unit.dispatch import pictures as p
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy(offer_ahead_seconds=600)
TRAVEL = StraightLine(metres_per_second=4)


def turned(
    riders: list[RiderNow], deliveries: list[DeliveryNow], policy: DispatchPolicy = POLICY, minutes: float = 0
) -> Turn:
    return turn(p.picture(riders, deliveries, s.at(minutes)), Town(), Memory(), policy, TRAVEL)


def asked(*given: Any, **more: Any) -> list[tuple[str, str]]:
    return [(each.delivery_id, each.rider_id) for each in turned(*given, **more).offers]


def test_the_nearer_rider_is_asked_and_told_why() -> None:
    [offer] = turned([p.rider("rid_far", 2500), p.rider("rid_near", 300)], [p.delivery()]).offers
    assert (offer.rider_id, offer.again, offer.bundle) == ("rid_near", False, (s.DELIVERY,))
    assert offer.reasons == ("least_cost", "distance_m=300")
    assert offer.explanation.chosen is not None
    assert offer.explanation.chosen.rider_id == "rid_near"
    assert [each.rider_id for each in offer.explanation.next_best] == ["rid_far"]


def test_nobody_is_asked_long_before_the_goods_are_ready() -> None:
    sober = replace(POLICY, offer_ahead_seconds=0, offer_lead_seconds=0)
    early = turned([p.rider("rid_1", 300)], [p.delivery()], sober)
    assert (early.offers, early.planned) == ((), {s.DELIVERY: "rid_1"})
    # 75 s of riding and half a hand-over of 180 s before the tenth minute.
    assert asked([p.rider("rid_1", 300)], [p.delivery()], sober, minutes=7.0) == []
    assert asked([p.rider("rid_1", 300)], [p.delivery()], sober, minutes=7.3) == [(s.DELIVERY, "rid_1")]


def test_a_scheduled_order_waits_for_its_time() -> None:
    later: dict[str, Any] = {"scheduled_for": s.at(130), "ready_at": s.at(110), "promised_at": s.at(135)}
    usual = DispatchPolicy()
    early = turned([p.rider("rid_1", 300)], [p.delivery(**later)], usual)
    assert (early.offers, early.nobody, early.planned) == ((), {}, {s.DELIVERY: "rid_1"})
    assert asked([p.rider("rid_1", 300)], [p.delivery(**later)], usual, minutes=104) == []
    assert asked([p.rider("rid_1", 300)], [p.delivery(**later)], usual, minutes=105) == [(s.DELIVERY, "rid_1")]


def test_an_errand_to_several_places_rides_alone() -> None:
    further = (FurtherPickup(place=p.north(400), cell="c"),)
    errand = p.delivery("dlv_errand", merchant_id="", further_pickups=further)
    beside = p.delivery("dlv_2", merchant_id="", dropoff_area=p.north(800))
    offers = turned([p.rider("rid_1"), p.rider("rid_2", 100)], [errand, beside]).offers
    assert sorted(each.bundle for each in offers) == [("dlv_2",), ("dlv_errand",)]


def test_deliveries_of_one_counter_for_one_street_are_offered_together_in_the_order_of_their_doors() -> None:
    near, far = p.delivery("dlv_1", dropoff_area=p.north(800)), p.delivery("dlv_2", dropoff_area=p.north(1500))
    offers = turned([p.rider("rid_1")], [far, near]).offers
    assert [(each.delivery_id, each.bundle) for each in offers] == [
        ("dlv_1", ("dlv_1", "dlv_2")),
        ("dlv_2", ("dlv_1", "dlv_2")),
    ]


def test_nobody_is_asked_about_more_than_he_may_carry() -> None:
    several = [p.delivery(f"dlv_{k}", dropoff_area=p.north(800)) for k in range(4)]
    held = p.delivery("dlv_held", stage=Stage.AT_PICKUP, rider_id="rid_1")
    rider = p.carries(p.rider("rid_1"), "dlv_held")
    assert len(asked([rider], [*several, held], replace(POLICY, deliveries_per_rider=3))) == 2


def test_what_another_is_asked_about_or_has_accepted_is_offered_to_nobody_else() -> None:
    taken = p.delivery("dlv_1", stage=Stage.ASSIGNED, rider_id="rid_far")
    riders = [p.carries(p.rider("rid_far", 2500), "dlv_1"), p.rider("rid_near", 100)]
    assert asked(riders, [taken]) == []


def test_a_pinned_delivery_is_offered_to_its_rider_however_far_and_waits_while_he_cannot() -> None:
    riders = [p.rider("rid_far", 2500), p.rider("rid_near", 100)]
    assert asked(riders, [p.delivery(pinned_to="rid_far")]) == [(s.DELIVERY, "rid_far")]
    resting = [p.rider("rid_far", 2500, break_until=s.at(5)), riders[1]]
    waits = turned(resting, [p.delivery(pinned_to="rid_far")])
    assert waits.offers == ()
    assert waits.nobody[s.DELIVERY].reasons == {"rid_far": "on_break", "rid_near": "pinned_elsewhere"}


def test_whoever_was_tried_is_asked_again_only_when_nobody_else_is_left() -> None:
    long_ago = {"rid_near": s.at(-30)}
    near, far = p.rider("rid_near", 100), p.rider("rid_far", 2500)
    assert asked([near, far], [p.delivery(tried=long_ago)]) == [(s.DELIVERY, "rid_far")]
    [again] = turned([near], [p.delivery(tried=long_ago)]).offers
    assert (again.rider_id, again.again, again.reasons[-1]) == ("rid_near", True, "asked_again")
    assert turned([near], [p.delivery(tried={"rid_near": s.NOW})]).nobody[s.DELIVERY].barred == {"asked_before": 1}


def test_medicine_comes_before_food_that_waits_longer() -> None:
    food = p.delivery(
        "dlv_food", requested_at=s.at(-20), promised_at=s.at(20), merchant_id="mer_2", pickup=p.north(900)
    )
    medicine = p.delivery("dlv_medicine", priority=Priority.MEDICAL)
    alone = replace(POLICY, deliveries_per_rider=1, orders_per_bundle=1)
    assert asked([p.rider("rid_1", 450)], [food, medicine], alone)[0] == ("dlv_medicine", "rid_1")


def test_skills_capacity_and_the_end_of_a_shift_bar_and_are_named() -> None:
    riders = [
        p.rider("rid_plain"),
        p.rider("rid_small", skills=("cold_box",), capacity_g=500),
        p.rider("rid_leaving", skills=("cold_box",), shift_until=s.at(4)),
    ]
    cold = p.delivery(skills=("cold_box",), weight_g=800)
    result = turned(riders, [cold])
    assert result.offers == ()
    assert result.nobody[s.DELIVERY].reasons["rid_plain"] == "lacks_skills"
    assert result.nobody[s.DELIVERY].reasons["rid_small"] == "lacks_capacity"
    assert result.nobody[s.DELIVERY].chosen is None


def test_nobody_on_shift_is_said_as_well() -> None:
    assert turned([], [p.delivery()]).nobody[s.DELIVERY].looked_at == 0


def test_the_benchmarks_engine_decides_the_same_for_the_same_picture() -> None:
    riders = [p.rider(f"rid_{k}", 350 * k) for k in range(6)]
    deliveries = [
        p.delivery(
            f"dlv_{k}", merchant_id=f"mer_{k % 3}", pickup=p.north(500 * (k % 3)), dropoff_area=p.north(400 * k)
        )
        for k in range(8)
    ]
    live = turned(riders, deliveries)
    decisions, _ = decide(live.world, Memory(), engine_policy(POLICY), TRAVEL)
    bundles = [(each.rider_id, each.order_ids) for each in decisions if each.order_ids]
    assert len(bundles) >= 3
    assert [(each.rider_id, each.delivery_id) for each in live.offers] == [
        (rider_id, delivery_id) for rider_id, order_ids in bundles for delivery_id in order_ids[:3]
    ]


def test_idle_riders_are_sent_where_orders_are_expected() -> None:
    """Everything comes from one counter far away from the only rider; a day of that has been seen."""
    town, memory = Town(), Memory()
    sober = replace(POLICY, offer_ahead_seconds=0, move_gain_seconds=1)
    away = p.rider("rid_1", 3000)
    for minutes in range(0, 60, 4):
        taken = p.delivery(f"dlv_{minutes}", requested_at=s.at(minutes), ready_at=s.at(minutes + 10))
        gone = p.picture([away, p.carries(p.rider("rid_2"), f"dlv_{minutes}")], [assigned(taken)], s.at(minutes))
        memory = turn(gone, town, memory, sober, TRAVEL).memory
    after = turn(p.picture([away], [], s.at(60)), town, memory, sober, TRAVEL)
    assert after.moves == {"rid_1": town.spot(s.SHOP)}


def assigned(seen: DeliveryNow) -> DeliveryNow:
    return replace(seen, delivery=replace(seen.delivery, stage=Stage.ASSIGNED, rider_id="rid_2"))
