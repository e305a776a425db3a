"""The order service on PostgreSQL without its network: what tests of its store and its money start with."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from services.order.application import Command, perform
from services.order.books import LEDGER
from services.order.cashier import Cashier
from services.order.codec import ORDER, PAYMENT
from services.order.domain.commands import PlaceOrder
from services.order.domain.merchant import RegisterMerchant
from services.order.domain.payment import PaymentState
from services.order.domain.policy import OrderPolicy
from services.order.domain.purse import Payment
from services.order.domain.state import Order
from services.order.dues import DUES
from services.order.outbound import payment_id_of
from services.order.payments import PaymentProvider, Providers, SandboxProvider
from services.order.payments.configuration import fitted
from services.order.payments.desk import SqlDesk
from services.order.projecting import MERCHANT_LIST, ORDER_LIST
from services.order.reactors import Reactors
from shared.eventstore.connecting import Pool
from shared.eventstore.model import Context
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.kernel.clock import Clock, FixedClock
from shared.kernel.ids import new_id
from tests.support.database import Database
from tests.unit.order.facts import NOON, registered
from tests.unit.order.test_placing import WISH

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()
SECRET = "a secret of the sandbox"
ProviderFor = Callable[[str, Clock], PaymentProvider]


@dataclass
class Service:
    """The parts of the order service, with a clock that is told and a sequencer and a cashier that are asked."""

    clock: FixedClock
    store: PostgresStore
    provider: Any
    desk: SqlDesk
    cashier: Cashier
    reactors: Reactors
    sequencer: Sequencer
    policy: OrderPolicy
    merchant_id: str

    def context(self) -> Context:
        now = self.clock.now()
        return Context(actor="test:1", now=now, occurred_at=now, correlation_id="cor_1")

    def do(self, command: Command) -> Any:
        return self.store.run(lambda tx: perform(tx, command, self.context(), self.policy))

    def place(self, method: str = "sandbox_ok") -> str:
        order_id, now = new_id("ord"), self.clock.now()
        wish: PlaceOrder = replace(
            WISH, order_id=order_id, merchant_id=self.merchant_id, payment_method=method, at=now, now=now
        )
        self.do(wish)
        return order_id

    def paid(self) -> str:
        order_id = self.place()
        self.settle()
        return order_id

    def settle(self) -> None:
        """Until nothing more follows from what has been recorded."""
        for _ in range(50):
            self.sequencer.tick()
            busy = [each.run(self.store) for each in (*self.reactors.followers,)]
            busy += [each.run(self.store) for each in (ORDER_LIST, MERCHANT_LIST, LEDGER, DUES)]
            busy.append(self.cashier.work())
            if not any(busy):
                return
        raise AssertionError("the followers never came to rest")

    def order(self, order_id: str) -> Order:
        state = self.store.load(ORDER, order_id).state
        assert state is not None
        return state

    def payment(self, order_id: str) -> Payment:
        payment = self.store.load(PAYMENT, payment_id_of(order_id)).state
        assert payment is not None
        return payment

    def payment_state(self, order_id: str) -> PaymentState:
        return self.payment(order_id).state

    def types(self, order_id: str) -> list[str]:
        return [event.type for event in self.store.stream(order_id)]

    def due(self, **span: float) -> int:
        self.clock.advance(timedelta(**span))
        return self.store.take_due(self.clock.now(), self.reactors.end_wait, limit=500)


def sandbox(url: str, clock: Clock) -> PaymentProvider:
    return SandboxProvider(Pool(url, size=8), clock, SECRET)


@contextmanager
def serving(
    database: Database, provider_for: ProviderFor = sandbox, policy: OrderPolicy | None = None
) -> Iterator[Service]:
    """The service with one merchant registered; ends with all that it holds open."""
    clock, policy, url = FixedClock(NOON), policy or OrderPolicy(), database.url("order")
    store = PostgresStore(url, MASTER_KEY, clock, pool_size=20)
    provider, desk = provider_for(url, clock), SqlDesk(Pool(url, size=4))
    policy = fitted(policy, provider)
    sequencer = Sequencer(url)
    made = Service(
        clock=clock,
        store=store,
        provider=provider,
        desk=desk,
        cashier=Cashier(store, clock, policy, Providers(provider), desk),
        reactors=Reactors(clock, policy, desk),
        sequencer=sequencer,
        policy=policy,
        merchant_id=new_id("mer"),
    )
    made.do(RegisterMerchant(registration=replace(registered, merchant_id=made.merchant_id)))
    made.settle()
    try:
        yield made
    finally:
        sequencer.close()
        provider.close()
        desk.close()
        store.close()
