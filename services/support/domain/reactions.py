"""Which waits follow from a case's events: for a decision, and for what was decided to come about."""

from collections.abc import Iterable

from services.support.domain import events as e
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

DECIDE = "decide"
OUTCOME = "outcome"


def case_deadlines(event: e.CaseEvent) -> Iterable[DeadlineChange]:
    match event:
        case e.CaseOpened() | e.CaseAssigned() | e.CaseEscalated():
            yield SetDeadline(DECIDE, event.decide_by)
        case e.RedispatchRequested() | e.CancellationRequested():
            yield ClearDeadline(DECIDE)
            yield SetDeadline(OUTCOME, event.outcome_by)
        case e.DecisionLapsed():
            yield ClearDeadline(OUTCOME)
            yield SetDeadline(DECIDE, event.decide_by)
        case e.CaseClosed():
            yield ClearDeadline(DECIDE)
            yield ClearDeadline(OUTCOME)
        case e.TroubleAdded() | e.CompensationGranted() | e.CompensationSettled():
            return
