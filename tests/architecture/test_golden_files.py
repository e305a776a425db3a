"""What was stored once is read for ever: each version of each stored type has a file that shows it."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.message import SERVICES
from shared.eventstore.codec import Codec, EventType

UNIT = Path(__file__).parents[1] / "unit"


class WritingVault:
    """Golden files show what is sealed as it was before, or as text of the service's own choice."""

    def seal(self, subject_id: str, plain: Any) -> str:
        raise AssertionError("nothing is written here")

    def open(self, subject_id: str, sealed: Any) -> Any:
        if not isinstance(sealed, str):
            return sealed
        try:
            written = json.loads(sealed)
        except ValueError:
            return sealed
        return written[1] if isinstance(written, list) and len(written) == 2 else written


SHARED = {"messaging": "shared.messaging.operations"}
"""Stored types that every service's log may hold have one home, and one set of files."""
OWNERS = (*SERVICES, *SHARED)


def codecs_of(owner: str) -> list[Codec[Any]]:
    found = vars(import_module(SHARED.get(owner, f"services.{owner}.codec"))).values()
    return [thing for thing in found if isinstance(thing, Codec)]


def stored_types() -> list[tuple[str, Codec[Any], EventType[Any], int]]:
    return [
        (owner, codec, entry, version)
        for owner in OWNERS
        for codec in codecs_of(owner)
        for entry in codec.types
        for version in range(1, entry.schema_version + 1)
    ]


def golden(service: str, entry: EventType[Any], version: int) -> dict[str, Any]:
    """The stored data: the file's content, or its `data` where the file shows the whole row."""
    path = UNIT / service / "golden" / f"{entry.name}.v{version}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    data: dict[str, Any] = content["data"] if {"type", "schema_version", "data"} == set(content) else content
    # A version from before a field was told has nothing to show of it.
    shown = {personal.field for personal in entry.personal if not is_sealed(data.get(personal.field))}
    return {name: {"sealed": value} if name in shown else value for name, value in data.items()}


def is_sealed(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and set(value) == {"sealed"})


@pytest.mark.parametrize("owner", OWNERS)
def test_every_service_stores_something(owner: str) -> None:
    assert codecs_of(owner)


@pytest.mark.parametrize("case", stored_types(), ids=lambda case: f"{case[0]}-{case[2].name}-v{case[3]}")
def test_each_version_of_each_stored_type_has_a_golden_file_that_is_read_as_todays_event(
    case: tuple[str, Codec[Any], EventType[Any], int],
) -> None:
    service, codec, entry, version = case
    event = codec.decode(entry.name, version, golden(service, entry, version), WritingVault())
    assert type(event) is entry.cls


@pytest.mark.parametrize("case", stored_types(), ids=lambda case: f"{case[0]}-{case[2].name}-v{case[3]}")
def test_a_version_that_was_replaced_has_an_upcaster(case: tuple[str, Codec[Any], EventType[Any], int]) -> None:
    _, _, entry, version = case
    assert version == entry.schema_version or version in entry.upcasters


@pytest.mark.parametrize("service", OWNERS)
def test_no_golden_file_shows_a_type_that_nobody_reads(service: str) -> None:
    known = {f"{entry.name}.v{version}.json" for owner, _, entry, version in stored_types() if owner == service}
    assert {path.name for path in (UNIT / service / "golden").iterdir()} == known
