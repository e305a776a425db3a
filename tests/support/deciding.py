"""Given some events, when something is decided, then these events follow: for services whose decisions are plain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from shared.kernel.errors import DomainError

S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True)
class Stream(Generic[S, E]):
    """A kind of aggregate, for telling stories about it."""

    initial: S
    evolve: Callable[[S, E], S]

    def given(self, *events: E) -> Given[S, E]:
        state = self.initial
        for event in events:
            state = self.evolve(state, event)
        return Given(self, state)


@dataclass(frozen=True)
class Given(Generic[S, E]):
    stream: Stream[S, E]
    state: S

    def when(self, decide: Callable[[S], Sequence[E]]) -> When[S, E]:
        return When(self, decide)


@dataclass(frozen=True)
class When(Generic[S, E]):
    given: Given[S, E]
    decide: Callable[[S], Sequence[E]]

    def then(self, *expected: E) -> When[S, E]:
        assert list(self.decide(self.given.state)) == list(expected)
        return self

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, error: type[DomainError]) -> None:
        with pytest.raises(error):
            self.decide(self.given.state)

    def and_again_nothing(self) -> None:
        """The same command after its own events changes nothing."""
        state = self.given.state
        for event in self.decide(state):
            state = self.given.stream.evolve(state, event)
        assert list(self.decide(state)) == []
