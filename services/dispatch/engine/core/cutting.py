"""Where a large picture is cut: halves across the longer side, until no part holds more riders than it may."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Flags, Fleet, Floats, Ground, Ints, Scenarios


@njit(cache=True)
def cut(
    share: float, most: int, needed: Flags, everywhere: bool, ground: Ground, fleet: Fleet
) -> tuple[int, Ints, Ints]:
    """How many cells there are, and the cell of each rider and each shop (one past the last: none).

    `share` of the riders are before a cut. Unless it is to be `everywhere`, only what holds a shop that is `needed`
    is made a cell; `needed` has a flag for each shop, which are the first rows of the ground.
    """
    riders, shops = fleet.node.shape[0], needed.shape[0]
    rider_cell, shop_cell = np.full(riders, -1, np.int64), np.full(shops, -1, np.int64)
    x, y = np.empty(riders), np.empty(riders)
    for k in range(riders):
        x[k], y[k] = ground.xy[fleet.node[k], 0], ground.xy[fleet.node[k], 1]
    cells = 0
    waiting = [(np.arange(riders), np.arange(shops))]
    while len(waiting) > 0:
        inside, there = waiting.pop()
        if not everywhere and not needed[there].any():
            continue
        if inside.shape[0] <= most:
            rider_cell[inside], shop_cell[there] = cells, cells
            cells += 1
            continue
        axis = 0 if np.ptp(x[inside]) >= np.ptp(y[inside]) else 1
        along = x if axis == 0 else y
        middle = max(1, int(inside.shape[0] * share))
        inside = inside[np.argpartition(along[inside], middle)]
        beyond = ground.xy[there, axis] >= along[inside[middle]]
        waiting.append((inside[middle:], there[beyond]))
        waiting.append((inside[:middle], there[~beyond]))
    return cells, np.where(rider_cell < 0, cells, rider_cell), np.where(shop_cell < 0, cells, shop_cell)


@njit(cache=True)
def grouped(group: Ints, groups: int) -> tuple[Ints, Ints]:
    """The rows of each group, in their order: those of group `g` are `rows[first[g]:first[g + 1]]`.

    Rows of a group past the last are left out.
    """
    first = np.zeros(groups + 1, np.int64)
    for row in range(group.shape[0]):
        if group[row] < groups:
            first[group[row] + 1] += 1
    first = np.cumsum(first)
    rows, at = np.empty(first[groups], np.int64), first.copy()
    for row in range(group.shape[0]):
        if group[row] < groups:
            rows[at[group[row]]] = row
            at[group[row]] += 1
    return rows, first


@njit(cache=True)
def shared(to_come: Scenarios, shop_cell: Ints, cells: int) -> tuple[Ints, Floats, Ints, Floats, Ints]:
    """The columns of the imagined orders of all cells, one cell after the other.

    Those of scenario `s` in cell `c` are the rows from the first column's `c * worlds + s` to its next.
    """
    worlds = to_come.first.shape[0] - 1
    place = np.empty(to_come.placed.shape[0], np.int64)
    for s in range(worlds):
        for i in range(to_come.first[s], to_come.first[s + 1]):
            place[i] = shop_cell[to_come.pick[i]] * worlds + s
    rows, first = grouped(place, cells * worlds)
    return first, to_come.placed[rows], to_come.pick[rows], to_come.ready[rows], to_come.drop[rows]
