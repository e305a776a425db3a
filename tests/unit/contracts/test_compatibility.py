"""A change that would break a subscriber is found; one that only adds is not in the way."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import compatibility
from shared.contracts.catalogue import catalogue
from shared.contracts.compatibility import breaking_changes, last_release

PLACED = "order.events/OrderPlaced"
Change = Callable[[dict[str, Any]], object]


def changed(change: Change, message: str = PLACED) -> list[str]:
    """What is found when one message of today's catalogue is changed."""
    present = deepcopy(catalogue())
    change(present["messages"][message])
    return breaking_changes(catalogue(), present)


def fields(entry: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = entry["schema"]["properties"]
    return found


def rename(entry: dict[str, Any]) -> None:
    fields(entry)["placed_by"] = fields(entry).pop("customer_id")
    required = entry["schema"]["required"]
    required[required.index("customer_id")] = "placed_by"


def drop(name: str) -> Change:
    def change(entry: dict[str, Any]) -> None:
        del fields(entry)[name]
        entry["schema"]["required"] = [each for each in entry["schema"]["required"] if each != name]

    return change


BREAKING: dict[str, tuple[Change, str]] = {
    "a field that was always there is removed": (drop("total_cents"), "total_cents: the field is gone"),
    "a field that could be missing is removed": (drop("weight_g"), "weight_g: the field is gone"),
    "a field is renamed": (rename, "customer_id: the field is gone"),
    "a new field is required": (
        lambda e: (fields(e).update(tip={"type": "integer"}), e["schema"]["required"].append("tip")),
        "tip: the field is new and required",
    ),
    "a field becomes required": (
        lambda e: e["schema"]["required"].append("weight_g"),
        "weight_g: the field has become required",
    ),
    "a field is no longer always there": (
        lambda e: e["schema"]["required"].remove("currency"),
        "currency: it was always there",
    ),
    "a type changes": (
        lambda e: fields(e)["currency"].update(type="integer"),
        "currency: its type was string and is integer",
    ),
    "null is no longer possible": (
        lambda e: fields(e)["scheduled_for"].update(anyOf=fields(e)["scheduled_for"]["anyOf"][:1]),
        "scheduled_for: it may no longer be null",
    ),
    "null becomes possible": (
        lambda e: fields(e).update(currency={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "currency: it may now be null too",
    ),
    "a value of an enumeration is removed": (
        lambda e: e["schema"]["$defs"]["OrderKind"]["enum"].remove("errand_queue"),
        "kind: the value 'errand_queue' is gone",
    ),
    "any text becomes an enumeration": (
        lambda e: fields(e)["currency"].update(enum=["CNY"]),
        "currency: it was any string and is one of 1 values",
    ),
    "a bound gets narrower": (
        lambda e: fields(e)["total_cents"].update(minimum=100),
        "total_cents: its minimum was 0 and is 100",
    ),
    "a format changes": (
        lambda e: fields(e)["promised_at"].update(format="date"),
        "promised_at: its format was date-time and is date",
    ),
    "a field deep inside is removed": (
        lambda e: e["schema"]["$defs"]["Line"]["properties"].pop("sku"),
        "items[].sku: the field is gone",
    ),
    "the items of a list change their type": (
        lambda e: fields(e)["required_skills"].update(items={"type": "integer"}),
        "required_skills[]: its type was string and is integer",
    ),
    "the exchange changes": (lambda e: e.update(exchange="order.private"), "its exchange was order.events"),
    "the routing key changes": (lambda e: e.update(routing_key="Placed"), "its routing_key was OrderPlaced"),
}

ADDING: dict[str, Change] = {
    "a field that may be missing is added": lambda e: fields(e).update(tip_cents={"type": "integer", "default": 0}),
    "an enumeration gets a value": lambda e: e["schema"]["$defs"]["OrderKind"]["enum"].append("errand_return"),
    "a bound gets wider": lambda e: fields(e)["total_cents"].update(minimum=-100),
    "a description changes": lambda e: fields(e)["order_id"].update(description="the order"),
    "a default changes": lambda e: fields(e)["weight_g"].update(default=1),
    "a part gets another name": lambda e: (
        e["schema"]["$defs"].update(Item=e["schema"]["$defs"].pop("Line")),
        fields(e)["items"].update(items={"$ref": "#/$defs/Item"}),
    ),
}


@pytest.mark.parametrize("case", BREAKING)
def test_a_change_that_breaks_a_subscriber_is_found_when(case: str) -> None:
    change, sentence = BREAKING[case]
    found = changed(change)
    assert any(sentence in each for each in found), found
    assert all(each.startswith(PLACED) for each in found)


@pytest.mark.parametrize("case", ADDING)
def test_a_change_that_only_adds_passes_when(case: str) -> None:
    assert changed(ADDING[case]) == []


def test_a_message_that_is_gone_is_found_and_a_new_one_passes() -> None:
    fewer = deepcopy(catalogue())
    del fewer["messages"][PLACED]
    assert breaking_changes(catalogue(), fewer) == [f"{PLACED}: the message is gone"]
    assert breaking_changes(fewer, catalogue()) == []


def test_the_messages_of_today_keep_what_the_last_release_promised() -> None:
    recorded = last_release(Path(__file__).parents[3] / "docs" / "releases")
    assert recorded is not None
    assert breaking_changes(json.loads(recorded.read_text(encoding="utf-8")), catalogue()) == []


def test_the_check_compares_with_the_highest_version_and_fails_on_a_planted_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("0.9.0", "0.10.0"):
        assert compatibility.main(["--release", version], tmp_path) == 0
    assert compatibility.main([], tmp_path) == 0
    path = tmp_path / "0.10.0" / "catalogue.json"
    promised = json.loads(path.read_text(encoding="utf-8"))
    promised["messages"]["order.events/OrderVanished"] = promised["messages"][PLACED]
    path.write_text(json.dumps(promised), encoding="utf-8")

    assert compatibility.main([], tmp_path) == 1
    assert "breaks subscribers of 0.10.0: order.events/OrderVanished: the message is gone" in capsys.readouterr().err


def test_a_recorded_release_is_never_written_again_and_without_one_the_check_says_so(tmp_path: Path) -> None:
    assert compatibility.main([], tmp_path) == 2
    assert compatibility.main(["--release", "1.0.0"], tmp_path) == 0
    assert compatibility.main(["--release", "1.0.0"], tmp_path) == 1
    assert compatibility.main(["--release", "next"], tmp_path) == 2
