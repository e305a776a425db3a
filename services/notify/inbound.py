"""Other services' messages to notify's commands: one table says who is told what, and of whom a dispatcher hears."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notify.domain import commands as c
from services.notify.domain.vocabulary import AlertKind, Language, Role, Telling, alert_id, language_of
from shared.contracts import dispatch, order, support
from shared.contracts.common import Goods
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import Context

SERVICE = "notify"
CUSTOMER, MERCHANT, RIDER = Role.CUSTOMER, Role.MERCHANT, Role.RIDER
PAYMENT_FAILED = "payment_failed"
HAND_OVER = "hand_over"
TAKEN_OVER = frozenset({"replanned", "silent", "rider_accident", "rider_vehicle", "rider_illness"})
"""Reasons after which dispatch finds another rider by itself: the customer hears once, of who comes instead."""


def _always(_message: Any) -> bool:
    return True


def _never(_message: Any) -> bool:
    return False


def _of_a_merchant(message: Any) -> bool:
    return bool(message.merchant_id)


def _of_nobody(message: Any) -> bool:
    """An errand: no merchant is behind it."""
    return not message.merchant_id


def _payment_failed(message: order.OrderCancelled) -> bool:
    return message.reason == PAYMENT_FAILED


def _from_the_merchant(message: dispatch.RiderAssigned) -> bool:
    """Goods that another rider holds are no merchant's business any more."""
    return "goods_from_a_rider" not in message.reasons


def _undelivered(message: order.OrderReinstated) -> bool:
    """Of the other correction customer and merchant hear as of any delivery."""
    return message.to_state != "delivered"


@dataclass(frozen=True, slots=True)
class Say:
    """One text for one role: the fields of the message that it needs, and when it is said at all. `once` says it a
    single time in the life of an order, `accepted_only` only of an order that was accepted."""

    role: Role
    template: str
    fields: tuple[str, ...] = ()
    when: Callable[[Any], bool] = _always
    once: bool = False
    accepted_only: Callable[[Any], bool] = _never


TOLD: Mapping[type[Message], tuple[Say, ...]] = {
    order.OrderPlaced: (
        Say(CUSTOMER, "order_placed", ("merchant_id", "total_cents", "currency", "promised_at"), when=_of_a_merchant),
        Say(CUSTOMER, "errand_placed", ("total_cents", "currency", "promised_at"), when=_of_nobody),
    ),
    order.PaymentFailed: (Say(CUSTOMER, "payment_failed"),),
    order.OrderAwaitingMerchant: (Say(MERCHANT, "order_waiting", ("answer_by",)),),
    order.MerchantReminded: (Say(MERCHANT, "merchant_reminder", ("answer_by",)),),
    order.OrderAccepted: (
        Say(CUSTOMER, "order_accepted", ("merchant_id", "ready_at"), when=_of_a_merchant),
        Say(CUSTOMER, "errand_accepted", when=_of_nobody),
    ),
    order.OrderRejected: (Say(CUSTOMER, "order_rejected", ("merchant_id", "reason")),),
    order.PreparationExtended: (
        Say(CUSTOMER, "preparation_extended", ("merchant_id", "ready_at")),
        Say(RIDER, "preparation_extended", ("merchant_id", "ready_at")),
    ),
    order.PreparationLate: (
        Say(CUSTOMER, "preparation_late", ("merchant_id",)),
        Say(MERCHANT, "preparation_late", ("ready_at",)),
        Say(RIDER, "preparation_late", ("merchant_id",)),
    ),
    order.OrderReady: (
        Say(CUSTOMER, "order_ready", ("merchant_id",), when=_of_a_merchant),
        Say(RIDER, "order_ready", ("merchant_id",), when=_of_a_merchant),
    ),
    order.OrderOutForDelivery: (Say(CUSTOMER, "out_for_delivery"),),
    order.OrderDelivered: (
        Say(CUSTOMER, "order_delivered", ("confirm_by",)),
        Say(MERCHANT, "order_delivered"),
    ),
    order.OrderDeliveryFailed: (
        Say(CUSTOMER, "delivery_failed", ("reason",)),
        Say(MERCHANT, "delivery_failed", ("reason",)),
        Say(RIDER, "delivery_failed", when=lambda m: m.goods is Goods.WITH_RIDER),
    ),
    # Another door or person in the same cell is no other route for dispatch, and the rider must know all the same.
    order.OrderAddressChanged: (
        Say(CUSTOMER, "address_changed", ("total_cents", "currency", "promised_at")),
        Say(RIDER, "route_changed"),
    ),
    order.OrderItemsChanged: (
        Say(CUSTOMER, "items_changed", ("total_cents", "currency", "promised_at")),
        Say(MERCHANT, "items_changed"),
    ),
    order.OrderReinstated: (
        Say(CUSTOMER, "order_reinstated", ("reason",), when=_undelivered),
        Say(MERCHANT, "order_reinstated", ("reason",), when=_undelivered),
        Say(RIDER, "order_reinstated", ("reason",)),
    ),
    order.OrderStalled: (Say(MERCHANT, "order_stalled", when=lambda m: m.owner == "merchant"),),
    order.ConfirmationReminded: (Say(CUSTOMER, "confirmation_reminder", ("confirm_by",)),),
    order.OrderReturned: (
        Say(CUSTOMER, "order_returned", ("merchant_id",), when=_of_a_merchant),
        Say(CUSTOMER, "errand_returned", when=_of_nobody),
        Say(MERCHANT, "order_returned"),
    ),
    order.WithdrawalRequested: (Say(CUSTOMER, "cancellation_asked", when=lambda m: m.by == "customer"),),
    order.OrderCancelled: (
        # A customer whose payment failed has been told so, and a merchant is first asked when it has not.
        Say(CUSTOMER, "order_cancelled", ("reason",), when=lambda m: not _payment_failed(m)),
        Say(MERCHANT, "order_cancelled", ("reason",), accepted_only=_payment_failed),
    ),
    order.RefundIssued: (Say(CUSTOMER, "refund_issued", ("amount_cents", "currency")),),
    order.RefundFailed: (Say(CUSTOMER, "refund_failed", ("amount_cents", "currency"), when=lambda m: m.issued),),
    order.CompensationOwed: (
        Say(CUSTOMER, "compensation_owed", ("amount_cents", "currency"), when=lambda m: m.amount_cents > 0),
    ),
    order.DifferenceOwed: (Say(CUSTOMER, "difference_owed", ("amount_cents", "currency")),),
    order.OrderCompleted: (
        Say(CUSTOMER, "order_completed", ("review_by",), once=True),
        Say(MERCHANT, "order_completed", once=True),
    ),
    order.OrderReviewed: (
        Say(MERCHANT, "order_reviewed", ("merchant_score", "tags")),
        Say(RIDER, "order_reviewed", ("rider_score", "tags")),
    ),
    order.ReviewHidden: (Say(CUSTOMER, "review_hidden", ("reason",)),),
    dispatch.DeliveryOffered: (Say(RIDER, "delivery_offered", ("answer_by",)),),
    dispatch.OfferExpired: (Say(RIDER, "offer_expired"),),
    dispatch.RiderAssigned: (
        Say(CUSTOMER, "rider_assigned"),
        Say(MERCHANT, "rider_assigned", when=_from_the_merchant),
        Say(RIDER, "rider_assigned"),
    ),
    dispatch.RiderUnassigned: (
        Say(CUSTOMER, "rider_unassigned", when=lambda m: m.reason not in TAKEN_OVER),
        Say(RIDER, "rider_unassigned", when=lambda m: m.cause != HAND_OVER),
        Say(RIDER, "wait_with_goods", when=lambda m: m.cause == HAND_OVER),
    ),
    dispatch.ArrivedAtPickup: (Say(MERCHANT, "rider_at_pickup"),),
    dispatch.ArrivedAtDropoff: (Say(CUSTOMER, "rider_at_dropoff"),),
    dispatch.DeliveryUndeliverable: (
        Say(CUSTOMER, "no_rider_found"),
        Say(MERCHANT, "no_rider_found"),
    ),
    dispatch.DelayPredicted: (Say(CUSTOMER, "delay_predicted", ("promised_at", "p50", "p90")),),
    dispatch.DeliveryWithdrawn: (Say(RIDER, "delivery_withdrawn"),),
    dispatch.WithdrawalRefused: (Say(CUSTOMER, "cancellation_refused"),),
    dispatch.ReturnOpened: (Say(MERCHANT, "return_opened"), Say(RIDER, "return_opened")),
    dispatch.RiderAsked: (Say(RIDER, "rider_asked", ("answer_by",)),),
    dispatch.RiderWentSilent: (Say(RIDER, "report_missing"),),
    support.CaseOpened: (Say(CUSTOMER, "complaint_received", when=lambda m: m.kind == "complaint"),),
    support.RedispatchRequested: (Say(CUSTOMER, "order_redispatched"), Say(MERCHANT, "order_redispatched")),
    support.CaseClosed: (Say(CUSTOMER, "case_closed", when=lambda m: m.outcome == "no_action"),),
}

SUBSCRIBED: tuple[type[Message], ...] = (
    *TOLD,
    order.MerchantRegistered,
    order.DeliveryContactShared,
    order.DeliveryContactWithdrawn,
    order.CustomerForgotten,
    dispatch.DispatcherNeeded,
)


def commands_for(message: Message, envelope: Envelope, now: datetime) -> Sequence[c.Command]:
    """What a message asks of notify at `now`: first who belongs to the order, then what to say, then who has left."""
    commands: list[c.Command] = [*_before(message, envelope, now)]
    tellings = tellings_for(message, envelope)
    if tellings:
        commands.append(c.Tell(order_id=tellings[0].order_id, tellings=tellings, now=now))
    commands.extend(_after(message))
    return commands


def tellings_for(message: Message, envelope: Envelope) -> tuple[Telling, ...]:
    """The texts that a message leads to; empty when it is nobody's news."""
    return tuple(_telling(say, message, envelope) for say in TOLD.get(type(message), ()) if say.when(message))


def _telling(say: Say, message: Any, envelope: Envelope) -> Telling:
    return Telling(
        order_id=message.order_id,
        role=say.role,
        template=say.template,
        source=message.order_id if say.once else event_of(envelope),
        params={name: _text(getattr(message, name)) for name in say.fields},
        recipient_id=getattr(message, f"{say.role.value}_id", None),
        accepted_only=say.accepted_only(message),
        occurred_at=envelope.time,
    )


def context_of(envelope: Envelope, now: datetime) -> Context:
    """The context of what notify does because of a message."""
    return Context(
        actor=f"system:{SERVICE}",
        now=now,
        occurred_at=envelope.time,
        correlation_id=envelope.correlationid,
        causation_id=envelope.id,
        traceparent=envelope.traceparent,
    )


def event_of(envelope: Envelope) -> str:
    """The event behind a message: the same for what it says to everybody and what it says in private."""
    return envelope.id.partition("/")[0]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _before(message: Message, envelope: Envelope, now: datetime) -> Sequence[c.Command]:
    match message:
        case order.OrderPlaced() | order.OrderAccepted():
            return [_audience(message, now)]
        case order.DeliveryContactShared():
            return [_contact(message, envelope, now)]
        case order.DeliveryContactWithdrawn():
            return [c.EndContact(order_id=message.order_id, now=now)]
        case order.CustomerForgotten():
            return [c.ForgetCustomer(customer_id=message.customer_id)]
        case order.MerchantRegistered():
            return [c.NameMerchant(merchant_id=message.merchant_id, name=message.name)]
        case dispatch.RiderAssigned():
            return [
                c.JoinRider(order_id=message.order_id, rider_id=message.rider_id),
                _settle(message.order_id, "rider_assigned"),
            ]
        case dispatch.DispatcherNeeded():
            params = {"waiting_seconds": str(message.waiting_seconds)}
            return [_alert(AlertKind.DISPATCHER_NEEDED, message, envelope, now, params)]
        case dispatch.DeliveryUndeliverable():
            return [
                _settle(message.order_id, "undeliverable"),
                _alert(AlertKind.UNDELIVERABLE, message, envelope, now, {"attempt": str(message.attempt)}),
            ]
        case dispatch.RiderWentSilent():
            params = {"rider_id": message.rider_id}
            return [_alert(AlertKind.RIDER_SILENT, message, envelope, now, params)]
        case _:
            return []


def _after(message: Message) -> Sequence[c.Command]:
    match message:
        case dispatch.RiderUnassigned():
            return [c.LeaveRider(order_id=message.order_id, rider_id=message.rider_id)]
        case dispatch.DeliveryWithdrawn():
            return [
                c.LeaveRider(order_id=message.order_id, rider_id=None),
                _settle(message.order_id, "delivery_withdrawn"),
            ]
        case order.OrderCancelled():
            return [_settle(message.order_id, "order_cancelled")]
        case support.RedispatchRequested():
            return [_settle(message.order_id, "redispatched")]
        case _:
            return []


def _audience(message: order.OrderPlaced | order.OrderAccepted, now: datetime) -> c.FormAudience:
    return c.FormAudience(
        order_id=message.order_id, customer_id=message.customer_id, merchant_id=message.merchant_id, now=now
    )


def _contact(message: order.DeliveryContactShared, envelope: Envelope, now: datetime) -> c.OpenContact:
    return c.OpenContact(
        order_id=message.order_id,
        customer_id=message.customer_id,
        name=message.customer.name,
        email=message.customer.email,
        language=language_of(message.customer.language) or Language.ENGLISH,
        source=event_of(envelope),
        shared_at=envelope.time,
        now=now,
    )


def _alert(
    kind: AlertKind,
    message: dispatch.DispatcherNeeded | dispatch.DeliveryUndeliverable | dispatch.RiderWentSilent,
    envelope: Envelope,
    now: datetime,
    params: Mapping[str, str],
) -> c.RaiseAlert:
    return c.RaiseAlert(
        alert_id=alert_id(kind, event_of(envelope)),
        kind=kind,
        order_id=message.order_id,
        delivery_id=message.delivery_id,
        now=now,
        params=params,
    )


def _settle(order_id: str, reason: str) -> c.SettleAlerts:
    """A rider who went silent may need help whatever becomes of the order: only a person settles that."""
    kinds = frozenset({AlertKind.DISPATCHER_NEEDED, AlertKind.UNDELIVERABLE})
    return c.SettleAlerts(order_id=order_id, kinds=kinds, reason=reason)
