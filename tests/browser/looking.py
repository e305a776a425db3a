"""What the tests of every page ask of it."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

LONGER = 1.4
AXE = Path(__file__).parent / "vendor/axe.min.js"


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody out."""
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(
        """async () => (await axe.run()).violations
          .map((rule) => `${rule.impact} ${rule.id}: ${rule.nodes[0].html}`)"""
    )
    return found


def overflow(page: Page) -> list[str]:
    """Elements that stick out of the window sideways, unless they lie in something that scrolls or hides."""
    found: list[str] = page.evaluate(
        """() => {
          const inScroller = (element) => {
            for (let at = element.parentElement; at; at = at.parentElement) {
              if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(at).overflowX)) return true;
            }
            return false;
          };
          const seen = (box) => box.width > 0 && box.height > 1;
          return [...document.querySelectorAll("body *")].filter((element) => {
            const box = element.getBoundingClientRect();
            return seen(box) && (box.right > innerWidth + 1 || box.left < -1) && !inScroller(element)
              && !element.closest(".visually-hidden, .skip-link");
          }).map((element) => `${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`);
        }"""
    )
    return found


def cut_off(page: Page) -> list[str]:
    """Texts that do not fit the box they are in."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, h3, button, .value, .detail span, .badge, th, .what, label")]
          .filter((element) => element.offsetParent && element.scrollWidth > element.clientWidth + 1
            && getComputedStyle(element).display !== "inline" && !element.closest(".visually-hidden"))
          .map((element) => element.textContent.trim().slice(0, 60))"""
    )
    return found


def lengthen(context: BrowserContext) -> None:
    """From now on every text of the catalogues is 40 % longer."""

    def longer(route: Route) -> None:
        words: dict[str, str] = route.fetch().json()
        padded = {key: text + " " + _padding(text) for key, text in words.items()}
        route.fulfill(body=json.dumps(padded), content_type="application/json")

    context.route("**/static/i18n/*.json", longer)


def _padding(text: str) -> str:
    wanted = max(1, round(len(text) * (LONGER - 1)))
    return ("lorem ipsum dolor sit amet " * 8)[:wanted].strip() or "x"


def small_targets(page: Page, least: int = 24) -> list[str]:
    """Things to press that are smaller than a finger can hit."""
    found: list[str] = page.evaluate(
        """(least) => [...document.querySelectorAll("button, a[href], input, textarea, select")]
          .filter((element) => {
            const box = element.getBoundingClientRect();
            return element.offsetParent && !element.closest(".skip-link")
              && (box.width < least || box.height < least);
          })
          .map((element) => `${element.tagName} ${element.textContent.trim()}`)""",
        least,
    )
    return found


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def state_of(page: Page) -> Any:
    return page.locator(".freshness").get_attribute("data-state")
