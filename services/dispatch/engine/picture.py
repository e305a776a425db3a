"""What the engine is shown of the platform: deliveries and riders by their streams, and where riders are."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.rider.state import Rider
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True)
class RiderNow:
    """A rider on shift; `place` None: nobody has ever seen where he is."""

    rider_id: str
    rider: Rider
    place: Place | None


@dataclass(frozen=True, slots=True)
class DeliveryNow:
    """A delivery that wants a rider or has one, as of a version of its stream."""

    delivery_id: str
    version: int
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One moment: everybody on shift, and everything that waits or is under way."""

    now: datetime
    riders: tuple[RiderNow, ...]
    deliveries: tuple[DeliveryNow, ...]
