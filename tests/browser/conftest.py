"""A real browser for the pages: Chromium as the system has it, in several sizes, strict about errors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"phone": (390, 844), "desk": (1440, 900)}
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
LOST_CONNECTION = "Failed to load resource: net::"


@dataclass
class Opened:
    """A page, and what the browser complained about while it was open."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    loses_connection: bool = False
    """A test that takes the server away expects the browser to say so; everything else is still an error."""

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def faults(self) -> list[str]:
        return [text for text in self.complaints if not (self.loses_connection and text.startswith(LOST_CONNECTION))]


OpenPage = Callable[..., Opened]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """`open_page(url, language="zh", size="phone")`; at the end no page may have complained."""
    opened: list[Opened] = []

    def open_one(url: str, *, language: str = "en", size: str = "desk", **options: Any) -> Opened:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            locale=LOCALES[language],
            timezone_id="UTC",
            has_touch=size == "phone",
            # Playwright's own predicates need eval, which our policy forbids; the policy has a test of its own.
            bypass_csp=options.pop("bypass_csp", True),
            **options,
        )
        page = context.new_page()
        one = Opened(page, context)
        page.on("console", one.hear)
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        page.goto(url)
        opened.append(one)
        return one

    yield open_one
    faults = [fault for one in opened for fault in one.faults()]
    for one in opened:
        one.context.close()
    assert faults == []
