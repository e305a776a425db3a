"""Reads single figures of a policy: names, units and ranges by the catalogue."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import Enum, auto
from math import isfinite
from typing import Any

from services.dispatch.domain.policies.catalogue import BY_NAME, Parameter, Unit, meant_by
from shared.kernel.errors import Fault

_WORDS = {
    Unit.SECONDS: "seconds",
    Unit.METRES: "metres",
    Unit.METRES_PER_SECOND: "metres a second",
    Unit.KILOMETRES_PER_HOUR: "kilometres an hour",
    Unit.COUNT: "a count",
    Unit.RATIO: "a ratio",
    Unit.CENTS: "cents",
}
_WITH_UNIT = re.compile(r"\s*[\d.]+\s*[a-zA-Z/]+\s*")
SHOWN_MAX = 60


class Faults:
    """What is wrong with a document, in the order of reading; `root` names the field that holds it."""

    def __init__(self, root: str = "") -> None:
        self._root = root
        self.found: list[Fault] = []

    def add(self, field: str, code: str, sentence: str) -> None:
        self.found.append(Fault(".".join(part for part in (self._root, field) if part), code, sentence))

    def unknown_fields(self, way: str, raw: Mapping[str, Any], known: Sequence[str]) -> None:
        for name in raw:
            if name not in known:
                field = ".".join(part for part in (way, str(name)[:SHOWN_MAX]) if part)
                self.add(field, "unknown_field", f"only {', '.join(known)} are understood here")


class Within(Enum):
    """Who sets figures: not each of them may differ by the time, and fewer by the place."""

    DEFAULTS = auto()
    RULE_FOR_EVERYWHERE = auto()
    RULE_FOR_AREAS = auto()


def read_values(way: str, raw: Any, faults: Faults, within: Within) -> dict[str, float]:
    """Figures by their names; the faulty ones are left out."""
    if not isinstance(raw, Mapping):
        faults.add(way, "not_an_object", "this should be an object of figures")
        return {}
    values = {}
    for name, value in raw.items():
        field = f"{way}.{str(name)[:SHOWN_MAX]}"
        parameter = BY_NAME.get(name)
        if parameter is None:
            _unknown(field, str(name)[:SHOWN_MAX], faults)
        elif within is not Within.DEFAULTS and not parameter.by_rule:
            faults.add(field, "not_by_rule", "this holds for the whole service: set it among the defaults")
        elif within is Within.RULE_FOR_AREAS and not parameter.by_place:
            faults.add(field, "not_by_place", "this may differ by time only: set it in a rule without areas")
        elif (fault := _fault(parameter, value)) is not None:
            faults.add(field, *fault)
        else:
            values[name] = float(value)
    return values


def _unknown(field: str, name: str, faults: Faults) -> None:
    meant = meant_by(name)
    if meant is not None:
        faults.add(field, "wrong_unit", f"this is given in {_WORDS[meant.unit]}, as {meant.name}")
        return
    near = get_close_matches(name, BY_NAME, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    faults.add(field, "unknown_name", f"there is no such figure{hint}")


def _fault(parameter: Parameter, value: Any) -> tuple[str, str] | None:
    unit = _WORDS[parameter.unit]
    if isinstance(value, str) and _WITH_UNIT.fullmatch(value):
        return "wrong_unit", f"a plain number is needed, in {unit}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        return "not_a_number", f"a number is needed, in {unit}"
    if parameter.whole and value != int(value):
        return "not_whole", "a whole number is needed"
    if not parameter.low <= value <= parameter.high:
        return "out_of_range", f"{parameter.low:g} to {parameter.high:g} is allowed, in {unit}"
    return None


def _finite(value: int | float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False
