"""Other services' messages to support's commands: which orders there are, what goes wrong, and how they end."""

from collections.abc import Sequence
from datetime import datetime

from services.support.domain import commands as c
from services.support.domain.vocabulary import Ending, Kind, OrderFacts, Trouble
from shared.contracts import dispatch, order
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import Context

SERVICE = "support"
SUBSCRIBED: tuple[type[Message], ...] = (
    order.OrderPlaced,
    order.OrderDeliveryFailed,
    order.OrderReinstated,
    order.OrderStalled,
    order.OrderDelivered,
    order.OrderCancelled,
    order.OrderRejected,
    order.RefundIssued,
    order.CompensationOwed,
    order.CustomerForgotten,
    dispatch.DeliveryUndeliverable,
)


def commands_for(message: Message, envelope: Envelope, now: datetime) -> Sequence[c.FactCommand]:
    """What a message asks of support at `now`."""
    match message:
        case order.OrderPlaced():
            return [c.KnowOrder(facts=_facts(message))]
        case order.OrderDeliveryFailed():
            trouble = Trouble(kind=Kind.DELIVERY_FAILED, reason=message.reason.value, goods=message.goods.value)
            return [_trouble(message.order_id, trouble, envelope, now)]
        case dispatch.DeliveryUndeliverable():
            trouble = Trouble(kind=Kind.UNDELIVERABLE, reason="no_rider", goods="not_collected")
            return [_trouble(message.order_id, trouble, envelope, now)]
        case order.OrderReinstated() if message.to_state == "delivery_exception":
            goods = "left" if message.goods is None else message.goods.value
            trouble = Trouble(kind=Kind.DELIVERY_FAILED, reason=message.reason, goods=goods)
            reopened = c.ReopenOrder(order_id=message.order_id, now=now)
            return [reopened, _trouble(message.order_id, trouble, envelope, now)]
        case order.OrderStalled():
            trouble = Trouble(kind=Kind.STALLED, reason=f"stalled_{message.state}", goods="")
            return [_trouble(message.order_id, trouble, envelope, now)]
        case order.OrderDelivered():
            return [c.EndOrder(order_id=message.order_id, ending=Ending.DELIVERED, now=now)]
        case order.OrderCancelled():
            return [c.EndOrder(order_id=message.order_id, ending=Ending.CANCELLED, now=now)]
        case order.OrderRejected():
            return [c.EndOrder(order_id=message.order_id, ending=Ending.REJECTED, now=now)]
        case order.RefundIssued() | order.CompensationOwed():
            return [_about_money(message, now)]
        case _:
            return []


def _about_money(message: order.RefundIssued | order.CompensationOwed, now: datetime) -> c.FactCommand:
    if isinstance(message, order.RefundIssued):
        return c.NoteRefund(order_id=message.order_id, now=now)
    return c.NoteCompensation(
        order_id=message.order_id,
        compensation_id=message.compensation_id,
        paid_cents=message.amount_cents,
        credit_cents=message.credit_cents,
        refused_cents=message.refused_cents,
        now=now,
    )


def context_of(envelope: Envelope, now: datetime) -> Context:
    """The context of what support does because of a message."""
    return Context(
        actor=f"system:{SERVICE}",
        now=now,
        occurred_at=envelope.time,
        correlation_id=envelope.correlationid,
        causation_id=envelope.id,
        traceparent=envelope.traceparent,
    )


def _facts(message: order.OrderPlaced) -> OrderFacts:
    return OrderFacts(
        order_id=message.order_id,
        customer_id=message.customer_id,
        merchant_id=message.merchant_id,
        kind=message.kind.value,
        priority=message.priority.value,
        promised_at=message.promised_at,
        total_cents=message.total_cents,
        currency=message.currency,
    )


def _trouble(order_id: str, trouble: Trouble, envelope: Envelope, now: datetime) -> c.ReportTrouble:
    return c.ReportTrouble(order_id=order_id, trouble=trouble, source=envelope.id, now=now)
