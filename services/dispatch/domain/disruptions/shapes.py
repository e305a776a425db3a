"""Shapes on a plane in metres: what stands in the way of whom, and how long the way around it is.

Hindered ground is taken as convex: the hull of a polygon, a circle as a polygon of 16 corners drawn around it, cells
that touch as one hull. The shortest way around one convex shape is a tangent to it, an arc of its border and one more
tangent (what a visibility graph of one obstacle comes down to), on the shorter side.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import atan2, cos, hypot, pi, sin

Spot = tuple[float, float]
"""Metres east and north."""
Hull = tuple[Spot, ...]
"""Corners of a convex polygon, counter-clockwise."""

CIRCLE_CORNERS = 16
NOTHING = 1e-9
"""A way along a border does not cross it."""


def convex_hull(spots: Iterable[Spot]) -> Hull:
    """Andrew's monotone chain; fewer than three corners when the spots span no area."""
    ordered = sorted(set(spots))
    if len(ordered) < 3:
        return tuple(ordered)
    return (*_chain(ordered), *_chain(ordered[::-1]))


def _chain(ordered: Sequence[Spot]) -> list[Spot]:
    chain: list[Spot] = []
    for spot in ordered:
        while len(chain) > 1 and turn(chain[-2], chain[-1], spot) <= 0:
            chain.pop()
        chain.append(spot)
    return chain[:-1]


def turn(a: Spot, b: Spot, c: Spot) -> float:
    """Positive when the way from a over b to c turns left: twice the area of their triangle."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def circle_hull(centre: Spot, radius_m: float) -> Hull:
    """Corners around a circle, so that nobody cuts it."""
    outer = radius_m / cos(pi / CIRCLE_CORNERS)
    angles = (2 * pi * corner / CIRCLE_CORNERS for corner in range(CIRCLE_CORNERS))
    return tuple((centre[0] + outer * cos(angle), centre[1] + outer * sin(angle)) for angle in angles)


def inside_share(a: Spot, b: Spot, hull: Hull) -> float:
    """Which share of the straight way from a to b lies in the hull (Cyrus-Beck clipping)."""
    enters, leaves = 0.0, 1.0
    for index, corner in enumerate(hull):
        before = hull[index - 1]
        # How far left of the side the way begins and ends: inside is left of every side.
        starts, ends = turn(before, corner, a), turn(before, corner, b)
        if starts <= NOTHING and ends <= NOTHING:
            return 0.0
        if starts < 0:
            enters = max(enters, starts / (starts - ends))
        elif ends < 0:
            leaves = min(leaves, starts / (starts - ends))
    return max(0.0, leaves - enters)


def holds(hull: Hull, spot: Spot) -> bool:
    """Whether a spot lies in the hull; not on its border."""
    return all(turn(hull[index - 1], corner, spot) > NOTHING for index, corner in enumerate(hull))


def around_m(a: Spot, b: Spot, hull: Hull) -> float:
    """The shorter way from a to b around a hull that lies between them; neither is inside it."""
    (right_a, left_a), (right_b, left_b) = tangents(a, hull), tangents(b, hull)
    counter = length_m((a, *_arc(hull, right_a, left_b), b))
    clockwise = length_m((b, *_arc(hull, right_b, left_a), a))
    return min(counter, clockwise)


def tangents(spot: Spot, hull: Hull) -> tuple[int, int]:
    """Which corners are farthest to the right and to the left, as a spot outside sees the hull."""
    middle = (sum(x for x, _ in hull) / len(hull), sum(y for _, y in hull) / len(hull))
    ahead = (middle[0] - spot[0], middle[1] - spot[1])
    angles = [
        atan2(
            ahead[0] * (y - spot[1]) - ahead[1] * (x - spot[0]), ahead[0] * (x - spot[0]) + ahead[1] * (y - spot[1])
        )
        for x, y in hull
    ]
    return angles.index(min(angles)), angles.index(max(angles))


def length_m(way: Sequence[Spot]) -> float:
    """Of a line over these spots."""
    return sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(way))


def _arc(hull: Hull, first: int, last: int) -> Hull:
    """The corners from one to another, counter-clockwise."""
    return hull[first : last + 1] if first <= last else (*hull[first:], *hull[: last + 1])


def meet(one: Hull, other: Hull) -> bool:
    """Whether two hulls share ground (no side of either has all of the other on its outside)."""
    return not (_parted(one, other) or _parted(other, one))


def _parted(one: Hull, other: Hull) -> bool:
    return any(all(turn(one[index - 1], corner, spot) <= 0 for spot in other) for index, corner in enumerate(one))
