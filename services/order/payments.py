"""The payment provider as the order service sees it, and a sandbox that behaves like one, down to its outages."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from services.order.domain.payment import Errand
from shared.eventstore.connecting import Pool
from shared.kernel.errors import DoorstepError


class ProviderUnavailable(DoorstepError):
    """The provider did not answer; whether it did what it was asked is unknown, so the same key is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """`idempotency_key` names one errand of one payment: the provider answers it the same way for ever."""

    idempotency_key: str
    payment_id: str
    amount_cents: int
    currency: str
    method: str


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """Done, or declined for a reason; `reference` is the provider's own."""

    declined: str | None
    reference: str


class PaymentProvider(Protocol):
    """Moves money. Every errand is safe to send again under its key; each may raise ProviderUnavailable."""

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        """Reserves the amount."""

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        """Takes the reserved amount."""

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        """Gives up the reservation."""

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        """Gives captured money back."""


class SandboxProvider:
    """Approves everything but `sandbox_declined`, and is away the first time `sandbox_unavailable_once` is asked.

    Its books are a table of its own, written in transactions of its own, like those of a provider far away.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        outcomes = {"sandbox_declined": "declined", "sandbox_unavailable_once": "unavailable"}
        return self._answer(Errand.AUTHORIZE, request, outcomes.get(request.method, "approved"))

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.CAPTURE, request, "approved")

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.RELEASE, request, "approved")

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.REFUND, request, "approved")

    def close(self) -> None:
        self._pool.close()

    def _answer(self, errand: Errand, request: ProviderRequest, first_outcome: str) -> ProviderAnswer:
        """One statement decides and remembers, so that the same key asked twice at once has one answer too."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "INSERT INTO sandbox_payments AS books"
                " (idempotency_key, payment_id, errand, amount_cents, currency, outcome, asked)"
                " VALUES (%s, %s, %s, %s, %s, %s, 1)"
                " ON CONFLICT (idempotency_key) DO UPDATE SET asked = books.asked + 1, outcome ="
                " CASE WHEN books.outcome = 'unavailable' THEN 'approved' ELSE books.outcome END"
                " RETURNING outcome, amount_cents",
                (
                    request.idempotency_key,
                    request.payment_id,
                    errand.value,
                    request.amount_cents,
                    request.currency,
                    first_outcome,
                ),
            ).fetchone()
        assert row is not None, "an upsert always returns its row"
        if row["amount_cents"] != request.amount_cents:
            raise ValueError(f"{request.idempotency_key} was used for another amount")
        if row["outcome"] == "unavailable":
            raise ProviderUnavailable("the sandbox is away")
        declined = "card_declined" if row["outcome"] == "declined" else None
        return ProviderAnswer(declined, f"sbx_{sha256(request.idempotency_key.encode()).hexdigest()[:16]}")
