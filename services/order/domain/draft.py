"""An order on its way to being placed: what it would be, when it would happen, and what stands against it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import Cost
from services.order.domain.values import ErrandTerms, Line, Pickup
from shared.kernel.errors import Fault
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """`begins_at` is when the kitchen or the rider must begin; `ask_at` None: whoever must be asked is asked now."""

    earliest: datetime
    promised_at: datetime
    begins_at: datetime
    ask_at: datetime | None


def times_of(
    *,
    since: datetime,
    scheduled_for: datetime | None,
    preparation: timedelta,
    way_m: float,
    notice: timedelta,
    policy: OrderPolicy,
) -> Times:
    """Preparation, travel and a buffer after `since`, or before the wished time; asked `notice` ahead of that."""
    travel = timedelta(minutes=way_m / policy.courier_speed_m_per_minute)
    span = preparation + travel + policy.span("promise_buffer")
    earliest = since + span
    if scheduled_for is None:
        return Times(earliest=earliest, promised_at=earliest, begins_at=since, ask_at=None)
    begins_at = max(since, scheduled_for - span)
    ask_at = begins_at - notice
    return Times(
        earliest=earliest,
        promised_at=max(earliest, scheduled_for),
        begins_at=begins_at,
        ask_at=ask_at if ask_at > since else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`cost` is None while the basket has faults: then it has no price."""

    lines: tuple[Line, ...]
    cost: Cost | None
    way_m: float
    skills: tuple[str, ...]
    weight_g: int
    volume_ml: int
    pickup: Pickup
    times: Times
    faults: tuple[Fault, ...]
    further_pickups: tuple[Place, ...] = ()

    @property
    def terms(self) -> ErrandTerms | None:
        return None if self.cost is None else self.cost.terms
