"""Jams, closed roads and weather: reported once, understood or refused with every fault, over by themselves."""

from datetime import timedelta
from typing import Any

import pytest

from services.dispatch.application import fire_deadlines, perform_disruption
from services.dispatch.codec import DISRUPTION
from services.dispatch.domain import errors
from services.dispatch.domain.disruptions import commands as c
from services.dispatch.domain.disruptions import events as e
from services.dispatch.domain.disruptions.decisions import decide
from services.dispatch.domain.disruptions.reading import examine_riders
from services.dispatch.domain.disruptions.values import EVERYWHERE, Ground, Kind, Weather
from services.dispatch.domain.policy import Where
from shared.contracts.cells import cell_of
from shared.eventstore.memory import MemoryStore
from shared.kernel.errors import DomainError, InvalidInput
from shared.kernel.place import Place
from tests.unit.dispatch import disruptions as d
from tests.unit.dispatch import scenes as s

FAR = Place(31.30, 121.60)


def told(**raw: Any) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in d.said(**raw)[1]]


def when(command: c.DisruptionCommand, *given: e.DisruptionEvent) -> list[e.DisruptionEvent]:
    return decide(command, d.after(*given))


def refused(command: c.DisruptionCommand, *given: e.DisruptionEvent) -> type[DomainError] | None:
    try:
        when(command, *given)
    except DomainError as refusal:
        return type(refusal)
    return None


def extend(minutes: float, now: float = 0) -> c.ExtendDisruption:
    return c.ExtendDisruption(disruption_id="dis_1", until=s.at(minutes), reason="still_there", now=s.at(now))


def lift(minutes: float = 5) -> c.LiftDisruption:
    return c.LiftDisruption(disruption_id="dis_1", reason="cleared", now=s.at(minutes))


def test_a_report_is_a_fact_once() -> None:
    assert when(d.report_command()) == [d.jam]
    assert when(d.report_command(), d.jam) == []
    assert refused(d.report_command(factor=3.0), d.jam) is errors.DisruptionAlreadyReported


def test_its_end_can_be_moved_until_it_is_over() -> None:
    assert when(extend(45), d.jam) == [d.extended]
    assert when(extend(45), d.jam, d.extended) == []
    assert refused(extend(45)) is errors.DisruptionNotFound
    assert refused(extend(45), d.jam, d.lifted) is errors.DisruptionOver
    assert refused(extend(1, now=2), d.jam) is InvalidInput
    assert refused(extend(60 * 24 * 8), d.jam) is InvalidInput


def test_lifting_it_twice_changes_nothing() -> None:
    lifted = e.DisruptionLifted(lifted_at=s.at(5), reason="cleared")
    assert when(lift(), d.jam) == [lifted]
    assert when(lift(6), d.jam, lifted) == []
    assert refused(lift()) is errors.DisruptionNotFound


def test_it_is_in_force_from_its_start_to_its_end() -> None:
    later = e.RoadDisrupted(kind=Kind.CLOSED, ground=d.CLOSED, starts_at=s.at(10), until=s.at(20))
    minutes = [minute for minute in range(0, 30, 5) if d.after(later).in_force(s.at(minute))]
    assert minutes == [10, 15]
    assert not d.after(later, e.DisruptionLifted(lifted_at=s.at(12), reason="cleared")).in_force(s.at(15))


def test_it_ends_by_itself_at_the_time_that_was_said_last() -> None:
    store = MemoryStore()
    store.run(lambda tx: perform_disruption(tx, d.report_command(), s.context()))
    store.run(lambda tx: perform_disruption(tx, extend(45), s.context()))
    assert fire_deadlines(store, "system:deadline", s.at(31), s.POLICY) == 0
    assert fire_deadlines(store, "system:deadline", s.at(45), s.POLICY) == 1
    assert fire_deadlines(store, "system:deadline", s.at(46), s.POLICY) == 0
    stored = store.stream("dis_1")
    assert [event.type for event in stored] == ["RoadDisrupted", "DisruptionExtended", "DisruptionLifted"]
    assert stored[-1].data["reason"] == "time"
    assert store.load(DISRUPTION, "dis_1").state.lifted_at == s.at(45)


def test_a_report_is_understood_in_each_of_its_ways() -> None:
    jam, faults = d.said(kind="jam", factor=2, area=d.circle())
    assert (faults, jam.factor, jam.ground.circle is not None) == ([], 2.0, True)
    closed, faults = d.said(kind="closed", area={"cells": ["8930e1d8a27ffff"]})
    assert (faults, closed.ground) == ([], Ground(cells=("8930e1d8a27ffff",)))
    rain, faults = d.said(kind="weather", weather="rain")
    assert (faults, rain.ground, rain.weather) == ([], EVERYWHERE, Weather.RAIN)


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        (
            {"kind": "jam", "weather": "rain", "until": s.at(-1)},
            [("until", "in_the_past"), ("area", "required"), ("factor", "required"), ("weather", "not_of_this_kind")],
        ),
        (
            {"kind": "closed", "factor": 2, "area": {"cells": ["nonsense"], "polygon": []}},
            [("area", "one_of_three"), ("factor", "not_of_this_kind")],
        ),
        (
            {"kind": "jam", "factor": 1.0, "area": {"cells": ["nonsense"], "radius_m": 5}},
            [("area.radius_m", "centre_and_radius"), ("area.cells.0", "unknown_cell"), ("factor", "out_of_range")],
        ),
        ({"kind": "jam", "factor": 2, "area": d.circle(None)}, [("area.radius_m", "centre_and_radius")]),
        (
            {"kind": "jam", "factor": 11, "area": d.circle(5)},
            [("area.radius_m", "out_of_range"), ("factor", "out_of_range")],
        ),
        ({"kind": "weather", "starts_at": s.at(40)}, [("until", "before_it_starts"), ("weather", "required")]),
        ({"kind": "weather", "weather": "snow", "until": s.at(60 * 24 * 8)}, [("until", "too_long")]),
        ({"kind": "closed", "area": {"polygon": [{"lat": 1, "lon": 2}]}}, [("area.polygon", "corners")]),
    ],
)
def test_all_that_is_wrong_with_a_report_is_told_at_once(raw: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    assert sorted(told(**raw)) == sorted(faults)


def test_a_rider_reports_what_he_can_see_for_half_an_hour() -> None:
    near, _ = d.said(kind="closed", area=d.circle(200))
    assert examine_riders(near, s.SHOP, s.NOW) == []
    far, _ = d.said(kind="jam", factor=4, area=d.circle(200, FAR), until=s.at(31), starts_at=s.at(1))
    codes = [(fault.field, fault.code) for fault in examine_riders(far, s.SHOP, s.NOW)]
    assert codes == [
        ("area.centre", "out_of_sight"),
        ("starts_at", "not_a_riders"),
        ("until", "too_far_ahead"),
        ("factor", "out_of_range"),
    ]
    rain, _ = d.said(kind="weather", weather="rain")
    assert [fault.code for fault in examine_riders(rain, s.SHOP, s.NOW)] == ["not_a_riders", "not_a_circle"]
    assert [fault.code for fault in examine_riders(near, None, s.NOW)] == ["out_of_sight"]


def test_a_ground_holds_what_lies_in_it() -> None:
    def where(place: Place) -> Where:
        return Where(place, cell_of(place))

    for ground in (d.JAMMED, d.CLOSED, Ground(cells=(cell_of(d.MIDDLE),)), EVERYWHERE):
        assert ground.holds(where(d.MIDDLE))
    for ground in (d.JAMMED, d.CLOSED, Ground(cells=(cell_of(d.MIDDLE),))):
        assert not ground.holds(where(FAR))


def test_its_span_is_bounded_by_the_calendar_too() -> None:
    assert told(
        kind="weather", weather="heat", starts_at=s.NOW + timedelta(days=31), until=s.NOW + timedelta(days=32)
    ) == [("starts_at", "too_far_ahead")]
