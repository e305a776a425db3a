"""What the day so far teaches about the orders to come; nothing else is known about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.dispatch.engine.core.arrays import Floats, Ints, Scenarios
from services.dispatch.engine.core.imagine import imagine
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.world import Order, Rider

_SAMPLE = 300.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Orders seen today: shop (a row of the world's shops), door, preparation and moment of placement."""

    ids: frozenset[str] = frozenset()
    shop: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    door: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    preparation: Floats = field(default_factory=lambda: np.zeros(0))
    placed: Floats = field(default_factory=lambda: np.zeros(0))

    def with_orders(self, orders: Iterable[Order], shop_rows: Mapping[str, int]) -> "Seen":
        """Knows these orders as well (those known already are not counted twice)."""
        new = [order for order in orders if order.order_id not in self.ids and order.shop_id in shop_rows]
        if not new:
            return self
        return Seen(
            self.ids | {order.order_id for order in new},
            np.append(self.shop, [shop_rows[order.shop_id] for order in new]),
            np.concatenate([self.door, np.array([order.dropoff for order in new], float)]),
            np.append(self.preparation, [max(0.0, order.ready_at - order.placed_at) for order in new]),
            np.append(self.placed, [order.placed_at for order in new]),
        )


@dataclass(frozen=True, slots=True)
class Shifts:
    """When riders are on shift, of all riders ever shown to the engine."""

    on_off: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def with_riders(self, riders: Sequence[Rider]) -> "Shifts":
        new = {rider.rider_id: (rider.on_at, rider.off_at) for rider in riders}
        return self if new.items() <= self.on_off.items() else Shifts({**self.on_off, **new})

    def riders_on(self, moments: NDArray[np.floating[Any]]) -> Floats:
        """How many riders are on shift at each moment."""
        spans = np.array(list(self.on_off.values()), float).reshape(-1, 2)
        on = np.sort(spans[:, 0]).searchsorted(moments, side="right")
        return (on - np.sort(spans[:, 1]).searchsorted(moments, side="right")).astype(float)


def rates(seen: Seen, shifts: Shifts, now: float, policy: EnginePolicy) -> Floats:
    """Orders expected in each tick from now to the horizon: recent orders a rider hour x riders planned.

    Shifts are planned for the demand expected, so that the rate a rider hour is steadier than the rate.
    """
    past = np.arange(now - 3 * policy.half_life, now, _SAMPLE)
    fading = 0.5 ** ((now - past) / policy.half_life)
    exposure = float((shifts.riders_on(past) * fading).sum()) * _SAMPLE
    count = float((0.5 ** ((now - seen.placed[seen.placed >= past[0]]) / policy.half_life)).sum())
    prior = policy.prior_rider_hours * 3600
    rate = (count + policy.prior_orders_per_hour * policy.prior_rider_hours) / (exposure + prior)
    moments = now + policy.tick * np.arange(1, int(policy.horizon / policy.tick) + 1)
    return shifts.riders_on(moments) * rate * policy.tick


def scenarios(
    seen: Seen, expected: Floats, worlds: int, now: float, shops: int, doors: Ints, policy: EnginePolicy
) -> Scenarios:
    """Futures drawn from the orders seen, some of them moved to another shop; `doors` are rows of the ground."""
    if not len(seen.shop) or worlds == 0:
        return nothing_to_come()
    anywhere = policy.prior_orders_by_shop / (policy.prior_orders_by_shop + len(seen.shop))
    return Scenarios(
        *imagine(worlds, now, policy.tick, expected, seen.shop, doors, seen.preparation, anywhere, shops)
    )


def nothing_to_come() -> Scenarios:
    """One future without orders."""
    none, rows = np.zeros(0), np.zeros(0, np.int64)
    return Scenarios(np.zeros(2, np.int64), none, rows, none, rows)
