"""Where support's decisions meet its store: each command, its streams, and what must be true together."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import assert_never

from services.support import codec, views
from services.support.domain import commands as c
from services.support.domain import compensating
from services.support.domain import decisions as d
from services.support.domain import events as e
from services.support.domain.policy import SupportPolicy
from services.support.domain.reactions import DECIDE, OUTCOME, case_deadlines
from services.support.domain.state import (
    Case,
    CaseState,
    Dossier,
    NoCase,
    evolve_case,
    evolve_dossier,
)
from services.support.domain.vocabulary import dossier_id
from shared.eventstore import because
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, DueDeadline, StoredEvent
from shared.eventstore.ports import Transaction

ACTOR = "system:support"

DOSSIER: Aggregate[Dossier, e.DossierEvent] = Aggregate("dossier", Dossier(), evolve_dossier, codec.DOSSIER)
CASE: Aggregate[CaseState, e.CaseEvent] = Aggregate("case", NoCase(), evolve_case, codec.CASE, case_deadlines)

OnCase = Callable[[CaseState], Sequence[e.CaseEvent]]


def perform(tx: Transaction, command: c.Command, context: Context, policy: SupportPolicy) -> str | None:
    """Does one command in the transaction given and returns the id of the case that it was about, if any; raises the
    DomainError of a decision that refuses."""
    match command:
        case c.KnowOrder():
            stream = dossier_id(command.facts.order_id)
            tx.execute(DOSSIER, stream, lambda s: d.know_order(command, s), context)
            return None
        case c.ReportTrouble():
            return _report(tx, command, context, policy)
        case c.EndOrder():
            return _end(tx, command, context)
        case c.ReopenOrder():
            tx.execute(DOSSIER, dossier_id(command.order_id), lambda s: d.reopen_order(command, s), context)
            return None
        case c.NoteRefund():
            return _refunded(tx, command, context)
        case c.NoteCompensation():
            return _compensated(tx, command, context)
        case c.OpenComplaint():
            return _complain(tx, command, context, policy)
        case c.TakeCase() | c.Redispatch() | c.Refund() | c.GrantCompensation() | c.CloseCase():
            return _by_agent(tx, command, context, policy)
        case c.EscalateCase() | c.LapseDecision():
            tx.execute(CASE, command.case_id, lambda s: _in_time(command, s, policy), context)
            return command.case_id
        case _:
            assert_never(command)


def _in_time(
    command: c.EscalateCase | c.LapseDecision, state: CaseState, policy: SupportPolicy
) -> Sequence[e.CaseEvent]:
    if isinstance(command, c.EscalateCase):
        return d.escalate(command, state, policy)
    return d.lapse(command, state, policy)


def _report(tx: Transaction, command: c.ReportTrouble, context: Context, policy: SupportPolicy) -> str | None:
    """Files the trouble, and does to the cases what the filing says, all in one transaction."""
    stream = dossier_id(command.order_id)
    before = tx.load(DOSSIER, stream).state
    open_case = _load(tx, before.open_case)
    decided = tx.execute(DOSSIER, stream, lambda s: d.report_trouble(command, s, open_case), context)
    for event in decided.events:
        match event:
            case e.CaseSettled():
                settled = event.case_id
                tx.execute(CASE, settled, _failing_again(settled, command), context)
            case e.CaseFiled():
                tx.execute(CASE, event.case_id, _opening(event, command, before, policy), context)
            case e.TroubleJoined():
                tx.execute(CASE, event.case_id, _joining(event, command, before), context)
            case _:
                continue
    return decided.state.open_case


def _failing_again(case_id: str, command: c.ReportTrouble) -> OnCase:
    return lambda state: d.fail_again(case_id, command, state)


def _opening(
    filed: e.CaseFiled, command: c.ReportTrouble | c.OpenComplaint, dossier: Dossier, policy: SupportPolicy
) -> OnCase:
    return lambda state: d.open_case(filed, command.trouble, dossier, command, policy, state)


def _joining(joined: e.TroubleJoined, command: c.ReportTrouble, dossier: Dossier) -> OnCase:
    return lambda state: d.join_trouble(joined, command.trouble, dossier, state)


def _complain(tx: Transaction, command: c.OpenComplaint, context: Context, policy: SupportPolicy) -> str | None:
    stream = dossier_id(command.order_id)
    decided = tx.execute(DOSSIER, stream, lambda s: d.file_complaint(command, s), context)
    for event in decided.events:
        if isinstance(event, e.CaseFiled):
            tx.execute(CASE, event.case_id, _opening(event, command, decided.state, policy), context)
    return decided.state.open_case


def _end(tx: Transaction, command: c.EndOrder, context: Context) -> str | None:
    stream = dossier_id(command.order_id)
    dossier = tx.execute(DOSSIER, stream, lambda s: d.end_order(command, s), context).state
    return _finish(tx, dossier, lambda case_id, state: d.conclude(case_id, command, state), context)


def _refunded(tx: Transaction, command: c.NoteRefund, context: Context) -> str | None:
    dossier = tx.load(DOSSIER, dossier_id(command.order_id)).state
    return _finish(tx, dossier, lambda case_id, state: d.note_refund(case_id, command, state), context)


def _compensate(tx: Transaction, command: c.GrantCompensation, context: Context, policy: SupportPolicy) -> str:
    """The case says who may, the dossier how much: both or neither."""
    case = tx.load(CASE, command.case_id).state
    dossier = Dossier()
    if isinstance(case, Case):
        order_id = case.opened.order_id
        dossier = tx.load(DOSSIER, dossier_id(order_id)).state
        compensating.grant(command, case, dossier, policy)
        tx.execute(DOSSIER, dossier_id(order_id), lambda s: compensating.count(command, order_id, s, policy), context)
    tx.execute(CASE, command.case_id, lambda s: compensating.grant(command, s, dossier, policy), context)
    return command.case_id


def _compensated(tx: Transaction, command: c.NoteCompensation, context: Context) -> str | None:
    stream = dossier_id(command.order_id)
    case_id = tx.load(DOSSIER, stream).state.granted_by.get(command.compensation_id)
    if case_id is None:
        return None
    tx.execute(DOSSIER, stream, lambda s: compensating.settle_count(command, s), context)
    tx.execute(CASE, case_id, lambda s: compensating.settle(case_id, command, s), context)
    return case_id


def _finish(
    tx: Transaction,
    dossier: Dossier,
    decide: Callable[[str, CaseState], Sequence[e.CaseEvent]],
    context: Context,
) -> str | None:
    """Lets a decision end the dossier's open case."""
    case_id = dossier.open_case
    if case_id is None:
        return None
    decided = tx.execute(CASE, case_id, lambda state: decide(case_id, state), context)
    _settle(tx, decided.events, context)
    return case_id


def _by_agent(tx: Transaction, command: c.AgentCommand, context: Context, policy: SupportPolicy) -> str:
    if isinstance(command, c.GrantCompensation):
        return _compensate(tx, command, context, policy)
    decided = tx.execute(CASE, command.case_id, lambda s: _decide(tx, command, s, policy), context)
    _settle(tx, decided.events, context)
    return command.case_id


def _decide(
    tx: Transaction, command: c.DecidingCommand, state: CaseState, policy: SupportPolicy
) -> Sequence[e.CaseEvent]:
    match command:
        case c.TakeCase():
            return d.take(command, state, policy)
        case c.Redispatch():
            return d.redispatch(command, state, policy)
        case c.Refund():
            dossier = Dossier()
            if isinstance(state, Case):
                dossier = tx.load(DOSSIER, dossier_id(state.opened.order_id)).state
            return d.refund(command, state, dossier, policy)
        case c.CloseCase():
            return d.close(command, state, policy)
        case _:
            assert_never(command)


def _settle(tx: Transaction, events: Sequence[e.CaseEvent], context: Context) -> None:
    """With its case closed, an order may have another one."""
    for event in events:
        if isinstance(event, e.CaseClosed):
            tx.execute(DOSSIER, dossier_id(event.order_id), _settling(event), context)


def _settling(closed: e.CaseClosed) -> Callable[[Dossier], Sequence[e.DossierEvent]]:
    return lambda dossier: d.settle(closed.case_id, closed.order_id, dossier)


def _load(tx: Transaction, case_id: str | None) -> CaseState:
    return NoCase() if case_id is None else tx.load(CASE, case_id).state


def on_deadline(tx: Transaction, due: DueDeadline, now: datetime, policy: SupportPolicy) -> None:
    """What happens when a wait runs out."""
    with because.of_deadline(tx, due, ACTOR, now) as context:
        match due.name:
            case name if name == DECIDE:
                perform(tx, c.EscalateCase(case_id=due.stream_id, now=now), context, policy)
            case name if name == OUTCOME:
                perform(tx, c.LapseDecision(case_id=due.stream_id, now=now), context, policy)
            case name:
                raise LookupError(f"nobody waits for {name}")


def project(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    """Folds events of the log into the list of cases."""
    views.project(
        tx.connection,
        [
            (stored, codec.EVERYTHING.decode(stored.type, stored.schema_version, stored.data, tx.vault))
            for stored in events
            if codec.EVERYTHING.knows(stored.type)
        ],
    )
