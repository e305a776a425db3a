"""A payment provider that lives in a table of its own: it approves, declines, breaks off and tells late, as asked.

How it behaves is said by the payment method:

    sandbox_ok                 approves everything
    sandbox_declined           declines to authorise
    sandbox_capture_declined   authorises, then declines to capture
    sandbox_unavailable_once   is away the first time it is asked anything
    sandbox_timeout_once       does each errand and breaks off before it says so, the first time
    sandbox_by_webhook         answers nothing at once: tells by webhooks, each of them twice, the second one late
    sandbox_refund_fails       gives the first refund of an order, and tells days later that the bank sent it back
    sandbox_extra_declined     takes an order's price, and declines whatever is asked for besides
    sandbox_expired            is known to be unusable as soon as it is named

Captures and refunds are for any part of what was reserved or taken.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from services.order.domain.payment import Errand
from services.order.payments.port import (
    Movement,
    MovementKind,
    News,
    ProviderAnswer,
    ProviderRequest,
    ProviderUnavailable,
    WebhookRefused,
)
from services.order.payments.signing import check_signature, signature_of
from shared.eventstore.connecting import Pool
from shared.kernel.clock import Clock

_OUTCOMES = {
    ("sandbox_declined", Errand.AUTHORIZE): "declined",
    ("sandbox_declined", Errand.CHARGE): "declined",
    ("sandbox_capture_declined", Errand.CAPTURE): "declined",
    ("sandbox_extra_declined", Errand.CHARGE): "declined",
    ("sandbox_expired", Errand.AUTHORIZE): "declined",
    ("sandbox_expired", Errand.CHARGE): "declined",
}
_FIRST = {"sandbox_unavailable_once": "unavailable", "sandbox_timeout_once": "timeout", "sandbox_by_webhook": "later"}
_MOVES = {
    Errand.CAPTURE: MovementKind.CHARGE,
    Errand.CHARGE: MovementKind.CHARGE,
    Errand.REFUND: MovementKind.REFUND,
}
_METHODS = frozenset(
    {"sandbox_ok", "sandbox_refund_fails", *_FIRST, *(method for method, _ in _OUTCOMES)} - {"sandbox_expired"}
)
_TELLS_AFTER_SECONDS = (2, 45)
_FAILURE = "lost_or_stolen_card"


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook on its way: what is sent, and under which signature."""

    body: bytes
    signature: str


class SandboxProvider:
    """Its books are written in transactions of its own, like those of a provider far away."""

    name = "sandbox"

    def __init__(self, pool: Pool, clock: Clock, secret: str) -> None:
        self._pool = pool
        self._clock = clock
        self._secret = secret

    def fault_of(self, method: str) -> str | None:
        if method == "sandbox_expired":
            return "method_expired"
        return None if method in _METHODS else "unknown_method"

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.AUTHORIZE, request)

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.CAPTURE, request)

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.RELEASE, request)

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.REFUND, request)

    def charge(self, request: ProviderRequest) -> ProviderAnswer:
        return self._answer(Errand.CHARGE, request)

    def close(self) -> None:
        self._pool.close()

    def _answer(self, errand: Errand, request: ProviderRequest) -> ProviderAnswer:
        row = self._booked(errand, request)
        if (row["amount_cents"], row["errand"]) != (request.amount_cents, errand.value):
            raise ValueError(f"{request.idempotency_key} was used for another amount or errand")
        first = _FIRST.get(request.method, "")
        if row["asked"] == 1 and (first == "timeout" or row["outcome"] == "unavailable"):
            raise ProviderUnavailable(f"the sandbox plays {first}")
        reference = reference_of(request.idempotency_key)
        if first == "later" and not row["told"]:
            return ProviderAnswer(None, reference, pending=True)
        return ProviderAnswer("card_declined" if row["outcome"] == "declined" else None, reference)

    def _booked(self, errand: Errand, request: ProviderRequest) -> dict[str, Any]:
        """One statement decides and remembers, so that the same key asked twice at once has one answer too."""
        outcome = _OUTCOMES.get((request.method, errand), "approved")
        if request.method == "sandbox_unavailable_once" and errand is Errand.AUTHORIZE:
            outcome = "unavailable"
        now = self._clock.now()
        fails = request.method == "sandbox_refund_fails" and request.idempotency_key.endswith(":refund")
        late = request.method == "sandbox_by_webhook"
        with self._pool.connection() as connection, connection.transaction() if late or fails else nullcontext():
            row = connection.execute(
                "INSERT INTO sandbox_payments AS books (idempotency_key, payment_id, errand, amount_cents, currency,"
                " outcome, asked, movement, at) VALUES (%s, %s, %s, %s, %s, %s, 1, %s, %s)"
                " ON CONFLICT (idempotency_key) DO UPDATE SET asked = books.asked + 1,"
                " at = CASE WHEN books.outcome = 'unavailable' THEN EXCLUDED.at ELSE books.at END,"
                " outcome = CASE WHEN books.outcome = 'unavailable' THEN 'approved' ELSE books.outcome END"
                " RETURNING *",
                (
                    request.idempotency_key,
                    request.payment_id,
                    errand.value,
                    request.amount_cents,
                    request.currency,
                    outcome,
                    request.movement or request.idempotency_key,
                    now,
                ),
            ).fetchone()
            assert row is not None, "an upsert always returns its row"
            if (late or fails) and row["asked"] == 1:
                self._write_letters(connection, request.idempotency_key, now, failed=fails)
        return row

    def _write_letters(self, connection: Any, key: str, now: datetime, *, failed: bool) -> None:
        connection.cursor().executemany(
            "INSERT INTO sandbox_webhooks (idempotency_key, due_at, failed) VALUES (%s, %s, %s)",
            [(key, now + timedelta(seconds=seconds), failed) for seconds in _TELLS_AFTER_SECONDS],
        )

    def letters(self, limit: int = 50) -> list[Letter]:
        """The webhooks that are due, taken out; both of one errand carry one event id."""
        now = self._clock.now()
        with self._pool.connection() as connection, connection.transaction():
            rows = connection.execute(
                "DELETE FROM sandbox_webhooks WHERE number IN (SELECT number FROM sandbox_webhooks"
                " WHERE due_at <= %s ORDER BY number LIMIT %s FOR UPDATE SKIP LOCKED)"
                " RETURNING idempotency_key, failed",
                (now, limit),
            ).fetchall()
            told = connection.execute(
                "UPDATE sandbox_payments SET told = true, failed_at = CASE WHEN idempotency_key = ANY(%s)"
                " THEN coalesce(failed_at, %s) ELSE failed_at END WHERE idempotency_key = ANY(%s) RETURNING *",
                (
                    [row["idempotency_key"] for row in rows if row["failed"]],
                    now,
                    [row["idempotency_key"] for row in rows],
                ),
            ).fetchall()
        by_key = {row["idempotency_key"]: row for row in told}
        return [self._letter(by_key[row["idempotency_key"]], now) for row in rows]

    def _letter(self, row: dict[str, Any], now: datetime) -> Letter:
        key, failed = row["idempotency_key"], row["failed_at"] is not None
        declined = "card_declined" if row["outcome"] == "declined" else None
        body = json.dumps(
            {
                "id": f"sbe_{sha256(key.encode()).hexdigest()[:16]}",
                "type": f"{row['errand']}.{'failed' if failed else row['outcome']}",
                "data": {
                    "errand": key,
                    "declined": _FAILURE if failed else declined,
                    "reference": reference_of(key),
                },
            }
        ).encode()
        return Letter(body, signature_of(body, self._secret, now))

    def read_webhook(self, body: bytes, signature: str | None, now: datetime) -> News:
        check_signature(body, signature, self._secret, now)
        try:
            told = json.loads(body)
            data = told["data"]
            payment_id, _, name = str(data["errand"]).partition(":")
            ours = payment_id.startswith("pay_")
            return News(
                event_id=str(told["id"]),
                kind=str(told["type"]),
                payment_id=payment_id,
                name=name if ours else "",
                declined=data["declined"],
                reference=str(data["reference"]),
                failed=str(told["type"]).endswith(".failed"),
            )
        except (ValueError, KeyError, TypeError):
            raise WebhookRefused("webhook.unreadable", "the webhook cannot be read") from None

    def movements(self, start: datetime, end: datetime) -> Sequence[Movement]:
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT * FROM sandbox_payments WHERE at >= %s AND at < %s AND outcome = 'approved'"
                " AND amount_cents > 0 AND errand = ANY(%s) ORDER BY at, idempotency_key",
                (start, end, [errand.value for errand in _MOVES]),
            ).fetchall()
            back = connection.execute(
                "SELECT * FROM sandbox_payments WHERE failed_at >= %s AND failed_at < %s"
                " ORDER BY failed_at, idempotency_key",
                (start, end),
            ).fetchall()
        return [
            *(_movement(row, _MOVES[Errand(row["errand"])], row["movement"], row["at"]) for row in rows),
            *(
                _movement(row, MovementKind.REFUND_FAILED, f"{row['movement']}:failed", row["failed_at"])
                for row in back
            ),
        ]


def _movement(row: dict[str, Any], kind: MovementKind, key: str, at: datetime) -> Movement:
    return Movement(
        key=key,
        kind=kind,
        cents=row["amount_cents"],
        currency=row["currency"],
        at=at,
        reference=reference_of(row["idempotency_key"]),
    )


def reference_of(idempotency_key: str) -> str:
    """What the sandbox calls an errand itself."""
    return f"sbx_{sha256(idempotency_key.encode()).hexdigest()[:16]}"
