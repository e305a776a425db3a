"""What callers send about an order's money and what they are answered."""

from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.order.domain.payment import PaymentState
from services.order.reconciliation import Fault
from services.order.schemas import Identifier, Input, shown
from shared.gateway.cursor import PageQuery
from shared.gateway.words import Code, Reference


class TransferView(BaseModel):
    """So many cents from the credit of one account to the debit of another."""

    debit: str
    credit: str
    cents: int = Field(gt=0)


class EntryView(BaseModel):
    """One entry of the book; its transfers balance by what they are."""

    version: int
    at: datetime
    entry: str
    movement: str = Field(description="what the provider knows it by; empty when no money moved there")
    transfers: list[TransferView]


class AccountView(BaseModel):
    """Debits less credits: what is owed to us or held for us is above 0, what we owe or have earned below."""

    account: str
    cents: int


class ErrandView(BaseModel):
    """What the payment provider has been asked and has not answered."""

    name: str
    errand: str
    cents: int
    attempts: int
    stuck: bool


class LedgerView(BaseModel):
    """The double-entry book of one order."""

    order_id: str
    payment_id: str
    state: PaymentState
    currency: str
    captured_cents: int
    refunded_cents: int
    refundable_cents: int
    entries: list[EntryView]
    balances: list[AccountView]
    waiting: list[ErrandView]
    version: int


class MoneyView(BaseModel):
    """An amount on an account."""

    currency: str
    cents: int


class BalanceView(BaseModel):
    """What is owed to somebody; nothing yet: an empty list."""

    account: str
    balances: list[MoneyView]
    position: int = Field(description="up to which place of the log this is true")


class RefundBody(Input):
    model_config = shown({"amount_cents": 600, "reason": "item_missing", "refund_id": "rfd_tea-was-missing"})

    amount_cents: int = Field(gt=0, le=100_000_000)
    reason: Code
    refund_id: Identifier | None = Field(default=None, description="made once for each; a fresh one when absent")


class TipBody(Input):
    model_config = shown({"amount_cents": 300})

    amount_cents: int = Field(gt=0, le=100_000_000)
    method: Reference | None = Field(default=None, description="how to pay; as the order was paid when absent")
    tip_id: Identifier | None = Field(default=None, description="made once for each; a fresh one when absent")


class DueBody(Input):
    model_config = shown({"method": "sandbox_ok"})

    method: Reference | None = Field(default=None, description="how to pay; as the order was paid when absent")
    due_id: Identifier | None = Field(default=None, description="made once for each; a fresh one when absent")


class DueView(BaseModel):
    """What a change added to an order's price and could not be taken; 0 when nothing is owed."""

    order_id: str
    due_cents: int
    being_asked_cents: int = Field(description="what the provider is being asked for at this moment")
    currency: str
    reason: str
    again_at: datetime | None = Field(description="when it is asked for by itself again; null: not any more")


class OwedView(BaseModel):
    """An order whose customer owes something."""

    order_id: str
    payment_id: str
    customer_id: str
    due_cents: int
    currency: str
    reason: str
    since: datetime
    tries: int
    again_at: datetime | None


class TipView(BaseModel):
    """A tip that was asked for; the rider has it once it has been taken."""

    order_id: str
    tip_id: str
    rider_id: str
    amount_cents: int
    currency: str
    taken: bool


class WebhookBody(BaseModel):
    """Whatever the provider sends: it is the signature that counts."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "evt_17",
                    "type": "capture.approved",
                    "data": {
                        "errand": "pay_0190e0f2-6f6e-7c3a-9d2b-3f1c5a7e9b10:capture",
                        "declined": None,
                        "reference": "sandbox-17",
                    },
                }
            ]
        },
    )

    id: str = Field(max_length=255)
    type: str = Field(max_length=255)
    data: dict[str, Any]


class WebhookView(BaseModel):
    received: bool = True
    new: bool = Field(description="false when it had been told before")


class WaitingQuery(PageQuery):
    pass


class WaitingView(BaseModel):
    """An order whose payment provider does not answer."""

    order_id: str
    payment_id: str
    name: str
    errand: str
    since: datetime
    attempts: int
    why: str | None
    again_at: datetime | None
    stuck: bool = Field(description="asked as often as policy allows: waits for an operator")


class ReconcileBody(Input):
    model_config = shown({"day": "2026-02-28"})

    day: date = Field(ge=date(2020, 1, 1), le=date(2199, 12, 31), description="a day of UTC")


class DifferenceView(BaseModel):
    fault: Fault
    movement: str
    kind: str
    order_id: str
    reference: str
    ledger_cents: int | None
    provider_cents: int | None
    ledger_currency: str | None
    provider_currency: str | None


class ReportView(BaseModel):
    """A day of the provider's books held against ours."""

    day: date
    provider: str
    made_at: AwareDatetime
    movements: int
    charged_cents: int
    refunded_cents: int
    differences: list[DifferenceView]


class ReportsView(BaseModel):
    """One report a day and provider."""

    items: list[ReportView]
