"""The policy lab's report in a browser: without network, in both languages, on a phone, and by the keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.lab.comparing import Comparison, DayResult, OrderResult, Policy
from services.dispatch.lab.kpis import KPIS
from services.dispatch.lab.report import page
from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, overflow, small_targets

DAYS = ("2026-03-02", "2026-03-03", "2026-03-04")


def result(day: str, policy: str, worse: float) -> DayResult:
    """Sixty orders of which each fourth is late, somewhat worse than usual."""
    orders = tuple(
        OrderResult(
            click_to_door_min=None if number % 30 == 0 else 20 + number % 17 + worse,
            late_min=None,
            late=number % 4 == 0,
            hour=11 + number % 9,
            door=(150.0 * (number % 11), 90.0 * (number % 13)),
        )
        for number in range(60)
    )
    return DayResult(
        day=day,
        policy=policy,
        kpis={kpi.name: 5 + worse + DAYS.index(day) + 0.01 * worse * len(day + kpi.name) for kpi in KPIS},
        orders=orders,
        fates={"delivered": 58},
        riders=12,
        decisions=4_000,
        decision_p50_ms=2.0,
        decision_p99_ms=9.0,
        decisions_per_second=400,
        simulated_s=43_200,
        wall_s=20,
    )


@pytest.fixture
def report(tmp_path: Path) -> str:
    policies = (Policy("settings", PolicyDocument()), Policy("lunch <b>", PolicyDocument(defaults={"futures": 3})))
    results = [result(day, policy.label, place) for place, policy in enumerate(policies) for day in DAYS]
    path = tmp_path / "report.html"
    path.write_text(page(Comparison(policies=policies, days=DAYS, results=tuple(results))), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("size", ["phone", "desk"])
@pytest.mark.parametrize(("language", "title"), [("en", "Policy lab"), ("zh", "策略实验室")])
def test_the_report_is_whole_without_network(
    report: str, open_page: OpenPage, language: str, size: str, title: str
) -> None:
    opened = open_page(report, language=language, size=size)
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    opened.page.reload()
    assert asked == [report], "everything is in the one file"
    expect(opened.page.locator("h1")).to_contain_text(title)
    assert opened.page.locator("h1 :visible").count() == 1
    assert opened.page.locator("svg.chart, svg.map").count() == 4
    assert overflow(opened.page) == []
    assert barriers(opened.page) == []


def test_the_language_is_changed_and_a_chart_read_as_a_table_with_the_keyboard_alone(
    report: str, open_page: OpenPage
) -> None:
    page_ = open_page(report).page
    page_.get_by_role("button", name="中文").press("Enter")
    expect(page_.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page_.get_by_text("有何不同")).to_be_visible()
    expect(page_.get_by_text("What differs", exact=True)).to_be_hidden()
    expect(page_.get_by_role("button", name="中文")).to_have_attribute("aria-pressed", "true")
    table = page_.locator("details").first
    table.locator("summary").press("Enter")
    expect(table.locator("tbody tr").first).to_be_visible()
    assert small_targets(page_) == []
