"""Which riders are worth a look for an order: those who could be at its shop first."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Fleet, Ground, Ints, travel


@njit(cache=True)
def nearest(pick: Ints, bars: Ints, most: int, ground: Ground, fleet: Fleet) -> Ints:
    """For each order the riders nothing bars, soonest at the shop first; -1 fills the rest of a row."""
    orders, riders = bars.shape
    chosen = np.full((orders, most), -1, np.int64)
    soonest = np.empty(most)
    for o in range(orders):
        count = 0
        for k in range(riders):
            if bars[o, k] != 0:
                continue
            arrival = fleet.free[k] + travel(ground, fleet.node[k], pick[o]) * fleet.pace[k]
            if count == most and arrival >= soonest[most - 1]:
                continue
            p = count if count < most else most - 1
            while p > 0 and soonest[p - 1] > arrival:
                soonest[p] = soonest[p - 1]
                chosen[o, p] = chosen[o, p - 1]
                p -= 1
            soonest[p] = arrival
            chosen[o, p] = k
            count = min(most, count + 1)
    return chosen
