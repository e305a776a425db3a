"""An event type that has changed twice: what each version wrote is read as today's, and nothing is rewritten."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType, Personal
from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import Context
from shared.kernel.clock import FixedClock

Weighings = tuple[Any, ...]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class WeighedFirst:
    """Version 1: grams as a number, the weigher's name in one piece."""

    parcel_id: str
    grams: int
    weigher: str | None


@dataclass(frozen=True)
class Weighed:
    """Version 3: the weight has a unit in its name, the weigher is a given and a family name."""

    parcel_id: str
    weight_g: int
    given_name: str | None
    scale: str


def rename_weight(data: dict[str, Any]) -> dict[str, Any]:
    """1 to 2: the unit moves into the name."""
    return {name: value for name, value in data.items() if name != "grams"} | {"weight_g": data["grams"]}


def name_scale(data: dict[str, Any]) -> dict[str, Any]:
    """2 to 3: the weigher becomes a given name (still sealed), and there is more than one scale."""
    return {name: value for name, value in data.items() if name != "weigher"} | {
        "given_name": data["weigher"],
        "scale": "first",
    }


FIRST = Codec[WeighedFirst](
    [EventType("ParcelWeighed", WeighedFirst, personal=[Personal("weigher", subject="parcel_id")])]
)
TODAY = Codec[Weighed](
    [
        EventType(
            "ParcelWeighed",
            Weighed,
            schema_version=3,
            upcasters={1: rename_weight, 2: name_scale},
            personal=[Personal("given_name", subject="parcel_id")],
        )
    ]
)


class PlainVault:
    def seal(self, subject_id: str, plain: Any) -> str:
        return f"{subject_id}:{plain}"

    def open(self, subject_id: str, sealed: str) -> Any:
        return sealed.removeprefix(f"{subject_id}:")


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"parcel_id": "p", "grams": 700, "weigher": {"sealed": "p:Ann"}}),
        (2, {"parcel_id": "p", "weight_g": 700, "weigher": {"sealed": "p:Ann"}}),
        (3, {"parcel_id": "p", "weight_g": 700, "given_name": {"sealed": "p:Ann"}, "scale": "first"}),
    ],
)
def test_every_version_is_read_as_todays_event(version: int, data: dict[str, Any]) -> None:
    before = repr(data)
    event = TODAY.decode("ParcelWeighed", version, data, PlainVault())
    assert event == Weighed("p", 700, "Ann", "first")
    assert repr(data) == before, "the stored data is not touched"


def test_what_an_old_release_stored_is_folded_by_a_new_one_and_new_events_follow_it_in_the_same_stream() -> None:
    store = MemoryStore(FixedClock(NOW))
    context = Context(actor="test:1", now=NOW, occurred_at=NOW, correlation_id="cor_1")
    old: Aggregate[Weighings, WeighedFirst] = Aggregate("parcel", (), lambda state, event: (*state, event), FIRST)
    new: Aggregate[Weighings, Weighed] = Aggregate("parcel", (), lambda state, event: (*state, event), TODAY)
    store.execute(old, "parcel_1", lambda _: [WeighedFirst("parcel_1", 700, "Ann")], context)

    store.execute(new, "parcel_1", lambda _: [Weighed("parcel_1", 710, "Bo", "second")], context)

    loaded = store.load(new, "parcel_1")
    assert loaded.state == (Weighed("parcel_1", 700, "Ann", "first"), Weighed("parcel_1", 710, "Bo", "second"))
    first, second = store.stream("parcel_1")
    assert (first.schema_version, second.schema_version) == (1, 3)
    assert set(first.data) == set(asdict(WeighedFirst("", 0, None))), "the old row stays as it was written"


def test_a_version_from_the_future_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="weight_g"):
        TODAY.decode("ParcelWeighed", 4, {"parcel_id": "p", "tons": 1, "given_name": None}, PlainVault())
