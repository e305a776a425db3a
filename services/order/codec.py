"""Stored JSON to domain events and back: the explicit names under which history is kept."""

from typing import Any

from services.order.domain import city, coupon, customer, deadlines, merchant, pausing, payment, purse, state
from services.order.domain import events as order
from services.order.domain.customer import Customer, CustomerEvent
from services.order.domain.merchant import Merchant, MerchantEvent
from services.order.domain.payment import PaymentEvent
from services.order.domain.purse import Payment
from services.order.domain.state import Order
from services.order.payment_codec import PAYMENT_CODEC
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType, Personal, Upcaster

_RECIPIENT = (Personal(field="recipient", subject="customer_id"),)
_ERRAND = (*_RECIPIENT, Personal(field="errand", subject="customer_id"))


def _without_errand(data: dict[str, Any]) -> dict[str, Any]:
    """Before there were errands, nothing of one was told."""
    return {**data, "errand": None}


def _as_it_was(data: dict[str, Any]) -> dict[str, Any]:
    """What a later version can tell besides has the same default in the event itself."""
    return data


def _gained(*fields: str) -> dict[int, Upcaster]:
    """Version 2 has these fields more; a fact of version 1 knew nothing of them."""
    return {1: lambda data: data | dict.fromkeys(fields)}


_PROVEN: dict[int, Upcaster] = {2: lambda data: data | {"proof": None}}
"""Version 3 keeps the proof of a hand-over too."""

ORDER_CODEC: Codec[order.OrderEvent] = Codec(
    [
        EventType("OrderPlaced", order.OrderPlaced, 3, {1: _without_errand, 2: _as_it_was}, _ERRAND),
        EventType("OrderScheduled", order.OrderScheduled),
        EventType("OrderAwaitingMerchant", order.OrderAwaitingMerchant),
        EventType("MerchantReminded", order.MerchantReminded),
        EventType("OrderAccepted", order.OrderAccepted),
        EventType("OrderRejected", order.OrderRejected, 2, _gained("archive_at")),
        EventType("PreparationStarted", order.PreparationStarted),
        EventType("PreparationExtended", order.PreparationExtended),
        EventType("PreparationLate", order.PreparationLate, 2, _gained("stalled_at")),
        EventType("OrderReady", order.OrderReady, 2, _gained("stalled_at")),
        EventType("DeliveryContactShared", order.DeliveryContactShared, 2, {1: _without_errand}, _ERRAND),
        EventType("OrderAddressChanged", order.OrderAddressChanged, personal=_RECIPIENT),
        EventType("OrderItemsChanged", order.OrderItemsChanged),
        EventType("DeliveryContactWithdrawn", order.DeliveryContactWithdrawn),
        EventType("OrderRiderAssigned", order.OrderRiderAssigned),
        EventType("OrderRiderUnassigned", order.OrderRiderUnassigned),
        EventType("OrderRiderAtPickup", order.OrderRiderAtPickup),
        EventType("OrderStopCollected", order.OrderStopCollected),
        EventType("ErrandSettled", order.ErrandSettled),
        EventType("OrderOutForDelivery", order.OrderOutForDelivery, 3, {**_gained("stalled_at"), **_PROVEN}),
        EventType("OrderDelivered", order.OrderDelivered, 3, {**_gained("remind_at"), **_PROVEN}),
        EventType("OrderDeliveryFailed", order.OrderDeliveryFailed, 2, _gained("stalled_at")),
        EventType("OrderUndeliverable", order.OrderUndeliverable, 2, _gained("stalled_at")),
        EventType("OrderRedispatched", order.OrderRedispatched, 2, _gained("stalled_at")),
        EventType("OrderReinstated", order.OrderReinstated),
        EventType("ReturnStarted", order.ReturnStarted, 2, _gained("stalled_at")),
        EventType("GoodsBroughtBack", order.GoodsBroughtBack, 2, _gained("stalled_at")),
        EventType("OrderReturned", order.OrderReturned),
        EventType("GoodsTakenAfterCancellation", order.GoodsTakenAfterCancellation, 2, _gained("proof")),
        EventType("DeliveredAfterCancellation", order.DeliveredAfterCancellation, 2, _gained("proof")),
        EventType("OrderStalled", order.OrderStalled),
        EventType("WithdrawalRequested", order.WithdrawalRequested),
        EventType("CancellationRefused", order.CancellationRefused),
        EventType("WithdrawalUnanswered", order.WithdrawalUnanswered),
        EventType("OrderCancelled", order.OrderCancelled, 3, {**_gained("archive_at"), 2: _as_it_was}),
        EventType("ConfirmationReminded", order.ConfirmationReminded),
        EventType("OrderConfirmed", order.OrderConfirmed),
        EventType("OrderCompleted", order.OrderCompleted),
        EventType(
            "OrderReviewed",
            order.OrderReviewed,
            2,
            {1: lambda data: data | {"tags": [], "photos": [], "held_for": [], "decide_by": None}},
            personal=(Personal(field="comment", subject="customer_id"),),
        ),
        EventType("ReviewPublished", order.ReviewPublished),
        EventType("ReviewHidden", order.ReviewHidden),
        EventType("ReviewClosed", order.ReviewClosed),
        EventType("RefundGranted", order.RefundGranted),
        EventType("OrderArchived", order.OrderArchived),
    ]
)

MERCHANT_CODEC: Codec[MerchantEvent] = Codec(
    [
        EventType("MerchantRegistered", merchant.MerchantRegistered, 2, {1: _as_it_was}),
        EventType("MerchantFlagged", merchant.MerchantFlagged),
        EventType("MenuPublished", merchant.MenuPublished),
        EventType("HoursChanged", merchant.HoursChanged),
        EventType("ServiceAreaChanged", merchant.ServiceAreaChanged),
        EventType("ItemSoldOut", merchant.ItemSoldOut),
        EventType("ItemBackInStock", merchant.ItemBackInStock),
        EventType("MerchantPaused", pausing.MerchantPaused),
        EventType("MerchantResumed", pausing.MerchantResumed),
    ]
)

CITY_CODEC: Codec[city.CityEvent] = Codec(
    [
        EventType("ZoneDrawn", city.ZoneDrawn),
        EventType("ZoneErased", city.ZoneErased),
        EventType("WeatherDeclared", city.WeatherDeclared),
    ]
)

COUPON_CODEC: Codec[coupon.CouponEvent] = Codec(
    [
        EventType("CouponIssued", coupon.CouponIssued),
        EventType("CouponClaimed", coupon.CouponClaimed),
        EventType("CouponReleased", coupon.CouponReleased),
    ]
)

USES_CODEC: Codec[coupon.UseEvent] = Codec(
    [
        EventType("CouponRedeemed", coupon.CouponRedeemed),
        EventType("CouponGivenBack", coupon.CouponGivenBack),
    ]
)

CUSTOMER_CODEC: Codec[CustomerEvent] = Codec([EventType("CustomerForgotten", customer.CustomerForgotten)])

CODECS = (ORDER_CODEC, PAYMENT_CODEC, MERCHANT_CODEC, CUSTOMER_CODEC, CITY_CODEC, COUPON_CODEC, USES_CODEC)

ORDER: Aggregate[Order | None, order.OrderEvent] = Aggregate(
    "order", None, state.evolve, ORDER_CODEC, deadlines.waits_of
)
PAYMENT: Aggregate[Payment | None, PaymentEvent] = Aggregate(
    "payment", None, purse.evolve, PAYMENT_CODEC, payment.waits_of
)
MERCHANT: Aggregate[Merchant | None, MerchantEvent] = Aggregate(
    "merchant", None, merchant.evolve, MERCHANT_CODEC, pausing.waits_of
)
CUSTOMER: Aggregate[Customer, CustomerEvent] = Aggregate("customer", Customer(), customer.evolve, CUSTOMER_CODEC)
CITY: Aggregate[city.City, city.CityEvent] = Aggregate("city", city.City(), city.evolve, CITY_CODEC)
COUPON: Aggregate[coupon.Coupon | None, coupon.CouponEvent] = Aggregate("coupon", None, coupon.evolve, COUPON_CODEC)
USES: Aggregate[coupon.Uses, coupon.UseEvent] = Aggregate(
    "coupon_uses", coupon.Uses(), coupon.evolve_uses, USES_CODEC
)
