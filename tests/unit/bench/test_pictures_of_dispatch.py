"""Days and pictures made for the benchmarks, and the chart that they draw."""

from xml.etree import ElementTree

import pytest

from services.dispatch.engine.policy import EnginePolicy
from tests.bench.dispatch.chart import drawn
from tests.bench.dispatch.instances import large
from tests.bench.dispatch.pictures import City, standing_start
from tests.unit.bench.test_days_of_dispatch import town


def test_a_large_day_keeps_orders_couriers_and_restaurants_in_proportion() -> None:
    small = town(1)
    day = large([small, town(2)], 100, seed=3)
    towns = len(day.orders) / len(small.orders)
    assert len(day.orders) >= 100
    assert len(day.couriers) == towns * len(small.couriers)
    assert len(day.restaurants) == towns * len(small.restaurants)
    assert len({order.name for order in day.orders}) == len(day.orders)


def test_the_same_seed_makes_the_same_large_day_and_another_seed_another() -> None:
    days = [town(1), town(2)]
    assert large(days, 90, seed=1) == large(days, 90, seed=1)
    assert large(days, 90, seed=1) != large(days, 90, seed=2)


def test_a_city_lives_from_minute_to_minute_and_keeps_what_did_not_change() -> None:
    city = City.of(riders=30, orders=12)
    before, waiting = dict(city.riders), len(city.orders)
    memory = standing_start(city, EnginePolicy(), ticks=3)
    assert city.now == 12 * 3600 + 180
    assert memory.routes
    assert len(city.orders) <= waiting + 3
    same = [rider_id for rider_id, rider in city.riders.items() if rider is before[rider_id]]
    assert 0 < len(same) < len(before)


def test_the_chart_has_a_point_for_each_figure() -> None:
    image = ElementTree.fromstring(drawn([(100, 1.5, 1.2), (1000, 12.0, 11.0), (100_000, 900.0, 850.0)]))
    circles = image.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 6
    assert [float(each.attrib["cx"]) for each in circles[:3]] == pytest.approx([80.0, 296.7, 730.0], abs=0.1)
