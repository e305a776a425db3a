"""Which of a device's positions are believed."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.positions import REASONS, Known, Position, judge, set_right
from shared.kernel.place import Place
from tests.unit.dispatch.scenes import NOW, SHOP, at

POLICY = DispatchPolicy()


def refusals(reported: list[Position], last: Position | None = None) -> list[str | None]:
    verdicts, _ = judge(reported, Known(last), NOW, POLICY)
    return [verdict.refused for verdict in verdicts]


def north(metres: float) -> Place:
    return Place(SHOP.lat + metres / 111_195, SHOP.lon)


def test_a_rider_on_his_way_is_believed() -> None:
    assert refusals([Position(SHOP, at(-2)), Position(north(300), at(-1)), Position(north(600), NOW)]) == [None] * 3


@pytest.mark.parametrize("place", [Place(91, 0), Place(0, -181), Place(math.nan, 0), Place(0, math.inf)])
def test_a_place_that_is_not_on_earth_is_refused(place: Place) -> None:
    assert refusals([Position(place, NOW)]) == ["out_of_range"]


def test_a_receiver_that_has_no_fix_yet_says_zero_and_is_not_believed() -> None:
    assert refusals([Position(Place(0, 0), NOW)]) == ["no_fix"]


@pytest.mark.parametrize("accuracy_m", [151.0, -1.0, math.nan, math.inf])
def test_a_fix_that_may_be_off_by_a_street_is_refused(accuracy_m: float) -> None:
    assert refusals([Position(SHOP, NOW, accuracy_m), Position(SHOP, NOW, 150)]) == ["bad_accuracy", None]


def test_the_future_is_refused_beyond_the_skew_of_a_clock() -> None:
    assert refusals([Position(SHOP, at(1))]) == [None]
    assert refusals([Position(SHOP, at(3))]) == ["from_the_future"]


def test_what_a_device_has_kept_for_longer_than_a_day_is_refused() -> None:
    assert refusals([Position(SHOP, at(-24 * 60))]) == [None]
    assert refusals([Position(SHOP, at(-24 * 60 - 1))]) == ["too_old"]


def test_what_is_older_than_the_last_is_out_of_order_and_the_same_again_a_duplicate() -> None:
    last = Position(SHOP, at(-1))
    assert refusals([Position(north(10), at(-2))], last) == ["out_of_order"]
    assert refusals([Position(north(10), at(-1))], last) == ["out_of_order"]
    assert refusals([last], last) == ["duplicate"]


def test_nobody_rides_faster_than_a_car() -> None:
    last = Position(SHOP, NOW - timedelta(seconds=48))
    assert refusals([Position(north(1_950), NOW)], last) == [None]
    assert refusals([Position(north(1_999), NOW)], Position(SHOP, NOW - timedelta(seconds=40))) == [
        "impossible_speed"
    ]


def test_the_jitter_of_a_fix_is_no_speed() -> None:
    last = Position(SHOP, NOW - timedelta(milliseconds=100))
    assert refusals([Position(north(90), NOW)], last) == [None]


def test_an_outlier_is_left_out_and_the_next_position_is_judged_without_it() -> None:
    way = [Position(SHOP, at(-2)), Position(north(50_000), at(-1)), Position(north(200), NOW)]
    assert refusals(way) == [None, "teleport", None]


def test_three_positions_in_a_row_that_agree_show_that_the_last_believed_one_was_wrong() -> None:
    away = [Position(north(50_000 + 50 * n), NOW - timedelta(seconds=20 - 5 * n)) for n in range(4)]
    assert refusals(away, Position(SHOP, at(-1))) == ["teleport", "teleport", None, None]


def test_jumps_that_do_not_agree_are_never_believed() -> None:
    way = [Position(north(50_000 * (n % 2 + 1)), NOW - timedelta(seconds=30 - n)) for n in range(8)]
    assert refusals(way, Position(SHOP, at(-1))) == ["teleport"] * 8


def test_a_jump_is_remembered_from_one_batch_to_the_next() -> None:
    known = Known(Position(SHOP, at(-1)))
    answers = []
    for n in range(3):
        far = Position(north(50_000 + n), NOW - timedelta(seconds=20 - n))
        verdicts, known = judge([far], known, NOW, POLICY)
        answers.append(verdicts[0].refused)
    assert (answers, known.jumps) == (["teleport", "teleport", None], 0)


def test_a_clock_that_is_a_day_off_is_set_right_by_the_moment_of_sending() -> None:
    yesterday = timedelta(days=1)
    kept = [Position(SHOP, at(-30) - yesterday), Position(SHOP, at(-1) - yesterday)]
    right, skew_seconds = set_right(kept, NOW - yesterday, NOW, POLICY.positions)
    assert [each.at for each in right] == [at(-30), at(-1)]
    assert skew_seconds == 86_400


def test_a_clock_that_is_a_minute_off_or_a_slow_network_is_left_alone() -> None:
    kept = [Position(SHOP, at(-1))]
    assert set_right(kept, NOW - timedelta(seconds=119), NOW, POLICY.positions) == (kept, 0.0)
    assert set_right(kept, None, NOW, POLICY.positions) == (kept, 0.0)


def test_a_device_at_the_end_of_the_calendar_does_no_harm() -> None:
    far = datetime.max.replace(tzinfo=UTC)
    right, _ = set_right([Position(SHOP, far)], NOW - timedelta(days=1), NOW, POLICY.positions)
    assert refusals(list(right)) == ["from_the_future"]


positions = st.builds(
    Position,
    st.builds(Place, st.floats(-91, 91), st.floats(-181, 181)),
    st.integers(-100_000, 300).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    st.none() | st.floats(0, 300),
)


@given(st.lists(positions, max_size=30))
def test_what_is_believed_is_in_order_of_time_and_every_refusal_has_a_known_reason(reported: list[Position]) -> None:
    verdicts, known = judge(reported, Known(), NOW, POLICY)
    believed = [verdict.position for verdict in verdicts if verdict.refused is None]
    assert [verdict.position for verdict in verdicts] == reported
    assert all(a.at < b.at for a, b in itertools.pairwise(believed))
    assert known.last == (believed[-1] if believed else None)
    assert {verdict.refused for verdict in verdicts} - {None} <= set(REASONS)
