"""Whether a policy can hold: what its rules say of one place and time must not contradict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from services.dispatch.domain.policies.catalogue import SHORTER
from services.dispatch.domain.policies.cells import CellSet
from services.dispatch.domain.policies.document import Area, PolicyDocument, Rule, Values, Window
from services.dispatch.domain.policies.figures import Faults
from services.dispatch.domain.policies.reading import Outline, read
from services.dispatch.domain.policy import DispatchPolicy
from shared.kernel.area import overlap
from shared.kernel.errors import Fault

UNDER_ALL_RULES = -1


def examine(
    raw: Mapping[str, Any], base: DispatchPolicy, outline: Outline, root: str = ""
) -> tuple[PolicyDocument, list[Fault]]:
    """A document and all that is wrong with it. Contradictions are looked for once it can be read."""
    faults = Faults(root)
    document = read(raw, faults, outline)
    if not faults.found:
        _Contradictions(document, base, outline, faults).find()
    return document, faults.found


@dataclass(frozen=True, slots=True)
class _Layer:
    """Somebody's word on some figures: the base's, the defaults' or a rule's."""

    field: str
    told: str
    rank: int
    values: Values
    rule: Rule | None = None
    ours: bool = True


class _Contradictions:
    """Compares every two rules that can hold at once."""

    def __init__(self, document: PolicyDocument, base: DispatchPolicy, outline: Outline, faults: Faults) -> None:
        self._document = document
        self._outline = outline
        self._faults = faults
        self._areas = {area.name: area for area in document.areas}
        self._met: dict[tuple[str, str], bool] = {}
        settings = {name: float(getattr(base, name)) for pair in SHORTER for name in pair}
        beneath = {name: value for name, value in settings.items() if name not in document.defaults}
        self._layers = [
            _Layer("", "the settings", UNDER_ALL_RULES, beneath, ours=False),
            _Layer("defaults", "the defaults", UNDER_ALL_RULES, document.defaults),
            *(
                _Layer(f"rules.{index}.values", f"rule “{rule.name}”", rule.rank, rule.values, rule)
                for index, rule in enumerate(document.rules)
            ),
        ]

    def find(self) -> None:
        self._two_words_on_one_figure()
        for shorter, longer in SHORTER:
            for one, other in product(self._layers, self._layers):
                self._not_shorter(shorter, one, longer, other)

    def _two_words_on_one_figure(self) -> None:
        for one, other in combinations(self._layers[2:], 2):
            if one.rank != other.rank or not self._together(one, other):
                continue
            for name in one.values.keys() & other.values.keys():
                if one.values[name] != other.values[name]:
                    sentence = (
                        f"{one.told} says otherwise, may hold at the same place and time, and has the same rank"
                    )
                    self._faults.add(f"{other.field}.{name}", "contradiction", sentence)

    def _not_shorter(self, shorter: str, one: _Layer, longer: str, other: _Layer) -> None:
        """Refuses a pair that is the wrong way round, unless one of the two never holds beside the other."""
        if shorter not in one.values or longer not in other.values or not (one.ours or other.ours):
            return
        if one.values[shorter] < other.values[longer]:
            return
        if _hides(one, other, longer) or _hides(other, one, shorter) or not self._together(one, other):
            return
        field = f"{one.field}.{shorter}" if one.ours else f"{other.field}.{longer}"
        short, long = f"{one.values[shorter]:g}", f"{other.values[longer]:g}"
        sentence = f"{shorter} ({short}, {one.told}) must be below {longer} ({long}, {other.told})"
        self._faults.add(field, "contradiction", sentence)

    def _together(self, one: _Layer, other: _Layer) -> bool:
        if one.rule is None or other.rule is None or one is other:
            return True
        return same_time(one.rule.window, other.rule.window) and self._same_ground(one.rule, other.rule)

    def _same_ground(self, one: Rule, other: Rule) -> bool:
        if one.everywhere or other.everywhere:
            return True
        return any(self._meet(a, b) for a in one.areas for b in other.areas)

    def _meet(self, a: str, b: str) -> bool:
        key = (a, b)
        if key not in self._met:
            self._met[key] = a == b or areas_meet(self._areas[a], self._areas[b], self._outline)
        return self._met[key]


def _hides(above: _Layer, below: _Layer, name: str) -> bool:
    """Whether where `above` holds its own word on a figure always counts before that of `below`."""
    return above is not below and name in above.values and above.rank > below.rank


def same_time(one: Window, other: Window) -> bool:
    """Whether there is a minute of the week in both."""
    spans = product(one.minutes(), other.minutes())
    return any(max(a[0], b[0]) < min(a[1], b[1]) for a, b in spans)


def areas_meet(one: Area, other: Area, outline: Outline) -> bool:
    """Whether two areas share ground."""
    if one.cells and other.cells:
        ours, theirs = CellSet.of(one.cells), CellSet.of(other.cells)
        return any(map(ours.holds, other.cells)) or any(map(theirs.holds, one.cells))
    return any(overlap(a, b) for a, b in product(_grounds(one, outline), _grounds(other, outline)))


def _grounds(area: Area, outline: Outline) -> Iterator[Sequence[Any]]:
    if area.polygon:
        yield area.polygon
        return
    for cell in area.cells:
        corners = outline(cell)
        if corners is not None:
            yield corners
