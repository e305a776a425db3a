"""What one aggregate's fact asks of another: the process between order, payment and merchant, as pure functions."""

from datetime import datetime

from services.order.domain.city import CityEvent
from services.order.domain.commands import AnyOrderCommand, NotePaymentAuthorized, NotePaymentFailed
from services.order.domain.coupon import CouponCommand, CouponEvent, GiveCouponBack, UseEvent
from services.order.domain.customer import CustomerEvent
from services.order.domain.events import (
    ErrandSettled,
    OrderAccepted,
    OrderAddressChanged,
    OrderCancelled,
    OrderDelivered,
    OrderEvent,
    OrderItemsChanged,
    OrderPlaced,
    OrderRejected,
    RefundGranted,
)
from services.order.domain.ledger import Part, PartKind
from services.order.domain.merchant import FlagMerchant, MerchantCommand, MerchantEvent
from services.order.domain.paying import (
    AdjustPayment,
    CapturePayment,
    GiveMoneyBack,
    Moment,
    PassOnTip,
    PaymentCommand,
    RequestPayment,
)
from services.order.domain.payment import PaymentAuthorized, PaymentEvent, PaymentFailed
from services.order.domain.values import NO_MERCHANT, Totals
from services.order.domain.waiting import MERCHANT_NO_ANSWER

SETTLED = "settled"
"""The name of the one change of price that an errand's end may bring."""

Reaction = AnyOrderCommand | PaymentCommand | MerchantCommand | CouponCommand
AnyEvent = OrderEvent | PaymentEvent | MerchantEvent | CustomerEvent | CityEvent | CouponEvent | UseEvent


def react(order_id: str, event: AnyEvent, now: datetime) -> list[Reaction]:
    """The commands that a fact about an order or its payment leads to. Each is safe to give twice."""
    match event:
        case OrderPlaced():
            return [
                RequestPayment(
                    order_id=order_id,
                    customer_id=event.customer_id,
                    amount_cents=event.totals.total_cents,
                    currency=event.totals.currency,
                    method=event.payment_method,
                    at=now,
                    merchant_id=event.merchant_id,
                    parts=parts_of(event.totals),
                )
            ]
        case PaymentAuthorized():
            return [NotePaymentAuthorized(order_id=order_id, at=now, now=now)]
        case PaymentFailed():
            return [NotePaymentFailed(order_id=order_id, at=now, now=now)]
        case OrderAccepted():
            # What an errand costs is known when it is done: until then its money is only reserved.
            captured = CapturePayment(order_id=order_id, at=now, moment=Moment.ACCEPTANCE)
            return [] if event.merchant_id == NO_MERCHANT else [captured]
        case OrderDelivered():
            captured = CapturePayment(order_id=order_id, at=now, moment=Moment.DELIVERY)
            return [captured, PassOnTip(order_id=order_id, rider_id=event.rider_id, at=now)]
        case ErrandSettled() | OrderAddressChanged() | OrderItemsChanged():
            change_id = SETTLED if isinstance(event, ErrandSettled) else f"{order_id}-change-{event.change}"
            return [AdjustPayment(order_id=order_id, change_id=change_id, parts=parts_of(event.totals), at=now)]
        case OrderCancelled():
            return _cancelled(order_id, event, now)
        case OrderRejected():
            back = GiveMoneyBack(order_id=order_id, reason=event.reason, keep_cents=0, at=now)
            return [back, GiveCouponBack(order_id=order_id, at=now)]
        case RefundGranted():
            return [GiveMoneyBack(order_id=order_id, reason=event.reason, keep_cents=0, at=now)]
        case _:
            return []


def _cancelled(order_id: str, event: OrderCancelled, now: datetime) -> list[Reaction]:
    """The money goes back but for the fee, a coupon too unless a fee was due; a silent merchant is noted."""
    reactions: list[Reaction] = [
        GiveMoneyBack(
            order_id=order_id,
            reason=event.reason,
            keep_cents=event.fee_cents,
            at=now,
            merchant_cents=event.fee_merchant_cents,
            carrier_cents=event.fee_carrier_cents,
            rider_id=event.carrier_id or "",
        )
    ]
    if event.fee_cents == 0:
        reactions.append(GiveCouponBack(order_id=order_id, at=now))
    if event.reason == MERCHANT_NO_ANSWER:
        reactions.append(FlagMerchant(merchant_id=event.merchant_id, order_id=order_id, at=now))
    return reactions


def parts_of(totals: Totals) -> tuple[Part, ...]:
    """A price as the book takes it: its parts that are not nothing."""
    parts = (
        Part(PartKind.GOODS, totals.goods_cents),
        Part(PartKind.PACKING, totals.packing_cents),
        Part(PartKind.SERVICE, totals.service_cents),
        Part(PartKind.DELIVERY, totals.delivery_fee_cents),
        Part(PartKind.SURCHARGE, totals.time_surcharge_cents + totals.weather_surcharge_cents),
        Part(PartKind.TIP, totals.tip_cents),
        Part(PartKind.COUPON, -totals.discount_cents),
    )
    return tuple(part for part in parts if part.cents)
