"""A rider's snapshot is what folding his events gives, and holds nothing personal in plain."""

import json
from pathlib import Path
from typing import Any

from services.dispatch.codec import RIDER
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.state import Rider
from shared.eventstore.vault import KeyVault, MemoryKeys
from tests.unit.dispatch import scenes as s

GOLDEN = Path(__file__).parent / "snapshots"
LIFE: list[e.RiderEvent] = [
    s.registered,
    e.RiderZonesChanged(zones=(s.ZONE,)),
    s.on_shift,
    s.offer_received,
    e.OfferClosed(delivery_id=s.DELIVERY, how="taken"),
    s.taken,
    e.RiderWentSilent(delivery_id=s.DELIVERY),
    e.RiderCameBack(),
    e.ReturnTaken(delivery_id=s.DELIVERY),
    s.stops_ordered,
    s.pay_accrued,
    e.DeliveryReleased(delivery_id=s.DELIVERY, how="failed", released_at=s.at(30)),
    e.ReturnDone(delivery_id=s.DELIVERY),
    s.on_break,
    s.break_ended,
    e.ShiftEnded(reason="time"),
]


class Readable:
    """Shows what is sealed, and for whom."""

    def seal(self, subject_id: str, plain: Any) -> str:
        return f"{subject_id}: {plain}"

    def open(self, subject_id: str, sealed: str) -> Any:
        return sealed.removeprefix(f"{subject_id}: ")


def life() -> list[tuple[str, Rider]]:
    state, seen = RIDER.initial, []
    for event in LIFE:
        state = RIDER.evolve(state, event)
        seen.append((type(event).__name__, state))
    return seen


def test_the_whole_life_is_told() -> None:
    assert {type(event) for event in LIFE} == {entry.cls for entry in RIDER.codec.types}


def test_each_state_is_written_as_the_golden_file_of_this_fold_says() -> None:
    """When this fails, the fold or the shape of the state has changed: raise its number, and add a file."""
    assert RIDER.snapshots is not None
    path = GOLDEN / f"Rider.v{RIDER.snapshots.fold_version}.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert [{"after": name, "state": RIDER.snapshots.encode(state, Readable())} for name, state in life()] == golden


def test_each_state_is_read_back_as_it_was() -> None:
    assert RIDER.snapshots is not None
    for _, state in life():
        stored = json.loads(json.dumps(RIDER.snapshots.encode(state, Readable())))
        assert RIDER.snapshots.decode(stored, Readable()) == state


def test_nothing_personal_is_in_plain_and_it_goes_with_the_key() -> None:
    assert RIDER.snapshots is not None
    vault = KeyVault(MemoryKeys({}))
    _, state = life()[0]
    stored = RIDER.snapshots.encode(state, vault)
    assert state.name is not None
    assert state.phone is not None
    text = json.dumps(stored, ensure_ascii=False)
    assert state.name not in text
    assert state.phone not in text
    assert RIDER.snapshots.decode(stored, vault) == state
    vault.forget(state.rider_id)
    after = RIDER.snapshots.decode(stored, vault)
    assert (after.name, after.phone, after.vehicle) == (None, None, state.vehicle)
