"""What the lab says of policies: figures, how sure they are, and where its days come from."""

import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from services.dispatch.codec import DELIVERY_CODEC, RIDER_CODEC
from services.dispatch.domain.delivery import events as d
from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import events as r
from services.dispatch.domain.values import AssignmentMode, Priority, Proof
from services.dispatch.lab.comparing import Comparison, DayResult, Policy, as_figures, compare
from services.dispatch.lab.kpis import KPIS, gini, kpis, quantile
from services.dispatch.lab.mdrp import InstanceUnreadable
from services.dispatch.lab.played import Fate, Kind, OrderPlayed, Played, Stop
from services.dispatch.lab.previewing import Player
from services.dispatch.lab.recorded import NobodysNames, recorded_days
from services.dispatch.lab.report import page
from services.dispatch.lab.sources import (
    Line,
    NotReadable,
    from_export,
    from_mdrp,
    from_store,
    last_days,
    read_policy,
    read_seeds,
)
from services.dispatch.lab.statistics import estimate
from services.dispatch.lab.synthetic import TownSize, made_up_day
from services.dispatch.lab.telling import sentence, table
from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import StoredEvent
from shared.kernel.place import Place
from tests.unit.dispatch.test_lab_simulation import lonely

EVERY_MINUTE = replace(DispatchPolicy(), engine_turn_seconds=60)
SMALL = TownSize(orders=20, riders=4, shops=5, base=EVERY_MINUTE)
DAY = date(2026, 3, 2)
SHOP, DOOR = Place(30.28, 120.15), Place(30.285, 120.155)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    dice = random.Random(4)
    held = 0
    for _ in range(2_000):
        found = estimate([dice.gauss(3.0, 2.0) for _ in range(6)])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 3.0 <= found.high
    assert held / 2_000 == pytest.approx(0.95, abs=0.015)


def test_one_day_says_nothing_about_others() -> None:
    found = estimate([7.0])
    assert found is not None
    assert (found.mean, found.low, found.high, found.differs_from_zero) == (7.0, None, None, False)
    assert estimate([]) is None


def test_the_gini_coefficient_is_0_for_equals_and_grows_with_the_spread() -> None:
    assert gini([5.0, 5.0, 5.0]) == pytest.approx(0.0)
    assert gini([0.0, 0.0, 0.0, 8.0]) == pytest.approx(0.75)
    assert gini([]) is None


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.9) == pytest.approx(4.6)
    assert quantile([], 0.9) is None


def test_the_figures_of_a_day_are_those_of_its_orders_and_stops() -> None:
    day = replace(lonely(), orders=(*lonely().orders, replace(lonely().orders[0], order_id="never")))
    order = OrderPlayed(
        order_id="dinner",
        shop_id="shop",
        rider_id="rider0",
        fate=Fate.DELIVERED,
        placed_at=0,
        ready_at=600,
        late_after=1_700,
        picked_at=720,
        delivered_at=1_800,
    )
    never = replace(order, order_id="never", rider_id=None, fate=Fate.NOBODY, picked_at=None, delivered_at=None)
    stops = (
        Stop(rider_id="rider0", kind=Kind.MOVE, place="shop", left_at=0, arrived_at=160, done_at=160),
        Stop(
            rider_id="rider0",
            kind=Kind.PICKUP,
            place="shop",
            left_at=160,
            arrived_at=160,
            done_at=720,
            order_ids=("dinner",),
        ),
        Stop(
            rider_id="rider0",
            kind=Kind.DROPOFF,
            place="dinner",
            left_at=840,
            arrived_at=1_680,
            done_at=1_800,
            order_ids=("dinner",),
        ),
    )
    played = Played(
        day="d",
        orders={"dinner": order, "never": never},
        stops=stops,
        decisions=1,
        decision_ms=(1.0,),
        simulated_s=7_200,
        wall_s=1,
    )
    found = kpis(day, played)
    assert found["undelivered_percent"] == 50
    assert found["click_to_door_min"] == 30
    assert found["late_percent"] == 100
    assert found["ready_to_pickup_min"] == 2
    assert found["orders_per_bundle"] == 1
    assert found["utilisation_percent"] == pytest.approx(100 * (160 + 240 + 840 + 240) / 7_200)
    assert found["cost_per_order_cents"] == max(600, 2 * 800)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    days = [made_up_day(seed, SMALL) for seed in (1, 2)]
    alone = PolicyDocument(defaults={"orders_per_bundle": 1, "future_weight": 0})
    return compare(days, [Policy("usual", PolicyDocument()), Policy("alone", alone)], workers=1)


def test_two_processes_find_what_one_finds(comparison: Comparison) -> None:
    days = [made_up_day(seed, SMALL) for seed in (1, 2)]
    told: list[tuple[int, int]] = []
    again = compare(days, list(comparison.policies), workers=2, tell=lambda done, total: told.append((done, total)))
    assert [result.kpis for result in again.results] == [result.kpis for result in comparison.results]
    assert told[-1] == (4_000, 4_000)


def test_days_are_played_more_than_100_times_as_fast_as_the_clock(comparison: Comparison) -> None:
    assert all(result.speed > 100 for result in comparison.results)


def test_a_policy_that_bundles_nothing_brings_one_order_at_a_time(comparison: Comparison) -> None:
    assert comparison.values("alone", "orders_per_bundle") == [1.0, 1.0]


def test_every_difference_is_a_sentence_in_both_languages(comparison: Comparison) -> None:
    found = list(comparison.differences())
    assert len(found) == len(KPIS)
    for each in found:
        assert "alone" in sentence(each)
        assert "alone" in sentence(each, "zh")
        assert any("一" <= letter <= "鿿" for letter in sentence(each, "zh"))


def result(day: str, policy: str, minutes: float) -> DayResult:
    figures: dict[str, float | None] = dict.fromkeys((kpi.name for kpi in KPIS), None)
    return DayResult(
        day=day,
        policy=policy,
        kpis=figures | {"click_to_door_min": minutes},
        orders=(),
        fates={},
        riders=1,
        decisions=1,
        decision_p50_ms=1,
        decision_p99_ms=1,
        decisions_per_second=1,
        simulated_s=1,
        wall_s=1,
    )


def test_a_difference_that_holds_every_day_is_sure_though_days_differ_more() -> None:
    minutes = {"mon": 20.0, "tue": 35.0, "wed": 27.0}
    results = [result(day, "a", value) for day, value in minutes.items()]
    results += [result(day, "b", value - 1 - 0.01 * place) for place, (day, value) in enumerate(minutes.items())]
    policies = (Policy("a", PolicyDocument()), Policy("b", PolicyDocument()))
    found = list(Comparison(policies=policies, days=tuple(minutes), results=tuple(results)).differences())
    assert [each.better for each in found] == [True]
    assert "which is better" in sentence(found[0])
    assert "更好" in sentence(found[0], "zh")


def test_one_day_is_told_to_be_one_day() -> None:
    policies = (Policy("a", PolicyDocument()), Policy("b", PolicyDocument()))
    one = Comparison(policies=policies, days=("mon",), results=(result("mon", "a", 20), result("mon", "b", 19)))
    assert any("One day, no interval" in line for line in table(one))
    assert [each.better for each in one.differences()] == [None]
    assert "one day, no interval" in page(one)


def test_the_page_needs_nobody_and_speaks_both_languages(comparison: Comparison) -> None:
    html = page(comparison)
    assert "http" not in html.replace("http-equiv", "")
    assert html.count('class="en"') == html.count('class="zh"')
    assert "<svg" in html
    assert "NaN" not in html
    assert "&lt;script&gt;" in page(
        replace(comparison, policies=(Policy("<script>", PolicyDocument()),), days=(), results=())
    )


def test_the_figures_for_programs_hold_every_day(comparison: Comparison) -> None:
    figures = json.loads(json.dumps(as_figures(comparison)))
    assert [run["day"] for run in figures["runs"]] == ["seed 1", "seed 1", "seed 2", "seed 2"]
    assert {row["kpi"] for row in figures["differences"]} == {kpi.name for kpi in KPIS}


def test_seeds_are_numbers_and_ranges() -> None:
    assert read_seeds("1-3,7") == [1, 2, 3, 7]
    for wrong in ("x", "3-1", "", "1-9999"):
        with pytest.raises(NotReadable, match="--seeds"):
            read_seeds(wrong)


def test_every_fault_of_a_policy_is_told_at_once_with_its_field(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"defaults": {"offer_minutes": 2, "futures": 2.5}, "rulez": []}))
    with pytest.raises(NotReadable) as refused:
        read_policy(path, DispatchPolicy())
    for field in ("defaults.offer_minutes", "defaults.futures", "rulez"):
        assert field in str(refused.value)


def instance(folder: Path) -> Path:
    folder.mkdir()
    tables = {
        "orders": "order\tx\ty\tplacement_time\trestaurant\tready_time\no1\t100\t900\t0\tr1\t10\n",
        "restaurants": "restaurant\tx\ty\nr1\t0\t0\n",
        "couriers": "courier\tx\ty\ton_time\toff_time\nc1\t0\t0\t0\t120\n",
        "instance_parameters": "meters_per_minute\tpickup service minutes\tdropoff service minutes\t"
        "target click-to-door\tmaximum click-to-door\tpay per order\tguaranteed pay per hour\n"
        "320\t4\t4\t40\t90\t10\t15\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_a_public_instance_is_a_day(tmp_path: Path) -> None:
    (day,) = from_mdrp([instance(tmp_path / "one")])
    assert (day.orders[0].ready_at, day.roads.seconds((0, 0), (0, 321))) == (600, 120)
    assert not day.behaviour.offers


def test_an_unreadable_instance_says_which_file_and_what(tmp_path: Path) -> None:
    folder = instance(tmp_path / "one")
    (folder / "couriers.txt").write_text("courier\tx\ty\nc1\t0\t0\n")
    with pytest.raises(InstanceUnreadable, match=r"couriers.txt lacks on_time, off_time"):
        from_mdrp([folder])
    with pytest.raises(InstanceUnreadable, match=r"no orders.txt"):
        from_mdrp([tmp_path / "nowhere"])


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


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["lab", "compare", *words])
    return done.exit_code, done.output


def test_the_command_compares_and_writes_what_is_asked_for(tmp_path: Path) -> None:
    policy, html, figures = tmp_path / "b.json", tmp_path / "out.html", tmp_path / "out.json"
    policy.write_text('{"defaults": {"engine_turn_seconds": 60}}')
    more = ["--orders", "15", "--riders", "3", "--workers", "1", "--run-dir", str(tmp_path)]
    code, said = run("--seeds", "4", "--policy", str(policy), "--html", str(html), "--json", str(figures), *more)
    assert code == 0, said
    assert "Click to door, mean" in said
    assert "One day, no interval" in said
    assert json.loads(figures.read_text())["days"] == ["seed 4"]
    assert html.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seeds", "1", "--mdrp", "x"], "days of one kind only"),
        (["--from", "2026-03-01"], "both days are needed"),
        (["--from", "2026-03-02", "--to", "2026-03-01", "--log", "x"], "--from is after --to"),
        (["--mdrp", "nowhere"], "holds no instance"),
        (["--seeds", "1", "--policy", "nowhere.json"], "nowhere.json"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(words: list[str], told: str, tmp_path: Path) -> None:
    code, said = run(*words, "--run-dir", str(tmp_path))
    assert code == 2
    assert told in said
    assert "Traceback" not in said


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
