"""A day as the lab plays it: what really happens, and what of it is known beforehand. Plain values.

Moments are seconds after `Day.starts`, places are metres on a plane.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Priority
from services.dispatch.engine.world import Spot
from services.dispatch.lab.disturbances import Disturbance
from services.dispatch.lab.roads import Roads
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOfDay:
    """An order: `ready_at` is when it really is ready, `expected_ready_at` what is said of it beforehand, give or
    take `ready_spread_s`; a rider may be looked for from `known_at` on (None: from placement). Late is what comes
    after `promised_at`. Who waits longer than `patience_s` cancels, as long as nobody has picked it up. `stops` are
    further pick-ups after the first."""

    order_id: str
    shop_id: str
    dropoff: Spot
    placed_at: float
    ready_at: float
    expected_ready_at: float
    ready_spread_s: float = 0.0
    known_at: float | None = None
    promised_at: float | None = None
    patience_s: float | None = None
    priority: Priority = Priority.NORMAL
    load_g: int = 0
    load_ml: int = 0
    skills: frozenset[str] = frozenset()
    stops: tuple[Spot, ...] = ()

    @property
    def comes_at(self) -> float:
        return self.placed_at if self.known_at is None else self.known_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderOfDay:
    """A rider's shift; `pace` stretches his travel times (above 1: slower)."""

    rider_id: str
    start: Spot
    on_at: float
    off_at: float
    pace: float = 1.0
    capacity_g: int = 1_000_000_000
    capacity_ml: int = 1_000_000_000
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How riders answer. Without `offers` they do at once what they are told, as the public benchmark has it."""

    offers: bool = True
    declines: float = 0.0
    answer_s: float = 8.0
    answer_spread_s: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """A rider has the better of his pay by orders and the pay guaranteed for his hours on shift; in cents."""

    per_order_cents: float = 600
    per_hour_cents: float = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Everything that happens on one day. `pickup_service_s` and `dropoff_service_s` are what hand-overs really take;
    `base` are the settings beneath any policy; `origin` is where on the earth the plane touches it (None: nowhere);
    more than `target_s` from click to door is late where nothing was promised; `seed` draws what is left to chance,
    alike under every policy."""

    name: str
    orders: tuple[OrderOfDay, ...]
    riders: tuple[RiderOfDay, ...]
    shops: Mapping[str, Spot]
    roads: Roads
    pickup_service_s: float = 240
    dropoff_service_s: float = 240
    target_s: float = 2400
    pay: Pay = field(default_factory=Pay)
    behaviour: Behaviour = field(default_factory=Behaviour)
    disturbances: tuple[Disturbance, ...] = ()
    base: DispatchPolicy = field(default_factory=DispatchPolicy)
    starts: datetime = datetime(2026, 3, 2, tzinfo=UTC)
    origin: Place | None = None
    seed: int = 1

    def moment(self, seconds: float) -> datetime:
        """The wall's time of a moment of the day."""
        return self.starts + timedelta(seconds=seconds)

    def late_after(self, order: OrderOfDay) -> float:
        """The last moment at which this order comes in time."""
        return order.promised_at if order.promised_at is not None else order.placed_at + self.target_s
