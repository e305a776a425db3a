"""The analytics service under nameko: hears every public fact and keeps the read models up to date."""

from services.analytics.gateway import AnalyticsGateway
from services.analytics.inbound import SUBSCRIBED
from services.analytics.wiring import build
from shared.messaging.batch import Batch
from shared.messaging.subscription import subscription
from shared.runtime.extensions import Parts, every


class AnalyticsService(AnalyticsGateway):
    """Keeps facts; folds them."""

    name = "analytics"
    parts = Parts(build)

    @subscription(SUBSCRIBED)
    def on_messages(self, batch: Batch) -> None:
        self.parts.inbox.consume(batch)

    @every(0.05)
    def projections(self) -> int:
        return self.parts.board.run(self.parts.store)
