"""Stripe as the payment provider, through its own library: payment intents, refunds, webhooks, balance transactions.

Every object that is made at Stripe carries in its metadata which errand made it and what its movement is called here:
so answers, webhooks and the reconciliation find their way back, also when an idempotency key (kept for at least 24
hours) has run out. A time-out leaves the outcome unknown; the same key is then sent again, never another one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe

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

T = TypeVar("T")
logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
GLANCE_SECONDS = 2.0
"""How long somebody who places an order is kept waiting for a look at the payment method."""
PAGE = 100
_PAYMENT, _ERRAND, _MOVEMENT = "doorstep_payment", "doorstep_errand", "doorstep_movement"
_CHARGES, _REFUNDS = frozenset({"charge", "payment"}), frozenset({"refund", "payment_refund"})
_REFUND_FAILURES = frozenset({"refund_failure", "payment_failure_refund"})
_UNDECIDED = frozenset({"requires_action", "requires_confirmation", "processing"})
_BUSY = frozenset({"lock_timeout", "idempotency_key_in_use"})


class StripeProvider:
    """One account at Stripe. `api_base` is another address in tests."""

    name = "stripe"

    def __init__(
        self, secret_key: str, webhook_secret: str, api_base: str | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        # What the library tells about this machine helps nobody here, and it runs programs to find it out.
        stripe.enable_telemetry = False
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else None,
            http_client=stripe.RequestsClient(timeout=timeout),
            # The order service retries by itself, with what it knows written down.
            max_network_retries=0,
        )
        self._glancing = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else None,
            http_client=stripe.RequestsClient(timeout=min(timeout, GLANCE_SECONDS)),
            max_network_retries=0,
        )

    def fault_of(self, method: str) -> str | None:
        try:
            found = _asked(lambda: self._glancing.v1.payment_methods.retrieve(method))
        except stripe.InvalidRequestError:
            return "unknown_method"
        card = found.get("card") or {}
        today = datetime.now(UTC)
        if card and (card["exp_year"], card["exp_month"]) < (today.year, today.month):
            return "method_expired"
        return None

    def close(self) -> None:
        """Connections belong to the threads that used them, and end with those."""

    def authorize(self, request: ProviderRequest) -> ProviderAnswer:
        return self._intent(request, Errand.AUTHORIZE.value, "manual")

    def charge(self, request: ProviderRequest) -> ProviderAnswer:
        return self._intent(request, request.idempotency_key.partition(":")[2], "automatic")

    def _intent(self, request: ProviderRequest, errand: str, capture_method: str) -> ProviderAnswer:
        params = {
            "amount": request.amount_cents,
            "currency": request.currency.lower(),
            "payment_method": request.method,
            "confirm": True,
            "capture_method": capture_method,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {
                _PAYMENT: request.payment_id,
                _ERRAND: errand,
                _MOVEMENT: request.movement or request.idempotency_key,
            },
        }
        try:
            intent = _asked(lambda: self._client.v1.payment_intents.create(params, _keyed(request)))  # type: ignore[arg-type]
        except stripe.CardError as error:
            return ProviderAnswer(_reason(error), _intent_of(error))
        except stripe.InvalidRequestError as error:
            return ProviderAnswer(_reason(error), "")
        return self._standing(intent["id"], intent, fresh=request.attempt == 0)

    def _standing(self, reference: str, intent: Mapping[str, Any], *, fresh: bool) -> ProviderAnswer:
        """What an intent's status means. Asked again, the recorded answer is old: the intent itself is looked at."""
        if not fresh and intent["status"] in _UNDECIDED:
            intent = _asked(lambda: self._client.v1.payment_intents.retrieve(reference))
        match intent["status"]:
            case "requires_capture" | "succeeded":
                return ProviderAnswer(None, reference)
            case "canceled":
                return ProviderAnswer("canceled", reference)
            case "requires_payment_method":
                error = intent.get("last_payment_error") or {}
                return ProviderAnswer(error.get("decline_code") or error.get("code") or "declined", reference)
            case _:
                return ProviderAnswer(None, reference, pending=True)

    def capture(self, request: ProviderRequest) -> ProviderAnswer:
        take = {"amount_to_capture": request.amount_cents}
        return self._finish(
            request,
            "succeeded",
            lambda: self._client.v1.payment_intents.capture(request.reference, take, _keyed(request)),  # type: ignore[arg-type]
        )

    def release(self, request: ProviderRequest) -> ProviderAnswer:
        return self._finish(
            request,
            "canceled",
            lambda: self._client.v1.payment_intents.cancel(request.reference, {}, _keyed(request)),  # type: ignore[arg-type]
        )

    def _finish(self, request: ProviderRequest, wanted: str, ask: Callable[[], Any]) -> ProviderAnswer:
        """Brings an intent to its end; one that is there already has come there by an earlier try of this errand."""
        try:
            intent = _asked(ask)
        except stripe.CardError as error:
            return ProviderAnswer(_reason(error), request.reference)
        except stripe.InvalidRequestError as error:
            intent = _asked(lambda: self._client.v1.payment_intents.retrieve(request.reference))
            if intent["status"] != wanted:
                return ProviderAnswer(_reason(error), request.reference)
        if intent["status"] == wanted:
            return ProviderAnswer(None, request.reference)
        return ProviderAnswer(None, request.reference, pending=True)

    def refund(self, request: ProviderRequest) -> ProviderAnswer:
        earlier = self._earlier_refund(request) if request.attempt else None
        params = {
            "payment_intent": request.reference,
            "amount": request.amount_cents,
            "metadata": {_PAYMENT: request.payment_id, _MOVEMENT: request.movement or request.idempotency_key},
        }
        try:
            refund = earlier or _asked(lambda: self._client.v1.refunds.create(params, _keyed(request)))  # type: ignore[arg-type]
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            return ProviderAnswer(_reason(error), "")
        match refund["status"]:
            case "succeeded":
                return ProviderAnswer(None, refund["id"])
            case "failed" | "canceled":
                return ProviderAnswer(refund.get("failure_reason") or refund["status"], refund["id"], failed=True)
            case _:
                return ProviderAnswer(None, refund["id"], pending=True)

    def _earlier_refund(self, request: ProviderRequest) -> dict[str, Any] | None:
        """The refund that an earlier try made, should its key have run out meanwhile."""
        query = {"payment_intent": request.reference, "limit": PAGE}
        movement = request.movement or request.idempotency_key
        found = _asked(lambda: self._client.v1.refunds.list(query))  # type: ignore[arg-type]
        ours = (each for each in found["data"] if (each.get("metadata") or {}).get(_MOVEMENT) == movement)
        return next(ours, None)

    def read_webhook(self, body: bytes, signature: str | None, now: datetime) -> News:  # noqa: ARG002
        # Stripe's clock is the wall's, and so is the library's that judges how old a webhook is.
        if not signature:
            raise WebhookRefused("webhook.unsigned", "the webhook carries no signature")
        try:
            return news_of(stripe.Webhook.construct_event(body, signature, self._webhook_secret).to_dict())
        except stripe.SignatureVerificationError as error:
            if "tolerance" in str(error):
                raise WebhookRefused("webhook.too_old", "the webhook was signed too long ago") from None
            raise WebhookRefused("webhook.signature_wrong", "the signature does not fit the webhook") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise WebhookRefused("webhook.unreadable", "the webhook cannot be read") from None

    def movements(self, start: datetime, end: datetime) -> Sequence[Movement]:
        span = {"gte": int(start.timestamp()), "lt": int(end.timestamp())}
        return [movement for each in self._transactions(span) if (movement := _movement(each)) is not None]

    def _transactions(self, span: Mapping[str, int]) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            query = {"created": span, "limit": PAGE, "expand": ["data.source"], **after}
            page = _asked(lambda query=query: self._client.v1.balance_transactions.list(query))  # type: ignore[misc]
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}


def _keyed(request: ProviderRequest) -> dict[str, str]:
    return {"idempotency_key": request.idempotency_key}


def _asked(ask: Callable[[], Any]) -> dict[str, Any]:
    """What Stripe answers, as plain data. Whatever leaves the outcome open is ProviderUnavailable."""
    try:
        answer: dict[str, Any] = ask().to_dict()
        return answer
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # Nothing is lost by a wrong key: orders wait until somebody has put the right one in.
        logger.error("stripe does not accept our key: %s", error.code or type(error).__name__)
        raise ProviderUnavailable("stripe does not accept our key") from error
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise ProviderUnavailable(f"stripe gave no answer: {type(error).__name__}") from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 409 or error.code in _BUSY:
            raise ProviderUnavailable("stripe is still busy with this") from error
        raise


def _reason(error: Any) -> str:
    inner = getattr(error, "error", None)
    return str(getattr(inner, "decline_code", None) or error.code or "declined")


def _intent_of(error: Any) -> str:
    intent = getattr(getattr(error, "error", None), "payment_intent", None)
    return str(intent["id"]) if intent else ""


def news_of(event: Mapping[str, Any]) -> News:
    """What an event of Stripe's means for an errand; for all that it does not concern, news without a name."""
    kind, about = str(event["type"]), event["data"]["object"]
    metadata = about.get("metadata") or {}
    payment_id, errand = metadata.get(_PAYMENT, ""), metadata.get(_ERRAND, "")
    nothing = News(event_id=str(event["id"]), kind=kind)
    if not str(payment_id).startswith("pay_"):
        return nothing
    done = News(event_id=nothing.event_id, kind=kind, payment_id=payment_id, name=errand, reference=str(about["id"]))
    match kind:
        case "payment_intent.amount_capturable_updated":
            return done
        case "payment_intent.succeeded" if errand == Errand.AUTHORIZE.value:
            return _named(done, Errand.CAPTURE.value)
        case "payment_intent.succeeded":
            return done
        case "payment_intent.payment_failed":
            error = about.get("last_payment_error") or {}
            return _named(done, errand, error.get("decline_code") or error.get("code") or "declined")
        case "payment_intent.canceled":
            return _named(done, Errand.RELEASE.value)
        case "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated":
            return _refund_news(done, about, metadata)
        case _:
            return nothing


def _refund_news(news: News, refund: Mapping[str, Any], metadata: Mapping[str, Any]) -> News:
    name = str(metadata.get(_MOVEMENT, "")).partition(":")[2]
    match refund["status"]:
        case "succeeded":
            return _named(news, name)
        case "failed" | "canceled":
            return _named(news, name, refund.get("failure_reason") or refund["status"], failed=True)
        case _:
            return _named(news, "")


def _named(news: News, name: str, declined: str | None = None, *, failed: bool = False) -> News:
    return News(
        event_id=news.event_id,
        kind=news.kind,
        payment_id=news.payment_id,
        name=name,
        declined=declined,
        reference=news.reference,
        failed=failed,
    )


def _movement(transaction: Mapping[str, Any]) -> Movement | None:
    """A line of Stripe's balance in the words of ours; fees and payouts are none of the customers' money."""
    source, kind = transaction.get("source"), transaction["type"]
    if not isinstance(source, Mapping) or kind not in _CHARGES | _REFUNDS | _REFUND_FAILURES:
        return None
    key = str((source.get("metadata") or {}).get(_MOVEMENT, ""))
    charge, failure = kind in _CHARGES, kind in _REFUND_FAILURES
    plain = MovementKind.CHARGE if charge else MovementKind.REFUND
    return Movement(
        key=f"{key}:failed" if failure and key else key,
        kind=MovementKind.REFUND_FAILED if failure else plain,
        cents=int(source["amount_captured"] if charge else source["amount"]),
        currency=str(source["currency"]).upper(),
        at=datetime.fromtimestamp(transaction["created"], UTC),
        reference=str(source.get("payment_intent") if charge else source["id"]),
    )
