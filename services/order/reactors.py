"""What follows by itself from what has been recorded: reactions, errands at the desk, and waits that ran out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.order import reports
from services.order.application import perform
from services.order.codec import CUSTOMER_CODEC, MERCHANT_CODEC, ORDER, ORDER_CODEC, PAYMENT
from services.order.domain import payment as p
from services.order.domain.commands import EndWait
from services.order.domain.merchant import EndPause
from services.order.domain.pausing import PAUSE
from services.order.domain.paying import CollectDue, RetryPayment
from services.order.domain.policy import OrderPolicy
from services.order.domain.reactions import AnyEvent, react
from services.order.domain.values import Wait
from services.order.inbound import commands_for
from services.order.payment_codec import PAYMENT_CODEC
from services.order.payments.desk import Desk
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore import because
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.follower import Follower
from shared.eventstore.model import Context, DueDeadline, StoredEvent
from shared.eventstore.ports import Transaction
from shared.kernel.clock import Clock
from shared.kernel.ids import sibling_id

ACTOR = "system:order"
REACTS_TO = frozenset(
    {
        "OrderPlaced",
        "OrderAccepted",
        "ErrandSettled",
        "OrderAddressChanged",
        "OrderItemsChanged",
        "OrderRejected",
        "OrderCancelled",
        "OrderDelivered",
        "RefundGranted",
        "PaymentAuthorized",
        "PaymentFailed",
    }
)


@dataclass(frozen=True, slots=True)
class Reactors:
    """Each method is handed one thing that happened, in the transaction that remembers it as done."""

    clock: Clock
    policy: OrderPolicy
    desk: Desk

    @property
    def followers(self) -> tuple[Follower, ...]:
        return (Follower("reactions", self.react, needs_of), Follower("payments", self.keep_desk))

    def react(self, tx: Transaction, stored: StoredEvent) -> None:
        """Carries the process between order, payment and merchant one step on."""
        if stored.type not in REACTS_TO:
            return
        now = self.clock.now()
        event = decoded(tx, stored)
        order_id = event.order_id if isinstance(event, p.PaymentEvent) else stored.stream_id
        for command in react(order_id, event, now):
            perform(tx, command, following(stored, now), self.policy)

    def keep_desk(self, tx: Transaction, stored: StoredEvent) -> None:
        """Puts at the desk what the provider has to be asked, and clears away what it has answered."""
        if PAYMENT_CODEC.knows(stored.type):
            event = PAYMENT_CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
            self.desk.note(tx, stored, event)

    def end_wait(self, tx: Transaction, due: DueDeadline) -> None:
        """Acts on a wait that ran out."""
        now = self.clock.now()
        with because.of_deadline(tx, due, "system:deadline", now) as context:
            if due.name.startswith(p.RETRY):
                order_id, name = sibling_id("ord", due.stream_id), due.name[len(p.RETRY) + 1 :]
                perform(tx, RetryPayment(order_id=order_id, at=now, name=name), context, self.policy)
            elif due.name == p.DUE:
                perform(tx, self._collect(tx, due.stream_id, now), context, self.policy)
            elif due.name == PAUSE:
                perform(tx, EndPause(merchant_id=due.stream_id, at=now), context, self.policy)
            else:
                wait = EndWait(order_id=due.stream_id, at=now, now=now, wait=Wait(due.name))
                perform(tx, wait, context, self.policy)

    def _collect(self, tx: Transaction, payment_id: str, now: datetime) -> CollectDue:
        """Asks for what is owed once more; each try is a charge of its own."""
        payment = tx.load(PAYMENT, payment_id).state
        tries = payment.due.tries if payment is not None and payment.due is not None else 0
        order_id = sibling_id("ord", payment_id)
        return CollectDue(order_id=order_id, charge_id=f"due-{tries}", method="", at=now, patient=True)

    def hear(self, tx: Transaction, envelope: Envelope, message: Message) -> None:
        """Takes another service's fact in."""
        now = self.clock.now()
        context = Context(
            actor=envelope.actor,
            now=now,
            occurred_at=envelope.time,
            correlation_id=envelope.correlationid,
            causation_id=envelope.id,
            traceparent=envelope.traceparent,
        )
        reports.keep(tx, envelope, message, now)
        for command in commands_for(message, envelope, now):
            perform(tx, command, context, self.policy)


def needs_of(stored: StoredEvent) -> list[tuple[Aggregate[Any, Any], str]]:
    """What is reacted to an order is mostly about its payment, and the other way round."""
    if stored.type not in REACTS_TO:
        return []
    if PAYMENT_CODEC.knows(stored.type):
        return [(ORDER, sibling_id("ord", stored.stream_id))]
    return [(PAYMENT, sibling_id("pay", stored.stream_id))]


def decoded(tx: Transaction, stored: StoredEvent) -> AnyEvent:
    """A stored event of any of the service's aggregates."""
    if ORDER_CODEC.knows(stored.type):
        return ORDER_CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
    if PAYMENT_CODEC.knows(stored.type):
        return PAYMENT_CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
    if CUSTOMER_CODEC.knows(stored.type):
        return CUSTOMER_CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)
    return MERCHANT_CODEC.decode(stored.type, stored.schema_version, stored.data, tx.vault)


def following(stored: StoredEvent, now: datetime) -> Context:
    """The context of what follows from a stored event."""
    return Context(
        actor=ACTOR,
        now=now,
        occurred_at=now,
        correlation_id=stored.correlation_id,
        causation_id=stored.event_id,
        traceparent=stored.traceparent,
    )
