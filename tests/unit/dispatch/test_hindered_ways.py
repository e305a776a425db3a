"""Ways under disruptions: around what is closed, longer through a jam, the same for one way and for a table."""

from math import hypot, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatch.domain.disruptions.events import RoadDisrupted
from services.dispatch.domain.disruptions.hindrances import (
    WALKED,
    Hindrance,
    Hindrances,
    Plane,
    grouped,
    hindrances,
    merged,
)
from services.dispatch.domain.disruptions.shapes import Hull, Spot, circle_hull, convex_hull
from services.dispatch.domain.disruptions.values import Ground, Kind
from services.dispatch.domain.policy import Where
from services.dispatch.domain.travel.ways import Span, Way
from services.dispatch.engine.core.arrays import travel
from services.dispatch.engine.hindered import hindered
from services.dispatch.engine.travel import StraightLine
from shared.contracts.cells import around, cell_of, outline_of
from shared.kernel.place import Place
from tests.unit.dispatch import disruptions as d
from tests.unit.dispatch import scenes as s

SQUARE: Hull = ((-100.0, -100.0), (100.0, -100.0), (100.0, 100.0), (-100.0, 100.0))
PLANE = Plane(d.MIDDLE)
WEST, EAST = (-300.0, 0.0), (300.0, 0.0)


def closed(hull: Hull = SQUARE) -> Hindrance:
    return Hindrance(hull, WALKED, closed=True)


def jam(factor: float, hull: Hull = SQUARE) -> Hindrance:
    return Hindrance(hull, factor, closed=False)


def factor(a: Spot, b: Spot, *all_: Hindrance) -> float:
    return Hindrances(PLANE, grouped(all_)).factor(a, b)


def test_a_way_through_a_closed_square_leads_over_two_of_its_corners() -> None:
    around_m = 200 + 2 * hypot(200, 100)
    assert factor(WEST, EAST, closed()) == pytest.approx(around_m / 600)


def test_a_way_around_a_closed_circle_is_two_tangents_and_an_arc() -> None:
    tangent, angle = sqrt(300**2 - 100**2), pi - 2 * np.arccos(100 / 300)
    expected = (2 * tangent + 100 * angle) / 600
    measured = factor(WEST, EAST, closed(circle_hull((0.0, 0.0), 100.0)))
    assert measured == pytest.approx(expected, rel=0.01)
    assert measured >= expected


def test_a_way_that_passes_beside_or_along_it_is_as_long_as_it_was() -> None:
    assert factor((-300.0, 150.0), (300.0, 150.0), closed(), jam(3)) == 1.0
    assert factor((-300.0, 100.0), (300.0, 100.0), closed()) == pytest.approx(1.0)
    assert factor((200.0, 0.0), EAST, closed(), jam(3)) == 1.0


def test_a_jam_costs_its_factor_for_the_part_inside_it() -> None:
    assert factor(WEST, EAST, jam(2.5)) == pytest.approx((400 + 200 * 2.5) / 600)
    assert factor((0.0, 0.0), EAST, jam(2.5)) == pytest.approx((200 + 100 * 2.5) / 300)
    assert factor((0.0, 0.0), (50.0, 0.0), jam(2.5)) == pytest.approx(2.5)


def test_a_way_that_ends_where_no_vehicle_may_go_is_walked_there() -> None:
    assert factor((0.0, 0.0), EAST, closed()) == pytest.approx((200 + 100 * WALKED) / 300)


def test_jams_one_over_the_other_count_once_by_the_worse() -> None:
    other = tuple((x + 50, y) for x, y in SQUARE)
    assert factor(WEST, EAST, jam(2), jam(3, other)) == pytest.approx((400 + 200 * 3) / 600)
    apart = tuple((x + 250, y) for x, y in SQUARE)
    assert factor(WEST, (500.0, 0.0), jam(2), jam(3, apart)) == pytest.approx((400 + 200 * 2 + 200 * 3) / 800)


def test_closed_grounds_that_overlap_are_one() -> None:
    other = tuple((x + 50, y + 30) for x, y in SQUARE)
    apart = tuple((x + 900, y) for x, y in SQUARE)
    assert [len(hull) for hull in merged([SQUARE, apart, other])] == [4, 6]


def test_disruptions_become_shapes_where_and_while_they_are_in_force() -> None:
    told = {"dis_1": d.after(d.jam), "dis_2": d.after(d.rain)}
    now = hindrances(told, s.at(5), PLANE, outline_of)
    assert len(now.all) == 1
    assert now.factor_between(s.SHOP, s.HOME) > 1.5
    assert now.weather_at(Where(s.HOME, cell_of(s.HOME))) == "rain"
    way = Way(origin=s.SHOP, destination=s.HOME, vehicle="scooter", departs_at=s.at(5))
    assert now.on_way(way, Span(100.0, 200.0), factor=1.5) == Span(150.0, 300.0)
    assert now.on_way(way, Span(100.0, 200.0)).p50_seconds == pytest.approx(100 * now.factor_between(s.SHOP, s.HOME))
    over = hindrances(told, s.at(70), PLANE, outline_of)
    assert (over.factor_between(s.SHOP, s.HOME), over.weather_at(Where(s.HOME))) == (1.0, "fair")


def test_cells_that_touch_are_one_shape_and_those_apart_are_two() -> None:
    patch = tuple(sorted(around(cell_of(d.MIDDLE), 1)))
    far = cell_of(Place(31.30, 121.60))
    closed_cells = RoadDisrupted(kind=Kind.CLOSED, ground=Ground(cells=(*patch, far)), starts_at=s.NOW, until=s.at(9))
    found = hindrances({"dis_1": d.after(closed_cells)}, s.NOW, PLANE, outline_of).all
    assert len(found) == 2


coordinate = st.floats(-500, 500).map(lambda metres: round(metres, 1))
spots = st.tuples(coordinate, coordinate)
shapes = (
    st.lists(spots, min_size=3, max_size=8).map(convex_hull).filter(lambda hull: len(hull) > 2 and _size(hull) > 100)
)
hinderers = st.builds(Hindrance, shapes, st.floats(1.1, 5), st.booleans())


def _size(hull: Hull) -> float:
    return abs(sum(hull[i - 1][0] * y - x * hull[i - 1][1] for i, (x, y) in enumerate(hull))) / 2


@settings(max_examples=150, deadline=None)
@given(st.lists(spots, min_size=2, max_size=8, unique=True), st.lists(hinderers, min_size=1, max_size=3))
def test_the_table_of_the_engine_says_what_the_rule_says(places: list[Spot], all_: list[Hindrance]) -> None:
    told = Hindrances(PLANE, grouped(all_))
    free = StraightLine(metres_per_second=5.0, detour=1.3).ground(np.array(places))
    ground = hindered(free, told)
    for a, here in enumerate(places):
        for b, there in enumerate(places):
            expected = travel(free, a, b) * told.factor(here, there)
            assert travel(ground, a, b) == pytest.approx(expected, rel=1e-6, abs=1e-3)


@settings(max_examples=150, deadline=None)
@given(spots, spots, shapes)
def test_no_way_is_shorter_than_the_straight_one_and_none_depends_on_its_direction(
    a: Spot, b: Spot, hull: Hull
) -> None:
    for each in (closed(hull), jam(2.0, hull)):
        assert factor(a, b, each) >= 1.0 - 1e-9
        assert factor(a, b, each) == pytest.approx(factor(b, a, each), rel=1e-6)


def test_whole_minutes_and_a_learned_table_are_kept_under_the_factor() -> None:
    xy = np.array([WEST, EAST, (0.0, 900.0)])
    learned = StraightLine(metres_per_second=5.0).ground(xy)._replace(matrix=np.full((2, 2), 77.0))
    ground = hindered(learned, Hindrances(PLANE, (jam(2.5),)))
    assert travel(ground, 0, 1) == pytest.approx(77.0 * factor(WEST, EAST, jam(2.5)))
    whole = StraightLine(metres_per_second=5.0, whole_seconds=60).ground(xy)
    assert travel(hindered(whole, Hindrances(PLANE, (jam(2.5),))), 0, 2) == travel(whole, 0, 2)


def test_ground_that_nothing_hinders_stays_a_formula() -> None:
    free = StraightLine(metres_per_second=5.0).ground(np.array([WEST, EAST]))
    assert hindered(free, Hindrances(PLANE)) is free
    beside = tuple((x, y + 900) for x, y in SQUARE)
    assert hindered(free, Hindrances(PLANE, (closed(beside),))) is free
