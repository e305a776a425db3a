"""The payment provider as the order service sees it, whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.kernel.errors import DoorstepError


class ProviderUnavailable(DoorstepError):
    """The provider did not answer; whether it did what it was asked is unknown, so the same key is sent again."""


class WebhookRefused(DoorstepError):
    """What came in the provider's name is not (or not any more) the provider's: `code` says which."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """`idempotency_key` names one errand of one payment: the provider answers it the same way for ever.

    `reference` is the provider's own of the charge that the errand is about; `movement` is what money that moves
    because of it is called in both books; `attempt` counts from 0.
    """

    idempotency_key: str
    payment_id: str
    amount_cents: int
    currency: str
    method: str
    reference: str = ""
    movement: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """Done, or declined for a reason, or (`pending`) not decided yet; `reference` is the provider's own.

    `failed`: it was done under this key and has come to nothing, so this key will never do it.
    """

    declined: str | None
    reference: str
    pending: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a webhook tells of one errand; `name` is empty when it is about none of ours. `failed`: what was done has
    come to nothing, maybe days later."""

    event_id: str
    kind: str
    payment_id: str = ""
    name: str = ""
    declined: str | None = None
    reference: str = ""
    failed: bool = False


class MovementKind(StrEnum):
    """REFUND_FAILED: a refund that the bank sent back."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that moved, as one of the two books tells it. `key` is empty when the provider knows none of ours."""

    key: str
    kind: MovementKind
    cents: int
    currency: str
    at: datetime
    reference: str = ""
    order_id: str = ""


class PaymentProvider(Protocol):
    """Moves money. Every errand is safe to send again under its key; each may raise ProviderUnavailable."""

    name: str

    def fault_of(self, method: str) -> str | None:
        """The code of what makes a payment method unusable, as far as that is known without asking for money; None
        for one that may work. Answers soon or raises ProviderUnavailable."""

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        """Reserves the amount."""

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        """Takes the amount of what is reserved; the rest of it is let go."""

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        """Gives up the reservation."""

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        """Gives the amount of what was taken back."""

    def charge(self, request: ProviderRequest) -> ProviderAnswer:
        """Reserves and takes at once."""

    def read_webhook(self, body: bytes, signature: str | None, now: datetime) -> News:
        """What a webhook says, once it is sure who says it; raises WebhookRefused."""

    def movements(self, start: datetime, end: datetime) -> Sequence[Movement]:
        """The charges and refunds of a span of time, for the reconciliation."""

    def close(self) -> None:
        """Lets go of what it holds open."""
