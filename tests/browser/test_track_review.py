"""Errands, reviews and their pictures on the customer's page: what is shown, what is sent, and what becomes of it."""

import re
import struct
import zlib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.looking import barriers, cut_off, lengthen, overflow, small_targets, texts
from tests.browser.test_track import Order, Town, town

__all__ = ["town"]
BOTH = pytest.mark.parametrize("language", ["en", "zh"])
SHOP = {"lat": 30.2712, "lon": 120.1498}
STOP = {"place": SHOP, "address": "2 Market Street, counter 4"}
BUY: dict[str, Any] = {
    "merchant_id": None,
    "kind": "errand_buy",
    "items": [],
    "errand": {"task": "Two umbrellas, blue if they have them", "pickup": STOP, "budget_cents": 12_000},
}
QUEUE: dict[str, Any] = {
    "merchant_id": None,
    "kind": "errand_queue",
    "items": [],
    "errand": {"task": "Take a number at counter 4", "pickup": STOP, "wait_minutes_max": 45},
}
ERRAND_WORDS = {
    "en": {
        "title": "Bought for you",
        "bought": "Bought for you, at most",
        "total": "Total, at most",
        "queue": "45 minutes · ¥0.60 a minute",
        "service": "Errand service, at most",
    },
    "zh": {
        "title": "帮我买",
        "bought": "代购商品（上限）",
        "total": "合计（上限）",
        "queue": "45 分钟 · 每分钟 ¥0.60",
        "service": "跑腿服务费（上限）",
    },
}
REVIEW_WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "proof": "Photo",
        "send": "Send the review",
        "tasty": "Tasty",
        "held": re.compile("before others see them"),
        "published": "Others can read it.",
        "hidden": re.compile("not shown to others"),
    },
    "zh": {
        "proof": "照片",
        "send": "提交评价",
        "tasty": "味道好",
        "held": re.compile("正在审核"),
        "published": "评价已公开。",
        "hidden": re.compile("不予公开"),
    },
}


def row(page: Page, name: str) -> str:
    return page.locator(f'.errand [data-row="{name}"] dd').inner_text()


def whole(page: Page) -> None:
    """Nothing sticks out, can be missed by a finger or keeps somebody out."""
    assert overflow(page) == []
    assert small_targets(page) == []
    assert barriers(page) == []


def delivered(town: Town) -> Order:
    order = town.place()
    order.arrive(order.to_the_road())
    return order


def give(page: Page, language: str, *tags: str) -> None:
    for whom in ("merchant", "rider", "platform"):
        page.locator(f'input[name="review-{whom}"]').nth(3).check(force=True)
    for tag in tags:
        page.locator(f'button[data-tag="{tag}"]').click()
    page.get_by_role("button", name=REVIEW_WORDS[language]["send"]).click()


def moderate(order: Order, publish: bool) -> None:
    body = {"publish": publish, "reason": "fits" if publish else "unfitting_picture"}
    order.town.ask("POST", "order", f"/v1/orders/{order.order_id}/moderate-review", "support", body=body)


@BOTH
def test_a_review_with_tags_and_a_big_picture_is_sent_held_published_and_hidden(
    town: Town, open_page: OpenPage, language: str, tmp_path: Path
) -> None:
    words, order = REVIEW_WORDS[language], delivered(town)
    page = open_page(order.address(), size="phone", language=language).page
    expect(page.locator(".proof dt").first).to_have_text(words["proof"], timeout=15_000)
    page.locator(".act .primary").click()
    expect(page.locator("form.review")).to_be_visible(timeout=15_000)
    expect(page.locator('button[data-tag="tasty"]')).to_have_text(words["tasty"])
    picture = tmp_path / "lunch.png"
    picture.write_bytes(photograph(2400, 1600))
    assert picture.stat().st_size > 2_000_000
    page.locator('.add input[type="file"]').set_input_files(picture)
    expect(page.locator("button.photo img")).to_have_count(1, timeout=60_000)
    whole(page)
    give(page, language, "tasty", "friendly_rider")
    shown = page.locator(".reviewed")
    expect(shown).to_have_attribute("data-standing", "held", timeout=15_000)
    expect(shown.locator(".standing")).to_have_text(words["held"])
    assert texts(page, "ul.tags .tag")[0] == words["tasty"]
    expect(shown.locator(".photos img")).to_have_count(1)
    wide = shown.locator(".photos img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert wide[0] / wide[1] == pytest.approx(1.5, abs=0.01)
    whole(page)
    view = order.view()["review"]
    assert view["tag_words"]["tasty"] == {"en": "Tasty", "zh": "味道好"}
    assert len(view["photos"]) == 1
    moderate(order, publish=True)
    expect(shown.locator(".standing")).to_have_text(words["published"], timeout=15_000)
    moderate(order, publish=False)
    expect(shown.locator(".standing")).to_have_text(words["hidden"], timeout=15_000)


def test_what_is_no_picture_is_refused_by_the_page_in_words(town: Town, open_page: OpenPage, tmp_path: Path) -> None:
    order = delivered(town)
    page = open_page(order.address(), size="phone").page
    page.locator(".act .primary").click()
    wrong = tmp_path / "letter.png"
    wrong.write_bytes(b"Dear Sir or Madam")
    page.locator('.add input[type="file"]').set_input_files(wrong)
    expect(page.locator(".photos .failure")).to_have_text(re.compile("cannot be read"), timeout=15_000)
    give(page, "en")
    expect(page.locator(".reviewed .standing")).to_have_text("Others can read it.", timeout=15_000)


@BOTH
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_an_errand_is_shown_with_its_task_its_place_and_a_price_that_is_a_ceiling(
    town: Town, open_page: OpenPage, language: str, size: str
) -> None:
    words, order = ERRAND_WORDS[language], town.place(**BUY)
    opened = open_page(order.address(), language=language, size=size)
    page = opened.page
    expect(page.locator("#errand-title")).to_have_text(words["title"], timeout=15_000)
    assert (row(page, "task"), row(page, "where")) == (BUY["errand"]["task"], STOP["address"])
    assert row(page, "budget") == "¥120.00"
    assert words["bought"] in page.locator('.bill [data-part="bought"]').inner_text()
    assert words["total"] in page.locator(".bill tfoot").inner_text()
    assert page.locator(".ceiling").count() == 1
    whole(page)
    lengthen(opened.context)
    page.reload()
    expect(page.locator("#errand-title")).to_be_visible()
    assert overflow(page) == []
    assert cut_off(page) == []
    order.call_off()


@BOTH
def test_an_errand_that_queues_says_how_long_and_what_a_minute_costs(
    town: Town, open_page: OpenPage, language: str
) -> None:
    words, order = ERRAND_WORDS[language], town.place(**QUEUE)
    page = open_page(order.address(), size="phone", language=language).page
    expect(page.locator('.errand [data-row="wait"] dd')).to_have_text(words["queue"], timeout=15_000)
    assert words["service"] in page.locator('.bill [data-part="service"]').inner_text()
    assert page.locator(".ceiling").count() == 1
    order.call_off()


@cache
def photograph(width: int, height: int) -> bytes:
    """A PNG with as much in it as a photograph has: shapes with grain, some megabytes."""
    random, fine = Random(7), bytes(value >> 3 for value in range(256))
    shapes = [
        bytes(x // 3 * 160 // width + (60 if (x // 600 + odd) % 2 else 0) for x in range(width * 3)) for odd in (0, 1)
    ]
    rows = bytearray()
    for y in range(height):
        grain = random.randbytes(width * 3).translate(fine)
        # No sum is above 255, so that whole rows can be added at once.
        line = int.from_bytes(grain) + int.from_bytes(shapes[y // 200 % 2])
        rows += b"\0" + line.to_bytes(width * 3)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(bytes(rows), 1))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
