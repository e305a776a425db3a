"""The simulated town of `make bench-eta`, for a day: the ranges hold roughly, and the same seed tells the same."""

import pytest

from services.dispatch.domain.delivery import events as de
from tests.bench.eta.__main__ import run
from tests.bench.eta.town import Town


def test_ranges_and_flags_hold_roughly_after_a_single_day_of_learning() -> None:
    figures = run(1, 1)
    assert figures.deliveries == 426
    assert figures.told_p90.percent == pytest.approx(90, abs=8)
    assert figures.flagged.percent > 75


def test_the_same_seed_makes_the_same_town_in_which_nothing_comes_before_its_time() -> None:
    rides = list(Town(2).rides(1))
    assert rides == list(Town(2).rides(1))
    for ride in rides:
        points = [ride.at(each) for each in (de.RiderAssigned, de.ArrivedAtPickup, de.PickedUp, de.Delivered)]
        assert points == sorted(points)
