"""Takes in what the payment provider tells by itself: surely from it, once each, in whatever order it comes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.order.application import perform
from services.order.domain.paying import RecordProviderAnswer
from services.order.domain.policy import OrderPolicy
from services.order.payments import News, PaymentProvider, Providers, SandboxProvider, WebhookRefused
from shared.eventstore.model import Context
from shared.eventstore.ports import Store, Transaction
from shared.kernel.ids import new_id, sibling_id

SIGNATURES = {"Stripe-Signature": "stripe", "Doorstep-Signature": "sandbox"}
"""The header under which each provider signs: a webhook is from whom it says, or refused."""


def sender_of(providers: Providers, headers: Mapping[str, str]) -> tuple[PaymentProvider, str | None]:
    """In whose name a webhook comes, and its signature; raises WebhookRefused for a provider that we do not use."""
    header = next((header for header in SIGNATURES if header in headers), None)
    if header is None:
        return providers.current, None
    for provider in providers:
        if provider.name == SIGNATURES[header]:
            return provider, headers[header]
    raise WebhookRefused("webhook.signature_wrong", "this platform does not use the provider that has signed")


def take_in(
    store: Store, provider: PaymentProvider, policy: OrderPolicy, body: bytes, signature: str | None, context: Context
) -> bool:
    """Whether the webhook was new; raises WebhookRefused. It is remembered in the transaction of its effect."""
    news = provider.read_webhook(body, signature, context.now)

    def work(tx: Transaction) -> bool:
        fresh = _remember(tx, provider.name, news, context)
        if fresh and news.name:
            perform(tx, _answer(news, provider.name, context), context, policy)
        return fresh

    return store.run(work)


def deliver_letters(parts: Any) -> int:
    """Sends what the sandbox has to tell the way that every webhook goes; another provider sends by itself."""
    sent = 0
    for provider in parts.providers:
        letters = provider.letters() if isinstance(provider, SandboxProvider) else []
        for letter in letters:
            context = system_context(parts.clock.now())
            take_in(parts.store, provider, parts.policy, letter.body, letter.signature, context)
        sent += len(letters)
    return sent


def system_context(now: datetime) -> Context:
    """In whose name the provider speaks where nobody calls."""
    return Context(actor="system:payments", now=now, occurred_at=now, correlation_id=new_id("cor"))


def _remember(tx: Transaction, provider: str, news: News, context: Context) -> bool:
    done = tx.connection.execute(
        "INSERT INTO provider_events (provider, event_id, kind, received_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (provider, news.event_id, news.kind, context.now),
    )
    return bool(done.rowcount)


def _answer(news: News, provider: str, context: Context) -> RecordProviderAnswer:
    return RecordProviderAnswer(
        order_id=sibling_id("ord", news.payment_id),
        name=news.name,
        declined=news.declined,
        reference=news.reference,
        at=context.now,
        failed=news.failed,
        provider=provider,
    )
