"""Small days made by chance, played through the engine and held against the checker."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.dispatch.checker import violations
from tests.bench.dispatch.day import Played, Simulation, policy_of
from tests.bench.dispatch.instances import (
    CourierOfDay,
    Day,
    OrderOfDay,
    merged,
    mirrored,
    uncertain,
    varied,
    write_day,
)
from tests.bench.dispatch.metrics import measure
from tests.bench.dispatch.plan_files import read_instance, read_solution

PARAMETERS = (
    "meters_per_minute\tpickup service minutes\tdropoff service minutes\ttarget click-to-door\t"
    "maximum click-to-door\tpay per order\tguaranteed pay per hour\n320\t4\t4\t40\t90\t10\t15\n"
)


def town(seed: int, orders: int = 30) -> Day:
    """Three hours of a small town."""
    chance = random.Random(seed)

    def place() -> tuple[float, float]:
        return chance.uniform(0, 6000), chance.uniform(0, 6000)

    restaurants = {f"r{number}": place() for number in range(6)}
    made = []
    for number in range(orders):
        placed = chance.randrange(10, 150)
        ready = placed + chance.randrange(2, 30)
        made.append(OrderOfDay(f"o{number}", place(), placed, chance.choice(list(restaurants)), ready, ready))
    couriers = tuple(CourierOfDay(f"c{number}", place(), 15 * (number % 2), 200) for number in range(8))
    return Day(f"town{seed}", tuple(made), restaurants, couriers, 320, 4, 4, PARAMETERS)


def play(day: Day) -> Played:
    return Simulation(day, policy_of(day)).play()


@pytest.mark.parametrize("seed", range(3))
def test_a_day_is_served_whole_and_keeps_every_rule(seed: int, tmp_path: Path) -> None:
    day = town(seed)
    given = read_instance(write_day(day, tmp_path / "day"))
    solution = read_solution(play(day).write(tmp_path / "plan"))
    assert violations(given, solution) == []
    assert measure(given, solution).undelivered == 0


def test_a_day_of_uncertain_ready_times_keeps_every_rule(tmp_path: Path) -> None:
    day = uncertain(town(4), 8.2, seed=1)
    given = read_instance(write_day(day, tmp_path / "day"))
    solution = read_solution(play(day).write(tmp_path / "plan"))
    assert violations(given, solution) == []
    assert measure(given, solution).undelivered == 0


def test_nothing_is_known_of_an_order_before_it_is_placed() -> None:
    day = town(5)
    noon = 80
    other = tuple(
        order if order.placed < noon else replace(order, door=(9000.0, 9000.0), restaurant="r0")
        for order in day.orders
    )
    lines = [
        [line for moves in played.moves.values() for line in moves if int(line.split()[1]) < noon]
        for played in (play(day), play(replace(day, orders=other)))
    ]
    assert lines[0] == lines[1]


def test_the_same_day_is_played_the_same_way_twice() -> None:
    assert play(town(6)).assignments == play(town(6)).assignments


def test_days_are_varied_mirrored_and_merged_without_losing_anything() -> None:
    day = town(7)
    assert len(varied(day, 1).orders) == len(day.orders)
    assert {order.ready - order.placed for order in mirrored(day, 30).orders} == {
        order.ready - order.placed for order in day.orders
    }
    together = merged([day, town(8)], "two")
    assert len({order.name for order in together.orders}) == 60
    assert {order.restaurant for order in together.orders} <= set(together.restaurants)
