"""The notify service under nameko: what it hears, and what it does by itself."""

from services.notify.gateway import NotifyGateway
from services.notify.inbound import SUBSCRIBED
from services.notify.wiring import build
from shared.messaging.batch import Batch
from shared.messaging.subscription import subscription
from shared.runtime.extensions import Parts, every


class NotifyService(NotifyGateway):
    """Tells customers, merchants and riders what happens to their orders, and alarms those on duty."""

    name = "notify"
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

    @every(0.1)
    def mail_plans(self) -> int:
        return self.parts.mail_planner.run(self.parts.store)

    @every(0.2)
    def mails(self) -> int:
        return self.parts.mailing.send_due()
