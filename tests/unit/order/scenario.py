"""Given some facts, when a command comes, then these facts follow: the language in which orders are tested."""

from dataclasses import dataclass, fields
from typing import Any

import pytest

from services.order.application import ExistingOrderCommand, decision
from services.order.domain.events import OrderEvent
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order, evolve
from shared.kernel.errors import DomainError

POLICY = OrderPolicy()


@dataclass(frozen=True)
class Told:
    """An expected event by its class and the fields that matter."""

    kind: type[Any]
    facts: dict[str, Any]


def told(kind: type[Any], **facts: Any) -> Told:
    unknown = set(facts) - {field.name for field in fields(kind)}
    assert not unknown, f"{kind.__name__} has no {unknown}"
    return Told(kind, facts)


@dataclass(frozen=True)
class Given:
    """The facts so far."""

    facts: tuple[OrderEvent, ...]
    policy: OrderPolicy = POLICY

    @property
    def order(self) -> Order | None:
        order: Order | None = None
        for fact in self.facts:
            order = evolve(order, fact)
        return order

    def under(self, policy: OrderPolicy) -> "Given":
        return Given(self.facts, policy)

    def when(self, command: ExistingOrderCommand) -> "When":
        return When(self, command)


@dataclass(frozen=True)
class When:
    """A command put to an order."""

    given: Given
    command: ExistingOrderCommand

    def outcome(self) -> list[OrderEvent]:
        return list(decision(self.command, self.given.policy)(self.given.order))

    def outcome_or_refusal(self) -> list[OrderEvent] | DomainError:
        try:
            return self.outcome()
        except DomainError as refusal:
            return refusal

    def then(self, *expected: Told | type[Any]) -> "Given":
        """Exactly these facts follow, and the same command again changes nothing. Answers what is then given."""
        happened = self.outcome()
        wanted = [each if isinstance(each, Told) else told(each) for each in expected]
        assert [type(event) for event in happened] == [each.kind for each in wanted]
        for event, each in zip(happened, wanted, strict=True):
            assert {name: getattr(event, name) for name in each.facts} == each.facts
        after = Given((*self.given.facts, *happened), self.given.policy)
        assert after.when(self.command).outcome() == [], "the command repeated changed something"
        return after

    def then_nothing(self) -> None:
        assert self.outcome() == []

    def then_refused(self, kind: type[DomainError]) -> None:
        with pytest.raises(kind) as refusal:
            self.outcome()
        assert refusal.type in (kind, *kind.__subclasses__())


def given(*facts: OrderEvent) -> Given:
    return Given(facts)
