"""What the lab says of policies: differences day by day, in sentences and figures, on days that were asked for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.lab.comparing import Comparison, DayResult, Policy, as_figures, compare
from services.dispatch.lab.kpis import KPIS
from services.dispatch.lab.mdrp import InstanceUnreadable
from services.dispatch.lab.report import page
from services.dispatch.lab.sources import (
    NotReadable,
    from_mdrp,
    read_policy,
    read_seeds,
)
from services.dispatch.lab.synthetic import TownSize, made_up_day
from services.dispatch.lab.telling import sentence, table

EVERY_MINUTE = replace(DispatchPolicy(), engine_turn_seconds=60)
SMALL = TownSize(orders=20, riders=4, shops=5, base=EVERY_MINUTE)


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
