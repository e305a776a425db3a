"""The names under which the money's history is kept, and how what release 0.1.0 stored is read today."""

from typing import Any

from services.order.domain import payment as p
from shared.eventstore.codec import Codec, EventType, Upcaster


def _told(**then: Any) -> dict[int, Upcaster]:
    """From version 1 on: what it did not tell, as what it meant."""

    def read(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, **then}

    return {1: read}


PAYMENT_CODEC: Codec[p.PaymentEvent] = Codec(
    [
        EventType("PaymentRequested", p.PaymentRequested, 2, _told(merchant_id="", parts=[])),
        EventType("PaymentAuthorized", p.PaymentAuthorized),
        EventType("PaymentFailed", p.PaymentFailed),
        EventType("PaymentAdjusted", p.PaymentAdjusted),
        EventType("CaptureRequested", p.CaptureRequested, 2, _told(fee=False)),
        EventType("PaymentCaptured", p.PaymentCaptured, 2, _told(movement="")),
        EventType("MoneyBackOwed", p.MoneyBackOwed),
        EventType("ReleaseRequested", p.ReleaseRequested),
        EventType("PaymentReleased", p.PaymentReleased),
        EventType("RefundRequested", p.RefundRequested, 2, _told(name="", charge_id="", wish_id="")),
        EventType("RefundIssued", p.RefundIssued, 2, _told(name="", movement="", whole=True)),
        EventType("CompensationOwed", p.CompensationOwed),
        EventType("ChargeRequested", p.ChargeRequested),
        EventType("ChargeCaptured", p.ChargeCaptured),
        EventType("ChargeFailed", p.ChargeFailed),
        EventType("TipEarned", p.TipEarned),
        EventType("TipPassedOn", p.TipPassedOn),
        EventType("LedgerPosted", p.LedgerPosted),
        EventType("PaymentDelayed", p.PaymentDelayed, 2, _told(name="", why="unavailable")),
        EventType("PaymentRetried", p.PaymentRetried, 2, _told(name="")),
        EventType("PaymentStuck", p.PaymentStuck),
    ]
)
