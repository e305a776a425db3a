"""The order service as nameko runs it: what it hears, and what it does by itself."""

from datetime import timedelta

from services.order import quotes
from services.order.cashier import AT_ONCE
from services.order.gateway import OrderGateway
from services.order.inbound import SUBSCRIBED
from services.order.webhooks import deliver_letters
from services.order.wiring import OrderParts, build
from shared.eventstore.follower import behind
from shared.messaging.subscription import Batch, subscription
from shared.runtime.extensions import Parts, every

KEPT_AFTER_EXPIRY = timedelta(hours=1)


class OrderService(OrderGateway):
    """The life of an order, and its money."""

    name = "order"
    parts: Parts[OrderParts] = Parts(build)

    @subscription(SUBSCRIBED)
    def on_messages(self, batch: Batch) -> None:
        self.parts.inbox.consume(batch)

    @every(0.1)
    def deadlines(self) -> int:
        return self.parts.store.take_due(self.parts.clock.now(), self.parts.reactors.end_wait)

    @every(30)
    def expired_quotes(self) -> int:
        """Quotes are kept a while after they expired, so that a late customer is told so."""
        return quotes.forget_expired(self.parts.store, self.parts.clock.now() - KEPT_AFTER_EXPIRY)

    @every(0.05)
    def projections(self) -> int:
        return self.parts.projections.run(self.parts.store)

    @every(0.03)
    def cashier(self) -> int:
        return behind([self.parts.cashier.work()], AT_ONCE)

    @every(0.5)
    def sandbox_webhooks(self) -> int:
        return deliver_letters(self.parts)

    @every(60)
    def reconciliation(self) -> int:
        return self.parts.reconciler.catch_up()

    @every(0.03)
    def reactors(self) -> int:
        return self.parts.following.run(self.parts.store)
