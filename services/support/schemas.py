"""What support's gateway takes and gives."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from services.support.domain.state import Stage
from services.support.domain.vocabulary import Decision, Kind, Outcome, Severity
from services.support.views import CaseRow
from shared.gateway.cursor import PageQuery
from shared.gateway.sealing import PersonalPart
from shared.gateway.words import Code


class CompensationView(BaseModel):
    """A grant. What became of it is null until the order's ledger has told."""

    compensation_id: str
    amount_cents: int
    currency: str
    reason: str
    by: str
    granted_at: datetime
    paid_cents: int | None
    credit_cents: int | None
    refused_cents: Annotated[int | None, Field(description="beyond what is given back for one order")]


class CaseView(BaseModel):
    """What went wrong with an order, who looks after it, and how it ends."""

    personal: ClassVar[PersonalPart] = PersonalPart("customer_id", {"note": ""})

    case_id: str
    order_id: str
    customer_id: str | None
    merchant_id: str | None
    number: Annotated[int, Field(description="counts the cases of this order from 1")]
    kind: Kind
    severity: Severity
    reasons: list[str]
    failure_reason: str
    goods: str
    note: str
    state: Stage
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
    compensations: list[CompensationView]
    version: int


class TimelineEntry(BaseModel):
    """One fact of a case: who did it, when by their clock and the server's, and its plain figures."""

    type: str
    at: datetime
    recorded_at: datetime
    actor: str
    facts: dict[str, str | int | None]


class CaseTimeline(BaseModel):
    case_id: str
    entries: list[TimelineEntry]


class CasesQuery(PageQuery):
    state: Stage | None = None
    severity: Severity | None = None
    order_id: str | None = None
    agent_id: str | None = None


class LiveQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    last_event_id: str | None = None


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ComplaintBody(Body):
    """A case opened by hand. `note` is sealed under the customer's key and forgotten with the customer."""

    order_id: Annotated[str, Field(pattern=r"^ord_[0-9A-Za-z-]{1,60}$")]
    reason: Code = "complaint"
    note: Annotated[str, Field(max_length=2000)] = ""


class RedispatchBody(Body):
    reason: Code = "redispatched"


class RefundBody(Body):
    reason: Code = "refunded"


class CompensationBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"amount_cents": 500, "reason": "late"}]}
    )

    amount_cents: Annotated[int, Field(gt=0, le=100_000_000)]
    reason: Code = "compensated"
    compensation_id: Annotated[
        str | None, Field(pattern=r"^[0-9A-Za-z_-]{1,60}$", description="made once for each; a fresh one when absent")
    ] = None


class Ready(BaseModel):
    """Everything up to this position of the log has been told; what follows is news."""

    position: int


LiveData = CaseView | Ready


def case_view(row: CaseRow) -> CaseView:
    names = CaseView.model_fields.keys() - {"state", "reasons", "compensations"}
    values = {name: getattr(row, name) for name in names}
    granted = [CompensationView(**asdict(each)) for each in row.compensations]
    return CaseView(**values, state=row.stage, reasons=list(row.reasons), compensations=granted)
