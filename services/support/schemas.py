"""What support's gateway takes and gives."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from services.support.domain.state import Stage
from services.support.domain.vocabulary import Decision, Kind, Outcome, Severity
from services.support.views import CaseRow
from shared.gateway.cursor import PageQuery
from shared.gateway.sealing import PersonalPart
from shared.gateway.words import Code


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
    version: int


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


class Ready(BaseModel):
    """Everything up to this position of the log has been told; what follows is news."""

    position: int


LiveData = CaseView | Ready


def case_view(row: CaseRow) -> CaseView:
    names = CaseView.model_fields.keys() - {"state", "reasons"}
    values = {name: getattr(row, name) for name in names}
    return CaseView(**values, state=row.stage, reasons=list(row.reasons))
