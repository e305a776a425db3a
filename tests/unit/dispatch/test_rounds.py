"""What a rider does first makes the others wait: expected times of deliveries that share a pair of hands."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.eta.calibrating import points
from services.dispatch.domain.eta.journeys import Whole
from services.dispatch.domain.eta.past import Trip, past_of, ways_gone
from services.dispatch.domain.eta.remaining import COUNTER_SECONDS, DOOR_SECONDS, Standing, remaining
from services.dispatch.domain.eta.rounds import Round, legs, standings
from services.dispatch.domain.eta.standing import under_way, wanted
from services.dispatch.domain.positions import Position
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.travel.ways import Way
from services.dispatch.domain.values import Collected, FurtherPickup, Stage
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

MODEL = TravelModel()
HERE = Place(s.SHOP.lat + 0.01, s.SHOP.lon)
ONE_DOOR, OTHER_DOOR = Place(s.SHOP.lat - 0.01, s.SHOP.lon), Place(s.SHOP.lat - 0.02, s.SHOP.lon)
OTHER_SHOP = Place(s.SHOP.lat - 0.005, s.SHOP.lon)


def delivery(door: Place = ONE_DOOR, stage: Stage = Stage.ASSIGNED, **more: object) -> Delivery:
    base = Delivery(stage=stage, merchant_id="mer_1", pickup=s.SHOP, dropoff_area=door, rider_id=s.RIDER)
    return replace(base, ready_at=s.NOW, goods_ready=True, assigned_at=s.NOW, **more)  # type: ignore[arg-type]


def stood(now: datetime = s.NOW, position: Place | None = HERE, **in_hand: Delivery) -> dict[str, Standing]:
    """The deliveries that a rider took in this order."""
    stops = stops_of(Rider(rider_id=s.RIDER, carrying=tuple(in_hand)), in_hand)
    seen = None if position is None else Position(position, now)
    return looked_at(under_way(stops, in_hand, "scooter", seen, now), now)


def looked_at(round_: Round, now: datetime) -> dict[str, Standing]:
    its = legs(round_, now)
    return standings(round_, its, MODEL.spans([leg.way for leg in its if leg.way is not None]), now)


def ride(origin: Place, destination: Place) -> float:
    (span,) = MODEL.spans([Way(origin=origin, destination=destination, vehicle="scooter", departs_at=s.NOW)])
    return span.p50_seconds


def left(standing: Standing, now: datetime = s.NOW) -> tuple[float, float]:
    found = remaining(standing, now)
    return found.pickup_seconds, found.dropoff_seconds


def test_what_one_shop_has_is_fetched_at_once_and_brought_one_after_the_other() -> None:
    both = stood(first=delivery(), second=delivery(OTHER_DOOR))
    off = ride(HERE, s.SHOP) + COUNTER_SECONDS
    there = off + ride(s.SHOP, ONE_DOOR) + DOOR_SECONDS
    assert left(both["first"]) == pytest.approx((off, there))
    assert left(both["second"]) == pytest.approx((off, there + ride(ONE_DOOR, OTHER_DOOR) + DOOR_SECONDS))


def test_whoever_cooks_longest_makes_both_late() -> None:
    slow = replace(delivery(OTHER_DOOR), goods_ready=False, ready_at=s.NOW + timedelta(seconds=1_800))
    both = stood(first=delivery(), second=slow)
    off = 1_800 + COUNTER_SECONDS
    assert left(both["second"])[0] == off
    assert left(both["first"])[1] == pytest.approx(off + ride(s.SHOP, ONE_DOOR) + DOOR_SECONDS)


def test_another_shop_comes_after_the_door_of_the_first() -> None:
    both = stood(first=delivery(), second=delivery(OTHER_DOOR, pickup=OTHER_SHOP))
    at_first = left(both["first"])[1]
    off = at_first + ride(ONE_DOOR, OTHER_SHOP) + COUNTER_SECONDS
    assert left(both["second"]) == pytest.approx((off, off + ride(OTHER_SHOP, OTHER_DOOR) + DOOR_SECONDS))


def test_a_way_that_a_dispatcher_has_set_is_as_long_as_it_is() -> None:
    aside = Place(s.SHOP.lat, s.SHOP.lon + 0.02)
    sent = stood(first=delivery(via=(aside,)))["first"]
    off = ride(HERE, aside) + ride(aside, s.SHOP) + COUNTER_SECONDS
    assert left(sent) == pytest.approx((off, off + ride(s.SHOP, ONE_DOOR) + DOOR_SECONDS))
    with_goods = stood(position=HERE, first=delivery(stage=Stage.PICKED_UP, via=(aside,), picked_up_at=s.at(-1)))
    assert left(with_goods["first"])[1] == pytest.approx(ride(HERE, aside) + ride(aside, ONE_DOOR) + DOOR_SECONDS)


def test_where_he_stands_comes_first() -> None:
    both = stood(
        position=OTHER_SHOP, first=delivery(), second=delivery(OTHER_DOOR, Stage.AT_PICKUP, pickup=OTHER_SHOP)
    )
    assert left(both["second"])[0] == COUNTER_SECONDS
    assert left(both["first"])[0] > COUNTER_SECONDS


def test_a_rider_who_left_a_counter_and_was_not_seen_since_is_on_his_way_from_there() -> None:
    one = delivery(stage=Stage.PICKED_UP, picked_up_at=s.NOW)
    found = stood(s.at(1), None, first=one, second=delivery(OTHER_DOOR, Stage.PICKED_UP, picked_up_at=s.at(-30)))
    assert left(found["first"], s.at(1))[1] == pytest.approx(ride(s.SHOP, ONE_DOOR) - 60 + DOOR_SECONDS)


def test_a_delivery_that_its_rider_does_not_know_of_yet_still_has_a_time() -> None:
    round_ = under_way((), {"first": delivery()}, "scooter", Position(HERE, s.NOW), s.NOW)
    assert left(looked_at(round_, s.NOW)["first"])[0] == pytest.approx(ride(HERE, s.SHOP) + COUNTER_SECONDS)


def test_an_errand_takes_the_way_through_all_of_its_places() -> None:
    errand = delivery(further_pickups=(FurtherPickup(OTHER_SHOP, "c"),))
    off = ride(HERE, s.SHOP) + COUNTER_SECONDS + ride(s.SHOP, OTHER_SHOP) + COUNTER_SECONDS
    assert left(stood(errand=errand)["errand"]) == pytest.approx(
        (off, off + ride(OTHER_SHOP, ONE_DOOR) + DOOR_SECONDS)
    )
    begun = replace(errand, stage=Stage.AT_PICKUP, collected=(Collected(0, s.NOW),))
    on_the_way = stood(s.at(1), None, errand=begun)["errand"]
    assert left(on_the_way, s.at(1))[0] == pytest.approx(ride(s.SHOP, OTHER_SHOP) - 60 + COUNTER_SECONDS)
    waiting = looked_at(wanted("errand", replace(errand, stage=Stage.WAITING)), s.NOW)["errand"]
    assert waiting.approach_seconds == pytest.approx(300 + COUNTER_SECONDS + ride(s.SHOP, OTHER_SHOP))


def whole(door: Place, *minutes: float, approach_m: float | None = 1_000) -> Whole:
    """Taken, at the counter, off, at the door, handed over."""
    taken, there, off, at_door, given = (s.at(each) for each in minutes)
    return Whole(
        pickup=s.SHOP,
        dropoff_area=door,
        approach_m=approach_m,
        ready_at=s.NOW,
        goods_ready_at=s.NOW,
        requested_at=s.NOW,
        assigned_at=taken,
        at_pickup_at=there,
        picked_up_at=off,
        at_dropoff_at=at_door,
        delivered_at=given,
    )


FIRST = Trip(delivery_id="first", rider_id=s.RIDER, vehicle="scooter", whole=whole(ONE_DOOR, 0, 5, 8, 12, 14))
SECOND = Trip(
    delivery_id="second",
    rider_id=s.RIDER,
    vehicle="scooter",
    whole=whole(OTHER_DOOR, 2, 5, 8, 18, 20, approach_m=600),
)


def test_a_way_is_learned_from_where_its_rider_set_off() -> None:
    past = past_of([FIRST, SECOND])
    assert [(gone.way.origin, gone.took) for gone in ways_gone(SECOND, past)][1:] == [
        (ONE_DOOR, timedelta(minutes=4))
    ]
    assert [gone.took for gone in ways_gone(FIRST, past)] == [timedelta(minutes=5), timedelta(minutes=4)]


def test_looking_back_shows_what_was_before_a_rider_of_all_that_he_had_by_then() -> None:
    past = past_of([FIRST, SECOND])
    seen = {at: left(standing, at)[1] for standing, at in points(SECOND, past, MODEL, timedelta(minutes=1))}
    doors = ride(s.SHOP, ONE_DOOR) + DOOR_SECONDS + ride(ONE_DOOR, OTHER_DOOR) + DOOR_SECONDS
    assert seen[s.at(5)] == pytest.approx(COUNTER_SECONDS + doors)
    assert seen[s.at(8)] == pytest.approx(doors)
    assert seen[s.at(10)] == pytest.approx(doors - ride(s.SHOP, ONE_DOOR) / 2)
    alone = {at: left(standing, at)[1] for standing, at in points(FIRST, past, MODEL, timedelta(minutes=1))}
    assert alone[s.at(8)] == pytest.approx(ride(s.SHOP, ONE_DOOR) + DOOR_SECONDS)
