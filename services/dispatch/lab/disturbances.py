"""What goes wrong on a day, as data: it happens to the world at its moment, and is known when somebody says so."""

from collections.abc import Callable
from dataclasses import dataclass

from services.dispatch.engine.world import Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A part of town."""

    centre: Spot
    radius_m: float

    def holds(self, spot: Spot) -> bool:
        east, north = spot[0] - self.centre[0], spot[1] - self.centre[1]
        return east * east + north * north <= self.radius_m * self.radius_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Jam:
    """Inside the area a metre takes `factor` times as long."""

    area: Circle
    factor: float
    at: float
    until: float
    known_after_s: float | None = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedArea:
    """Nobody rides through: ways lead around it (what lies inside is reached from its edge, at half speed)."""

    area: Circle
    at: float
    until: float
    known_after_s: float | None = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A rider stops where he is, with what he carries; `silent`: his device falls silent too, and he tells nobody."""

    rider_id: str
    at: float
    until: float | None = None
    silent: bool = True
    known_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantLate:
    """What a shop would have had ready between two moments is ready `by_s` later."""

    shop_id: str
    by_s: float
    at: float
    until: float
    known_after_s: float | None = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChanged:
    """The customer wants his order brought elsewhere; a rider who is not told finds out at the old door."""

    order_id: str
    dropoff: Spot
    at: float
    known_after_s: float | None = 0


Disturbance = Jam | ClosedArea | Breakdown | MerchantLate | AddressChanged

KnownAt = Callable[[Disturbance], float | None]
"""The moment from which the engine is told of a disturbance; None: never."""


def as_said(disturbance: Disturbance) -> float | None:
    """So long after it began as the disturbance itself says."""
    delay = disturbance.known_after_s
    return None if delay is None else disturbance.at + delay


def never(_disturbance: Disturbance) -> float | None:
    """The engine learns of nothing but what riders and merchants report anyway."""
    return None


def is_over(disturbance: Disturbance, now: float) -> bool:
    """Whether it has passed (a new address does not)."""
    until = None if isinstance(disturbance, AddressChanged) else disturbance.until
    return until is not None and until <= now
