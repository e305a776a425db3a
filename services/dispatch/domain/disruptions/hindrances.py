"""By how much the disruptions in force lengthen a way: one rule for a single way and for the engine's tables.

What is added to the straight way, in metres: for each closed ground the detour around it (a way that begins or ends
in it is walked there instead); for a jam the part inside times factor - 1. Jams that overlap count once, by the worse
of them, and closed grounds that overlap are one. The length of a way over its straight length is its factor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import cos, hypot, radians

from services.dispatch.domain.disruptions.shapes import (
    Hull,
    Spot,
    around_m,
    circle_hull,
    convex_hull,
    holds,
    inside_share,
    meet,
)
from services.dispatch.domain.disruptions.state import Disruption
from services.dispatch.domain.disruptions.values import Ground, Kind
from services.dispatch.domain.policies.reading import Outline
from services.dispatch.domain.policy import Where
from services.dispatch.domain.travel.ways import FAIR, Span, Way
from shared.kernel.place import EARTH_RADIUS_M, Place

WALKED = 3.0
"""A vehicle that must be pushed takes so many times as long."""
_CORNER_DIGITS = 6
_METRES_PER_DEGREE = radians(1) * EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres east and north of a place; true enough for an operation's size."""

    origin: Place

    def spot(self, place: Place) -> Spot:
        east = (place.lon - self.origin.lon) * _METRES_PER_DEGREE * cos(radians(self.origin.lat))
        return east, (place.lat - self.origin.lat) * _METRES_PER_DEGREE

    def place(self, spot: Spot) -> Place:
        """The way back."""
        lon = self.origin.lon + spot[0] / (_METRES_PER_DEGREE * cos(radians(self.origin.lat)))
        return Place(self.origin.lat + spot[1] / _METRES_PER_DEGREE, lon)


@dataclass(frozen=True, slots=True)
class Hindrance:
    """A convex ground that hinders: `factor` is what its inside costs those who may ride there; `closed` that nobody
    may cross it. Of the hindrances with one `group` only the worst counts for a way."""

    hull: Hull
    factor: float
    closed: bool
    group: int = 0

    def extra_m(self, a: Spot, b: Spot) -> float:
        """What it adds to the straight way from a to b, in metres."""
        share = inside_share(a, b, self.hull)
        if share <= 0:
            return 0.0
        straight = hypot(b[0] - a[0], b[1] - a[1])
        if self.closed and not (holds(self.hull, a) or holds(self.hull, b)):
            return around_m(a, b, self.hull) - straight
        return straight * share * (self.factor - 1)


@dataclass(frozen=True, slots=True)
class Hindrances:
    """All that hinders on one plane at one moment. Without any, every way is as long as it was."""

    plane: Plane
    all: tuple[Hindrance, ...] = ()
    weathers: tuple[tuple[Ground, str], ...] = field(default=())

    def factor(self, a: Spot, b: Spot) -> float:
        """How many times as long the way takes; 1 at least."""
        straight = hypot(b[0] - a[0], b[1] - a[1])
        if straight <= 0 or not self.all:
            return 1.0
        worst: dict[int, float] = {}
        for each in self.all:
            worst[each.group] = max(worst.get(each.group, 0.0), each.extra_m(a, b))
        return 1.0 + sum(worst.values()) / straight

    def factor_between(self, origin: Place, destination: Place) -> float:
        """The same by places."""
        return self.factor(self.plane.spot(origin), self.plane.spot(destination))

    def weather_at(self, where: Where) -> str:
        """What the latest report says of the sky over a place."""
        return next((weather for ground, weather in self.weathers if ground.holds(where)), FAIR)

    def on_way(self, way: Way, span: Span, factor: float | None = None) -> Span:
        """How long a way takes that takes `span` where nothing hinders."""
        times = self.factor_between(way.origin, way.destination) if factor is None else factor
        return Span(span.p50_seconds * times, span.p90_seconds * times)


def hindrances(disruptions: Mapping[str, Disruption], now: datetime, plane: Plane, outline: Outline) -> Hindrances:
    """What is in force by now of some disruptions (by id), as shapes on a plane."""
    going_on = [each for _, each in sorted(disruptions.items(), reverse=True) if each.in_force(now)]
    closed = [hull for each in going_on if each.kind is Kind.CLOSED for hull in _hulls(each.ground, plane, outline)]
    jams = [
        Hindrance(hull, each.factor, closed=False)
        for each in going_on
        if each.kind is Kind.JAM
        for hull in _hulls(each.ground, plane, outline)
    ]
    made = [Hindrance(hull, WALKED, closed=True) for hull in merged(closed)]
    weathers = tuple((each.ground, each.weather.value) for each in going_on if each.weather is not None)
    return Hindrances(plane, grouped([*made, *jams]), weathers)


def merged(hulls: Sequence[Hull]) -> list[Hull]:
    """Hulls that share ground become one hull, until none do."""
    done: list[Hull] = []
    for hull in hulls:
        one = hull
        while touching := [other for other in done if meet(one, other)]:
            done = [other for other in done if other not in touching]
            one = convex_hull([*one, *(spot for other in touching for spot in other)])
        done.append(one)
    return done


def grouped(all_: Sequence[Hindrance]) -> tuple[Hindrance, ...]:
    """Jams that share ground, one over the other, get one number; closed grounds each their own."""
    numbered: list[Hindrance] = []
    for number, each in enumerate(all_):
        mine = number
        if not each.closed:
            alike = {other.group for other in numbered if not other.closed and meet(each.hull, other.hull)}
            mine = min(alike, default=number)
            numbered = [replace(other, group=mine) if other.group in alike else other for other in numbered]
        numbered.append(replace(each, group=mine))
    return tuple(numbered)


def _hulls(ground: Ground, plane: Plane, outline: Outline) -> Iterable[Hull]:
    if ground.circle is not None:
        return (circle_hull(plane.spot(ground.circle.centre), ground.circle.radius_m),)
    if ground.polygon:
        hulls: Iterable[Hull] = (convex_hull(map(plane.spot, ground.polygon)),)
    else:
        hulls = (convex_hull(map(plane.spot, corners)) for corners in _patches(ground.cells, outline))
    return [hull for hull in hulls if len(hull) > 2]


def _patches(cells: Sequence[str], outline: Outline) -> list[list[Place]]:
    """The corners of cells, those of cells that touch together."""
    patches: list[tuple[set[tuple[float, float]], list[Place]]] = []
    for cell in cells:
        corners = list(outline(cell) or ())
        keys = {(round(each.lat, _CORNER_DIGITS), round(each.lon, _CORNER_DIGITS)) for each in corners}
        touching = [patch for patch in patches if patch[0] & keys]
        patches = [patch for patch in patches if patch not in touching]
        for other_keys, other_corners in touching:
            keys |= other_keys
            corners += other_corners
        patches.append((keys, corners))
    return [corners for _, corners in patches]
