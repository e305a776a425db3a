"""Stripe's adapter against a local stand-in of Stripe's HTTP contract: what it asks, and what it makes of answers."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from services.order.payments import MovementKind, ProviderRequest, ProviderUnavailable, WebhookRefused
from services.order.payments.stripe_api import StripeProvider
from tests.support.stripe_stand_in import SECRET_KEY, WEBHOOK_SECRET, StandIn, event, signed

PAYMENT_ID = "pay_0190e0f2-0000-7000-8000-000000000001"
NOW = datetime.now(UTC)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def provider(stand_in: StandIn) -> StripeProvider:
    return StripeProvider(SECRET_KEY, WEBHOOK_SECRET, stand_in.url, timeout=5)


def request(name: str, cents: int = 5900, method: str = "pm_card_visa", **changes: Any) -> ProviderRequest:
    key = f"{PAYMENT_ID}:{name}"
    movement = f"{PAYMENT_ID}:capture" if name == "authorize" else key
    told: dict[str, Any] = {"idempotency_key": key, "movement": movement, "payment_id": PAYMENT_ID, **changes}
    return ProviderRequest(amount_cents=cents, currency="CNY", method=method, **told)


def authorized(provider: StripeProvider) -> str:
    answer = provider.authorize(request("authorize"))
    assert (answer.declined, answer.pending) == (None, False)
    return answer.reference


def captured(provider: StripeProvider) -> str:
    reference = authorized(provider)
    assert provider.capture(request("capture", reference=reference)).declined is None
    return reference


def test_money_is_reserved_taken_and_given_back_in_parts(provider: StripeProvider, stand_in: StandIn) -> None:
    reference = captured(provider)
    intent = stand_in.books.intents[reference]
    assert (intent["status"], intent["amount_received"], intent["currency"]) == ("succeeded", 5900, "cny")
    for name, cents in (("refund", 900), ("refund-2", 5000)):
        assert provider.refund(request(name, cents, reference=reference)).declined is None
    assert provider.refund(request("refund-3", 1, reference=reference)).declined == "charge_already_refunded"


def test_every_errand_is_sent_under_its_own_key(provider: StripeProvider, stand_in: StandIn) -> None:
    captured(provider)
    assert [key for _, _, key in stand_in.books.requests] == [f"{PAYMENT_ID}:authorize", f"{PAYMENT_ID}:capture"]


def test_a_part_is_captured_and_the_rest_let_go(provider: StripeProvider, stand_in: StandIn) -> None:
    reference = authorized(provider)
    assert provider.capture(request("capture", 500, reference=reference)).declined is None
    assert stand_in.books.intents[reference]["amount_received"] == 500


def test_a_reservation_is_released_once_whoever_asks_again(provider: StripeProvider, stand_in: StandIn) -> None:
    reference = authorized(provider)
    for _ in range(2):
        assert provider.release(request("release", reference=reference)).declined is None
    stand_in.books.replies.clear()
    assert provider.release(request("release", reference=reference, attempt=1)).declined is None
    assert stand_in.books.intents[reference]["status"] == "canceled"


def test_a_declined_card_tells_the_banks_reason(provider: StripeProvider) -> None:
    answer = provider.authorize(request("authorize", method="pm_card_chargeDeclined"))
    assert answer.declined == "generic_decline"
    assert answer.reference.startswith("pi_")


def test_a_payment_method_that_does_not_exist_is_a_decline_and_no_bug(provider: StripeProvider) -> None:
    assert provider.authorize(request("authorize", method="pm_unknown")).declined == "resource_missing"


def test_a_tip_is_reserved_and_taken_at_once(provider: StripeProvider, stand_in: StandIn) -> None:
    answer = provider.charge(request("charge:tip_1", 500))
    assert answer.declined is None
    intent = stand_in.books.intents[answer.reference]
    assert (intent["status"], intent["metadata"]["doorstep_errand"]) == ("succeeded", "charge:tip_1")


@pytest.mark.parametrize("fault", ["drop before", "drop after", "500", "503", "429", "409"])
def test_whatever_leaves_the_outcome_open_is_asked_again_under_the_same_key_and_done_once(
    provider: StripeProvider, stand_in: StandIn, fault: str
) -> None:
    stand_in.books.faults = [fault]
    with pytest.raises(ProviderUnavailable):
        provider.authorize(request("authorize"))
    reference = provider.authorize(request("authorize", attempt=1)).reference
    assert list(stand_in.books.intents) == [reference]
    stand_in.books.faults = [fault]
    with pytest.raises(ProviderUnavailable):
        provider.capture(request("capture", reference=reference))
    assert provider.capture(request("capture", reference=reference, attempt=1)).declined is None
    stand_in.books.faults = [fault]
    with pytest.raises(ProviderUnavailable):
        provider.refund(request("refund", 100, reference=reference))
    assert provider.refund(request("refund", 100, reference=reference, attempt=1)).declined is None
    assert len(stand_in.books.refunds) == 1


def test_a_provider_that_cannot_be_reached_is_unavailable() -> None:
    with StandIn() as gone:
        provider = StripeProvider(SECRET_KEY, WEBHOOK_SECRET, gone.url, timeout=5)
    with pytest.raises(ProviderUnavailable):
        provider.authorize(request("authorize"))


def test_a_refused_key_makes_orders_wait_and_declines_nobody(stand_in: StandIn) -> None:
    provider = StripeProvider("sk_test_of_somebody_else", WEBHOOK_SECRET, stand_in.url)
    with pytest.raises(ProviderUnavailable):
        provider.authorize(request("authorize"))


def test_a_refund_whose_key_has_run_out_is_found_and_not_made_twice(
    provider: StripeProvider, stand_in: StandIn
) -> None:
    reference = captured(provider)
    stand_in.books.faults = ["drop after"]
    with pytest.raises(ProviderUnavailable):
        provider.refund(request("refund", 100, reference=reference))
    stand_in.books.replies.clear()
    assert provider.refund(request("refund", 100, reference=reference, attempt=1)).reference == "re_000001"
    assert len(stand_in.books.refunds) == 1


def test_a_capture_whose_key_has_run_out_sees_that_it_is_done(provider: StripeProvider, stand_in: StandIn) -> None:
    reference = captured(provider)
    stand_in.books.replies.clear()
    assert provider.capture(request("capture", reference=reference, attempt=1)).declined is None
    assert len(stand_in.books.transactions) == 1


def test_a_payment_that_waits_for_the_customer_is_pending_and_looked_at_again(
    provider: StripeProvider, stand_in: StandIn
) -> None:
    method = "pm_card_authenticationRequired"
    first = provider.authorize(request("authorize", method=method))
    assert first.pending
    assert provider.authorize(request("authorize", method=method, attempt=1)).pending
    stand_in.books.confirm(stand_in.books.intents[first.reference])
    again = provider.authorize(request("authorize", method=method, attempt=2))
    assert (again.pending, again.declined, again.reference) == (False, None, first.reference)


def test_a_refund_that_takes_days_is_pending(provider: StripeProvider, stand_in: StandIn) -> None:
    reference = captured(provider)
    stand_in.books.refunds_pend = True
    assert provider.refund(request("refund", 100, reference=reference)).pending
    stand_in.books.refunds["re_000001"]["status"] = "succeeded"
    assert not provider.refund(request("refund", 100, reference=reference, attempt=1)).pending


def test_one_key_for_two_amounts_is_a_bug_and_told_as_one(provider: StripeProvider) -> None:
    provider.authorize(request("authorize"))
    with pytest.raises(stripe.IdempotencyError):
        provider.authorize(request("authorize", 1))


@pytest.mark.parametrize(
    ("kind", "status", "name", "declined"),
    [
        ("payment_intent.amount_capturable_updated", "requires_capture", "authorize", None),
        ("payment_intent.succeeded", "succeeded", "capture", None),
        ("payment_intent.canceled", "canceled", "release", None),
        ("payment_intent.payment_failed", "requires_payment_method", "authorize", "generic_decline"),
        ("payment_intent.created", "requires_action", "", None),
    ],
)
def test_webhooks_say_which_errand_they_answer(
    provider: StripeProvider, stand_in: StandIn, kind: str, status: str, name: str, declined: str | None
) -> None:
    intent = {**stand_in.books.intents[authorized(provider)], "status": status}
    intent["last_payment_error"] = {"code": "card_declined", "decline_code": "generic_decline"}
    body = event(kind, intent)
    news = provider.read_webhook(body, signed(body), NOW)
    assert (news.event_id, news.name, news.declined) == ("evt_000001", name, declined)


def test_a_refunds_webhook_names_the_refund(provider: StripeProvider, stand_in: StandIn) -> None:
    provider.refund(request("refund-2", 100, reference=captured(provider)))
    refund = stand_in.books.refunds["re_000001"]
    body = event("refund.updated", refund)
    news = provider.read_webhook(body, signed(body), NOW)
    assert (news.payment_id, news.name, news.declined) == (PAYMENT_ID, "refund-2", None)
    failed = event("refund.failed", {**refund, "status": "failed", "failure_reason": "lost_or_stolen_card"})
    assert provider.read_webhook(failed, signed(failed), NOW).declined == "lost_or_stolen_card"


def test_a_webhook_about_somebody_elses_payment_is_taken_in_and_means_nothing(provider: StripeProvider) -> None:
    body = event("payment_intent.succeeded", {"id": "pi_9", "object": "payment_intent", "metadata": {}})
    assert provider.read_webhook(body, signed(body), NOW).name == ""


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (lambda body: None, "webhook.unsigned"),
        (lambda body: signed(body, "whsec_wrong"), "webhook.signature_wrong"),
        (lambda body: signed(body + b" "), "webhook.signature_wrong"),
        (lambda body: "nonsense", "webhook.signature_wrong"),
        (lambda body: signed(body, at=time.time() - 301), "webhook.too_old"),
    ],
    ids=["unsigned", "other secret", "other body", "nonsense", "old"],
)
def test_a_webhook_that_is_not_surely_stripes_is_refused(provider: StripeProvider, signature: Any, code: str) -> None:
    body = event("payment_intent.succeeded", {"id": "pi_1", "metadata": {}})
    with pytest.raises(WebhookRefused) as refusal:
        provider.read_webhook(body, signature(body), NOW)
    assert refusal.value.code == code


def test_the_list_of_movements_is_read_to_its_end(provider: StripeProvider, stand_in: StandIn) -> None:
    reference = captured(provider)
    for number in range(120):
        provider.refund(request(f"refund-{number}", 1, reference=reference))
    stand_in.books.record("stripe_fee", -30, {"currency": "cny"})
    found = provider.movements(NOW - timedelta(days=1), NOW + timedelta(days=1))
    charges = [each for each in found if each.kind is MovementKind.CHARGE]
    assert [(each.key, each.cents, each.currency) for each in charges] == [(f"{PAYMENT_ID}:capture", 5900, "CNY")]
    refunds = {each.key for each in found if each.kind is MovementKind.REFUND}
    assert refunds == {f"{PAYMENT_ID}:refund-{number}" for number in range(120)}
