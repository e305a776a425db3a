"""The war room as somebody sees it who runs the operation: right, live, honest about its age, in both languages."""

import json
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.analytics.domain.board import FEED_LENGTH
from tests.browser import lunch
from tests.browser.cable import Cable
from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, cut_off, lengthen, overflow, small_targets, state_of, texts
from tests.browser.warroom import WarRoom, open_warroom
from tests.support.database import Database
from tests.support.waiting import wait_until
from tests.unit.analytics.telling import OneOrder, minutes

WORDS = {
    "en": {"title": "War room", "on_time": "On-time rate", "state": "Delivering", "flags": "Red flags"},
    "zh": {"title": "作战室", "on_time": "准时率", "state": "配送中", "flags": "红色预警"},
}
STREAM = ': hello\n\nid: 7\r\nevent: change\r\ndata: {"a":\r\ndata: 1}\r\n\r\nid: 8\rdata: 2\r\rid: 9\ndata: 3'


@pytest.fixture(scope="module")
def room(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarRoom]:
    with open_warroom(tmp_path_factory.mktemp("warroom"), database, lunch.NOW) as opened:
        lunch.lunch(opened.story)
        opened.tell_and_fold()
        yield opened


def address(room: WarRoom, *roles: str) -> str:
    return f"{room.url}/#token={room.token(*roles)}"


def shown(page: Page) -> None:
    expect(page.locator(".tile")).to_have_count(6)
    expect(page.locator(".freshness")).to_have_attribute("data-state", "live")


def board(room: WarRoom) -> dict[str, Any]:
    return room.tell_and_fold()


def number_of(page: Page, state: str) -> int:
    row = page.locator(f'.states tr[data-state="{state}"]')
    return int(row.locator("td.number").inner_text()) if row.count() else 0


def positions(page: Page) -> list[int]:
    return [int(found) for found in page.locator(".feed li").evaluate_all("all => all.map(e => e.dataset.position)")]


def follows(page: Page, room: WarRoom) -> None:
    """The page shows what the board is: nothing lost, nothing twice."""
    truth = board(room)
    wait_until(
        lambda: positions(page) == [item["position"] for item in truth["feed"]],
        30,
        "the page shows the feed as it is",
    )
    assert {state: number_of(page, state) for state in truth["states"]} == truth["states"]
    whole = truth["kpis"]["on_time_rate"]["whole"]
    assert str(whole) in page.locator('[data-kpi="on_time_rate"] .detail').inner_text()


def one_more(room: WarRoom, name: str) -> OneOrder:
    """Another order that is placed and on the road."""
    life = OneOrder(room.story, f"ord_{name}", merchant_id="mer_2", placed_at=lunch.NOW - minutes(20))
    life.to_the_road()
    return life


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_page_shows_the_board(room: WarRoom, open_page: OpenPage, language: str, size: str) -> None:
    page = open_page(address(room), language=language, size=size).page
    shown(page)
    words, truth = WORDS[language], board(room)
    expect(page).to_have_title(f"{words['title']} · Doorstep")
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    tile = page.locator('[data-kpi="on_time_rate"]')
    expect(tile.locator("h2")).to_have_text(words["on_time"])
    assert tile.locator(".value").inner_text() == f"{truth['kpis']['on_time_rate']['value'] * 100:.1f}%"
    processing = truth["kpis"]["order_processing_minutes"]
    spans = page.locator('[data-kpi="order_processing_minutes"]')
    assert spans.locator(".value").inner_text().startswith(f"{processing['mean']:.1f}")
    assert f"{processing['p90']:.1f}" in spans.locator(".detail").inner_text()
    assert str(processing["count"]) in spans.locator(".detail").inner_text()
    for state, count in truth["states"].items():
        assert number_of(page, state) == count
    expect(page.locator('.states [data-state="delivering"] th')).to_have_text(words["state"])
    assert len(texts(page, ".flags tbody tr")) == len(truth["red_flags"])
    expect(page.locator("#flags-title")).to_have_text(words["flags"])
    assert page.locator(".ring text").first.text_content() == str(truth["riders"]["on_shift"])
    assert positions(page) == [item["position"] for item in truth["feed"]]


@pytest.mark.parametrize(("language", "queue"), [("en", "Queue for me"), ("zh", "帮我排队")])
def test_the_figures_are_split_by_kind_of_order(
    room: WarRoom, open_page: OpenPage, language: str, queue: str
) -> None:
    page = open_page(address(room), language=language).page
    shown(page)
    truth = board(room)["kinds"]
    rows = page.locator(".kinds tbody tr")
    expect(rows).to_have_count(5)
    assert rows.first.get_attribute("data-kind") == "food"
    for kind, figures in truth.items():
        row = page.locator(f'.kinds [data-kind="{kind}"]')
        assert row.locator('[data-figure="orders"]').inner_text() == str(figures["kpis"]["orders"])
        rate = figures["kpis"]["on_time_rate"]["value"]
        assert rate is not None
        told = row.locator('[data-figure="on_time"]').inner_text()
        assert abs(int(told.removesuffix("%")) - rate * 100) <= 0.5
    expect(page.locator('.kinds [data-kind="errand_queue"] th')).to_have_text(queue)


@pytest.mark.parametrize(
    ("language", "paused", "resumed"),
    [
        ("en", "Merchant paused too busy · until 13:07", "Merchant takes orders again"),
        ("zh", "商家暂停接单 过于繁忙 · 至 13:07", "商家恢复接单"),
    ],
)
def test_a_merchant_that_pauses_is_in_the_feed_with_why_and_until_when(
    room: WarRoom, open_page: OpenPage, language: str, paused: str, resumed: str
) -> None:
    page = open_page(address(room), language=language).page
    shown(page)
    line = page.locator('.feed [data-type="MerchantPaused"]').first
    expect(line.locator(".what")).to_have_text(paused)
    expect(line.locator(".about")).to_have_text("Sichuan Corner")
    expect(page.locator('.feed [data-type="MerchantResumed"] .what').first).to_have_text(resumed)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_sticks_out_even_when_texts_are_longer(
    room: WarRoom, open_page: OpenPage, language: str, size: str
) -> None:
    opened = open_page(address(room), language=language, size=size)
    shown(opened.page)
    assert overflow(opened.page) == []
    assert small_targets(opened.page) == []
    lengthen(opened.context)
    opened.page.reload()
    shown(opened.page)
    assert overflow(opened.page) == []
    assert cut_off(opened.page) == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nobody_is_kept_out(room: WarRoom, open_page: OpenPage, language: str, size: str) -> None:
    page = open_page(address(room), language=language, size=size).page
    shown(page)
    assert barriers(page) == []
    page.locator(".flow .icon-button").press("Enter")
    page.locator(".top .controls > .icon-button").last.press("Enter")
    assert barriers(page) == []


def test_what_happens_is_seen_without_a_reload(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    delivering = number_of(page, "delivering")
    one_more(room, "seen")
    room.tell()
    expect(page.locator('.states [data-state="delivering"] td.number')).to_have_text(str(delivering + 1))
    follows(page, room)


def test_an_order_turns_red_by_the_clock_alone(room: WarRoom, open_page: OpenPage) -> None:
    now = room.parts.clock.now()
    page = open_page(address(room)).page
    shown(page)
    life = OneOrder(
        room.story, "ord_soonlate", placed_at=now - minutes(30), promised_after=minutes(30) + minutes(0.05)
    )
    life.to_the_road()
    room.tell()
    row = page.locator('.flags tr[data-order="ord_soonlate"]')
    expect(row).to_have_attribute("data-flag", "late", timeout=15_000)


def test_a_page_whose_server_is_killed_says_so_and_misses_nothing(room: WarRoom, open_page: OpenPage) -> None:
    opened = open_page(address(room))
    opened.loses_connection = True
    page = opened.page
    shown(page)
    room.kill()
    expect(page.locator(".banner")).to_be_visible(timeout=5_000)
    assert state_of(page) in {"reconnecting", "stale"}
    for index in range(8):
        one_more(room, f"unseen{index}")
    room.tell()
    room.start()
    expect(page.locator(".freshness")).to_have_attribute("data-state", "live", timeout=15_000)
    expect(page.locator(".banner")).to_have_count(0)
    follows(page, room)


def test_a_page_without_network_catches_up_by_itself(room: WarRoom, open_page: OpenPage) -> None:
    with Cable(room.url) as cable:
        opened = open_page(address(room).replace(room.url, cable.url))
        opened.loses_connection = True
        page = opened.page
        shown(page)
        asked: list[str | None] = []
        page.on(
            "request", lambda sent: asked.append(sent.headers.get("last-event-id")) if "live" in sent.url else None
        )
        cable.pull()
        known = positions(page)[0]
        one_more(room, "unplugged")
        room.tell()
        expect(page.locator(".banner")).to_be_visible(timeout=5_000)
        assert positions(page)[0] == known
        cable.plug()
        expect(page.locator(".freshness")).to_have_attribute("data-state", "live", timeout=15_000)
        follows(page, room)
        assert asked
        assert asked[-1] is not None
        assert len(positions(page)) == FEED_LENGTH


def test_a_server_that_goes_quiet_is_noticed_within_five_seconds(room: WarRoom, open_page: OpenPage) -> None:
    opened = open_page(address(room))
    opened.loses_connection = True
    page = opened.page
    shown(page)
    assert room.process is not None
    os.kill(room.process.pid, signal.SIGSTOP)
    try:
        expect(page.locator('.freshness:not([data-state="live"])')).to_be_visible(timeout=5_000)
        expect(page.locator(".banner")).to_be_visible(timeout=2_000)
    finally:
        os.kill(room.process.pid, signal.SIGCONT)
    expect(page.locator(".freshness")).to_have_attribute("data-state", "live", timeout=15_000)
    follows(page, room)


def test_a_quiet_operation_stays_live(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    states: list[str] = []

    def said(state: str) -> None:
        states.append(state)

    page.expose_function("said", said)
    page.evaluate(
        """() => new MutationObserver(([change]) => window.said(change.target.dataset.state)).observe(
          document.querySelector(".freshness"), { attributes: true, attributeFilter: ["data-state"] })"""
    )
    ticks: set[str] = set()

    def seven_seconds_passed() -> bool:
        ticks.add(page.locator(".clock time").inner_text())
        return len(ticks) > 7

    wait_until(seven_seconds_passed, 30, "the page's clock goes on")
    assert states == []


def test_everything_can_be_done_by_keyboard(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    reached: list[str] = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.textContent.trim().slice(0, 30)"))
        assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
    for control in ("Skip to the content", "Pause", "EN", "中文", "Table"):
        assert control in reached
    page.locator(".pause").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".freshness")).to_have_attribute("data-state", "paused")


def test_a_paused_page_stands_still_and_says_how_much_waits(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    page.locator(".pause").press("Space")
    before = positions(page)
    one_more(room, "paused")
    room.tell()
    expect(page.locator(".pause")).to_have_text(re.compile(r"Resume · \d+ new"))
    assert positions(page) == before
    page.locator(".pause").press("Space")
    follows(page, room)


def test_the_chart_is_also_a_table_with_the_same_figures(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    totals = [int(text) for text in texts(page, ".legend b")]
    page.get_by_role("button", name="Table").press("Enter")
    rows = page.locator(".flow tbody tr")
    expect(rows).to_have_count(60)
    cells = [int(text) for text in texts(page, ".flow tbody td")]
    assert [sum(cells[column::3]) for column in range(3)] == totals


def test_the_language_is_switched_in_place_and_remembered(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    page.get_by_role("button", name="中文").press("Enter")
    expect(page.locator("#flags-title")).to_have_text(WORDS["zh"]["flags"])
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.reload()
    shown(page)
    expect(page.locator("#flags-title")).to_have_text(WORDS["zh"]["flags"])


def test_the_look_is_switched_and_remembered(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_role("button", name="Light look").press("Enter")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(243, 245, 248)"
    page.reload()
    shown(page)
    assert page.locator("html").get_attribute("data-theme") == "light"


def test_the_token_leaves_the_address_bar_and_survives_a_reload(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    assert "token" not in page.url
    page.reload()
    shown(page)


@pytest.mark.parametrize("role", ["customer", None])
def test_who_may_not_see_it_is_told_so_and_asked_no_more(
    room: WarRoom, open_page: OpenPage, role: str | None
) -> None:
    opened = open_page(address(room, role) if role else room.url)
    expect(opened.page.locator('.banner[data-kind="denied"]')).to_be_visible()
    assert state_of(opened.page) == "denied"
    assert opened.page.locator(".tile").count() == 0
    assert all("40" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_a_screen_reader_is_told_the_situation_now_and_then(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    shown(page)
    spoken = page.locator("main > [aria-live=polite]")
    expect(spoken).to_have_text(re.compile(r"\d+ open orders, \d+ late, \d+ failed\."), timeout=20_000)


def test_the_page_runs_under_its_own_strict_policy(room: WarRoom, open_page: OpenPage) -> None:
    opened = open_page(address(room), bypass_csp=False)
    expect(opened.page.locator(".tile")).to_have_count(6)
    policy = opened.page.request.get(room.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_first_load_is_light(room: WarRoom, open_page: OpenPage) -> None:
    opened = open_page("about:blank")
    loaded: list[int] = []
    opened.page.on("response", lambda answer: loaded.append(_size(answer)) if "live" not in answer.url else None)
    opened.page.goto(address(room))
    shown(opened.page)
    assert sum(loaded) < 400_000


def _size(answer: Any) -> int:
    return len(answer.body())


def test_the_events_of_the_stream_are_read_as_the_standard_says(room: WarRoom, open_page: OpenPage) -> None:
    page = open_page(address(room)).page
    found = page.evaluate(
        """async (text) => {
          const { EventParser } = await import("/static/live.js");
          const parser = new EventParser();
          return [...text].flatMap((letter) => parser.push(letter));
        }""",
        STREAM,
    )
    assert json.dumps(found) == json.dumps(
        [{"id": "7", "event": "change", "data": {"a": 1}}, {"id": "8", "event": "message", "data": 2}]
    )
