"""Days as the log tells them: read from the store, from an export, and played in previews."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.dispatch.codec import DELIVERY_CODEC, RIDER_CODEC
from services.dispatch.domain.delivery import events as d
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import events as r
from services.dispatch.domain.values import AssignmentMode, Priority, Proof
from services.dispatch.lab.previewing import Player
from services.dispatch.lab.recorded import NobodysNames, recorded_days
from services.dispatch.lab.sources import (
    Line,
    NotReadable,
    from_export,
    from_store,
    last_days,
)
from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import StoredEvent
from shared.kernel.place import Place

DAY = date(2026, 3, 2)
SHOP, DOOR = Place(30.28, 120.15), Place(30.285, 120.155)


def moment(minutes: float) -> datetime:
    return datetime(2026, 3, 2, 3, 0, tzinfo=UTC) + timedelta(minutes=minutes)


class Sealer(NobodysNames):
    def seal(self, subject_id: str, plain: Any) -> str:
        return "sealed"


def lines(*told: tuple[str, float, Any]) -> list[Line]:
    """Stored lines from (stream, minutes after eleven, event)."""
    found = []
    for stream, minutes, event in told:
        codec: Any = RIDER_CODEC if stream.startswith("rid") else DELIVERY_CODEC
        name, version, data = codec.encode(event, Sealer())
        found.append(Line(stream, name, version, data, moment(minutes)))
    return found


def one_recorded_day(*more: tuple[str, float, Any]) -> list[Line]:
    return lines(
        (
            "rid_1",
            -600,
            r.RiderRegistered(
                rider_id="rid_1",
                name="Li",
                phone="1",
                vehicle="bike",
                capacity_g=9_000,
                capacity_ml=8_000,
                skills=("cold",),
            ),
        ),
        ("rid_1", 0, r.ShiftStarted(place=SHOP, cell="", until=moment(300))),
        (
            "dlv_1",
            5,
            d.DeliveryAnnounced(
                order_id="ord_1",
                merchant_id="mer_1",
                pickup=SHOP,
                dropoff_area=DOOR,
                pickup_cell="",
                dropoff_cell="",
                promised_at=moment(45),
                priority=Priority.URGENT,
                weight_g=700,
            ),
        ),
        (
            "dlv_1",
            7,
            d.DeliveryRequested(
                attempt=1,
                ready_at=moment(20),
                requested_at=moment(7),
                dispatcher_at=moment(30),
                wanted_by=moment(40),
            ),
        ),
        *more,
        ("dlv_1", 26, d.GoodsReady(ready_at=moment(26))),
        ("rid_1", 240, r.ShiftEnded()),
    )


def test_a_recorded_day_is_what_its_events_say() -> None:
    found = recorded_days(one_recorded_day(), DAY, DAY, base=DispatchPolicy())
    (day,) = found.days
    (order,) = day.orders
    (rider,) = day.riders
    eleven = 11 * 3600.0
    assert day.name == "2026-03-02"
    assert (order.placed_at, order.comes_at) == (eleven + 300, eleven + 420)
    assert (order.expected_ready_at, order.ready_at) == (eleven + 1_200, eleven + 1_560)
    assert (order.priority, order.load_g, order.promised_at) == (Priority.URGENT, 700, eleven + 2_700)
    assert (rider.on_at, rider.off_at) == (eleven, eleven + 4 * 3600)
    assert (rider.capacity_g, rider.skills) == (9_000, frozenset({"cold"}))
    assert any("doors are the middles of their cells" in remark for remark in found.remarks)


def test_an_order_that_was_withdrawn_is_cancelled_at_that_moment_again() -> None:
    found = recorded_days(
        one_recorded_day(("dlv_1", 15, d.DeliveryWithdrawn(reason="customer"))), DAY, DAY, base=DispatchPolicy()
    )
    assert found.days[0].orders[0].patience_s == 600


def test_a_day_without_riders_is_told_and_left_out() -> None:
    found = recorded_days(one_recorded_day()[2:4], DAY, DAY, base=DispatchPolicy())
    assert found.days == ()
    assert any("nobody was on shift" in remark for remark in found.remarks)


def many_rides(count: int) -> Iterable[tuple[str, float, Any]]:
    """Rides of 731 m in three minutes each, and every fourth offer declined."""
    proof = Proof(kind="none")
    for number in range(count):
        start = 8.0 + number
        offered = d.DeliveryOffered(
            rider_id="rid_1",
            distance_m=1,
            offered_at=moment(start),
            answer_by=moment(start + 1),
            policy_version="base",
        )
        yield "dlv_1", start, offered
        if number % 4 == 0:
            yield "dlv_1", start + 0.1, d.OfferDeclined(rider_id="rid_1")
        else:
            yield (
                "dlv_1",
                start + 0.2,
                d.RiderAssigned(
                    rider_id="rid_1",
                    mode=AssignmentMode.ENGINE,
                    policy_version="base",
                    assigned_at=moment(start),
                    report_by=moment(start + 5),
                ),
            )
        yield "dlv_1", start + 0.3, d.PickedUp(rider_id="rid_1", proof=proof)
        yield "dlv_1", start + 0.6, d.ArrivedAtDropoff(rider_id="rid_1", report_by=moment(start + 9))


def test_speed_and_refusals_are_learned_from_what_was_reported() -> None:
    (day,) = recorded_days(one_recorded_day(*many_rides(40)), DAY, DAY, base=DispatchPolicy()).days
    assert day.behaviour.declines == pytest.approx(0.25)
    assert day.behaviour.answer_s == pytest.approx(12)
    assert day.roads.metres_per_second == pytest.approx(735 / 18, rel=0.01)
    assert day.roads.noise == pytest.approx(0, abs=1e-6)


def export(path: Path, rows: Sequence[Line]) -> Path:
    written = [
        {
            "stream_id": row.stream_id,
            "type": row.type,
            "schema_version": row.schema_version,
            "data": row.data,
            "metadata": {"occurred_at": row.occurred_at.isoformat()},
        }
        for row in rows
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in written))
    return path


def test_an_exported_log_gives_the_same_days(tmp_path: Path) -> None:
    path = export(tmp_path / "log.jsonl", one_recorded_day())
    base = DispatchPolicy()
    assert from_export(path, DAY, DAY, base).days == recorded_days(one_recorded_day(), DAY, DAY, base=base).days
    path.write_text("{}\n")
    with pytest.raises(NotReadable, match="line 1"):
        from_export(path, DAY, DAY, base)


def stored(told: Sequence[Line], position: int = 0) -> list[StoredEvent]:
    return [
        StoredEvent(
            stream_id=row.stream_id,
            version=number,
            event_id=f"evt_{number}",
            type=row.type,
            schema_version=row.schema_version,
            data=row.data,
            actor="test:1",
            occurred_at=row.occurred_at,
            recorded_at=row.occurred_at,
            correlation_id="cor_1",
            position=position + number,
        )
        for number, row in enumerate(told, 1)
    ]


class Log(MemoryStore):
    """A store that holds only a log."""

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        super().__init__()
        self.events = list(events)

    def log_after(self, position: int, limit: int = 500) -> list[StoredEvent]:
        return self.events[position : position + limit]

    def log_position(self) -> int:
        return len(self.events)


def a_day_later(told: Sequence[Line], days: int, copies: int) -> list[Line]:
    """Days of many alike orders, `days` later; each under ids of its own."""
    later = []
    for row in told:
        text = json.dumps({"type": row.type, "data": dict(row.data)})
        for moved in re.findall(r"2026-03-02T[0-9:.]+", text):
            text = text.replace(moved, (datetime.fromisoformat(moved) + timedelta(days=days)).isoformat())
        data = json.loads(text)["data"]
        many = range(copies if row.stream_id.startswith("dlv") else 1)
        moment = row.occurred_at + timedelta(days=days)
        for number in many:
            later.append(replace(row, stream_id=f"{row.stream_id}{days}{number}", data=data, occurred_at=moment))
    return later


def test_previews_play_recorded_days_where_there_are_enough_and_made_up_ones_elsewhere() -> None:
    base = DispatchPolicy()
    told = [line for days in range(3) for line in a_day_later(one_recorded_day(), days, copies=30)]
    material = Player(Log(stored(told)), base).material()
    assert (material.source, [day.name for day in material.days]) == (
        "recorded",
        ["2026-03-02", "2026-03-03", "2026-03-04"],
    )
    few = Player(Log(stored(told[: len(told) // 3])), base, seeds=(7,)).material()
    assert (few.source, [day.name for day in few.days]) == ("made_up", ["seed 7"])
    assert Player(Log([]), base, seeds=(7,)).material().source == "made_up"


def test_a_long_log_is_read_from_the_days_that_are_asked_for() -> None:
    told = [line for days in range(12) for line in a_day_later(one_recorded_day(), days, copies=2)]
    log = Log(stored(told))
    found = from_store(log, DAY + timedelta(days=9), DAY + timedelta(days=10), DispatchPolicy())
    assert [day.name for day in found.days] == ["2026-03-11", "2026-03-12"]
    assert last_days(log, 2) == (DAY + timedelta(days=10), DAY + timedelta(days=11))
    assert last_days(Log([]), 2) is None
