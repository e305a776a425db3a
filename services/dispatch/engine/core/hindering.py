"""What one hindrance adds to the ways between all spots, compiled; only a way that passes it is worked out."""

import numpy as np
from numba import njit

from services.dispatch.engine.core.arrays import Floats, Ints

_NOTHING = 1e-9
"""A way along a border does not cross it."""


@njit(cache=True)
def worsen(worst: Floats, xy: Floats, hull: Floats, factor: float, closed: bool) -> None:
    """Raises `worst` where this hindrance adds more."""
    spots, corners = xy.shape[0], hull.shape[0]
    left = _left_of_sides(xy, hull)
    inside = np.zeros(spots, np.bool_)
    for p in range(spots):
        inside[p] = left[p].min() > _NOTHING
    right_corner, left_corner = _tangents(xy, hull)
    gone = np.zeros(corners + 1)
    for c in range(corners):
        after = hull[(c + 1) % corners]
        gone[c + 1] = gone[c] + np.hypot(after[0] - hull[c, 0], after[1] - hull[c, 1])
    middle_x, middle_y = hull[:, 0].mean(), hull[:, 1].mean()
    radius = np.sqrt(((hull[:, 0] - middle_x) ** 2 + (hull[:, 1] - middle_y) ** 2).max())
    for a in range(spots):
        for b in range(a + 1, spots):
            if not _passes(
                xy[a, 0] - middle_x, xy[a, 1] - middle_y, xy[b, 0] - middle_x, xy[b, 1] - middle_y, radius
            ):
                continue
            share = _inside_share(left[a], left[b])
            if share <= 0:
                continue
            straight = np.hypot(xy[b, 0] - xy[a, 0], xy[b, 1] - xy[a, 1])
            if closed and not (inside[a] or inside[b]):
                extra = _around_m(a, b, xy, hull, gone, right_corner, left_corner) - straight
            else:
                extra = straight * share * (factor - 1)
            if extra > worst[a, b]:
                worst[a, b] = worst[b, a] = extra


@njit(cache=True)
def _passes(ax: float, ay: float, bx: float, by: float, radius: float) -> bool:
    """Whether the line from a to b comes as near to the origin as `radius`."""
    wx, wy = bx - ax, by - ay
    length = wx * wx + wy * wy
    share = 0.0 if length <= 0 else min(1.0, max(0.0, -(ax * wx + ay * wy) / length))
    x, y = ax + wx * share, ay + wy * share
    return x * x + y * y <= radius * radius


@njit(cache=True)
def _left_of_sides(xy: Floats, hull: Floats) -> Floats:
    """For each spot and side of the hull: positive inside of the side."""
    left = np.empty((xy.shape[0], hull.shape[0]))
    for p in range(xy.shape[0]):
        for c in range(hull.shape[0]):
            before = hull[c - 1]
            left[p, c] = (hull[c, 0] - before[0]) * (xy[p, 1] - before[1]) - (hull[c, 1] - before[1]) * (
                xy[p, 0] - before[0]
            )
    return left


@njit(cache=True)
def _inside_share(starts: Floats, ends: Floats) -> float:
    """Which share of a way lies inside, by how far left of each side it starts and ends (Cyrus-Beck clipping)."""
    enters, leaves = 0.0, 1.0
    for c in range(starts.shape[0]):
        if starts[c] <= _NOTHING and ends[c] <= _NOTHING:
            return 0.0
        if starts[c] < 0:
            enters = max(enters, starts[c] / (starts[c] - ends[c]))
        elif ends[c] < 0:
            leaves = min(leaves, starts[c] / (starts[c] - ends[c]))
    return max(0.0, leaves - enters)


@njit(cache=True)
def _tangents(xy: Floats, hull: Floats) -> tuple[Ints, Ints]:
    """The corners farthest to the right and to the left as each spot sees the hull."""
    right, left = np.zeros(xy.shape[0], np.int64), np.zeros(xy.shape[0], np.int64)
    middle_x, middle_y = hull[:, 0].mean(), hull[:, 1].mean()
    for p in range(xy.shape[0]):
        ahead_x, ahead_y = middle_x - xy[p, 0], middle_y - xy[p, 1]
        least, most = 4.0, -4.0
        for c in range(hull.shape[0]):
            x, y = hull[c, 0] - xy[p, 0], hull[c, 1] - xy[p, 1]
            angle = np.arctan2(ahead_x * y - ahead_y * x, ahead_x * x + ahead_y * y)
            if angle < least:
                least, right[p] = angle, c
            if angle > most:
                most, left[p] = angle, c
    return right, left


@njit(cache=True)
def _around_m(a: int, b: int, xy: Floats, hull: Floats, gone: Floats, right: Ints, left: Ints) -> float:
    """The shorter of the two ways around the hull: a tangent, an arc, a tangent."""
    counter = (gone[left[b]] - gone[right[a]]) % gone[-1]
    clockwise = (gone[left[a]] - gone[right[b]]) % gone[-1]
    counter += _to(xy[a], hull[right[a]]) + _to(xy[b], hull[left[b]])
    clockwise += _to(xy[a], hull[left[a]]) + _to(xy[b], hull[right[b]])
    return min(counter, clockwise)


@njit(cache=True)
def _to(spot: Floats, corner: Floats) -> float:
    return np.hypot(corner[0] - spot[0], corner[1] - spot[1])
