"""One rider as the facts tell it: on shift or not, and whether anything was heard since it went silent."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.analytics.domain.events import FactRecorded
from services.analytics.domain.timeline import later

SHIFTS = {"ShiftStarted": True, "ShiftEnded": False}
SIGNS_OF_LIFE = frozenset(
    {
        "ShiftStarted",
        "OfferDeclined",
        "DeliveryGrabbed",
        "ArrivedAtPickup",
        "StopCollected",
        "PickedUp",
        "ArrivedAtDropoff",
        "Delivered",
        "GoodsReturned",
    }
)
"""Facts that only the rider can have caused."""
TOUCHING = frozenset(SHIFTS) | SIGNS_OF_LIFE | {"RiderRegistered", "RiderWentSilent"}


@dataclass(frozen=True, slots=True)
class Rider:
    """A join of facts, like a timeline: the last word about the shift, the last sign of life, the last silence."""

    rider_id: str
    shift_sequence: int = 0
    on_shift: bool = False
    seen_at: datetime | None = None
    silent_at: datetime | None = None

    @property
    def silent(self) -> bool:
        """On shift, and not heard of since it missed a report."""
        if not self.on_shift or self.silent_at is None:
            return False
        return self.seen_at is None or self.seen_at <= self.silent_at


def evolve(rider: Rider, fact: FactRecorded) -> Rider:
    """Joins one fact of dispatch into its rider."""
    if fact.type in SHIFTS and fact.sequence > rider.shift_sequence:
        rider = replace(rider, shift_sequence=fact.sequence, on_shift=SHIFTS[fact.type])
    if fact.type in SIGNS_OF_LIFE:
        rider = replace(rider, seen_at=later(rider.seen_at, fact.time))
    if fact.type == "RiderWentSilent":
        rider = replace(rider, silent_at=later(rider.silent_at, fact.time))
    return rider
