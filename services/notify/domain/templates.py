"""Texts in the recipient's language, composed from a key and its figures at the moment somebody reads them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from string import Formatter

from services.notify.domain.vocabulary import Language

SHORT_ORDER_CHARACTERS = 6
_UNKNOWN = "–"
_CODE = re.compile(r"[a-z][a-z_]*\Z")
_CURRENCY_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Text:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All the words of one language. `reasons` and `tags` (of reviews) are codes of other services in words, `words`
    the small change."""

    language: Language
    texts: Mapping[str, Text]
    reasons: Mapping[str, str]
    words: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)

    def keys(self) -> frozenset[str]:
        return frozenset(self.texts)

    def placeholders(self, key: str) -> frozenset[str]:
        """The names that a text fills in."""
        text = self.texts[key]
        return placeholders(text.title) | placeholders(text.text)


def placeholders(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a text is filled with. `merchants` gives the public names of merchants that are known."""

    order_id: str
    params: Mapping[str, str]
    merchants: Mapping[str, str]
    occurred_at: datetime
    utc_offset_minutes: int


class _Values(dict[str, str]):
    """A stored notification may be older than its text: what it does not know reads as a dash, and is still read."""

    def __missing__(self, key: str) -> str:
        return _UNKNOWN


def compose(catalogue: Catalogue, key: str, facts: Facts) -> Text:
    """The text for a key; raises KeyError for a key that no catalogue has."""
    template = catalogue.texts[key]
    values = _Values(order=short_order(facts.order_id), merchant=catalogue.words["merchant"], tags="")
    for name, value in facts.params.items():
        values.update(_in_words(catalogue, name, value, facts))
    return Text(template.title.format_map(values), template.text.format_map(values))


def short_order(order_id: str) -> str:
    """What people call an order: the last characters of its id."""
    return order_id[-SHORT_ORDER_CHARACTERS:].upper()


def _in_words(catalogue: Catalogue, name: str, value: str, facts: Facts) -> dict[str, str]:
    """A figure or code as its language says it, by the suffix of its name."""
    if name == "merchant_id":
        known = facts.merchants.get(value)
        return {"merchant": known} if known else {}
    if name == "reason":
        return {"reason": _reason(catalogue, value)}
    if name == "tags":
        return {"tags": _tags(catalogue, value.split())}
    if name in ("p50", "p90"):
        return {name: _moment(catalogue, datetime.fromisoformat(value), facts)}
    head, _, unit = name.rpartition("_")
    match unit:
        case "cents":
            return {head: _money(int(value), facts.params.get("currency", ""))}
        case "at" | "by":
            return {name: _moment(catalogue, datetime.fromisoformat(value), facts)}
        case "seconds":
            return {f"{head}_minutes": str(max(1, round(int(value) / 60)))}
        case _:
            return {name: value}


def _reason(catalogue: Catalogue, value: str) -> str:
    """A known code in words, somebody's own words as they are, and never a bare code."""
    words = catalogue.reasons.get(value)
    if words is not None:
        return words
    return catalogue.reasons["other"] if not value or _CODE.match(value) else value


def _tags(catalogue: Catalogue, codes: Sequence[str]) -> str:
    """The words of tags in brackets; nothing where there are none, and never a bare code."""
    known = [catalogue.tags[code] for code in codes if code in catalogue.tags]
    return catalogue.words["tags"].format(tags=catalogue.words["and"].join(known)) if known else ""


def _money(cents: int, currency: str) -> str:
    amount = f"{cents // 100}.{cents % 100:02d}"
    sign = _CURRENCY_SIGNS.get(currency)
    return f"{sign}{amount}" if sign else f"{amount} {currency}".strip()


def _moment(catalogue: Catalogue, moment: datetime, facts: Facts) -> str:
    """`14:05`, with the date when that is not the day on which it was said."""
    zone = timezone(timedelta(minutes=facts.utc_offset_minutes))
    local = moment.astimezone(zone)
    clock = f"{local:%H:%M}"
    if local.date() == facts.occurred_at.astimezone(zone).date():
        return clock
    return catalogue.words["date_and_time"].format(month=local.month, day=local.day, time=clock)


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The catalogue of every language, and the language of those of whom none is known."""

    by_language: Mapping[Language, Catalogue]
    default: Language

    def choose(self, *wishes: Language | None) -> Catalogue:
        """The catalogue of the first wish there is."""
        return self.by_language[next((wish for wish in wishes if wish is not None), self.default)]
