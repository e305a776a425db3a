"""Each version of each stored event has a golden file: what was written once is read for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.dispatch.codec import CODECS, RIDER_CODEC
from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.rider import events as re
from services.dispatch.domain.values import Goods
from shared.eventstore.vault import KeyVault, MemoryKeys
from tests.unit.dispatch import disruptions as d
from tests.unit.dispatch import policies as p
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch import test_breakdowns as breakdowns
from tests.unit.dispatch import test_silence as silence
from tests.unit.dispatch import test_surges as surges

GOLDEN = Path(__file__).parent / "golden"
EVENTS: list[Any] = [
    s.announced_errand,
    s.requested,
    de.ReadyTimeMoved(ready_at=s.at(20), report_by=s.at(33), dispatcher_at=s.at(15), wanted_by=s.at(25)),
    de.GoodsReady(ready_at=s.at(9), report_by=s.at(23)),
    s.offered,
    s.nobody_fitted,
    s.declined,
    s.expired,
    s.opened_for_grab,
    de.DispatcherNeeded(waiting_seconds=300),
    s.grabbed,
    s.assigned,
    s.unassigned,
    s.pinned,
    s.unpinned,
    s.way_directed,
    de.ReportExtended(report_by=s.at(40)),
    s.at_pickup,
    s.stop_collected,
    s.picked_up,
    s.at_dropoff,
    s.delivered,
    s.failed,
    s.undeliverable,
    s.withdrawn,
    de.WithdrawalRefused(reason="picked_up"),
    de.RouteChanged(
        rider_id=s.RIDER,
        dropoff_area=s.announced.dropoff_area,
        dropoff_cell="c3",
        promised_at=s.at(50),
        report_by=None,
    ),
    de.LoadChanged(skills=("fragile",), weight_g=100, volume_ml=50, promised_at=s.at(50)),
    de.DeliveryCorrected(delivered=False, goods=Goods.LEFT, reason="rider_mistake"),
    s.return_opened,
    s.goods_returned,
    de.LateReportKept(rider_id=s.RIDER, report="picked_up"),
    de.PickupZoneEntered(rider_id=s.RIDER, at=s.at(12), distance_m=31.5, accuracy_m=12.0),
    de.DropoffZoneEntered(rider_id=s.RIDER, at=s.at(12), distance_m=31.5, accuracy_m=12.0),
    de.TrackKept(
        rider_id=s.RIDER,
        leg=1,
        points=214,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    s.registered,
    re.RiderZonesChanged(zones=(s.ZONE,), reason="new_here"),
    s.on_shift,
    re.ShiftEnded(reason="time"),
    s.on_break,
    s.break_ended,
    s.offer_received,
    re.OfferClosed(delivery_id=s.DELIVERY, how="expired"),
    s.taken,
    re.DeliveryReleased(delivery_id=s.DELIVERY, how="delivered", released_at=s.at(30)),
    s.stops_ordered,
    s.pay_accrued,
    re.ReturnTaken(delivery_id=s.DELIVERY),
    re.ReturnDone(delivery_id=s.DELIVERY),
    re.RiderWentSilent(delivery_id=s.DELIVERY),
    re.RiderCameBack(),
    s.eta_told,
    s.delay_foreseen,
    *p.EVENTS,
    *d.EVENTS,
    *surges.EVENTS,
    silence.asked,
    breakdowns.waits,
]
TYPES = {entry.cls: entry for codec in CODECS for entry in codec.types}


def codec_of(event: Any) -> Any:
    return next(codec for codec in CODECS if codec.knows(TYPES[type(event)].name))


def golden(name: str, version: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{name}.v{version}.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_written_today_is_what_the_golden_file_holds(event: Any) -> None:
    vault = KeyVault(MemoryKeys({}))
    name, version, data = codec_of(event).encode(event, vault)
    opened = {
        field: vault.open(s.RIDER, value["sealed"]) if isinstance(value, dict) and "sealed" in value else value
        for field, value in data.items()
    }
    assert opened == golden(name, version)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_golden_file_is_read_as_the_event_it_was(event: Any) -> None:
    vault = KeyVault(MemoryKeys({}))
    entry = TYPES[type(event)]
    data = golden(entry.name, entry.schema_version)
    for personal in entry.personal:
        data[personal.field] = {"sealed": vault.seal(data[personal.subject], data[personal.field])}
    assert codec_of(event).decode(entry.name, entry.schema_version, data, vault) == event


def test_every_version_of_every_type_has_its_golden_file() -> None:
    wanted = {
        f"{entry.name}.v{version}.json" for entry in TYPES.values() for version in range(1, entry.schema_version + 1)
    }
    assert {path.name for path in GOLDEN.iterdir()} == wanted
    assert {type(event) for event in EVENTS} == set(TYPES)


def test_a_riders_name_and_phone_are_sealed_and_gone_when_he_is_forgotten() -> None:
    vault = KeyVault(MemoryKeys({}))
    name, version, data = RIDER_CODEC.encode(s.registered, vault)
    assert "Li Lei" not in json.dumps(data)
    assert "+8613900000000" not in json.dumps(data)
    vault.forget(s.RIDER)
    forgotten = RIDER_CODEC.decode(name, version, data, vault)
    assert isinstance(forgotten, re.RiderRegistered)
    assert (forgotten.name, forgotten.phone, forgotten.vehicle) == (None, None, "scooter")
