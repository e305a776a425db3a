"""The words of codes that pages, gateways and notifications show: the catalogues of the pages are their one home."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

CATALOGUES = Path(__file__).parent / "static/i18n"
LANGUAGES = ("en", "zh")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of a language, by key; raises OSError for a language that there is not."""
    text = (CATALOGUES / f"{language}.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


def family(name: str, language: str) -> dict[str, str]:
    """The codes of a family (`review.tag`) and what they are called in a language."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): text for key, text in catalogue(language).items() if key.startswith(prefix)}


@cache
def words_of(name: str, code: str) -> Mapping[str, str]:
    """What a code is called, by language; empty for one without words."""
    told = {language: family(name, language).get(code) for language in LANGUAGES}
    return MappingProxyType({language: text for language, text in told.items() if text is not None})
