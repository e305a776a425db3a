"""What support decides about compensation: who may grant it, how much of it one order can have, and how it ended."""

from services.support.domain import commands as c
from services.support.domain import events as e
from services.support.domain.decisions import CaseAlreadyDecided, existing, hold
from services.support.domain.policy import SupportPolicy
from services.support.domain.state import Case, CaseState, Dossier
from services.support.domain.vocabulary import Decision
from shared.kernel.errors import DomainError


class CompensationExceedsLimit(DomainError):
    code = "case.compensation_exceeds_limit"


class CompensationIdReused(DomainError):
    code = "case.compensation_id_reused"


def grant(
    command: c.GrantCompensation, case: CaseState, dossier: Dossier, policy: SupportPolicy
) -> list[e.CaseEvent]:
    """Promises the customer money at the platform's cost, once for each id. Not while the whole order is being
    refunded: of a refund and a compensation the first one counts."""
    found = existing(command, case)
    held = hold(command, found, policy)
    for known in found.compensations:
        if known.compensation_id == command.compensation_id:
            return []
    if found.decision is Decision.REFUND:
        raise CaseAlreadyDecided("the whole is being refunded already", case_id=command.case_id)
    granted = e.CompensationGranted(
        case_id=command.case_id,
        order_id=found.opened.order_id,
        compensation_id=command.compensation_id,
        amount_cents=command.amount_cents,
        currency=(dossier.facts.currency if dossier.facts else "") or policy.currency,
        reason=command.reason,
        by=command.agent_id,
        granted_at=command.now,
    )
    return [*held, granted]


def count(
    command: c.GrantCompensation, order_id: str, dossier: Dossier, policy: SupportPolicy
) -> list[e.DossierEvent]:
    """Counts a grant against the order's limit, over all its cases."""
    known = dossier.compensated.get(command.compensation_id)
    if known is not None:
        if dossier.granted_by[command.compensation_id] != command.case_id:
            raise CompensationIdReused("this id is another case's", compensation_id=command.compensation_id)
        return []
    left = policy.compensation_limit_cents(dossier.facts) - sum(dossier.compensated.values())
    if command.amount_cents > left:
        raise CompensationExceedsLimit(
            "this is more than an order may be compensated with", case_id=command.case_id, left_cents=max(0, left)
        )
    return [_counted(order_id, command.case_id, command.compensation_id, command.amount_cents)]


def settle_count(command: c.NoteCompensation, dossier: Dossier) -> list[e.DossierEvent]:
    """What the ledger refused may be granted again."""
    granted = dossier.compensated.get(command.compensation_id)
    given = command.paid_cents + command.credit_cents
    if granted is None or granted <= given:
        return []
    return [_counted(command.order_id, dossier.granted_by[command.compensation_id], command.compensation_id, given)]


def settle(case_id: str, command: c.NoteCompensation, case: CaseState) -> list[e.CaseEvent]:
    """A case that is closed is told as well."""
    if not isinstance(case, Case):
        return []
    waiting = {each.compensation_id for each in case.compensations if each.paid_cents is None}
    if command.compensation_id not in waiting:
        return []
    return [
        e.CompensationSettled(
            case_id=case_id,
            compensation_id=command.compensation_id,
            paid_cents=command.paid_cents,
            credit_cents=command.credit_cents,
            refused_cents=command.refused_cents,
            settled_at=command.now,
        )
    ]


def _counted(order_id: str, case_id: str, compensation_id: str, cents: int) -> e.CompensationCounted:
    return e.CompensationCounted(
        order_id=order_id, case_id=case_id, compensation_id=compensation_id, amount_cents=cents
    )
