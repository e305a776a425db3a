"""The analytics gateway with its projection as one process, for tests that tell it its facts themselves."""

from shared.runtime.process import serve  # isort: skip - it patches the standard library first

from services.analytics.gateway import AnalyticsGateway
from services.analytics.wiring import build
from shared.runtime.extensions import Parts, every
from shared.runtime.settings import Settings


class AnalyticsWithoutBroker(AnalyticsGateway):
    """The service but for its subscription."""

    name = "analytics"
    parts = Parts(build)

    @every(0.05)
    def projections(self) -> int:
        return self.parts.board.run(self.parts.store)


if __name__ == "__main__":
    serve(AnalyticsWithoutBroker, Settings.from_environment("analytics"))
