"""A day's figures, and how sure a mean over days is."""

import random
from dataclasses import replace

import pytest

from services.dispatch.lab.kpis import gini, kpis, quantile
from services.dispatch.lab.played import Fate, Kind, OrderPlayed, Played, Stop
from services.dispatch.lab.statistics import estimate
from tests.unit.dispatch.test_lab_simulation import lonely


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    dice = random.Random(4)
    held = 0
    for _ in range(2_000):
        found = estimate([dice.gauss(3.0, 2.0) for _ in range(6)])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 3.0 <= found.high
    assert held / 2_000 == pytest.approx(0.95, abs=0.015)


def test_one_day_says_nothing_about_others() -> None:
    found = estimate([7.0])
    assert found is not None
    assert (found.mean, found.low, found.high, found.differs_from_zero) == (7.0, None, None, False)
    assert estimate([]) is None


def test_the_gini_coefficient_is_0_for_equals_and_grows_with_the_spread() -> None:
    assert gini([5.0, 5.0, 5.0]) == pytest.approx(0.0)
    assert gini([0.0, 0.0, 0.0, 8.0]) == pytest.approx(0.75)
    assert gini([]) is None


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.9) == pytest.approx(4.6)
    assert quantile([], 0.9) is None


def test_the_figures_of_a_day_are_those_of_its_orders_and_stops() -> None:
    day = replace(lonely(), orders=(*lonely().orders, replace(lonely().orders[0], order_id="never")))
    order = OrderPlayed(
        order_id="dinner",
        shop_id="shop",
        rider_id="rider0",
        fate=Fate.DELIVERED,
        placed_at=0,
        ready_at=600,
        late_after=1_700,
        picked_at=720,
        delivered_at=1_800,
    )
    never = replace(order, order_id="never", rider_id=None, fate=Fate.NOBODY, picked_at=None, delivered_at=None)
    stops = (
        Stop(rider_id="rider0", kind=Kind.MOVE, place="shop", left_at=0, arrived_at=160, done_at=160),
        Stop(
            rider_id="rider0",
            kind=Kind.PICKUP,
            place="shop",
            left_at=160,
            arrived_at=160,
            done_at=720,
            order_ids=("dinner",),
        ),
        Stop(
            rider_id="rider0",
            kind=Kind.DROPOFF,
            place="dinner",
            left_at=840,
            arrived_at=1_680,
            done_at=1_800,
            order_ids=("dinner",),
        ),
    )
    played = Played(
        day="d",
        orders={"dinner": order, "never": never},
        stops=stops,
        decisions=1,
        decision_ms=(1.0,),
        simulated_s=7_200,
        wall_s=1,
    )
    found = kpis(day, played)
    assert found["undelivered_percent"] == 50
    assert found["click_to_door_min"] == 30
    assert found["late_percent"] == 100
    assert found["ready_to_pickup_min"] == 2
    assert found["orders_per_bundle"] == 1
    assert found["utilisation_percent"] == pytest.approx(100 * (160 + 240 + 840 + 240) / 7_200)
    assert found["cost_per_order_cents"] == max(600, 2 * 800)
