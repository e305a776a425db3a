"""The dispatch service under nameko: hears orders, keeps its read models, watches its waits."""

from services.dispatch.gateway import DispatchGateway
from services.dispatch.inbound import SUBSCRIBED
from services.dispatch.policy_desk import LOOK_EVERY_SECONDS
from services.dispatch.wiring import build
from shared.messaging.batch import Batch
from shared.messaging.subscription import subscription
from shared.runtime.extensions import Parts, every


class DispatchService(DispatchGateway):
    """Finds who carries, and follows the way."""

    name = "dispatch"
    parts = Parts(build)

    @subscription(SUBSCRIBED)
    def on_messages(self, batch: Batch) -> None:
        self.parts.inbox.consume(batch)

    @every(0.05)
    def projections(self) -> int:
        return self.parts.run_projection()

    @every(LOOK_EVERY_SECONDS)
    def policies(self) -> None:
        self.parts.look_at_policies()

    @every(0.1)
    def deadlines(self) -> int:
        return self.parts.fire_deadlines()

    @every(2.0)
    def times(self) -> None:
        self.parts.tell_times()

    @every(60.0)
    def learned(self) -> None:
        self.parts.learn_times()

    @every(2.0)
    def silence(self) -> None:
        self.parts.watch_riders()

    @every(1.0)
    def tracks(self) -> int:
        return self.parts.close_tracks()
