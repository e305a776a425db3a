"""What the support service tells the world: what went wrong and how it ended."""

from typing import ClassVar

from pydantic import Field

from shared.contracts.common import Cents
from shared.contracts.message import Message


class CaseMessage(Message):
    """Subject: the case's stream; partition key: the order's id."""

    service: ClassVar[str] = "support"
    case_id: str
    order_id: str


class CaseOpened(CaseMessage):
    kind: str = Field(description="delivery_failed, undeliverable, complaint, stalled")
    severity: str = Field(description="P0 (now) to P3")
    reasons: tuple[str, ...] = ()


class CaseAssigned(CaseMessage):
    agent_id: str


class RedispatchRequested(CaseMessage):
    """Try again with the same delivery."""

    reason: str
    by: str


class CancellationRequested(CaseMessage):
    """End the order and give the money back."""

    reason: str
    by: str


class CompensationGranted(CaseMessage):
    """The customer gets so much for what went wrong, at the platform's cost; the order stays as it is."""

    amount_cents: Cents
    currency: str
    reason: str
    by: str
    compensation_id: str = Field("", description="makes it once; told back in `CompensationOwed`")


class CaseClosed(CaseMessage):
    outcome: str = Field(description="redelivered, refunded, cancelled, failed_again, compensated, no_action")
