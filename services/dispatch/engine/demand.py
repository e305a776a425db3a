"""What the day so far teaches about the orders to come; nothing else is known about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.dispatch.engine.core.arrays import Floats, Ints, Scenarios
from services.dispatch.engine.core.imagine import imagine
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.world import Order, Rider

_SAMPLE = 300.0
_TEMPLATES = 6000
"""Orders remembered to imagine others by; the oldest are forgotten, a sixth at a time."""
_SHIFTS_KEPT = 6 * 3600.0
"""Shifts that ended so long ago say nothing any more about how many riders there were lately."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Orders seen: shop (a row of the world's shops), door, preparation and moment of placement."""

    ids: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    shop: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    door: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    preparation: Floats = field(default_factory=lambda: np.zeros(0))
    placed: Floats = field(default_factory=lambda: np.zeros(0))

    def with_orders(self, orders: Iterable[Order], shop_rows: Mapping[str, int]) -> "Seen":
        """Knows these orders as well (those known already are not counted twice)."""
        new = [order for order in orders if order.order_id not in self.known and order.shop_id in shop_rows]
        if not new:
            return self
        ids = (*self.ids, *(order.order_id for order in new))
        kept = 0 if len(ids) <= _TEMPLATES else len(ids) - _TEMPLATES * 5 // 6
        known = self.known.union(order.order_id for order in new) if kept == 0 else frozenset(ids[kept:])
        return Seen(
            ids[kept:],
            known,
            np.append(self.shop, [shop_rows[order.shop_id] for order in new])[kept:],
            np.concatenate([self.door, np.array([order.dropoff for order in new], float)])[kept:],
            np.append(self.preparation, [max(0.0, order.ready_at - order.placed_at) for order in new])[kept:],
            np.append(self.placed, [order.placed_at for order in new])[kept:],
        )


@dataclass(frozen=True, slots=True)
class Shifts:
    """When riders are on shift, of all riders shown to the engine whose shift did not end long ago."""

    on_off: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    on: Floats = field(default_factory=lambda: np.zeros(0))
    off: Floats = field(default_factory=lambda: np.zeros(0))

    def with_riders(self, riders: Iterable[Rider], now: float) -> "Shifts":
        """Knows the shifts of these riders as well."""
        new = {each.rider_id: (each.on_at, each.off_at) for each in riders}
        new = {rider_id: shift for rider_id, shift in new.items() if self.on_off.get(rider_id) != shift}
        if not new:
            return self
        kept = {
            rider_id: shift for rider_id, shift in {**self.on_off, **new}.items() if shift[1] > now - _SHIFTS_KEPT
        }
        spans = np.array(list(kept.values()), float).reshape(-1, 2)
        return Shifts(kept, np.sort(spans[:, 0]), np.sort(spans[:, 1]))

    def riders_on(self, moments: NDArray[np.floating[Any]]) -> Floats:
        """How many riders are on shift at each moment."""
        on = self.on.searchsorted(moments, side="right")
        return (on - self.off.searchsorted(moments, side="right")).astype(float)


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
