"""The operators' page of policies: what holds, what differs, and a change from the form to its roll-back."""

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.dispatch.domain.policies.catalogue import PARAMETERS
from services.dispatch.policy_schemas import EXAMPLE
from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, cut_off, lengthen, overflow, small_targets, state_of

WORDS = {
    code: json.loads((Path("shared/web/static/i18n") / f"{code}.json").read_text(encoding="utf-8"))
    for code in ("en", "zh")
}
WHY = "shorter offers at lunch"
RARE_TURNS = {"dispatch": {"engine_turn_seconds": 300, "futures": 1}}
"""Days are previewed quickly when the engine looks rarely, and hardly ahead."""
UNITS = {"en": ["25 s", "28 s"], "zh": ["25 秒", "28 秒"]}


class Office:
    """An operator with the routes in hand, and the address of the page."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.url = platform.url("dispatch")
        self.token = platform.token(("operations",), ("ops_1",))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{self.url}/v1/policies/dispatch{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def address(self, role: str = "operations") -> str:
        return f"{self.url}/policies#token={self.platform.token((role,), ('ops_1',))}"

    def draft(self, document: dict[str, Any]) -> int:
        return int(self.ask("POST", "/versions", {"document": document, "reason": WHY})["number"])

    def activate(self, number: int, **more: Any) -> None:
        self.ask("POST", f"/versions/{number}/activate", {"reason": WHY, **more})


@pytest.fixture(scope="module")
def running(backends: Backends, session_folder: Path) -> Iterator[Platform]:
    with Platform(
        session_folder / "policies", services=("dispatch",), backends=backends, policies=RARE_TURNS
    ) as platform:
        yield platform


@pytest.fixture
def office(running: Platform) -> Office:
    """The settings alone are in force, and nothing is scheduled."""
    made = Office(running)
    made.ask("POST", "/unschedule", {"reason": WHY})
    made.ask("POST", "/rollback", {"to": 0, "reason": WHY})
    return made


def pictured(page: Page, name: str) -> None:
    folder = os.environ.get("DOORSTEP_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/policies-{name}.png", full_page=True)


def active(page: Page, number: int) -> None:
    expect(page.locator(".in-force .which")).to_have_attribute("data-active", str(number), timeout=15_000)


def answer(page: Page, button: str, done: str = "Do it") -> None:
    """Answers the open question with a reason, by the keyboard."""
    page.get_by_role("button", name=button).press("Enter")
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Why").fill(WHY)
    dialog.get_by_role("button", name=done).press("Enter")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_versions_and_what_differs_are_shown_whole(
    office: Office, open_page: OpenPage, language: str, size: str
) -> None:
    first = office.draft(EXAMPLE)
    second = office.draft(EXAMPLE | {"defaults": {"offer_seconds": 28, "offers_before_grab": 2}})
    office.activate(first)
    office.activate(second, at=(office.platform.clock.now() + timedelta(hours=3)).isoformat())
    page = open_page(office.address(), language=language, size=size).page
    active(page, first)
    expect(page.locator(".scheduled")).to_have_attribute("data-scheduled", str(second))
    page.locator(f'.version[data-number="{second}"]').press("Enter")
    expect(page.locator(f'.detail[data-number="{second}"]')).to_be_visible()
    changed = page.locator('.changes [data-field="defaults.offer_seconds"] td')
    expect(changed).to_have_text(UNITS[language], timeout=15_000)
    assert page.locator('.whole [data-rule="lunch"] dd').count() == 2
    expect(page).to_have_title(re.compile(re.escape(WORDS[language]["policies.title"])))
    assert overflow(page) == []
    assert small_targets(page) == []
    assert barriers(page) == []
    pictured(page, f"{size}-{language}")
    page.get_by_role("button", name=WORDS[language]["policies.edit"]).press("Enter")
    expect(page.locator(".editor .rule")).to_have_count(1)
    assert overflow(page) == []
    assert small_targets(page) == []
    assert barriers(page) == []
    pictured(page, f"edit-{size}-{language}")


def test_long_words_break_nothing(office: Office, open_page: OpenPage) -> None:
    office.activate(office.draft(EXAMPLE))
    opened = open_page(office.address(), size="phone")
    lengthen(opened.context)
    opened.page.reload()
    expect(opened.page.locator(".changes")).to_be_visible(timeout=15_000)
    assert overflow(opened.page) == []
    assert cut_off(opened.page) == []


def test_a_policy_is_changed_checked_activated_and_rolled_back_with_the_keyboard_alone(
    office: Office, open_page: OpenPage
) -> None:
    page = open_page(office.address()).page
    active(page, 0)
    page.get_by_role("button", name="Change from here").press("Enter")
    expect(page.locator(".editor h2")).to_be_focused()
    answering = page.get_by_label("Rider's answer to an offer").first
    answering.fill("1")
    page.get_by_role("button", name="Add a rule").press("Enter")
    rule = page.locator(".editor .rule")
    rule.get_by_label("Name").fill("evening")
    rule.get_by_label("From").fill("18:00")
    rule.get_by_label("Fri").press("Space")
    rule.get_by_label("Set another figure here").select_option("grab_radius_m")
    rule.get_by_label("Radius for claiming").fill("3000")
    page.get_by_role("button", name="Check").press("Enter")
    verdict = page.locator(".verdict")
    expect(verdict).to_have_attribute("data-valid", "false", timeout=15_000)
    expect(verdict).to_contain_text("5 to 600 is allowed, in seconds")
    expect(answering).to_have_attribute("aria-invalid", "true")
    assert barriers(page) == []
    pictured(page, "faulty")
    answering.fill("22")
    page.get_by_role("button", name="Check").press("Enter")
    expect(verdict).to_have_attribute("data-valid", "true", timeout=15_000)
    page.get_by_label("Why").fill(WHY)
    page.get_by_role("button", name="Save as a new version").press("Enter")
    number = office.ask("GET", "")["latest"]
    expect(page.locator(f'.detail[data-number="{number}"]')).to_be_visible(timeout=15_000)
    assert office.ask("GET", f"/versions/{number}")["document"] == {
        "time_zone": "Asia/Shanghai",
        "defaults": {"offer_seconds": 22},
        "areas": [],
        "rules": [{"name": "evening", "days": ["fri"], "starts": "18:00", "values": {"grab_radius_m": 3000}}],
    }
    answer(page, "Activate now")
    active(page, number)
    answer(page, "Back to: Settings only")
    active(page, 0)
    page.locator(".audit summary").press("Enter")
    expect(page.locator(".audit li").first).to_contain_text("Back to: Settings only", timeout=15_000)
    assert barriers(page) == []
    assert office.ask("GET", "/audit")["items"][0]["reason"] == WHY


def test_what_weighs_for_all_places_at_once_is_offered_for_hours_and_not_for_areas(
    office: Office, open_page: OpenPage
) -> None:
    office.activate(office.draft(EXAMPLE))
    page = open_page(office.address()).page
    page.get_by_role("button", name="Change from here").press("Enter")
    rule = page.locator(".editor .rule")
    weight = rule.locator('option[value="future_weight"]')
    expect(rule.locator('option[value="medical_weight"]')).to_have_count(1)
    expect(weight).to_have_count(0)
    for area in rule.locator('input[name="areas-0"]:checked').all():
        area.press("Space")
    expect(weight).to_have_count(1)
    rule.get_by_label("Set another figure here").select_option("future_weight")
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.locator(".verdict")).to_have_attribute("data-valid", "true", timeout=15_000)
    rule.locator('input[name="areas-0"]').first.press("Space")
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.locator(".verdict")).to_have_attribute("data-valid", "false", timeout=15_000)
    expect(page.locator(".verdict")).to_contain_text("a rule without areas")
    pictured(page, "by-time-only")


def test_what_somebody_else_has_just_changed_is_not_overwritten(office: Office, open_page: OpenPage) -> None:
    number = office.draft({"defaults": {"offer_seconds": 21}})
    opened = open_page(office.address())
    page = opened.page
    page.locator(f'.version[data-number="{number}"]').press("Enter")
    page.get_by_role("button", name="Activate now").press("Enter")
    stale = str(office.ask("GET", "")["version"] - 1)
    page.route(
        "**/activate", lambda route: route.continue_(headers={**route.request.headers, "if-match": f'"{stale}"'})
    )
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Why").fill(WHY)
    dialog.get_by_role("button", name="Do it").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("changed since you read it", timeout=15_000)
    assert office.ask("GET", "")["active"] == 0
    assert all("412" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_strangers_see_nothing(office: Office, open_page: OpenPage) -> None:
    opened = open_page(office.address("rider"))
    expect(opened.page.locator(".banner strong")).to_have_text("You may not see this page.", timeout=15_000)
    assert state_of(opened.page) == "denied"
    assert all("403" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_the_page_runs_under_its_own_strict_policy(office: Office, open_page: OpenPage) -> None:
    page = open_page(office.address(), bypass_csp=False).page
    active(page, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_has_its_words(language: str) -> None:
    words = WORDS[language]
    for parameter in PARAMETERS:
        for key in (f"figure.{parameter.name}", f"unit.{parameter.unit}", f"kind.{parameter.kind}"):
            assert f"policies.{key}" in words


def previewed(page: Page, number: int) -> None:
    page.locator(f'.version[data-number="{number}"]').press("Enter")
    expect(page.locator(f'.detail[data-number="{number}"]')).to_be_visible()


def test_the_effect_of_a_version_is_previewed_with_the_keyboard_and_shown_in_both_languages(
    office: Office, open_page: OpenPage
) -> None:
    number = office.draft({"defaults": {"orders_per_bundle": 1, "future_weight": 0}})
    page = open_page(office.address()).page
    previewed(page, number)
    section = page.locator(".preview")
    expect(section).to_have_attribute("data-preview", "none")
    section.get_by_role("button", name="Preview its effect").press("Enter")
    expect(section).to_have_attribute("data-preview", re.compile("waiting|playing"), timeout=15_000)
    expect(section.get_by_role("progressbar")).to_be_visible()
    expect(section).to_have_attribute("data-preview", "done", timeout=240_000)
    expect(section.locator("[data-kpi]")).to_have_count(10)
    expect(section).to_contain_text("Too little has been recorded")
    assert barriers(page) == []
    for language in ("en", "zh"):
        for size in ("phone", "desk"):
            shown = open_page(office.address(), language=language, size=size).page
            previewed(shown, number)
            table = shown.locator(".preview .effects")
            expect(table).to_contain_text(WORDS[language]["policies.kpi.click_to_door_min"], timeout=15_000)
            assert overflow(shown) == []
            assert small_targets(shown) == []
            assert barriers(shown) == []
            pictured(shown, f"preview-{size}-{language}")
