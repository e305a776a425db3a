"""Signed webhooks, `t=…,v1=HMAC-SHA256` of the time and the body: the scheme that Stripe made common."""

import hmac
from datetime import datetime
from hashlib import sha256

from services.order.payments.port import WebhookRefused

TOLERANCE_SECONDS = 300


def signature_of(body: bytes, secret: str, at: datetime) -> str:
    """The header under which `body` is sent at a time."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_mac(body, secret, moment)}"


def check_signature(body: bytes, header: str | None, secret: str, now: datetime) -> None:
    """Raises WebhookRefused for what is unsigned, signed by somebody else, or more than five minutes off."""
    if not header:
        raise WebhookRefused("webhook.unsigned", "the webhook carries no signature")
    parts = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    if len(moments) != 1 or not (moments[0].isascii() and moments[0].isdigit()) or len(moments[0]) > 15:
        raise WebhookRefused("webhook.signature_malformed", "the signature cannot be read")
    moment = int(moments[0])
    expected = _mac(body, secret, moment)
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for name, _, value in parts if name == "v1"):
        raise WebhookRefused("webhook.signature_wrong", "the signature does not fit the webhook")
    if abs(now.timestamp() - moment) > TOLERANCE_SECONDS:
        raise WebhookRefused("webhook.too_old", "the webhook was signed too long ago")


def _mac(body: bytes, secret: str, moment: int) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, sha256).hexdigest()
