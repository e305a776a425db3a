"""Which payment provider a platform uses, and its secrets: read from the environment, checked at the start.

DOORSTEP_PAYMENT_PROVIDER       `sandbox` (the default) or `stripe`
DOORSTEP_STRIPE_SECRET_KEY      Stripe's secret key (`sk_…` or a restricted `rk_…`)
DOORSTEP_STRIPE_WEBHOOK_SECRET  what Stripe signs its webhooks with (`whsec_…`)
DOORSTEP_STRIPE_API_BASE        another address than Stripe's own, for tests

Stripe's secrets may stay set beside `sandbox`: payments that Stripe holds are captured and given back there.
"""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from os import environ

from services.order.domain.policy import OrderPolicy
from services.order.payments.holders import Providers
from services.order.payments.port import PaymentProvider
from services.order.payments.sandbox import SandboxProvider
from shared.eventstore.connecting import Pool
from shared.runtime.settings import Settings, SettingsError

PROVIDER_CONNECTIONS = 4
STRIPE_METHODS = ("pm_*",)
_STRIPE_SECRETS = ("DOORSTEP_STRIPE_SECRET_KEY", "DOORSTEP_STRIPE_WEBHOOK_SECRET")


def providers_of(settings: Settings, variables: Mapping[str, str] = environ) -> Providers:
    """The provider that the settings name, and beside it those that older payments may be with: the sandbox always,
    Stripe while its secrets are set. Raises SettingsError naming every faulty variable."""
    name = variables.get("DOORSTEP_PAYMENT_PROVIDER", "").strip() or "sandbox"
    if name not in ("sandbox", "stripe"):
        raise SettingsError(f"DOORSTEP_PAYMENT_PROVIDER is wrong: there is sandbox and stripe, not {name}")
    known = any(variables.get(each, "").strip() for each in _STRIPE_SECRETS)
    stripe = _stripe(settings, variables) if name == "stripe" or known else None
    pool = Pool(settings.postgres_url, size=PROVIDER_CONNECTIONS)
    sandbox = SandboxProvider(pool, settings.clock, sandbox_secret(settings))
    if stripe is None:
        return Providers(sandbox)
    return Providers(stripe, (sandbox,)) if name == "stripe" else Providers(sandbox, (stripe,))


def _stripe(settings: Settings, variables: Mapping[str, str]) -> PaymentProvider:
    # Only who uses Stripe loads its library: it is large.
    from services.order.payments.stripe_api import StripeProvider

    key, secret = (variables.get(each, "").strip() for each in _STRIPE_SECRETS)
    faults = []
    if not key.startswith(("sk_", "rk_")):
        faults.append("DOORSTEP_STRIPE_SECRET_KEY should be a secret key (sk_…) or a restricted one (rk_…)")
    if not secret.startswith("whsec_"):
        faults.append("DOORSTEP_STRIPE_WEBHOOK_SECRET should be a signing secret (whsec_…)")
    if settings.clock.speed != 1:
        faults.append("DOORSTEP_CLOCK_SPEED must be 1 with payments at Stripe: its clock is the wall's")
    if faults:
        raise SettingsError("; ".join(faults))
    return StripeProvider(key, secret, variables.get("DOORSTEP_STRIPE_API_BASE", "").strip() or None)


def sandbox_secret(settings: Settings) -> str:
    """What the sandbox signs its webhooks with; whoever knows the master key needs no other secret."""
    return hmac.new(settings.master_key, b"sandbox webhooks", sha256).hexdigest()


def fitted(policy: OrderPolicy, provider: PaymentProvider) -> OrderPolicy:
    """The policy with the provider of new payments, and its payment methods unless the business has chosen some."""
    chosen = policy.payment_methods != OrderPolicy().payment_methods
    if chosen or provider.name != "stripe":
        return replace(policy, payment_provider=provider.name)
    return replace(policy, payment_provider=provider.name, payment_methods=STRIPE_METHODS)
