"""An errand to several places on the customer's page: each place with who is there, and done as the rider is done."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, cut_off, lengthen, overflow, small_targets, texts
from tests.browser.test_track import Order, Town, headline, town

__all__ = ["town"]
"""The fixture of the tracking page's town is this file's too."""

ERRAND: dict[str, Any] = {
    "task": "Aspirin, and flowers for my mother",
    "pickup": {"place": {"lat": 30.2735, "lon": 120.1540}, "address": "Corner pharmacy, 1 Lotus Road"},
    "further_stops": [
        {
            "place": {"lat": 30.2750, "lon": 120.1560},
            "address": "3 Heron Street",
            "task": "White lilies, if there are any",
        },
        {
            "place": {"lat": 30.2765, "lon": 120.1580},
            "address": "21 Bamboo Court",
            "contact": {"name": "Zhao Min", "phone": "+8613712345678"},
        },
    ],
    "budget_cents": 8000,
}
WORDS = {
    "en": ("Looking for a rider", "Closed, or had nothing", "On its way to you", "¥6.00"),
    "zh": ("正在寻找骑手", "已关门或无货", "正在为您配送", "¥6.00"),
}


def placed(town: Town) -> Order:
    order = town.place(kind="errand_buy", merchant_id=None, items=[], errand=ERRAND)
    order.is_now("ready")
    return order


def place(page: Page, number: int) -> Any:
    return page.locator(f'.places [data-place="{number}"]')


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_place_of_an_errand_is_done_on_the_page_when_the_rider_says_so(
    town: Town, open_page: OpenPage, language: str
) -> None:
    waiting, closed, under_way, price = WORDS[language]
    order = placed(town)
    opened = open_page(order.address(), language=language, size="phone")
    page = opened.page
    headline(page, waiting)
    assert [text.split("\n")[0] for text in texts(page, ".places li")] == [
        "Corner pharmacy, 1 Lotus Road",
        "3 Heron Street",
        "21 Bamboo Court",
    ]
    expect(place(page, 1)).to_contain_text("White lilies, if there are any")
    expect(place(page, 2)).to_contain_text("Zhao Min · +8613712345678")
    expect(page.locator('.errand [data-row="further"] dd')).to_have_text(price)
    assert page.locator('.errand [data-row="where"]').count() == 0
    delivery = order.offered()
    town.rider("POST", f"{delivery}/accept")
    town.rider("POST", f"{delivery}/arrived-at-pickup")
    town.rider("POST", f"{delivery}/collected", {"stop": 1, "receipt_cents": 2600})
    expect(place(page, 1)).to_have_attribute("data-kind", "done", timeout=15_000)
    expect(place(page, 0)).to_have_attribute("data-kind", "coming")
    assert page.locator(".act button").count() == 0, "what the rider has a part of cannot be cancelled"
    town.rider("POST", f"{delivery}/collected", {"stop": 2, "empty_handed": True})
    expect(place(page, 2)).to_contain_text(closed, timeout=15_000)
    assert overflow(page) == []
    assert small_targets(page) == []
    assert barriers(page) == []
    town.rider("POST", f"{delivery}/picked-up", {"receipt_cents": 1400})
    headline(page, under_way)
    expect(place(page, 0)).to_have_attribute("data-kind", "done")
    expect(page.locator('.bill [data-part="bought"] td').last).to_have_text("¥40.00")
    lengthen(opened.context)
    page.reload()
    expect(page.locator(".places")).to_be_visible()
    assert overflow(page) == []
    assert cut_off(page) == []
    order.arrive(delivery)


def test_whose_errand_it_is_not_sees_its_price_and_none_of_its_places(town: Town, open_page: OpenPage) -> None:
    order = placed(town)
    token = town.platform.token(("operations",))
    page = open_page(f"{town.platform.url('order')}/track/{order.order_id}#token={token}").page
    expect(page.locator('.errand [data-row="further"] dd')).to_have_text("¥6.00")
    assert page.locator(".places").count() == 0
    order.call_off()
