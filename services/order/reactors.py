"""What follows by itself from what has been recorded: reactions, the provider's errands, and waits that ran out."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from services.order.application import perform
from services.order.codec import CUSTOMER_CODEC, MERCHANT_CODEC, ORDER_CODEC, PAYMENT, PAYMENT_CODEC
from services.order.domain import payment as p
from services.order.domain.commands import EndWait
from services.order.domain.paying import RecordProviderAnswer, RecordProviderOutage, RetryPayment
from services.order.domain.policy import OrderPolicy
from services.order.domain.reactions import AnyEvent, react
from services.order.domain.values import Wait
from services.order.inbound import commands_for
from services.order.payments import PaymentProvider, ProviderAnswer, ProviderRequest, ProviderUnavailable
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore import because
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
        "OrderRejected",
        "OrderCancelled",
        "RefundGranted",
        "PaymentAuthorized",
        "PaymentFailed",
    }
)
ERRAND_TYPES = frozenset(
    {"PaymentRequested", "CaptureRequested", "ReleaseRequested", "RefundRequested", "PaymentRetried"}
)


@dataclass(frozen=True, slots=True)
class Reactors:
    """Each method is handed one thing that happened, in the transaction that remembers it as done."""

    clock: Clock
    policy: OrderPolicy
    provider: PaymentProvider

    @property
    def followers(self) -> tuple[Follower, ...]:
        return (Follower("reactions", self.react), Follower("payments", self.run_errand))

    def react(self, tx: Transaction, stored: StoredEvent) -> None:
        """Carries the process between order, payment and merchant one step on."""
        if stored.type not in REACTS_TO:
            return
        now = self.clock.now()
        event = decoded(tx, stored)
        order_id = event.order_id if isinstance(event, p.PaymentEvent) else stored.stream_id
        for command in react(order_id, event, now):
            perform(tx, command, following(stored, now), self.policy)

    def run_errand(self, tx: Transaction, stored: StoredEvent) -> None:
        """Asks the provider, then records its answer with the position. A crash in between asks again, same key."""
        if stored.type not in ERRAND_TYPES:
            return
        payment = tx.load(PAYMENT, stored.stream_id).state
        event = decoded(tx, stored)
        if payment is None or payment.errand is None or payment.errand is not errand_of(event):
            return
        order_id, errand = payment.requested.order_id, payment.errand
        try:
            answer = self._ask(errand, payment, stored.stream_id)
        except ProviderUnavailable:
            now = self.clock.now()
            outage = RecordProviderOutage(order_id=order_id, errand=errand, at=now)
            perform(tx, outage, following(stored, now), self.policy)
            return
        now = self.clock.now()
        record = RecordProviderAnswer(
            order_id=order_id, errand=errand, declined=answer.declined, reference=answer.reference, at=now
        )
        perform(tx, record, following(stored, now), self.policy)

    def _ask(self, errand: p.Errand, payment: p.Payment, payment_id: str) -> ProviderAnswer:
        request = ProviderRequest(
            idempotency_key=f"{payment_id}:{errand.value}",
            payment_id=payment_id,
            amount_cents=payment.refund_cents if errand is p.Errand.REFUND else payment.amount_cents,
            currency=payment.currency,
            method=payment.requested.method,
        )
        match errand:
            case p.Errand.AUTHORIZE:
                return self.provider.authorize(request)
            case p.Errand.CAPTURE:
                return self.provider.capture(request)
            case p.Errand.RELEASE:
                return self.provider.release(request)
            case p.Errand.REFUND:
                return self.provider.refund(request)
            case _:
                assert_never(errand)

    def end_wait(self, tx: Transaction, due: DueDeadline) -> None:
        """Acts on a wait that ran out."""
        now = self.clock.now()
        with because.of_deadline(tx, due, "system:deadline", now) as context:
            if due.name == p.RETRY:
                order_id = sibling_id("ord", due.stream_id)
                perform(tx, RetryPayment(order_id=order_id, at=now), context, self.policy)
            else:
                wait = EndWait(order_id=due.stream_id, at=now, now=now, wait=Wait(due.name))
                perform(tx, wait, context, self.policy)

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
        for command in commands_for(message, envelope, now):
            perform(tx, command, context, self.policy)


def errand_of(event: AnyEvent) -> p.Errand | None:
    """The errand that a fact of the ledger sends to the provider."""
    match event:
        case p.PaymentRequested():
            return p.Errand.AUTHORIZE
        case p.CaptureRequested():
            return p.Errand.CAPTURE
        case p.ReleaseRequested():
            return p.Errand.RELEASE
        case p.RefundRequested():
            return p.Errand.REFUND
        case p.PaymentRetried():
            return event.errand
        case _:
            return None


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
