"""Every stored version of every event has a file that shows it, and is read as the same fact for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.order.codec import (
    CITY_CODEC,
    CODECS,
    COUPON_CODEC,
    CUSTOMER_CODEC,
    MERCHANT_CODEC,
    ORDER_CODEC,
    USES_CODEC,
)
from services.order.payment_codec import PAYMENT_CODEC
from shared.eventstore.codec import Codec, EventType
from tests.unit.order.facts import EVERY_EVENT
from tests.unit.order.ledger_facts import EVERY_CUSTOMER_EVENT, EVERY_MERCHANT_EVENT
from tests.unit.order.payment_facts import AS_FIRST_STORED, AS_SECOND_STORED, EVERY_PAYMENT_EVENT
from tests.unit.order.shop_facts import EVERY_CITY_EVENT, EVERY_COUPON_EVENT, EVERY_SHOP_EVENT, EVERY_USE_EVENT

_STORED: dict[int, dict[type[Any], Any]] = {1: AS_FIRST_STORED, 2: AS_SECOND_STORED}
GOLDEN = Path(__file__).parent / "golden"
EVERYTHING: list[tuple[Codec[Any], Any]] = [
    *((ORDER_CODEC, event) for event in EVERY_EVENT),
    *((PAYMENT_CODEC, event) for event in EVERY_PAYMENT_EVENT),
    *((MERCHANT_CODEC, event) for event in EVERY_MERCHANT_EVENT),
    *((CUSTOMER_CODEC, event) for event in EVERY_CUSTOMER_EVENT),
    *((MERCHANT_CODEC, event) for event in EVERY_SHOP_EVENT),
    *((CITY_CODEC, event) for event in EVERY_CITY_EVENT),
    *((COUPON_CODEC, event) for event in EVERY_COUPON_EVENT),
    *((USES_CODEC, event) for event in EVERY_USE_EVENT),
]
TYPES: list[EventType[Any]] = [entry for codec in CODECS for entry in codec.types]


class ShowingVault:
    """Seals by writing down for whom, so that a golden file shows what is sealed; the forgotten read as None."""

    def __init__(self, *forgotten: str) -> None:
        self._forgotten = forgotten

    def seal(self, subject_id: str, plain: Any) -> str:
        return json.dumps([subject_id, plain], sort_keys=True)

    def open(self, subject_id: str, sealed: str) -> Any | None:
        sealed_for, plain = json.loads(sealed)
        assert sealed_for == subject_id
        return None if subject_id in self._forgotten else plain


def name_of(case: tuple[Codec[Any], Any]) -> str:
    return type(case[1]).__name__


def golden(type_name: str, version: int) -> Any:
    return json.loads((GOLDEN / f"{type_name}.v{version}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", EVERYTHING, ids=name_of)
def test_an_event_is_stored_as_its_golden_file_shows(case: tuple[Codec[Any], Any]) -> None:
    codec, event = case
    type_name, version, data = codec.encode(event, ShowingVault())
    assert data == golden(type_name, version)


@pytest.mark.parametrize("case", EVERYTHING, ids=name_of)
def test_every_version_ever_stored_is_read_as_the_same_fact(case: tuple[Codec[Any], Any]) -> None:
    codec, event = case
    type_name, version, _ = codec.encode(event, ShowingVault())
    for older in range(1, version + 1):
        told = _STORED.get(older, {}).get(type(event), event) if older < version else event
        assert codec.decode(type_name, older, golden(type_name, older), ShowingVault()) == told


def test_every_type_has_a_golden_file_for_each_of_its_versions_and_no_file_is_left_over() -> None:
    expected = {f"{entry.name}.v{version}.json" for entry in TYPES for version in range(1, entry.schema_version + 1)}
    assert {path.name for path in GOLDEN.glob("*")} == expected


def test_type_names_are_unique_in_the_service() -> None:
    assert len({entry.name for entry in TYPES}) == len(TYPES)


@pytest.mark.parametrize("case", EVERYTHING, ids=name_of)
def test_a_forgotten_customer_is_gone_from_every_event_and_the_event_stays(case: tuple[Codec[Any], Any]) -> None:
    codec, event = case
    type_name, version, data = codec.encode(event, ShowingVault())
    after = codec.decode(type_name, version, data, ShowingVault("cus_1"))
    shown = repr(after)
    for secret in ("Chen Yu", "+8613812345678", "chen@example.com", "Willow", "ring twice", "hot!"):
        assert secret not in shown
        for name, value in data.items():
            assert secret not in json.dumps(value) or "sealed" in value, name
