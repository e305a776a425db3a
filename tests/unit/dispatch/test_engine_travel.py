"""The engine's travel times: by what was learned, and by streets where a server has told of them."""

from collections.abc import Iterator

import numpy as np
import pytest

from services.dispatch import engine_streets
from services.dispatch.domain.travel.learning import learn
from services.dispatch.engine.core.arrays import travel
from services.dispatch.engine_streets import EngineStreets
from services.dispatch.engine_travel import MATRIX_ROWS, EngineTravel, Spot
from services.dispatch.osrm import OsrmServer
from shared.kernel.place import Place
from tests.support.osrm_stand_in import Streets, streets
from tests.unit.dispatch.test_travel_times import MODEL, NIGHT, NOON, gone

PER_M = 1.3 / 5.2


@pytest.fixture
def town() -> Iterator[Streets]:
    with streets() as town:
        yield town


@pytest.fixture
def asked(town: Streets) -> Iterator[EngineStreets]:
    made = EngineStreets(OsrmServer(town.url, timeout_seconds=2))
    yield made
    made.close()


def place(spot: Spot) -> Place:
    """East and north of the middle of the town, on the equator's scale so that streets can be computed by hand."""
    return Place(spot[1] / 111_195.08, spot[0] / 111_195.08)


def places(*spots: Spot) -> dict[Spot, Place]:
    return {spot: place(spot) for spot in spots}


def test_without_streets_the_ground_is_the_formula_of_the_hour_and_the_weather() -> None:
    ground = EngineTravel(model=MODEL, now=NIGHT).ground(np.array([[0.0, 0.0], [300.0, 400.0]]))
    assert travel(ground, 0, 1) == pytest.approx(500 * PER_M)
    wet = EngineTravel(model=MODEL, now=NOON, weather="rain")
    assert wet.seconds((0, 0), (300, 400)) == pytest.approx(500 * PER_M * 1.1 * 1.15)


def test_a_bicycle_has_a_pace_and_what_was_learned_moves_it() -> None:
    assert EngineTravel(model=MODEL, now=NIGHT).pace_of("scooter") == 1
    assert EngineTravel(model=MODEL, now=NIGHT).pace_of("bicycle") == pytest.approx(5.2 / 4.2)
    learned = learn([*gone(500, 1.0), *gone(500, 1.5, vehicle="bicycle")], MODEL)
    assert EngineTravel(model=learned, now=NIGHT).pace_of("bicycle") == pytest.approx(1.5 * 5.2 / 4.2, rel=0.06)


def test_streets_that_are_known_replace_the_formula_and_others_do_not(asked: EngineStreets) -> None:
    known = asked.ask(places((0, 0), (300, 400)), places((300, 400)))
    ground = EngineTravel(model=MODEL, now=NIGHT, streets=known).ground(
        np.array([[0.0, 0.0], [300.0, 400.0], [0.0, 1000.0]])
    )
    assert travel(ground, 0, 1) == pytest.approx(700 / 5, rel=0.001)
    assert travel(ground, 1, 0) == pytest.approx(500 * PER_M)
    assert travel(ground, 0, 2) == pytest.approx(1000 * PER_M)
    assert EngineTravel(model=MODEL, now=NIGHT, streets=known).seconds((0, 0), (300, 400)) == pytest.approx(
        140, 0.001
    )


def test_the_operations_own_rides_say_how_fast_known_streets_are(asked: EngineStreets) -> None:
    line = [(200.0 * step, 0.0) for step in range(10)]
    known = asked.ask(places(*line), places(*line))
    learned = learn(gone(1_000, 2.0), MODEL)
    seconds = EngineTravel(model=learned, now=NIGHT, streets=known).seconds((0, 0), (1_000, 0))
    assert seconds == pytest.approx(1_000 * PER_M * 2.0, rel=0.05)


def test_what_is_known_is_not_asked_again_and_new_riders_are_asked_alone(town: Streets, asked: EngineStreets) -> None:
    shops = places((0, 0), (1_000, 0))
    asked.ask(shops | places((500, 500)), shops)
    asked.ask(shops | places((500, 505)), shops)
    assert len(town.requests) == 1
    asked.ask(shops | places((900, 900)), shops)
    assert "sources=0&destinations=1%3B2&" in town.requests[1]


def test_a_turn_asks_within_its_bounds_and_the_next_one_goes_on(town: Streets, asked: EngineStreets) -> None:
    many = places(*((50.0 * step, 0.0) for step in range(250)))
    for turn in (1, 2, 3):
        asked.ask(many, many)
        assert len(town.requests) == engine_streets.REQUESTS_A_TURN * turn
    asked.ask(many, many)
    asked.ask(many, many)
    assert len(town.requests) == 25
    assert all(request.count(";") < 300 for request in town.requests)


def test_when_the_server_fails_the_formula_answers_and_nobody_waits_twice(
    town: Streets, asked: EngineStreets
) -> None:
    town.faults = ["html"]
    known = asked.ask(places((0, 0)), places((300, 400)))
    asked.ask(places((0, 0)), places((300, 400)))
    assert len(town.requests) == 1
    assert EngineTravel(model=MODEL, now=NIGHT, streets=known).seconds((0, 0), (300, 400)) == 500 * PER_M


def test_a_place_on_no_street_is_left_to_the_formula(town: Streets, asked: EngineStreets) -> None:
    town.cut_off = {Place(round(place((0, 400)).lat, 6), 0.0)}
    known = asked.ask(places((0, 0)), places((0, 400), (300, 0)))
    times = EngineTravel(model=MODEL, now=NIGHT, streets=known)
    assert times.seconds((0, 0), (0, 400)) == 400 * PER_M
    assert times.seconds((0, 0), (300, 0)) == pytest.approx(60, rel=0.001)


def test_places_used_longest_ago_make_room_for_new_ones(town: Streets) -> None:
    asked = EngineStreets(OsrmServer(town.url), places_kept=2)
    asked.ask(places((0, 0)), places((300, 0)))
    known = asked.ask(places((0, 0)), places((0, 600)))
    times = EngineTravel(model=MODEL, now=NIGHT, streets=known)
    assert times.seconds((0, 0), (300, 0)) == 300 * PER_M
    assert times.seconds((0, 0), (0, 600)) == pytest.approx(120, rel=0.001)


def test_of_a_large_town_the_first_rows_are_the_matrix(asked: EngineStreets) -> None:
    known = asked.ask(places((0, 0)), places((300, 400)))
    xy = np.zeros((MATRIX_ROWS + 50, 2))
    xy[1] = (300.0, 400.0)
    assert len(EngineTravel(model=MODEL, now=NIGHT, streets=known).ground(xy).matrix) == MATRIX_ROWS
