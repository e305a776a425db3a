"""Given, when, then for support's decisions, and the troubles that they are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import pytest

from services.support.domain import commands as c
from services.support.domain import events as e
from services.support.domain.policy import SupportPolicy
from services.support.domain.vocabulary import Decision, Ending, Kind, OrderFacts, Outcome, Severity, Trouble
from shared.kernel.errors import DomainError

S = TypeVar("S")
E = TypeVar("E")

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
POLICY = SupportPolicy()
ORDER, CASE, SECOND_CASE = "ord_1", "cas_1-1", "cas_1-2"
AGENT, OTHER = "agt_1", "agt_2"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


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


FACTS = OrderFacts(
    order_id=ORDER, customer_id="cus_1", merchant_id="mer_1", kind="food", priority="normal", promised_at=NOW
)
FAILED = Trouble(kind=Kind.DELIVERY_FAILED, reason="address_wrong", goods="returned")
KNOWN = e.OrderKnown(facts=FACTS)
FILED = e.CaseFiled(order_id=ORDER, case_id=CASE, number=1, source="evt_1")
SETTLED = e.CaseSettled(order_id=ORDER, case_id=CASE)
DELIVERED = e.OrderEnded(order_id=ORDER, ending=Ending.DELIVERED)


def trouble(source: str = "evt_1", what: Trouble = FAILED) -> c.ReportTrouble:
    return c.ReportTrouble(order_id=ORDER, trouble=what, source=source, now=NOW)


def opened(kind: Kind = Kind.DELIVERY_FAILED, severity: Severity = Severity.P2) -> e.CaseOpened:
    return e.CaseOpened(
        case_id=CASE,
        order_id=ORDER,
        customer_id="cus_1",
        merchant_id="mer_1",
        number=1,
        kind=kind,
        severity=severity,
        reasons=(kind.value,),
        failure_reason="address_wrong",
        goods="returned",
        note="",
        opened_at=NOW,
        decide_by=after(POLICY.decision_seconds),
    )


def taken(agent: str = AGENT) -> e.CaseAssigned:
    return e.CaseAssigned(
        case_id=CASE, order_id=ORDER, agent_id=agent, assigned_at=NOW, decide_by=after(POLICY.decision_seconds)
    )


def redispatched() -> e.RedispatchRequested:
    return e.RedispatchRequested(
        case_id=CASE,
        order_id=ORDER,
        reason="again",
        by=AGENT,
        decided_at=NOW,
        outcome_by=after(POLICY.outcome_seconds),
    )


def refunding() -> e.CancellationRequested:
    return e.CancellationRequested(
        case_id=CASE,
        order_id=ORDER,
        reason="sorry",
        by=AGENT,
        decided_at=NOW,
        outcome_by=after(POLICY.outcome_seconds),
    )


def escalated(severity: Severity, seconds: float = POLICY.decision_seconds) -> e.CaseEscalated:
    return e.CaseEscalated(case_id=CASE, severity=severity, decide_by=after(seconds + POLICY.decision_seconds))


def lapsed(decision: Decision) -> e.DecisionLapsed:
    return e.DecisionLapsed(
        case_id=CASE, decision=decision, decide_by=after(POLICY.outcome_seconds + POLICY.decision_seconds)
    )


def closed(outcome: Outcome, by: str = "system") -> e.CaseClosed:
    return e.CaseClosed(case_id=CASE, order_id=ORDER, outcome=outcome, by=by, closed_at=NOW)
