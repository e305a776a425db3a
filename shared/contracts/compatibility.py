"""Compares the messages with those of the last release, so that no change breaks a subscriber unseen.

Messages live long: subscribers of yesterday read those of today, and we read those of yesterday out of queues,
streams and replays. So a message may gain optional fields and enumerations may gain values; nothing may go, move,
become required, or change its type.

`python -m shared.contracts.compatibility` compares; with `--release 1.2.0` it records the messages as that release.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.contracts.catalogue import catalogue

RELEASES = Path("docs/releases")
FILE = "catalogue.json"

_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EXACT = ("format", "pattern", "const")
_VERSION = re.compile(r"\d+\.\d+\.\d+")

Json = Mapping[str, Any]


def breaking_changes(released: Json, present: Json) -> list[str]:
    """One sentence for each change by which `present` breaks those who know `released`; empty when none does."""
    found: list[str] = []
    for name, before in released["messages"].items():
        after = present["messages"].get(name)
        if after is None:
            found.append(f"{name}: the message is gone")
            continue
        for what in ("exchange", "routing_key"):
            if before[what] != after[what]:
                found.append(f"{name}: its {what} was {before[what]} and is {after[what]}")
        found += _Comparison(before["schema"], after["schema"]).between(name, before["schema"], after["schema"])
    return found


class _Comparison:
    """Walks two schemas side by side, each with its own definitions."""

    def __init__(self, old_root: Json, new_root: Json) -> None:
        self._roots = (old_root, new_root)
        self._walked: set[tuple[str, str]] = set()

    def between(self, place: str, old: Json, new: Json) -> Iterator[str]:
        references = (old.get("$ref", ""), new.get("$ref", ""))
        if all(references):
            if references in self._walked:
                return
            self._walked.add(references)
        old, new = self._resolved(0, old), self._resolved(1, new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._options(place, old, new)
            return
        if old.get("type") != new.get("type"):
            yield f"{place}: its type was {old.get('type', 'any')} and is {new.get('type', 'any')}"
            return
        yield from _enumeration(place, old, new)
        yield from _bounds(place, old, new)
        yield from self._fields(place, old, new)
        yield from self._nested(place, old, new)

    def _resolved(self, side: int, schema: Json) -> Json:
        if "$ref" not in schema:
            return schema
        definition: Json = self._roots[side]["$defs"][str(schema["$ref"]).rsplit("/", 1)[1]]
        return definition

    def _options(self, place: str, old: Json, new: Json) -> Iterator[str]:
        """Options have no names: each of one side needs one of the other that it is compatible with."""
        before, after = old.get("anyOf", [old]), new.get("anyOf", [new])
        for option in before:
            if not any(self._fit(option, other) for other in after):
                yield f"{place}: it may no longer be {_told(option)}"
        for option in after:
            if not any(self._fit(other, option) for other in before):
                yield f"{place}: it may now be {_told(option)} too"

    def _fit(self, old: Json, new: Json) -> bool:
        return not list(_Comparison(*self._roots).between("", old, new))

    def _fields(self, place: str, old: Json, new: Json) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            if name not in after:
                yield f"{place}.{name}: the field is gone"
                continue
            if name in must_before and name not in must_after:
                yield f"{place}.{name}: it was always there and no longer is"
            yield from self.between(f"{place}.{name}", schema, after[name])
        for name in sorted(must_after - must_before):
            how = "has become" if name in before else "is new and"
            yield f"{place}.{name}: the field {how} required, and older messages lack it"

    def _nested(self, place: str, old: Json, new: Json) -> Iterator[str]:
        for key in ("items", "additionalProperties"):
            before, after = old.get(key), new.get(key)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from self.between(f"{place}[]", before, after)
            elif before != after:
                yield f"{place}: what it holds was {_told(before)} and is {_told(after)}"
        if old.get("prefixItems", []) != new.get("prefixItems", []):
            yield f"{place}: its items have changed"


def _enumeration(place: str, old: Json, new: Json) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if before is None and after is not None:
        yield f"{place}: it was any {old.get('type', 'value')} and is one of {len(after)} values"
    elif before is not None and after is None:
        yield f"{place}: it was one of {len(before)} values and is any {new.get('type', 'value')}"
    elif before is not None and after is not None:
        yield from (f"{place}: the value {value!r} is gone" for value in before if value not in after)


def _bounds(place: str, old: Json, new: Json) -> Iterator[str]:
    for keys, sign in ((_LOWER_BOUNDS, 1), (_UPPER_BOUNDS, -1)):
        for key in keys:
            before, after = old.get(key), new.get(key)
            if after is not None and (before is None or (after - before) * sign > 0):
                yield f"{place}: its {key} was {_told(before)} and is {after}, and older messages may not keep it"
    for key in _EXACT:
        if old.get(key) != new.get(key):
            yield f"{place}: its {key} was {_told(old.get(key))} and is {_told(new.get(key))}"


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("$ref", value.get("type", "any"))).rsplit("/", 1)[-1]
    return "not given" if value is None else str(value)


def last_release(releases: Path = RELEASES) -> Path | None:
    """The recorded messages of the highest version; None before the first release."""
    found = [path for path in releases.glob(f"*/{FILE}") if _VERSION.fullmatch(path.parent.name)]
    return max(found, key=lambda path: [int(part) for part in path.parent.name.split(".")], default=None)


def main(arguments: list[str], releases: Path = RELEASES) -> int:
    """Compares or records; 1 when a subscriber would break, 2 when there is nothing to compare with."""
    if arguments[:1] == ["--release"] and len(arguments) == 2 and _VERSION.fullmatch(arguments[1]):
        target = releases / arguments[1] / FILE
        if target.exists():
            sys.stderr.write(f"{target} is recorded already: a release never changes\n")
            return 1
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(catalogue(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return 0
    recorded = last_release(releases)
    if arguments or recorded is None:
        sys.stderr.write(f"usage: [--release 1.2.0]; releases are in {releases}\n")
        return 2
    changes = breaking_changes(json.loads(recorded.read_text(encoding="utf-8")), catalogue())
    for sentence in changes:
        sys.stderr.write(f"breaks subscribers of {recorded.parent.name}: {sentence}\n")
    return 1 if changes else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
