"""What support decides: when a trouble becomes a case, which agent has it, and how it ends."""

from datetime import timedelta

from services.support.domain import commands as c
from services.support.domain import events as e
from services.support.domain.policy import SupportPolicy, severity_of
from services.support.domain.state import Case, CaseState, Dossier, NoCase, Stage
from services.support.domain.vocabulary import Decision, Ending, Kind, Outcome, Severity, Trouble, case_id
from shared.kernel.errors import DomainError, NotFound

SYSTEM = "system"


class CaseAlreadyOpen(DomainError):
    code = "case.already_open"


class CaseAlreadyTaken(DomainError):
    code = "case.already_taken"


class CaseAlreadyDecided(DomainError):
    code = "case.already_decided"


class CaseEnded(DomainError):
    code = "case.closed"


class NothingToRedispatch(DomainError):
    code = "case.nothing_to_redispatch"


class NothingToRefund(DomainError):
    code = "case.nothing_to_refund"


# The dossier of an order


def know_order(command: c.KnowOrder, dossier: Dossier) -> list[e.DossierEvent]:
    return [] if dossier.facts is not None else [e.OrderKnown(facts=command.facts)]


def report_trouble(command: c.ReportTrouble, dossier: Dossier, case: CaseState) -> list[e.DossierEvent]:
    """A trouble opens a case, joins the one that is being solved, or takes the place of one whose redelivery it is
    that went wrong. `case` is the dossier's open case. What is told after the end is no trouble any more."""
    if command.source in dossier.sources or dossier.ending is not None:
        return []
    if not isinstance(case, Case) or dossier.open_case is None:
        return [_filed(command.order_id, dossier, command.source)]
    if case.decision is Decision.REDISPATCH and case.stage is Stage.DECIDED:
        settled = e.CaseSettled(order_id=command.order_id, case_id=dossier.open_case)
        return [settled, _filed(command.order_id, dossier, command.source)]
    return [e.TroubleJoined(order_id=command.order_id, case_id=dossier.open_case, source=command.source)]


def file_complaint(command: c.OpenComplaint, dossier: Dossier) -> list[e.DossierEvent]:
    """An order has one open case at a time: a complaint belongs into the one there is."""
    if dossier.facts is None:
        raise NotFound("there is no such order", order_id=command.order_id)
    if dossier.open_case is not None:
        raise CaseAlreadyOpen(
            "this order has an open case already", order_id=command.order_id, case_id=dossier.open_case
        )
    return [_filed(command.order_id, dossier, None)]


def end_order(command: c.EndOrder, dossier: Dossier) -> list[e.DossierEvent]:
    if dossier.ending is command.ending:
        return []
    return [e.OrderEnded(order_id=command.order_id, ending=command.ending)]


def reopen_order(command: c.ReopenOrder, dossier: Dossier) -> list[e.DossierEvent]:
    """Only a delivery can turn out to have been none."""
    return [e.OrderReopened(order_id=command.order_id)] if dossier.ending is Ending.DELIVERED else []


def settle(settled_id: str, order_id: str, dossier: Dossier) -> list[e.DossierEvent]:
    """The case is closed, so that the order may have another one."""
    return [e.CaseSettled(order_id=order_id, case_id=settled_id)] if dossier.open_case == settled_id else []


def _filed(order_id: str, dossier: Dossier, source: str | None) -> e.CaseFiled:
    number = dossier.cases + 1
    return e.CaseFiled(order_id=order_id, case_id=case_id(order_id, number), number=number, source=source)


# A case: what the facts do to it


def open_case(
    filed: e.CaseFiled,
    trouble: Trouble,
    dossier: Dossier,
    command: c.ReportTrouble | c.OpenComplaint,
    policy: SupportPolicy,
    case: CaseState,
) -> list[e.CaseEvent]:
    if not isinstance(case, NoCase):
        return []
    facts = dossier.facts
    severity, reasons = severity_of(trouble, facts, filed.number)
    return [
        e.CaseOpened(
            case_id=filed.case_id,
            order_id=filed.order_id,
            customer_id=facts.customer_id if facts else None,
            merchant_id=facts.merchant_id if facts else None,
            number=filed.number,
            kind=trouble.kind,
            severity=severity,
            reasons=reasons,
            failure_reason=trouble.reason,
            goods=trouble.goods,
            note=trouble.note or None,
            opened_at=command.now,
            decide_by=command.now + timedelta(seconds=policy.decision_seconds),
        )
    ]


def join_trouble(joined: e.TroubleJoined, trouble: Trouble, dossier: Dossier, case: CaseState) -> list[e.CaseEvent]:
    """A further trouble can make a case more urgent, never less."""
    if not isinstance(case, Case) or case.stage is Stage.CLOSED:
        return []
    severity, _ = severity_of(trouble, dossier.facts, case.opened.number)
    return [
        e.TroubleAdded(
            case_id=joined.case_id,
            kind=trouble.kind,
            failure_reason=trouble.reason,
            goods=trouble.goods,
            severity=min(severity, case.severity),
        )
    ]


def fail_again(case_id_: str, command: c.ReportTrouble, case: CaseState) -> list[e.CaseEvent]:
    """The redelivery that this case asked for has failed: another case goes on from there."""
    return _closed(case_id_, Outcome.FAILED_AGAIN, SYSTEM, command, case)


def conclude(case_id_: str, command: c.EndOrder, case: CaseState) -> list[e.CaseEvent]:
    """A case ends with its order; only a complaint outlives a delivery."""
    if not isinstance(case, Case):
        return []
    if command.ending is Ending.DELIVERED:
        if case.opened.kind is Kind.COMPLAINT:
            return []
        return _closed(case_id_, Outcome.REDELIVERED, SYSTEM, command, case)
    outcome = Outcome.REFUNDED if case.decision is Decision.REFUND else Outcome.CANCELLED
    return _closed(case_id_, outcome, SYSTEM, command, case)


def note_refund(case_id_: str, command: c.NoteRefund, case: CaseState) -> list[e.CaseEvent]:
    """The refund that an agent asked for has come about."""
    if not isinstance(case, Case) or case.decision is not Decision.REFUND:
        return []
    return _closed(case_id_, Outcome.REFUNDED, SYSTEM, command, case)


def _closed(
    case_id_: str,
    outcome: Outcome,
    by: str,
    command: c.ReportTrouble | c.EndOrder | c.NoteRefund | c.CloseCase,
    case: CaseState,
) -> list[e.CaseEvent]:
    if not isinstance(case, Case) or case.stage is Stage.CLOSED:
        return []
    return [
        e.CaseClosed(
            case_id=case_id_,
            order_id=case.opened.order_id,
            outcome=outcome,
            by=by,
            closed_at=command.now,
        )
    ]


# A case: what agents do


def take(command: c.TakeCase, case: CaseState, policy: SupportPolicy) -> list[e.CaseEvent]:
    """The first agent has it, for as long as there is time to decide."""
    return hold(command, existing(command, case), policy)


def redispatch(command: c.Redispatch, case: CaseState, policy: SupportPolicy) -> list[e.CaseEvent]:
    """Has the same delivery tried again; whoever decides an open case takes it with that."""
    found = existing(command, case)
    held = hold(command, found, policy)
    if found.opened.kind is Kind.COMPLAINT:
        raise NothingToRedispatch("no delivery of this case has failed", case_id=command.case_id)
    match found.decision:
        case Decision.REDISPATCH:
            return []
        case Decision.REFUND:
            raise CaseAlreadyDecided("a refund is on its way already", case_id=command.case_id)
        case None:
            requested = e.RedispatchRequested(
                case_id=command.case_id,
                order_id=found.opened.order_id,
                reason=command.reason,
                by=command.agent_id,
                decided_at=command.now,
                outcome_by=command.now + timedelta(seconds=policy.outcome_seconds),
            )
            return [*held, requested]


def refund(command: c.Refund, case: CaseState, dossier: Dossier, policy: SupportPolicy) -> list[e.CaseEvent]:
    """Ends the order and gives the money back; also after a redispatch that leads nowhere."""
    found = existing(command, case)
    held = hold(command, found, policy)
    if found.decision is Decision.REFUND:
        return []
    if dossier.ending in (Ending.CANCELLED, Ending.REJECTED):
        raise NothingToRefund(
            "the order was cancelled, and its money has gone back with that", case_id=command.case_id
        )
    requested = e.CancellationRequested(
        case_id=command.case_id,
        order_id=found.opened.order_id,
        reason=command.reason,
        by=command.agent_id,
        decided_at=command.now,
        outcome_by=command.now + timedelta(seconds=policy.outcome_seconds),
    )
    return [*held, requested]


def close(command: c.CloseCase, case: CaseState, policy: SupportPolicy) -> list[e.CaseEvent]:
    """Nothing further is to be done; closing again changes nothing. What was decided must come to its end first."""
    if isinstance(case, Case) and case.stage is Stage.CLOSED and case.closed_by == command.agent_id:
        return []
    found = existing(command, case)
    held = hold(command, found, policy)
    if found.decision is not None:
        raise CaseAlreadyDecided("what was decided is still under way", case_id=command.case_id)
    outcome = Outcome.COMPENSATED if found.compensations else Outcome.NO_ACTION
    return [*held, *_closed(command.case_id, outcome, command.agent_id, command, found)]


def existing(command: c.AgentCommand, case: CaseState) -> Case:
    """The case that an agent acts on; refused when there is none or it is closed."""
    if isinstance(case, NoCase):
        raise NotFound("there is no such case", case_id=command.case_id)
    if case.stage is Stage.CLOSED:
        raise CaseEnded("this case is closed", case_id=command.case_id, outcome=case.outcome)
    return case


def hold(command: c.AgentCommand, case: Case, policy: SupportPolicy) -> list[e.CaseEvent]:
    """The case becomes the agent's, or is already; refused while it is another's."""
    if case.agent_id == command.agent_id:
        return []
    if case.agent_id is not None:
        raise CaseAlreadyTaken("another agent has this case", case_id=command.case_id, agent_id=case.agent_id)
    return [
        e.CaseAssigned(
            case_id=command.case_id,
            order_id=case.opened.order_id,
            agent_id=command.agent_id,
            assigned_at=command.now,
            decide_by=command.now + timedelta(seconds=policy.decision_seconds),
        )
    ]


# A case: what time does to it


def escalate(command: c.EscalateCase, case: CaseState, policy: SupportPolicy) -> list[e.CaseEvent]:
    """Nobody has decided in time: one step more urgent up to P0, and taken from an agent who sat on it."""
    if not isinstance(case, Case) or case.stage not in (Stage.OPEN, Stage.TAKEN):
        return []
    if case.severity is Severity.P0 and case.overdue:
        return []
    return [
        e.CaseEscalated(
            case_id=command.case_id,
            severity=case.severity.raised(),
            decide_by=command.now + timedelta(seconds=policy.decision_seconds),
        )
    ]


def lapse(command: c.LapseDecision, case: CaseState, policy: SupportPolicy) -> list[e.CaseEvent]:
    """What was decided has led nowhere: the case is open again."""
    if not isinstance(case, Case) or case.stage is not Stage.DECIDED or case.decision is None:
        return []
    return [
        e.DecisionLapsed(
            case_id=command.case_id,
            decision=case.decision,
            decide_by=command.now + timedelta(seconds=policy.decision_seconds),
        )
    ]
