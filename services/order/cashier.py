"""Asks the payment provider what has to be asked, outside of any transaction, and writes down what it answers."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import assert_never

from services.order.application import perform
from services.order.codec import PAYMENT
from services.order.domain import payment as p
from services.order.domain.paying import RecordProviderAnswer, RecordProviderOutage
from services.order.domain.policy import OrderPolicy
from services.order.domain.providing import movement_of
from services.order.domain.purse import OpenErrand, Payment
from services.order.payments import ProviderAnswer, ProviderRequest, Providers, ProviderUnavailable
from services.order.payments.desk import Desk, Slip
from shared.eventstore.model import Context
from shared.eventstore.ports import Store
from shared.kernel.clock import Clock

AT_ONCE = 8
"""Errands asked side by side: so that a provider that times out on some does not hold up the others."""
ACTOR = "system:payments"


@dataclass(frozen=True, slots=True)
class Cashier:
    """Stands between the desk and the providers; as many as like may work at one desk."""

    store: Store
    clock: Clock
    policy: OrderPolicy
    providers: Providers
    desk: Desk
    at_once: int = AT_ONCE

    def work(self) -> int:
        """Asks what is to be asked now; how many errands that were."""
        slips = self.desk.take(self.at_once)
        if len(slips) == 1:
            self.ask(slips[0])
        elif slips:
            self._ask_side_by_side(slips)
        return len(slips)

    def _ask_side_by_side(self, slips: Sequence[Slip]) -> None:
        with ThreadPoolExecutor(len(slips)) as pool:
            tasks = [pool.submit(self.ask, slip) for slip in slips]
        for task in tasks:
            task.result()

    def ask(self, slip: Slip) -> None:
        """One errand. A crash on the way leaves it at the desk, to be asked again under the same key."""
        payment = self.store.load(PAYMENT, slip.payment_id).state
        errand = payment.errands.get(slip.name) if payment is not None else None
        if payment is None or errand is None:
            self.desk.drop(slip)
            return
        said = self.said(payment, errand, slip)
        now = self.clock.now()
        context = Context(
            actor=ACTOR,
            now=now,
            occurred_at=now,
            correlation_id=slip.correlation_id,
            causation_id=slip.caused_by,
            traceparent=slip.traceparent,
        )
        self.store.run(lambda tx: perform(tx, said, context, self.policy))

    def said(self, payment: Payment, errand: OpenErrand, slip: Slip) -> RecordProviderAnswer | RecordProviderOutage:
        """What the provider says to an errand, or that it says nothing that counts."""
        order_id = payment.order_id
        try:
            answer = self._asked(payment, errand, slip.payment_id)
        except ProviderUnavailable:
            return RecordProviderOutage(order_id=order_id, name=errand.name, at=self.clock.now())
        now = self.clock.now()
        if answer.pending:
            return RecordProviderOutage(order_id=order_id, name=errand.name, at=now, why=p.Delay.PENDING)
        return RecordProviderAnswer(
            order_id=order_id,
            name=errand.name,
            declined=answer.declined,
            reference=answer.reference,
            at=now,
            failed=answer.failed,
        )

    def _asked(self, payment: Payment, errand: OpenErrand, payment_id: str) -> ProviderAnswer:
        charge = payment.charges[errand.charge_id]
        provider = self.providers.holding(charge.provider)
        authorizing = errand.errand is p.Errand.AUTHORIZE
        request = ProviderRequest(
            idempotency_key=f"{payment_id}:{errand.name}",
            payment_id=payment_id,
            amount_cents=errand.cents,
            currency=payment.currency,
            method=charge.method,
            reference=charge.reference,
            movement=movement_of(payment, p.Errand.CAPTURE.value if authorizing else errand.name),
            attempt=errand.attempts,
        )
        match errand.errand:
            case p.Errand.AUTHORIZE:
                return provider.authorize(request)
            case p.Errand.CAPTURE:
                return provider.capture(request)
            case p.Errand.RELEASE:
                return provider.release(request)
            case p.Errand.REFUND:
                return provider.refund(request)
            case p.Errand.CHARGE:
                return provider.charge(request)
            case _:
                assert_never(errand.errand)
