"""What dispatchers say when they decide by hand."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.dispatch.domain.values import Stop, StopKind
from services.dispatch.inputs import Input, Point
from services.dispatch.rider_schemas import Reason, RiderId

DeliveryId = Annotated[str, StringConstraints(pattern=r"^dlv_[A-Za-z0-9-]{1,60}$")]


class PinBody(Input):
    rider_id: RiderId
    reason: Reason = ""


class UnpinBody(Input):
    reason: Reason = ""


class WayBody(Input):
    """The points to ride by to the next door, in their order; none: as he likes."""

    via: Annotated[tuple[Point, ...], Field(max_length=20)]
    reason: Reason = ""


class StopBody(Input):
    delivery_id: DeliveryId
    kind: StopKind

    def stop(self) -> Stop:
        return Stop(self.delivery_id, self.kind)


class StopsBody(Input):
    """The stops in the order wanted; what is not named comes behind. None: the usual order."""

    stops: Annotated[tuple[StopBody, ...], Field(max_length=50)]
    reason: Reason = ""
