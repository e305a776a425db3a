"""Which of a device's positions are believed."""

import math
from datetime import timedelta

import pytest

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.positions import Position, judge
from shared.kernel.place import Place
from tests.unit.dispatch.scenes import NOW, SHOP, at


def refusals(reported: list[Position], last: Position | None = None) -> list[str | None]:
    return [verdict.refused for verdict in judge(reported, last, NOW, DispatchPolicy())]


def north(metres: float) -> Place:
    return Place(SHOP.lat + metres / 111_195, SHOP.lon)


def test_a_rider_on_his_way_is_believed() -> None:
    assert refusals([Position(SHOP, at(-2)), Position(north(300), at(-1)), Position(north(600), NOW)]) == [None] * 3


@pytest.mark.parametrize("place", [Place(91, 0), Place(0, -181), Place(math.nan, 0), Place(0, math.inf)])
def test_a_place_that_is_not_on_earth_is_refused(place: Place) -> None:
    assert refusals([Position(place, NOW)]) == ["out_of_range"]


def test_the_future_is_refused_beyond_the_skew_of_a_clock() -> None:
    assert refusals([Position(SHOP, at(1))]) == [None]
    assert refusals([Position(SHOP, at(3))]) == ["from_the_future"]


def test_what_is_older_than_the_last_is_refused_and_the_same_again_is_not() -> None:
    last = Position(SHOP, at(-1))
    assert refusals([Position(north(10), at(-2))], last) == ["out_of_order"]
    assert refusals([last], last) == [None]


def test_nobody_rides_faster_than_a_car() -> None:
    last = Position(SHOP, NOW - timedelta(seconds=60))
    assert refusals([Position(north(2_400), NOW)], last) == [None]
    assert refusals([Position(north(2_600), NOW)], last) == ["impossible_speed"]


def test_the_jitter_of_a_fix_is_no_speed() -> None:
    last = Position(SHOP, NOW - timedelta(milliseconds=100))
    assert refusals([Position(north(90), NOW)], last) == [None]


def test_an_outlier_is_left_out_and_the_next_position_is_judged_without_it() -> None:
    way = [Position(SHOP, at(-2)), Position(north(50_000), at(-1)), Position(north(200), NOW)]
    assert refusals(way) == [None, "impossible_speed", None]
