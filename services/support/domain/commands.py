"""What support can be asked to do; every fact, time and id is a field."""

from dataclasses import dataclass
from datetime import datetime

from services.support.domain.vocabulary import Ending, Kind, OrderFacts, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowOrder:
    facts: OrderFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTrouble:
    """A fact told by others; it opens a case, or joins the one that is open."""

    order_id: str
    trouble: Trouble
    source: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOrder:
    """A fact told by others."""

    order_id: str
    ending: Ending
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenOrder:
    """A fact told by others: what was said to be delivered was not."""

    order_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRefund:
    """A fact told by others: the customer has the money back."""

    order_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCompensation:
    """A fact told by others: so much of a grant was paid, or kept as credit, and so much was not."""

    order_id: str
    compensation_id: str
    paid_cents: int
    credit_cents: int
    refused_cents: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenComplaint:
    """An agent opens a case by hand."""

    order_id: str
    note: str
    reason: str
    now: datetime

    @property
    def trouble(self) -> Trouble:
        return Trouble(kind=Kind.COMPLAINT, reason=self.reason, goods="", note=self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCase:
    case_id: str
    agent_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redispatch:
    case_id: str
    agent_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    case_id: str
    agent_id: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCompensation:
    """`compensation_id` makes it once."""

    case_id: str
    agent_id: str
    compensation_id: str
    amount_cents: int
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCase:
    """An agent ends a case with nothing further to be done."""

    case_id: str
    agent_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateCase:
    case_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseDecision:
    case_id: str
    now: datetime


DecidingCommand = TakeCase | Redispatch | Refund | CloseCase
AgentCommand = DecidingCommand | GrantCompensation
FactCommand = KnowOrder | ReportTrouble | EndOrder | ReopenOrder | NoteRefund | NoteCompensation
Command = FactCommand | OpenComplaint | AgentCommand | EscalateCase | LapseDecision
