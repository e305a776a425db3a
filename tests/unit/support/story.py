"""The troubles, agents and events that the stories about support are told with."""

from datetime import UTC, datetime, timedelta

from services.support.domain import commands as c
from services.support.domain import events as e
from services.support.domain.policy import SupportPolicy
from services.support.domain.vocabulary import Decision, Ending, Kind, OrderFacts, Outcome, Severity, Trouble

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
POLICY = SupportPolicy()
ORDER, CASE, SECOND_CASE = "ord_1", "cas_1-1", "cas_1-2"
AGENT, OTHER = "agt_1", "agt_2"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


FACTS = OrderFacts(
    order_id=ORDER,
    customer_id="cus_1",
    merchant_id="mer_1",
    kind="food",
    priority="normal",
    promised_at=NOW,
    total_cents=5900,
    currency="CNY",
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
        note=None,
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


GRANT = c.GrantCompensation(
    case_id=CASE, agent_id=AGENT, compensation_id="cmp_1", amount_cents=400, reason="late", now=NOW
)
COUNTED = e.CompensationCounted(order_id=ORDER, case_id=CASE, compensation_id="cmp_1", amount_cents=400)
GRANTED = e.CompensationGranted(
    case_id=CASE,
    order_id=ORDER,
    compensation_id="cmp_1",
    amount_cents=400,
    currency="CNY",
    reason="late",
    by=AGENT,
    granted_at=NOW,
)
PAID = e.CompensationSettled(
    case_id=CASE, compensation_id="cmp_1", paid_cents=300, credit_cents=0, refused_cents=100, settled_at=NOW
)


def closed(outcome: Outcome, by: str = "system") -> e.CaseClosed:
    return e.CaseClosed(case_id=CASE, order_id=ORDER, outcome=outcome, by=by, closed_at=NOW)
