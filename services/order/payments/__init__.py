"""Everything between the order service and whoever moves money for it: one port, and the providers behind it."""

from services.order.payments.holders import Providers
from services.order.payments.port import (
    Movement,
    MovementKind,
    News,
    PaymentProvider,
    ProviderAnswer,
    ProviderRequest,
    ProviderUnavailable,
    WebhookRefused,
)
from services.order.payments.sandbox import SandboxProvider

__all__ = [
    "Movement",
    "MovementKind",
    "News",
    "PaymentProvider",
    "ProviderAnswer",
    "ProviderRequest",
    "ProviderUnavailable",
    "Providers",
    "SandboxProvider",
    "WebhookRefused",
]
