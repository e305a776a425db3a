"""What the pages are made of is whole: both languages, every text they ask for, every vendored file as recorded."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from services.analytics.domain.board import NOTEWORTHY
from services.analytics.domain.timeline import OrderState
from services.order.domain.pausing import PauseReason
from services.order.domain.values import ReviewTag
from shared.contracts.common import AssignmentMode, FailureReason, OrderKind
from shared.web.words import family, words_of

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "shared/web/static"
VENDOR = STATIC / "vendor"
PAGES = (ROOT / "services/analytics/web", ROOT / "services/order/web", ROOT / "services/dispatch/web", STATIC)
SCRIPTS = sorted(file for folder in PAGES for file in folder.glob("*.js"))
LANGUAGES = ("en", "zh")
PLURALS = (".one", ".other")
HEADLINED = re.compile(r"t\(\s*`([a-zA-Z_.]+)\$\{")
NAMED = re.compile(r"""\bt\(\s*(?:[\w.() ]+\?\s*)?"([\w.]+)"(?:\s*:\s*"([\w.]+)")?""")


def catalogue(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((STATIC / f"i18n/{language}.json").read_text(encoding="utf-8"))
    return words


def keys() -> set[str]:
    return set(catalogue("en"))


def said(key: str) -> bool:
    return key in keys() or all(f"{key}{plural}" in keys() for plural in PLURALS)


def source() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in SCRIPTS)


def test_both_languages_say_the_same_things() -> None:
    assert catalogue("en").keys() == catalogue("zh").keys()


def test_both_languages_fill_in_the_same_values() -> None:
    chinese = catalogue("zh")
    for key, text in catalogue("en").items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_no_text_is_empty() -> None:
    for language in LANGUAGES:
        assert all(text.strip() for text in catalogue(language).values())


def test_every_text_that_a_page_names_exists() -> None:
    named = {key for pair in NAMED.findall(source()) for key in pair if key}
    assert len(named) > 50
    assert [key for key in sorted(named) if not said(key)] == []


def test_every_family_of_texts_that_a_page_builds_exists() -> None:
    families = set(HEADLINED.findall(source()))
    assert families
    assert [family for family in sorted(families) if not any(key.startswith(family) for key in keys())] == []


def test_no_text_is_left_that_no_page_uses() -> None:
    named = {key for pair in NAMED.findall(source()) for key in pair if key}
    families = tuple(HEADLINED.findall(source()))
    unused = [
        key
        for key in sorted(keys())
        if key not in named and key.removesuffix(".one").removesuffix(".other") not in named
        if not key.startswith(families)
    ]
    assert unused == []


@pytest.mark.parametrize("state", OrderState)
def test_every_state_of_an_order_has_its_words(state: OrderState) -> None:
    assert f"state.{state}" in keys()
    assert f"track.headline.{state}" in keys()


def test_every_event_of_the_feed_has_its_words() -> None:
    assert [name for name in sorted(NOTEWORTHY) if f"event.{name}" not in keys()] == []


def test_every_reason_and_mode_has_its_words() -> None:
    pauses = set(PauseReason) - {PauseReason.UNSPECIFIED, PauseReason.OTHER}
    for detail in (*FailureReason, *AssignmentMode, *pauses):
        assert f"detail.{detail}" in keys()


@pytest.mark.parametrize("tag", ReviewTag)
def test_every_tag_of_a_review_has_its_words_in_both_languages_and_pages_offer_it(tag: ReviewTag) -> None:
    assert set(words_of("review.tag", tag)) == set(LANGUAGES)
    assert f'"{tag}"' in (ROOT / "services/order/web/track-review.js").read_text(encoding="utf-8")


def test_no_tag_has_words_that_no_review_may_have() -> None:
    assert set(family("review.tag", "en")) == set(ReviewTag)


@pytest.mark.parametrize("kind", OrderKind)
def test_every_kind_of_order_has_its_words(kind: OrderKind) -> None:
    assert f"kind.{kind}" in keys()


@pytest.mark.parametrize("folder", [VENDOR, ROOT / "tests/browser/vendor"], ids=["pages", "tests"])
def test_every_vendored_file_is_the_one_in_the_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    recorded = {entry["file"] for entry in manifest} | {entry["licence_file"] for entry in manifest}
    assert recorded | {"manifest.json"} == {file.name for file in folder.iterdir()}
    for entry in manifest:
        digest = hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"], entry["file"]
        assert entry["name"]
        assert entry["version"]
        assert entry["licence"]


def test_pages_load_nothing_from_elsewhere() -> None:
    ours = [file for folder in PAGES for file in folder.iterdir() if file.suffix in {".html", ".css", ".js"}]
    for file in ours:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), file.name


def test_the_shells_hold_neither_styles_nor_scripts_of_their_own() -> None:
    for folder in PAGES:
        for file in folder.glob("*.html"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)", text), file.name
