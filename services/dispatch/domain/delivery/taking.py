"""What may be asked of a delivery whose rider should not, or cannot, go on with it."""

from dataclasses import dataclass
from datetime import datetime

from services.dispatch.domain.values import FailureReason
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOff:
    """Plan it anew: another rider is looked for. `down`: this one cannot go on, so it goes whoever decided it."""

    delivery_id: str
    rider_id: str
    cause: str
    down: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Its rider cannot go on, and waits at a place with the goods, for whoever fetches them from him."""

    delivery_id: str
    rider_id: str
    place: Place
    cell: str
    reason: FailureReason
    now: datetime
