"""The merchant's page on the running platform: orders as they come, and all that a kitchen does about them."""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deploy.local.platform import Platform
from shared.kernel.ids import new_id
from tests.browser.cable import Cable
from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, cut_off, lengthen, overflow, small_targets, state_of, texts
from tests.browser.test_track import Order, Town

WORDS = {
    code: json.loads((Path("shared/web/static/i18n") / f"{code}.json").read_text(encoding="utf-8"))
    for code in ("en", "zh")
}


@pytest.fixture
def shop(platform: Platform) -> Town:
    """A shop of its own for each test, whose queue begins empty; nobody is on shift."""
    opened = Town(platform)
    opened.open()
    opened.rider("POST", f"/v1/riders/{opened.rider_id}/shift/end")
    return opened


def address(shop: Town, url: str | None = None, owner: str | None = None) -> str:
    token = shop.platform.token(("merchant",), (owner or shop.merchant_id,))
    return f"{url or shop.platform.url('order')}/kitchen/{shop.merchant_id}#token={token}"


def lane(page: Page, name: str) -> list[str]:
    found: list[str] = page.locator(f'[data-lane="{name}"] > .order').evaluate_all(
        "all => all.map(e => e.dataset.order)"
    )
    return found


def waits(page: Page, name: str, *orders: Order) -> None:
    for order in orders:
        card = page.locator(f'section[data-lane="{name}"] [data-order="{order.order_id}"]')
        expect(card).to_be_visible(timeout=15_000)
    expect(page.locator(f'section[data-lane="{name}"] > .order')).to_have_count(len(orders))


def counted(page: Page, name: str) -> str:
    return page.locator(f'.counts [data-lane="{name}"] strong').inner_text()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_a_kitchen_at_work_is_shown_whole(shop: Town, open_page: OpenPage, language: str, size: str) -> None:
    first, second, third = shop.place(), shop.place(), shop.place()
    second.merchant("accept", {"preparation_minutes": 10})
    third.merchant("accept", {"preparation_minutes": 10})
    third.merchant("ready")
    opened = open_page(address(shop), language=language, size=size)
    page = opened.page
    waits(page, "answer", first)
    waits(page, "cook", second)
    waits(page, "hand_over", third)
    expect(page.locator(f'[data-order="{first.order_id}"]')).to_have_attribute("data-new", "false")
    assert [counted(page, name) for name in ("answer", "cook", "hand_over")] == ["1", "1", "1"]
    expect(page.locator(".taking > h2")).to_have_text(WORDS[language]["kitchen.is.open"])
    expect(page).to_have_title(re.compile(r"^\(1\) Lakeside Noodles"))
    page.locator(".stock summary").click()
    assert len(texts(page, ".stock li")) == 2
    assert overflow(page) == []
    assert small_targets(page) == []
    assert barriers(page) == []
    folder = os.environ.get("DOORSTEP_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/kitchen-{size}-{language}.png", full_page=True)
    lengthen(opened.context)
    page.reload()
    waits(page, "answer", first)
    assert overflow(page) == []
    assert cut_off(page) == []


def test_an_order_is_taken_from_bell_to_counter_with_the_keyboard_alone(shop: Town, open_page: OpenPage) -> None:
    page = open_page(address(shop)).page
    expect(page.locator(".freshness")).to_have_attribute("data-state", "live", timeout=15_000)
    page.get_by_role("button", name="Sound off").press("Enter")
    expect(page.locator("html")).to_have_attribute("data-rang", "1")
    order = shop.place()
    waits(page, "answer", order)
    card = page.locator(f'[data-order="{order.order_id}"]')
    expect(card).to_have_attribute("data-new", "true")
    expect(page.locator("html")).to_have_attribute("data-rang", "2")
    expect(page.locator("[aria-live=assertive]")).to_have_text(f"New order #{order.order_id[-5:].upper()}.")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    page.get_by_label("Ready in").select_option("20")
    page.get_by_role("button", name="Accept").press("Enter")
    waits(page, "cook", order)
    waits(page, "answer")
    promised = order.view()["ready_at"]
    page.get_by_role("button", name="+10 min").press("Enter")
    expect(card.locator(".due time")).not_to_have_attribute("datetime", promised, timeout=15_000)
    page.get_by_role("button", name="Start", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Start", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Ready", exact=True).press("Enter")
    waits(page, "hand_over", order)
    assert order.view()["state"] == "ready"


def test_an_order_is_declined_with_a_reason(shop: Town, open_page: OpenPage) -> None:
    order = shop.place()
    page = open_page(address(shop), size="phone").page
    waits(page, "answer", order)
    page.get_by_role("button", name="Decline").press("Enter")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.get_by_role("button", name="Decline").press("Enter")
    page.get_by_label("Why?").select_option("too_busy")
    assert overflow(page) == []
    page.get_by_role("button", name="Decline it").press("Enter")
    waits(page, "answer")
    assert (order.view()["state"], order.view()["ending_reason"]) == ("rejected", "too_busy")


def test_orders_are_paused_and_taken_again(shop: Town, open_page: OpenPage) -> None:
    page = open_page(address(shop)).page
    page.get_by_role("button", name="Pause orders").press("Enter")
    assert barriers(page) == []
    page.get_by_role("button", name="30 minutes").press("Enter")
    expect(page.locator(".taking")).to_have_attribute("data-situation", "paused")
    expect(page.locator(".taking > h2")).to_contain_text("Paused until")
    merchant = shop.ask("GET", "order", f"/v1/merchants/{shop.merchant_id}", "customer", new_id("cus"))
    assert merchant["pause"]["reason"] == "too_busy"
    page.get_by_role("button", name="Take orders again").press("Enter")
    expect(page.locator(".taking > h2")).to_have_text("Taking orders")
    waits(page, "answer")
    waits(page, "answer", *[shop.place()])


def test_an_item_is_sold_out_and_back(shop: Town, open_page: OpenPage) -> None:
    page = open_page(address(shop)).page
    page.locator(".stock summary").press("Enter")
    switch = page.get_by_role("switch", name="Jasmine tea in stock")
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false", timeout=15_000)
    expect(page.locator(".stock summary")).to_contain_text("1 sold out")
    assert barriers(page) == []
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true", timeout=15_000)


def test_a_kitchen_that_lost_its_connection_hears_what_came_meanwhile(shop: Town, open_page: OpenPage) -> None:
    first = shop.place()
    with Cable(shop.platform.url("order")) as cable:
        opened = open_page(address(shop, cable.url), language="zh")
        opened.loses_connection = True
        page = opened.page
        waits(page, "answer", first)
        cable.pull()
        expect(page.locator(".banner")).to_be_visible(timeout=5_000)
        second = shop.place()
        first.merchant("accept", {"preparation_minutes": 5})
        cable.plug()
        waits(page, "answer", second)
        waits(page, "cook", first)
        expect(page.locator(f'[data-order="{second.order_id}"]')).to_have_attribute("data-new", "true")


def test_another_merchant_sees_nothing(shop: Town, open_page: OpenPage) -> None:
    shop.place()
    opened = open_page(address(shop, owner=new_id("mer")))
    expect(opened.page.locator(".banner strong")).to_have_text("There is nothing here.")
    assert state_of(opened.page) == "missing"
    assert opened.page.locator(".order").count() == 0
    assert all("404" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_the_page_runs_under_its_own_strict_policy(shop: Town, open_page: OpenPage) -> None:
    order = shop.place()
    page = open_page(address(shop), bypass_csp=False).page
    waits(page, "answer", order)
