"""What differs between two versions, figure by figure, in the order in which people read a policy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.dispatch.domain.policies.document import PolicyDocument, as_json


@dataclass(frozen=True, slots=True)
class Change:
    """One place of the document, as `rules.lunch.values.offer_seconds`: before and after; None is absent."""

    field: str
    before: Any
    after: Any


def changes(before: PolicyDocument, after: PolicyDocument) -> list[Change]:
    """None when both say the same."""
    old, new = dict(_flat(before)), dict(_flat(after))
    fields = [*old, *(field for field in new if field not in old)]
    found = (Change(field, old.get(field), new.get(field)) for field in fields)
    return [change for change in found if change.before != change.after]


def _flat(document: PolicyDocument) -> Iterator[tuple[str, Any]]:
    """Areas and rules go by their names: where they stand in the list says nothing."""
    written = as_json(document)
    yield "time_zone", written["time_zone"]
    yield from _values("defaults", written["defaults"])
    for area in written["areas"]:
        yield f"areas.{area['name']}", area.get("polygon") or area.get("cells")
    for rule in written["rules"]:
        way = f"rules.{rule['name']}"
        yield f"{way}.areas", rule.get("areas", "everywhere")
        yield f"{way}.days", rule.get("days", "every day")
        yield f"{way}.hours", _hours(rule)
        yield f"{way}.rank", rule.get("rank", 0)
        yield from _values(f"{way}.values", rule["values"])


def _values(way: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        yield f"{way}.{name}", value


def _hours(rule: Mapping[str, Any]) -> str:
    if "starts" not in rule and "ends" not in rule:
        return "all day"
    return f"{rule.get('starts', '00:00')}–{rule.get('ends', '24:00')}"
