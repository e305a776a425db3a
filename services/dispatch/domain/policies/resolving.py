"""What holds at a place and a time: the settings, above them a version's figures, above those its rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.dispatch.domain.policies.catalogue import BY_NAME
from services.dispatch.domain.policies.document import PolicyDocument, Values, known
from services.dispatch.domain.policy import DispatchPolicy, Where

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A version above the settings, ready for being asked often: the figures of each set of rules are made once."""

    base: DispatchPolicy
    document: PolicyDocument
    label: str
    _made: dict[Names, DispatchPolicy] = field(default_factory=dict, compare=False, repr=False)

    def at(self, where: Where | None, moment: datetime) -> DispatchPolicy:
        """The figures of a place at a moment; the same for ever, so that a past decision can be asked again."""
        rules = self.document.rules_at(where, moment)
        names = tuple(rule.name for rule in rules)
        made = self._made.get(names)
        if made is None:
            values = dict(self.document.defaults)
            for rule in rules:
                values |= rule.values
            made = self._made[names] = above(self.base, values, self.label)
        return made

    def sources_at(self, where: Where | None, moment: datetime) -> Mapping[str, str]:
        """Where each figure comes from: `base`, `defaults`, or the name of a rule."""
        sources = dict.fromkeys(BY_NAME, "base") | dict.fromkeys(known(self.document.defaults), "defaults")
        for rule in self.document.rules_at(where, moment):
            sources |= dict.fromkeys(known(rule.values), f"rule {rule.name}")
        return sources


def above(base: DispatchPolicy, values: Values, label: str) -> DispatchPolicy:
    """The base with some figures changed, under the version that decisions record."""
    typed: dict[str, Any] = {
        name: int(value) if BY_NAME[name].whole else value for name, value in known(values).items()
    }
    return replace(base, version=label, **typed)
