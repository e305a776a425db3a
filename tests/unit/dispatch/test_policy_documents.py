"""What a policy document may say: names, units, ranges, places, times, no contradiction; all faults at once."""

import json
import re
from pathlib import Path
from typing import Any

import h3
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch.domain.policies.catalogue import BY_NAME, PARAMETERS
from services.dispatch.domain.policies.cells import parent_of, resolution_of
from services.dispatch.domain.policies.comparing import Change, changes
from services.dispatch.domain.policies.document import as_json
from services.dispatch.domain.policies.resolving import PolicyInForce
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.policy import engine_policy
from services.dispatch.policy_schema import document_schema
from services.dispatch.policy_schemas import EXAMPLE
from shared.kernel.area import overlap
from shared.kernel.place import Place
from tests.unit.dispatch import policies as p


def rule(name: str = "lunch", **changes: Any) -> dict[str, Any]:
    return {"name": name, "values": {"offer_seconds": 20}} | changes


def square(name: str, lat: float, lon: float, size: float = 0.01) -> dict[str, Any]:
    corners = [(lat, lon), (lat, lon + size), (lat + size, lon + size), (lat + size, lon)]
    return {"name": name, "polygon": [{"lat": a, "lon": b} for a, b in corners]}


def test_a_document_is_read_and_written_as_it_was() -> None:
    assert as_json(p.read(as_json(p.DOCUMENT))) == as_json(p.DOCUMENT)
    assert p.read({}) == p.read({"time_zone": "Asia/Shanghai", "defaults": {}, "areas": [], "rules": []})


def test_every_figure_of_the_catalogue_is_a_field_of_the_policy_within_its_range() -> None:
    for parameter in PARAMETERS:
        value = getattr(DispatchPolicy(), parameter.name)
        assert parameter.low <= value <= parameter.high, parameter.name
        assert isinstance(value, int) >= parameter.whole


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"offer_second": 30}, "offer_second", "unknown_name"),
        ({"patience": 30}, "patience", "unknown_name"),
        ({"offer_minutes": 1}, "offer_minutes", "wrong_unit"),
        ({"offer": 30}, "offer", "wrong_unit"),
        ({"grab_radius_km": 3}, "grab_radius_km", "wrong_unit"),
        ({"offer_seconds": "30s"}, "offer_seconds", "wrong_unit"),
        ({"offer_seconds": "soon"}, "offer_seconds", "not_a_number"),
        ({"offer_seconds": True}, "offer_seconds", "not_a_number"),
        ({"offer_seconds": 10**400}, "offer_seconds", "not_a_number"),
        ({"offer_seconds": 4}, "offer_seconds", "out_of_range"),
        ({"offers_before_grab": 2.5}, "offers_before_grab", "not_whole"),
    ],
)
def test_a_figure_that_cannot_be_meant_is_refused_by_its_name(values: dict[str, Any], field: str, code: str) -> None:
    assert p.told({"defaults": values}) == [(f"defaults.{field}", code)]
    assert p.told({"rules": [rule(values=values)]}) == [(f"rules.0.values.{field}", code)]


def test_a_refusal_names_the_unit_and_the_range_and_what_was_meant() -> None:
    [range_, unit, name] = p.faults({"defaults": {"offer_seconds": 1, "handover_minutes": 3, "grab_radus_m": 200}})
    assert range_.sentence == "5 to 600 is allowed, in seconds"
    assert unit.sentence == "this is given in seconds, as handover_seconds"
    assert name.sentence == "there is no such figure; did you mean grab_radius_m?"


def test_all_that_is_wrong_is_told_at_once() -> None:
    raw = {
        "time_zone": "Mars/Olympus",
        "colour": "red",
        "defaults": {"offer_seconds": 4},
        "areas": [
            {"name": "a", "polygon": [{"lat": 1, "lon": 1}]},
            {"name": "a", "cells": ["nowhere", "8001fffffffffff"]},
            {"name": "", "cells": [p.CAMPUS_CELL], "polygon": []},
            square("far", 91, 0),
            7,
        ],
        "rules": [
            rule(areas=["b"], days=["someday"], starts="25:00", ends="1:00", rank=-1),
            rule("empty", values={}),
            rule("round", starts="10:00", ends="10:00"),
            rule("tick", values={"deliveries_per_tick": 3}),
            {"name": "lunch", "values": [], "when": "noon"},
        ],
    }
    assert p.told(raw) == [
        ("colour", "unknown_field"),
        ("areas.0.polygon", "corners"),
        ("areas.1.cells.0", "unknown_cell"),
        ("areas.1.cells.1", "cell_size"),
        ("areas.2.name", "required"),
        ("areas.2", "polygon_or_cells"),
        ("areas.3.polygon.0", "not_a_place"),
        ("areas.3.polygon.1", "not_a_place"),
        ("areas.3.polygon.2", "not_a_place"),
        ("areas.3.polygon.3", "not_a_place"),
        ("areas.4", "not_an_object"),
        ("areas.1.name", "name_twice"),
        ("rules.0.areas.0", "unknown_area"),
        ("rules.0.starts", "not_a_time"),
        ("rules.0.ends", "not_a_time"),
        ("rules.0.days", "unknown_day"),
        ("rules.0.rank", "out_of_range"),
        ("rules.1.values", "required"),
        ("rules.2.ends", "no_time"),
        ("rules.3.values.deliveries_per_tick", "not_by_rule"),
        ("rules.4.when", "unknown_field"),
        ("rules.4.values", "not_an_object"),
        ("rules.4.name", "name_twice"),
        ("time_zone", "unknown_time_zone"),
        ("defaults.offer_seconds", "out_of_range"),
    ]


def test_what_one_decision_weighs_for_all_places_differs_by_time_and_not_by_place() -> None:
    lunch = rule(starts="11:00", ends="13:00", values={"future_weight": 2, "orders_per_bundle": 2})
    assert p.told({"rules": [lunch]}) == []
    assert p.told({"areas": [square("north", 30.3, 120.1)], "rules": [lunch | {"areas": ["north"]}]}) == [
        ("rules.0.values.future_weight", "not_by_place"),
        ("rules.0.values.orders_per_bundle", "not_by_place"),
    ]
    in_force = PolicyInForce(p.BASE, p.read({"rules": [lunch]}), "dispatch-1")
    noon, night = (engine_policy(in_force.at(None, p.shanghai(1, hour))) for hour in (12, 22))
    assert (noon.future_weight, noon.largest_bundle) == (2, 2)
    assert (night.future_weight, night.largest_bundle) == (p.BASE.future_weight, p.BASE.orders_per_bundle)


def test_waits_the_wrong_way_round_contradict_wherever_they_meet() -> None:
    late = {"dispatcher_needed_seconds": 1200}
    assert p.told({"defaults": late}) == [("defaults.dispatcher_needed_seconds", "contradiction")]
    assert p.told({"rules": [rule(values=late)]}) == [("rules.0.values.dispatcher_needed_seconds", "contradiction")]
    assert p.told({"defaults": late | {"undeliverable_seconds": 1800}}) == []
    assert p.told({"rules": [rule(values=late | {"undeliverable_seconds": 1800})]}) == []
    [fault] = p.faults({"defaults": {"offer_seconds": 400}})
    assert "offer_seconds (400, the defaults) must be below dispatcher_needed_seconds (300, the settings)" in (
        fault.sentence
    )


def test_what_the_settings_alone_contradict_is_not_the_documents_fault() -> None:
    odd = DispatchPolicy(offer_seconds=600)
    assert p.told({"defaults": {"handover_seconds": 60}}, odd) == []
    assert p.told({"defaults": {"undeliverable_seconds": 300}}, odd) == [
        ("defaults.undeliverable_seconds", "contradiction")
    ]


def test_two_rules_of_one_rank_may_not_say_different_things_of_one_place_and_time() -> None:
    slow, quick = rule("slow", values={"offer_seconds": 40}), rule("quick")
    assert p.told({"rules": [slow, quick]}) == [("rules.1.values.offer_seconds", "contradiction")]
    assert p.told({"rules": [slow, quick | {"rank": 1}]}) == []
    assert p.told({"rules": [slow, rule("same", values={"offer_seconds": 40})]}) == []
    assert p.told({"rules": [slow | {"days": ["mon"]}, quick | {"days": ["tue"]}]}) == []
    assert p.told({"rules": [slow | {"starts": "08:00", "ends": "10:00"}, quick | {"starts": "10:00"}]}) == []
    night = slow | {"days": ["sun"], "starts": "22:00", "ends": "02:00"}
    assert p.told({"rules": [night, quick | {"days": ["mon"], "ends": "01:00"}]}) != []
    assert p.told({"rules": [night, quick | {"days": ["mon"], "starts": "02:00"}]}) == []


def test_rules_of_areas_that_share_ground_may_contradict_and_of_others_not() -> None:
    areas = [
        square("west", 30.2, 120.1),
        square("east", 30.2, 120.11),
        square("middle", 30.2, 120.105),
        {"name": "campus", "cells": [p.CAMPUS_CELL]},
        {"name": "gate", "cells": [h3.cell_to_center_child(p.CAMPUS_CELL, 9)]},
        square("around the campus", 30.26, 120.14, 0.03),
    ]

    def meet(one: str, other: str) -> bool:
        slow = rule("slow", areas=[one], values={"offer_seconds": 40})
        return p.told({"areas": areas, "rules": [slow, rule(areas=[other])]}) != []

    assert not meet("west", "east")
    assert meet("west", "middle")
    assert meet("middle", "east")
    assert meet("campus", "gate")
    assert meet("around the campus", "gate")
    assert not meet("campus", "west")


def test_polygons_that_cross_like_a_plus_share_ground() -> None:
    flat = [Place(0.4, 0), Place(0.4, 1), Place(0.6, 1), Place(0.6, 0)]
    tall = [Place(0, 0.4), Place(1, 0.4), Place(1, 0.6), Place(0, 0.6)]
    assert overlap(flat, tall)
    assert overlap(flat, flat)
    assert not overlap(flat, [Place(0.6, 0), Place(0.6, 1), Place(0.8, 1), Place(0.8, 0)])


@given(st.floats(-80, 80), st.floats(-179, 179), st.integers(0, 15), st.integers(0, 15))
def test_the_district_of_a_block_is_what_h3_says(lat: float, lon: float, fine: int, coarse: int) -> None:
    cell = h3.latlng_to_cell(lat, lon, max(fine, coarse))
    assert resolution_of(cell) == max(fine, coarse)
    assert parent_of(cell, min(fine, coarse)) == h3.cell_to_parent(cell, min(fine, coarse))


def test_the_differences_of_two_versions_are_told_figure_by_figure() -> None:
    before = p.read({"defaults": {"offer_seconds": 25}, "rules": [rule()]})
    after = p.read(
        {
            "defaults": {"offer_seconds": 28, "handover_seconds": 60},
            "rules": [rule("rain", values={"offer_seconds": 40}, rank=2), rule(days=["mon"], ends="12:00")],
        }
    )
    assert changes(before, before) == []
    assert changes(before, after) == [
        Change("defaults.offer_seconds", 25, 28),
        Change("rules.lunch.days", "every day", ["mon"]),
        Change("rules.lunch.hours", "all day", "00:00–12:00"),
        Change("defaults.handover_seconds", None, 60),
        Change("rules.rain.areas", None, "everywhere"),
        Change("rules.rain.days", None, "every day"),
        Change("rules.rain.hours", None, "all day"),
        Change("rules.rain.rank", None, 2),
        Change("rules.rain.values.offer_seconds", None, 40),
    ]


def test_the_schema_takes_what_we_take_and_refuses_what_we_refuse() -> None:
    schema = document_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for good in (EXAMPLE, as_json(p.DOCUMENT), {}):
        assert p.told(good) == []
        assert list(validator.iter_errors(good)) == []
    for bad in (
        {"defaults": {"offer_minutes": 1}},
        {"defaults": {"offer_seconds": 1}},
        {"rules": [rule(values={})]},
        {"rules": [rule(values={"deliveries_per_tick": 3})]},
        {"areas": [{"name": "a"}]},
        {"areas": [square("north", 30.3, 120.1)], "rules": [rule(areas=["north"], values={"future_weight": 1})]},
    ):
        assert p.told(bad) != []
        assert list(validator.iter_errors(bad)) != []
    assert set(schema["properties"]["defaults"]["properties"]) == set(BY_NAME)


def test_the_manual_lists_every_figure_as_the_catalogue_has_it() -> None:
    manual = Path("docs/operations/policies.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| ([^|]+ \| [\w ]+) \|$", manual, re.MULTILINE))
    differs = {(True, True): "yes", (True, False): "by time"}
    assert rows == {
        each.name: f"{each.low:,g} to {each.high:,g} | {differs.get((each.by_rule, each.by_place), 'no')}"
        for each in PARAMETERS
    }
    [example] = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
    assert p.told(json.loads(example)) == []
