"""Support's read models: the list of cases, most urgent first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.support.domain import events as e
from services.support.domain.state import Case, Compensation, NoCase, Stage, evolve_case
from services.support.domain.vocabulary import Decision, Kind, Outcome, Severity
from shared.eventstore.batched import BatchedRows
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction

LISTS = "cases"
LISTS_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    case_id: str
    position: int
    order_id: str
    customer_id: str | None
    merchant_id: str | None
    number: int
    kind: Kind
    severity: Severity
    reasons: tuple[str, ...]
    failure_reason: str
    goods: str
    note: str
    stage: Stage
    agent_id: str | None
    overdue: bool
    opened_at: datetime
    decide_by: datetime | None
    decision: Decision | None
    decision_reason: str
    decided_at: datetime | None
    outcome: Outcome | None
    closed_at: datetime | None
    closed_by: str | None
    version: int
    compensations: tuple[Compensation, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the list, most urgent first, oldest first among equals; true up to `position` of the log."""

    rows: list[CaseRow]
    position: int
    more: bool


# The note is kept as the event keeps it, sealed: a column that holds the same whoever builds the list, and when.
_COLUMNS = (*(field.name for field in fields(CaseRow) if field.name != "note"), "sealed_note")
_COMPENSATIONS: TypeAdapter[tuple[Compensation, ...]] = TypeAdapter(tuple[Compensation, ...])
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM cases"


def row_of(case: Case, version: int, position: int = 0) -> CaseRow:
    """A case as a row."""
    opened = case.opened
    return CaseRow(
        case_id=opened.case_id,
        position=position,
        order_id=opened.order_id,
        customer_id=opened.customer_id,
        merchant_id=opened.merchant_id,
        number=opened.number,
        kind=opened.kind,
        severity=case.severity,
        reasons=case.reasons,
        failure_reason=case.failure_reason,
        goods=case.goods,
        note=opened.note or "",
        stage=case.stage,
        agent_id=case.agent_id,
        overdue=case.overdue,
        opened_at=opened.opened_at,
        decide_by=case.decide_by,
        decision=case.decision,
        decision_reason=case.decision_reason,
        decided_at=case.decided_at,
        outcome=case.outcome,
        closed_at=case.closed_at,
        closed_by=case.closed_by,
        version=version,
        compensations=case.compensations,
    )


def project(connection: Any, events: Sequence[tuple[StoredEvent, e.Event]]) -> None:
    """Folds events into the list: a row is the case as of its last event."""
    of_cases = [(stored, event) for stored, event in events if isinstance(event, e.CaseEvent)]
    rows = BatchedRows(connection, "cases", "case_id", {stored.stream_id for stored, _ in of_cases})
    for stored, event in of_cases:
        known = rows.get(stored.stream_id)
        state = evolve_case(_case(known) if known else NoCase(), event)
        if isinstance(state, Case):
            rows.put(_columns(state, stored, known))
    rows.write()


def _columns(case: Case, stored: StoredEvent, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row after an event. Where it stands in the list and the note stay as the first event made them."""
    row = row_of(case, stored.version, known["position"] if known else stored.position)
    columns = {name: getattr(row, name) for name in _COLUMNS if name != "sealed_note"}
    sealed_note = known["sealed_note"] if known else _sealed_note(stored)
    granted = _COMPENSATIONS.dump_python(row.compensations, mode="json")
    return columns | {"reasons": list(row.reasons), "sealed_note": sealed_note, "compensations": granted}


def _sealed_note(stored: StoredEvent) -> str | None:
    note = stored.data.get("note")
    return str(note["sealed"]) if isinstance(note, Mapping) else None


def cases(
    tx: Transaction,
    *,
    stages: Collection[Stage] | None,
    severity: Severity | None,
    order_id: str | None,
    agent_id: str | None,
    after: tuple[str, int] | None,
    limit: int,
) -> Rows:
    """A page of cases after (severity, position). First in its transaction."""
    connection = tx.connection
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    position = connection.execute(
        "SELECT position FROM follower_positions WHERE name = %s", (f"{LISTS}.v{LISTS_VERSION}",)
    ).fetchone()
    found = connection.execute(
        f"{_SELECT} WHERE (%(stages)s::text[] IS NULL OR stage = ANY(%(stages)s))"
        " AND (%(severity)s::text IS NULL OR severity = %(severity)s)"
        " AND (%(order_id)s::text IS NULL OR order_id = %(order_id)s)"
        " AND (%(agent_id)s::text IS NULL OR agent_id = %(agent_id)s)"
        " AND (%(after_severity)s::text IS NULL"
        " OR (severity, position) > (%(after_severity)s, %(after_position)s::bigint))"
        " ORDER BY severity, position LIMIT %(limit)s",
        {
            "stages": None if stages is None else list(stages),
            "severity": severity,
            "order_id": order_id,
            "agent_id": agent_id,
            "after_severity": after[0] if after else None,
            "after_position": after[1] if after else None,
            "limit": limit + 1,
        },
    ).fetchall()
    rows = [_row(entry, _opened(tx, entry)) for entry in found]
    return Rows(rows[:limit], int(position["position"]) if position else 0, len(rows) > limit)


def _opened(tx: Transaction, entry: dict[str, Any]) -> str:
    """The note of a row; empty when there is none, or its customer has been forgotten."""
    if entry["sealed_note"] is None:
        return ""
    return str(tx.vault.open(entry["customer_id"], entry["sealed_note"]) or "")


def _row(entry: dict[str, Any], note: str = "") -> CaseRow:
    told = {name: value for name, value in entry.items() if name != "sealed_note"}
    return CaseRow(
        **told
        | {
            "note": note,
            "kind": Kind(entry["kind"]),
            "severity": Severity(entry["severity"]),
            "reasons": tuple(entry["reasons"]),
            "stage": Stage(entry["stage"]),
            "decision": Decision(entry["decision"]) if entry["decision"] else None,
            "outcome": Outcome(entry["outcome"]) if entry["outcome"] else None,
            "compensations": _COMPENSATIONS.validate_python(entry["compensations"]),
        }
    )


def _case(entry: dict[str, Any]) -> Case:
    """The state that a row was made of."""
    row = _row(entry)
    opened = e.CaseOpened(
        case_id=row.case_id,
        order_id=row.order_id,
        customer_id=row.customer_id,
        merchant_id=row.merchant_id,
        number=row.number,
        kind=row.kind,
        severity=row.severity,
        reasons=row.reasons,
        failure_reason=row.failure_reason,
        goods=row.goods,
        note=None,
        opened_at=row.opened_at,
        decide_by=row.decide_by or row.opened_at,
    )
    return Case(
        opened=opened,
        stage=row.stage,
        severity=row.severity,
        reasons=row.reasons,
        failure_reason=row.failure_reason,
        goods=row.goods,
        agent_id=row.agent_id,
        overdue=row.overdue,
        decide_by=row.decide_by,
        decision=row.decision,
        decision_reason=row.decision_reason,
        decided_at=row.decided_at,
        outcome=row.outcome,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        compensations=row.compensations,
    )
