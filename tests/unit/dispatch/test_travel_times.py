"""The built-in travel times: assumed at first, then learned from ways that were gone."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch.domain.travel.learning import WayGone, learn, quantile
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.travel.ways import Way
from shared.kernel.place import Place

HERE = Place(31.23, 121.47)
NIGHT = datetime(2026, 3, 2, 19, 30, tzinfo=UTC)
"""03:30 in Shanghai."""
NOON = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
MODEL = TravelModel()


def way(metres: float = 1_000, vehicle: str = "scooter", departs_at: datetime = NIGHT, weather: str = "fair") -> Way:
    there = Place(HERE.lat + metres / 111_195, HERE.lon)
    return Way(origin=HERE, destination=there, vehicle=vehicle, departs_at=departs_at, weather=weather)


def gone(count: int, factor: float, spread: float = 0.3, seed: int = 1, **terms: object) -> list[WayGone]:
    """Ways that took `factor` times what is assumed, more or less."""
    dice = random.Random(seed)
    ways = [way(dice.uniform(400, 4_000), **terms) for _ in range(count)]  # type: ignore[arg-type]
    return [
        WayGone(each, timedelta(seconds=span.p50_seconds * factor * dice.lognormvariate(0, spread)))
        for each, span in zip(ways, MODEL.spans(ways), strict=True)
    ]


def p50(model: TravelModel, asked: Way) -> float:
    return model.spans([asked])[0].p50_seconds


def test_a_way_takes_its_distance_with_detours_by_the_speed_of_the_vehicle() -> None:
    assert p50(MODEL, way(1_000)) == pytest.approx(1_000 * 1.3 / 5.2, rel=0.001)
    assert p50(MODEL, way(1_000, "foot")) == pytest.approx(1_000 * 1.3 / 1.4, rel=0.001)
    assert p50(MODEL, way(1_000, "hovercraft")) == p50(MODEL, way(1_000))


def test_noon_and_rain_take_longer_than_a_clear_night() -> None:
    assert p50(MODEL, way(departs_at=NOON)) == pytest.approx(p50(MODEL, way()) * 1.1)
    assert p50(MODEL, way(weather="rain")) == pytest.approx(p50(MODEL, way()) * 1.15)


def test_nobody_is_there_at_once() -> None:
    assert p50(MODEL, way(0)) == MODEL.prior.least_seconds


def test_many_ways_move_the_model_to_what_they_took() -> None:
    learned = learn(gone(2_000, 1.4), MODEL)
    span = learned.spans([way()])[0]
    before = MODEL.spans([way()])[0]
    assert span.p50_seconds / before.p50_seconds == pytest.approx(1.4, rel=0.04)
    assert span.p90_seconds / span.p50_seconds == pytest.approx(1.4689, rel=0.05)  # exp(1.2816 * 0.3)


def test_nine_of_ten_ways_that_were_not_learned_from_are_within_the_p90() -> None:
    learned = learn(gone(3_000, 1.2), MODEL)
    fresh = gone(3_000, 1.2, seed=2)
    spans = learned.spans([each.way for each in fresh])
    within = sum(e.took.total_seconds() <= s.p90_seconds for e, s in zip(fresh, spans, strict=True))
    assert within / len(fresh) == pytest.approx(0.9, abs=0.02)


def test_three_odd_rides_on_a_rainy_night_say_little() -> None:
    learned = learn([*gone(2_000, 1.0), *gone(3, 3.0, weather="rain")], MODEL)
    assert p50(learned, way(weather="rain")) / p50(MODEL, way(weather="rain")) < 1.35


def test_what_many_rainy_rides_say_holds_for_rain_alone() -> None:
    learned = learn([*gone(3_000, 1.0), *gone(600, 1.5, weather="rain")], MODEL)
    assert p50(learned, way(weather="rain")) / p50(MODEL, way(weather="rain")) == pytest.approx(1.5, rel=0.06)
    assert p50(learned, way()) / p50(MODEL, way()) == pytest.approx(1.0, rel=0.04)


def test_an_hour_that_nobody_rode_in_yet_is_judged_by_the_vehicle() -> None:
    learned = learn(gone(2_000, 1.5), MODEL)
    assert p50(learned, way(departs_at=NOON)) / p50(MODEL, way(departs_at=NOON)) == pytest.approx(1.5, rel=0.05)


def test_forgotten_reports_and_steps_to_the_next_door_teach_nothing() -> None:
    nonsense = [
        WayGone(way(), timedelta(hours=9)),
        WayGone(way(), timedelta(0)),
        WayGone(way(40), timedelta(hours=1)),
    ]
    assert learn(nonsense, MODEL) == MODEL


def test_a_tenth_of_stuck_riders_hardly_moves_the_median() -> None:
    learned = learn([*gone(1_800, 1.0), *gone(200, 6.0)], MODEL)
    assert p50(learned, way()) / p50(MODEL, way()) == pytest.approx(1.0, abs=0.08)


def test_the_same_ways_in_any_order_make_the_same_version_and_others_another() -> None:
    ways = gone(300, 1.2)
    learned = learn(ways, MODEL)
    assert learn(reversed(ways), MODEL) == learned
    assert learn(ways, learned) == learned
    assert learned.version.startswith("ways-300-")
    assert learn(ways[:-1], MODEL).version != learned.version


def test_quantiles_lie_between_their_neighbours() -> None:
    assert quantile([1.0], 0.9) == 1.0
    assert quantile([0.0, 10.0], 0.9) == 9.0
