"""What support's events add up to: the dossier of an order, and a case."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from services.support.domain import events as e
from services.support.domain.vocabulary import Decision, Ending, OrderFacts, Outcome, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What support knows of an order. At most one of its cases is open. `compensated` are cents by grant, and
    `granted_by` the case that each was granted in."""

    facts: OrderFacts | None = None
    cases: int = 0
    open_case: str | None = None
    ending: Ending | None = None
    sources: frozenset[str] = frozenset()
    compensated: Mapping[str, int] = field(default_factory=dict)
    granted_by: Mapping[str, str] = field(default_factory=dict)


def evolve_dossier(dossier: Dossier, event: e.DossierEvent) -> Dossier:
    match event:
        case e.OrderKnown():
            return replace(dossier, facts=event.facts)
        case e.CaseFiled():
            sources = dossier.sources | {event.source} if event.source else dossier.sources
            return replace(dossier, cases=event.number, open_case=event.case_id, sources=sources)
        case e.TroubleJoined():
            return replace(dossier, sources=dossier.sources | {event.source})
        case e.CaseSettled():
            return replace(dossier, open_case=None)
        case e.OrderEnded():
            return replace(dossier, ending=event.ending)
        case e.OrderReopened():
            return replace(dossier, ending=None)
        case e.CompensationCounted():
            return replace(
                dossier,
                compensated={**dossier.compensated, event.compensation_id: event.amount_cents},
                granted_by={**dossier.granted_by, event.compensation_id: event.case_id},
            )
        case _:
            assert_never(event)


class Stage(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    TAKEN = "taken"
    DECIDED = "decided"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class NoCase:
    """No such case was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensation:
    """A grant, and once the order's ledger has told, what became of it."""

    compensation_id: str
    amount_cents: int
    currency: str
    reason: str
    by: str
    granted_at: datetime
    paid_cents: int | None = None
    credit_cents: int | None = None
    refused_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    opened: e.CaseOpened
    stage: Stage = Stage.OPEN
    severity: Severity
    reasons: tuple[str, ...]
    failure_reason: str
    goods: str
    agent_id: str | None = None
    overdue: bool = False
    decide_by: datetime | None
    decision: Decision | None = None
    decision_reason: str = ""
    decided_at: datetime | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    compensations: tuple[Compensation, ...] = ()


CaseState = NoCase | Case


def evolve_case(state: CaseState, event: e.CaseEvent) -> CaseState:
    if isinstance(event, e.CaseOpened):
        return Case(
            opened=event,
            severity=event.severity,
            reasons=event.reasons,
            failure_reason=event.failure_reason,
            goods=event.goods,
            decide_by=event.decide_by,
        )
    if isinstance(state, NoCase):
        raise AssertionError("a case starts by being opened")
    match event:
        case e.TroubleAdded():
            return replace(
                state,
                severity=event.severity,
                reasons=(*state.reasons, event.kind.value),
                failure_reason=event.failure_reason or state.failure_reason,
                goods=event.goods or state.goods,
            )
        case e.CaseAssigned():
            return replace(
                state,
                stage=Stage.TAKEN,
                agent_id=event.agent_id,
                overdue=False,
                decide_by=event.decide_by,
            )
        case e.CaseEscalated():
            return replace(
                state,
                stage=Stage.OPEN,
                agent_id=None,
                severity=event.severity,
                overdue=True,
                decide_by=event.decide_by,
            )
        case e.RedispatchRequested():
            return _decided(state, Decision.REDISPATCH, event)
        case e.CancellationRequested():
            return _decided(state, Decision.REFUND, event)
        case e.CompensationGranted() | e.CompensationSettled():
            return replace(state, compensations=_compensations(state, event))
        case e.DecisionLapsed():
            return replace(
                state, stage=Stage.OPEN, agent_id=None, decision=None, overdue=True, decide_by=event.decide_by
            )
        case e.CaseClosed():
            return replace(
                state,
                stage=Stage.CLOSED,
                outcome=event.outcome,
                closed_at=event.closed_at,
                closed_by=event.by,
                decide_by=None,
            )
        case _:
            assert_never(event)


def _compensations(state: Case, event: e.CompensationGranted | e.CompensationSettled) -> tuple[Compensation, ...]:
    if isinstance(event, e.CompensationSettled):
        return tuple(
            replace(
                each,
                paid_cents=event.paid_cents,
                credit_cents=event.credit_cents,
                refused_cents=event.refused_cents,
            )
            if each.compensation_id == event.compensation_id
            else each
            for each in state.compensations
        )
    granted = Compensation(
        compensation_id=event.compensation_id,
        amount_cents=event.amount_cents,
        currency=event.currency,
        reason=event.reason,
        by=event.by,
        granted_at=event.granted_at,
    )
    return (*state.compensations, granted)


def _decided(state: Case, decision: Decision, event: e.RedispatchRequested | e.CancellationRequested) -> Case:
    return replace(
        state,
        stage=Stage.DECIDED,
        decision=decision,
        decision_reason=event.reason,
        decided_at=event.decided_at,
        decide_by=None,
    )
