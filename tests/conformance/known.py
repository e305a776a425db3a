"""Remembers the ids that answers name, so that generated requests also meet things that exist."""

from collections import defaultdict
from random import Random
from typing import Any

ENOUGH = 40
NAMES = frozenset({"scope"})
"""What names a thing without being called an id."""


class KnownIds:
    """Ids by the name of their field (`order_id`, `merchant_id`, …), the latest few of each."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._ids: dict[str, list[str]] = defaultdict(list)

    def learn(self, answer: Any) -> None:
        """Takes in every `…_id` of a JSON answer, however deep it lies."""
        if isinstance(answer, dict):
            for name, value in answer.items():
                if name.endswith("_id") and isinstance(value, str | int) and not isinstance(value, bool):
                    self.add(name, str(value))
                else:
                    self.learn(value)
        elif isinstance(answer, list):
            for each in answer:
                self.learn(each)

    def add(self, name: str, value: str) -> None:
        ids = self._ids[name]
        if value and value not in ids:
            ids.append(value)
            if len(ids) > ENOUGH:
                # The first ones stay: a world's own merchant is worth more than what chance has made since.
                del ids[ENOUGH // 2]

    def some(self, name: str) -> str | None:
        """One of the ids of that name, if any is known."""
        return self._chance.choice(self._ids[name]) if self._ids.get(name) else None

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self._ids.get(name, ()))

    def put_into(self, value: Any, share: float) -> Any:
        """A JSON value with a share of its `…_id` fields replaced by known ones."""
        if isinstance(value, dict):
            return {name: self._replaced(name, each, share) for name, each in value.items()}
        if isinstance(value, list):
            return [self.put_into(each, share) for each in value]
        return value

    def _replaced(self, name: str, value: Any, share: float) -> Any:
        if (name.endswith("_id") or name in NAMES) and isinstance(value, str) and self._chance.random() < share:
            return self.some(name) or value
        return self.put_into(value, share)
