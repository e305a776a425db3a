"""Draws the orders to come: the same chances at every tick, so that two ticks imagine nearly the same futures."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Floats, Ints

_AT_ONCE = 20.0


@njit(cache=True)
def chance(a: int, b: int, c: int) -> float:
    """A number in [0, 1) that depends on its arguments alone (splitmix64)."""
    z = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
    z += np.uint64(c) * np.uint64(0x165667B19E3779F9)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def poisson(mean: float, u: float) -> int:
    """How many events, by inversion (at most 60; a mean of up to 20)."""
    p = np.exp(-mean)
    total, count = p, 0
    while u > total and count < 60:
        count += 1
        p *= mean / count
        total += p
    return count


@njit(cache=True)
def arrivals(mean: float, s: int, tick: int) -> int:
    """How many orders come in one step of scenario s: a large mean is the sum of smaller ones."""
    parts = int(mean / _AT_ONCE) + 1
    count = poisson(mean / parts, chance(s, tick, 0))
    for part in range(1, parts):
        count += poisson(mean / parts, chance(s, -tick, part))
    return count


@njit(cache=True)
def imagine(
    worlds: int,
    now: float,
    step: float,
    rates: Floats,
    shops: Ints,
    doors: Ints,
    preps: Floats,
    any_shop: float,
    size: int,
) -> tuple[Ints, Floats, Ints, Floats, Ints]:
    """Scenarios from templates (rows of orders seen): `rates` are expected orders in each step from now on.

    With probability `any_shop` the template's shop is replaced by one of the `size` shops, whose rows come first.
    """
    room = worlds * (int(rates.sum() * 2) + 80)
    first = np.zeros(worlds + 1, np.int64)
    placed, pick = np.empty(room), np.empty(room, np.int64)
    ready, drop = np.empty(room), np.empty(room, np.int64)
    n = 0
    base = int(now / step)
    for s in range(worlds):
        limit = min(room, n + int(rates.sum() * 2) + 80)
        for m in range(rates.shape[0]):
            tick = base + 1 + m
            for j in range(arrivals(rates[m], s, tick)):
                if n >= limit:
                    break
                t = int(chance(s, tick, 4 * j + 1) * shops.shape[0])
                placed[n] = tick * step
                pick[n] = shops[t]
                if chance(s, tick, 4 * j + 2) < any_shop:
                    pick[n] = int(chance(s, tick, 4 * j + 3) * size)
                ready[n] = placed[n] + preps[t]
                drop[n] = doors[t]
                n += 1
        first[s + 1] = n
    return first, placed[:n], pick[:n], ready[:n], drop[:n]
