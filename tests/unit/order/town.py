"""The order service without its network: a store in memory, a clock that is told, a provider on paper."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.order.application import Command, perform
from services.order.cashier import Cashier
from services.order.codec import MERCHANT, ORDER, PAYMENT
from services.order.domain.merchant import RegisterMerchant
from services.order.domain.policy import OrderPolicy
from services.order.domain.purse import Payment
from services.order.domain.state import Order
from services.order.payments import Providers
from services.order.reactors import Reactors
from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import Context, Decided
from shared.kernel.clock import FixedClock
from tests.unit.order.facts import MERCHANT_ID, NOON, ORDER_ID, PAYMENT_ID, registered
from tests.unit.order.paper import PaperDesk, PaperProvider
from tests.unit.order.test_placing import WISH


class Town:
    """One merchant, one order, and everything that follows by itself when `settle` lets it."""

    def __init__(self, method: str = "sandbox_ok", policy: OrderPolicy | None = None) -> None:
        self.clock = FixedClock(NOON)
        self.store = MemoryStore(self.clock)
        self.provider = PaperProvider()
        self.policy = policy or OrderPolicy()
        self.desk = PaperDesk()
        self.reactors = Reactors(self.clock, self.policy, self.desk)
        # One after another, so that a history comes out the same each time.
        self.cashier = Cashier(self.store, self.clock, self.policy, Providers(self.provider), self.desk, at_once=1)
        self.do(RegisterMerchant(registration=registered))
        self.do(replace(WISH, payment_method=method))

    def context(self) -> Context:
        now = self.clock.now()
        return Context(actor="test:1", now=now, occurred_at=now, correlation_id="cor_1")

    def do(self, command: Command) -> Decided[Any, Any]:
        return self.store.run(lambda tx: perform(tx, command, self.context(), self.policy))

    def step(self) -> int:
        """Lets each follower take what is new, and the provider be asked, once."""
        return sum(follower.run(self.store) for follower in self.reactors.followers) + self.cashier.work()

    def settle(self) -> None:
        for _ in range(20):
            if not self.step():
                return
        raise AssertionError("the followers never came to rest")

    def pass_time(self, **span: float) -> int:
        """Moves the clock and fires what is due by then, once; how many waits ran out."""
        self.clock.advance(timedelta(**span))
        return self.store.take_due(self.clock.now(), self.reactors.end_wait)

    @property
    def order(self) -> Order:
        state = self.store.load(ORDER, ORDER_ID).state
        assert state is not None
        return state

    @property
    def payment(self) -> Payment | None:
        return self.store.load(PAYMENT, PAYMENT_ID).state

    @property
    def missed_answers(self) -> int:
        merchant = self.store.load(MERCHANT, MERCHANT_ID).state
        assert merchant is not None
        return merchant.missed_answers

    def types(self, stream_id: str = ORDER_ID) -> list[str]:
        return [event.type for event in self.store.stream(stream_id)]
