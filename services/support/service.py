"""The support service under nameko: what it hears, and what it does by itself."""

from services.support.gateway import SupportGateway
from services.support.inbound import SUBSCRIBED
from services.support.wiring import build
from shared.messaging.batch import Batch
from shared.messaging.subscription import subscription
from shared.runtime.extensions import Parts, every


class SupportService(SupportGateway):
    """Solves what goes wrong with deliveries, one case at a time."""

    name = "support"
    parts = Parts(build)

    @subscription(messages=SUBSCRIBED)
    def on_messages(self, batch: Batch) -> None:
        self.parts.inbox.consume(batch)

    @every(0.1)
    def deadlines(self) -> int:
        return self.parts.fire_deadlines()

    @every(0.05)
    def lists(self) -> int:
        return self.parts.lists.run(self.parts.store)
