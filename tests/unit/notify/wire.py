"""Messages as they come off the wire, for tests of what notify makes of them."""

from datetime import datetime, timedelta
from typing import Any

from services.notify.inbound import SUBSCRIBED
from shared.contracts import dispatch, order, support
from shared.contracts.common import AssignmentMode, FailureReason, GeoPoint, Goods, OrderKind, Proof
from shared.contracts.envelope import Envelope
from shared.contracts.message import Channel, Message
from tests.unit.notify.story import CUSTOMER, MERCHANT, NOW, ORDER, RIDER

LATER = NOW + timedelta(minutes=30)
DELIVERY = {"delivery_id": "dlv_1", "order_id": ORDER}
PARTIES = {"order_id": ORDER, "customer_id": CUSTOMER, "merchant_id": MERCHANT}
CASE = {"case_id": "cas_1-1", "order_id": ORDER}

NEW_PRICE = {"total_cents": 2650, "difference_cents": 100, "currency": "CNY", "promised_at": LATER}

MONEY = {"order_id": ORDER, "payment_id": "pay_1", "amount_cents": 2550, "currency": "CNY"}
FIELDS: dict[type[Message], dict[str, Any]] = {
    order.OrderPlaced: PARTIES
    | {
        "kind": OrderKind.FOOD,
        "items": (),
        "total_cents": 2550,
        "currency": "CNY",
        "pickup_cell": "c1",
        "dropoff_cell": "c2",
        "pickup": GeoPoint(lat=1, lon=1),
        "promised_at": LATER,
    },
    order.CustomerForgotten: {"customer_id": CUSTOMER, "order_ids": (ORDER,)},
    order.PaymentFailed: {"order_id": ORDER, "payment_id": "pay_1", "reason": "declined"},
    order.OrderAwaitingMerchant: PARTIES | {"answer_by": LATER},
    order.MerchantReminded: {"order_id": ORDER, "merchant_id": MERCHANT, "answer_by": LATER},
    order.OrderAccepted: PARTIES | {"ready_at": LATER},
    order.OrderRejected: PARTIES | {"reason": "sold_out"},
    order.PreparationExtended: PARTIES | {"ready_at": LATER, "reason": ""},
    order.PreparationLate: PARTIES | {"ready_at": LATER},
    order.OrderReady: PARTIES,
    order.OrderOutForDelivery: {"order_id": ORDER, "customer_id": CUSTOMER, "rider_id": RIDER},
    order.OrderDelivered: {
        "order_id": ORDER,
        "customer_id": CUSTOMER,
        "rider_id": RIDER,
        "delivered_at": NOW,
        "promised_at": LATER,
        "confirm_by": LATER,
    },
    order.OrderDeliveryFailed: PARTIES
    | {"rider_id": RIDER, "reason": FailureReason.ADDRESS_WRONG, "goods": Goods.WITH_RIDER},
    order.OrderReturned: PARTIES,
    order.ReviewHidden: PARTIES | {"by": "support", "reason": "insult"},
    order.OrderAddressChanged: PARTIES | NEW_PRICE | {"rider_id": RIDER, "dropoff_cell": "c3"},
    order.OrderItemsChanged: PARTIES | NEW_PRICE | {"items": ()},
    order.OrderReinstated: PARTIES
    | {
        "rider_id": RIDER,
        "by": "support",
        "reason": "rider_mistake",
        "from_state": "delivered",
        "to_state": "delivery_exception",
        "goods": Goods.LEFT,
    },
    order.OrderStalled: PARTIES | {"state": "preparing", "owner": "merchant", "times": 1},
    order.ConfirmationReminded: {"order_id": ORDER, "customer_id": CUSTOMER, "confirm_by": LATER},
    order.WithdrawalRequested: {"order_id": ORDER, "by": "customer", "reason": "changed_mind", "answer_by": LATER},
    order.OrderCancelled: PARTIES | {"by": "customer", "reason": "changed_mind"},
    order.RefundIssued: {
        "order_id": ORDER,
        "payment_id": "pay_1",
        "amount_cents": 2550,
        "currency": "CNY",
        "reason": "changed_mind",
    },
    order.RefundFailed: MONEY | {"reason": "account_closed", "issued": True},
    order.CompensationOwed: MONEY
    | {"compensation_id": "cmp_1", "credit_cents": 0, "refused_cents": 0, "reason": "late"},
    order.DifferenceOwed: MONEY | {"customer_id": CUSTOMER, "reason": "card_declined", "again_at": LATER},
    order.OrderCompleted: PARTIES | {"review_by": LATER},
    order.OrderReviewed: {"order_id": ORDER, "merchant_score": 5, "rider_score": 4, "platform_score": 3},
    order.MerchantRegistered: {
        "merchant_id": MERCHANT,
        "name": "Noodle House",
        "place": GeoPoint(lat=1, lon=1),
        "cell": "c1",
    },
    order.DeliveryContactShared: {
        "order_id": ORDER,
        "customer_id": CUSTOMER,
        "customer": order.ContactPerson(name="Li Hua", phone="+8613800000000", email="li@example.org", language="zh"),
        "address": "1 Campus Road",
        "dropoff": GeoPoint(lat=1, lon=1),
        "merchant_id": MERCHANT,
        "merchant_name": "Noodle House",
    },
    order.DeliveryContactWithdrawn: {"order_id": ORDER},
    dispatch.DeliveryOffered: DELIVERY | {"rider_id": RIDER, "answer_by": LATER, "policy_version": "1"},
    dispatch.OfferExpired: DELIVERY | {"rider_id": RIDER},
    dispatch.RiderAssigned: DELIVERY | {"rider_id": RIDER, "mode": AssignmentMode.ENGINE, "policy_version": "1"},
    dispatch.RiderUnassigned: DELIVERY | {"rider_id": RIDER, "reason": "silent"},
    dispatch.ArrivedAtPickup: DELIVERY | {"rider_id": RIDER},
    dispatch.ArrivedAtDropoff: DELIVERY | {"rider_id": RIDER},
    dispatch.DeliveryUndeliverable: DELIVERY | {"attempt": 1},
    dispatch.DelayPredicted: DELIVERY | {"promised_at": NOW, "p50": LATER, "p90": LATER, "probability": 0.9},
    dispatch.DeliveryWithdrawn: DELIVERY,
    dispatch.WithdrawalRefused: DELIVERY | {"reason": "picked_up"},
    dispatch.ReturnOpened: DELIVERY | {"rider_id": RIDER},
    dispatch.RiderAsked: DELIVERY | {"rider_id": RIDER, "answer_by": LATER},
    dispatch.RiderWentSilent: DELIVERY | {"rider_id": RIDER},
    dispatch.DispatcherNeeded: DELIVERY | {"waiting_seconds": 300},
    support.CaseOpened: CASE | {"kind": "complaint", "severity": "P3"},
    support.RedispatchRequested: CASE | {"reason": "again", "by": "agt_1"},
    support.CaseClosed: CASE | {"outcome": "no_action"},
    # Not subscribed to: what nobody needs to be told.
    dispatch.Delivered: DELIVERY | {"rider_id": RIDER, "proof": Proof()},
}

_STREAMS = {"dispatch": "dlv_1", "order": ORDER, "support": "cas_1-1"}


def message(message_class: type[Message], /, **changes: Any) -> Message:
    """A message of that class with plausible content."""
    return message_class.model_validate(FIELDS[message_class] | changes)


def envelope(said: Message, sequence: int = 1, at: datetime = NOW) -> Envelope:
    """Its envelope; the id follows from type and sequence."""
    private = "/private" if said.channel is Channel.PRIVATE else ""
    return Envelope(
        id=f"evt_{said.service}_{sequence}{private}",
        source=said.source(),
        type=said.type_name(),
        subject=_STREAMS[said.service],
        time=at,
        dataschema=said.schema_urn(),
        sequence=sequence,
        partitionkey=ORDER,
        correlationid="cor_1",
        actor="customer:cus_1",
        recordedat=at,
        data=said.model_dump(mode="json"),
    )


def every_subscribed() -> list[Message]:
    """One of each message that notify hears."""
    return [message(kind) for kind in SUBSCRIBED]
