"""Asks the payment provider what has to be asked, outside of any transaction, and writes down what it answers."""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import assert_never

import psycopg

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
from shared.eventstore.ports import Store, Transaction
from shared.kernel.clock import Clock

logger = logging.getLogger(__name__)

AT_ONCE = 32
"""Errands asked side by side: so that a provider that times out on some does not hold up the others."""
PATIENCE_SECONDS = 0.05
"""How long answers wait for each other, to be written down together."""
ACTOR = "system:payments"

Said = RecordProviderAnswer | RecordProviderOutage


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
        """Asks what is to be asked now; how many errands that were. A crash on the way leaves them at the desk, to be
        asked again under the same keys."""
        slips = self.desk.take(self.at_once)
        if slips:
            self.ask(*slips)
        return len(slips)

    def ask(self, *slips: Slip) -> None:
        """Asks the provider side by side, and writes down together what it said at about the same time."""
        found = self._open(slips)
        if len(found) < 2:
            self._write_down([(slip, self.said(payment, errand, slip)) for slip, payment, errand in found])
            return
        with ThreadPoolExecutor(len(found)) as pool:
            asked = {pool.submit(self.said, payment, errand, slip): slip for slip, payment, errand in found}
            slow = set(asked)
            while slow:
                wait(slow, timeout=PATIENCE_SECONDS)
                answered, slow = wait(slow, return_when=FIRST_COMPLETED)
                self._write_down([(asked[task], task.result()) for task in answered if task.exception() is None])
        for task in asked:
            task.result()

    def _open(self, slips: Sequence[Slip]) -> list[tuple[Slip, Payment, OpenErrand]]:
        """The slips whose errands are still open; the others are thrown away."""
        found = []
        with self.store.reading() as reader:
            for slip in slips:
                reader.foresee(PAYMENT, slip.payment_id)
            for slip in slips:
                payment = reader.load(PAYMENT, slip.payment_id).state
                errand = payment.errands.get(slip.name) if payment is not None else None
                if payment is None or errand is None:
                    self.desk.drop(slip)
                else:
                    found.append((slip, payment, errand))
        return found

    def _write_down(self, said: Sequence[tuple[Slip, Said]]) -> None:
        """In one transaction; one by one when that fails, so that none holds up the others."""
        try:
            self.store.run(lambda tx: self._record(tx, said))
        except psycopg.OperationalError:
            raise
        except Exception:
            if len(said) < 2:
                raise
            logger.warning("answers of the provider are written down one by one", exc_info=True)
            # The stack goes on after one that fails, and raises at its end.
            with ExitStack() as all_of_them:
                for each in reversed(said):
                    all_of_them.callback(self._write_down, [each])

    def _record(self, tx: Transaction, said: Sequence[tuple[Slip, Said]]) -> None:
        now = self.clock.now()
        for slip, _ in said:
            tx.foresee(PAYMENT, slip.payment_id)
        for slip, answer in said:
            context = Context(
                actor=ACTOR,
                now=now,
                occurred_at=now,
                correlation_id=slip.correlation_id,
                causation_id=slip.caused_by,
                traceparent=slip.traceparent,
            )
            perform(tx, answer, context, self.policy)

    def said(self, payment: Payment, errand: OpenErrand, slip: Slip) -> Said:
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
