"""The names under which the money's history is kept, and how what earlier versions stored is read today."""

from typing import Any

from services.order.domain import payment as p
from shared.eventstore.codec import Codec, EventType, Upcaster


def _told(version: int = 1, **then: Any) -> dict[int, Upcaster]:
    """What a version did not tell yet, as what it meant."""

    def read(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, **then}

    return {version: read}


def _by_its_method(data: dict[str, Any]) -> dict[str, Any]:
    """Before providers were written down, a payment method was of one alone: Stripe's begin with `pm_`."""
    return {**data, "provider": "stripe" if data["method"].startswith("pm_") else "sandbox"}


_NOT_SHARED = _told(merchant_cents=0, carrier_cents=0, rider_id="")
"""Fees were kept by the platform until there was a policy of sharing them."""

PAYMENT_CODEC: Codec[p.PaymentEvent] = Codec(
    [
        EventType("PaymentRequested", p.PaymentRequested, 3, {**_told(merchant_id="", parts=[]), 2: _by_its_method}),
        EventType("PaymentAuthorized", p.PaymentAuthorized),
        EventType("PaymentFailed", p.PaymentFailed),
        EventType("PaymentAdjusted", p.PaymentAdjusted),
        EventType("CaptureRequested", p.CaptureRequested, 2, _told(fee=False)),
        EventType("PaymentCaptured", p.PaymentCaptured, 2, _told(movement="")),
        EventType("MoneyBackOwed", p.MoneyBackOwed, 2, _NOT_SHARED),
        EventType("ReleaseRequested", p.ReleaseRequested),
        EventType("PaymentReleased", p.PaymentReleased),
        EventType(
            "RefundRequested",
            p.RefundRequested,
            3,
            {**_told(name="", charge_id="", wish_id=""), **_told(2, tries=0)},
        ),
        EventType("RefundIssued", p.RefundIssued, 2, _told(name="", movement="", whole=True)),
        EventType("RefundFailed", p.RefundFailed),
        EventType("CompensationPromised", p.CompensationPromised),
        EventType("CompensationOwed", p.CompensationOwed, 2, _told(refused_cents=0)),
        EventType("ChargeRequested", p.ChargeRequested, 2, _told(provider="")),
        EventType("ChargeCaptured", p.ChargeCaptured),
        EventType("ChargeFailed", p.ChargeFailed),
        EventType("DifferenceOwed", p.DifferenceOwed),
        EventType("DifferenceSettled", p.DifferenceSettled),
        EventType("TipEarned", p.TipEarned),
        EventType("TipPassedOn", p.TipPassedOn),
        EventType("LedgerPosted", p.LedgerPosted, 2, _told(provider="")),
        EventType("PaymentDelayed", p.PaymentDelayed, 2, _told(name="", why="unavailable")),
        EventType("PaymentRetried", p.PaymentRetried, 2, _told(name="")),
        EventType("PaymentStuck", p.PaymentStuck),
    ]
)
