"""What support remembers: of each order what may become a case, and of each case how it went."""

from dataclasses import dataclass
from datetime import datetime

from services.support.domain.vocabulary import Decision, Ending, Kind, OrderFacts, Outcome, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKnown:
    """An order exists; what a case about it would have to know."""

    facts: OrderFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFiled:
    """A case was opened about the order; `source` is the event that it came from, None when an agent opened it."""

    order_id: str
    case_id: str
    number: int
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleJoined:
    """Something else went wrong while a case was open already."""

    order_id: str
    case_id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSettled:
    order_id: str
    case_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEnded:
    """The order has been delivered, or is over without that."""

    order_id: str
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReopened:
    """The end was a mistake: the order is under way again."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationCounted:
    """So much has been granted under this id, or was paid of it in the end: it counts against the order's limit."""

    order_id: str
    case_id: str
    compensation_id: str
    amount_cents: int


DossierEvent = OrderKnown | CaseFiled | TroubleJoined | CaseSettled | OrderEnded | OrderReopened | CompensationCounted


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """`note` is what the customer said, in an agent's words: personal, so None once the customer has been forgotten,
    and None when nobody said anything."""

    case_id: str
    order_id: str
    customer_id: str | None
    merchant_id: str | None
    number: int
    kind: Kind
    severity: Severity
    reasons: tuple[str, ...]
    failure_reason: str
    goods: str
    note: str | None
    opened_at: datetime
    decide_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleAdded:
    """Something else went wrong while the case was being solved."""

    case_id: str
    kind: Kind
    failure_reason: str
    goods: str
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAssigned:
    case_id: str
    order_id: str
    agent_id: str
    assigned_at: datetime
    decide_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEscalated:
    """No decision came in time: more urgent now, and open to every agent again."""

    case_id: str
    severity: Severity
    decide_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RedispatchRequested:
    case_id: str
    order_id: str
    reason: str
    by: str
    decided_at: datetime
    outcome_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRequested:
    case_id: str
    order_id: str
    reason: str
    by: str
    decided_at: datetime
    outcome_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationGranted:
    """The customer gets so much; the order's ledger says what became of it."""

    case_id: str
    order_id: str
    compensation_id: str
    amount_cents: int
    currency: str
    reason: str
    by: str
    granted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationSettled:
    """What the order's ledger made of a grant: `refused_cents` are beyond what it gives back for one order."""

    case_id: str
    compensation_id: str
    paid_cents: int
    credit_cents: int
    refused_cents: int
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLapsed:
    """What was decided has not come about in time: the case waits for another decision."""

    case_id: str
    decision: Decision
    decide_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed:
    case_id: str
    order_id: str
    outcome: Outcome
    by: str
    closed_at: datetime


CaseEvent = (
    CaseOpened
    | TroubleAdded
    | CaseAssigned
    | CaseEscalated
    | RedispatchRequested
    | CancellationRequested
    | CompensationGranted
    | CompensationSettled
    | DecisionLapsed
    | CaseClosed
)
Event = DossierEvent | CaseEvent
