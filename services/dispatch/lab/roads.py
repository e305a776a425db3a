"""How long ways really take, and how long they are thought to take."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from services.dispatch.domain.disruptions.hindrances import WALKED, Hindrance, Hindrances, Plane, grouped, merged
from services.dispatch.domain.disruptions.shapes import Hull, circle_hull
from services.dispatch.engine.core.arrays import Floats, Ground
from services.dispatch.engine.hindered import hindered
from services.dispatch.engine.world import Spot
from services.dispatch.lab.disturbances import Circle, ClosedArea, Jam
from shared.kernel.place import Place

Obstacle = Jam | ClosedArea

_INSIDE_CLOSED = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Roads:
    """The plane as a town's roads have it: distance as the crow flies x detour / speed, rounded up to whole seconds
    (0: not rounded); `noise` is the coefficient of variation of a way, drawn for each way from the seed."""

    metres_per_second: float = 4.0
    detour: float = 1.0
    whole_seconds: float = 0.0
    noise: float = 0.0

    def seconds(self, origin: Spot, destination: Spot) -> float:
        """What a way takes on a usual day."""
        plain = math.dist(origin, destination) * self.detour / self.metres_per_second
        return math.ceil(plain / self.whole_seconds) * self.whole_seconds if self.whole_seconds else plain


@dataclass(frozen=True, slots=True)
class TrueRoads:
    """What ways take today: with chance, and with what stands in the way."""

    roads: Roads
    seed: int
    obstacles: tuple[Obstacle, ...] = ()

    def arrival(self, origin: Spot, destination: Spot, departs: float, pace: float) -> float:
        """When he comes who leaves then. One way has the same luck under every policy."""
        if origin == destination:
            return departs
        luck = self._luck(origin, destination) * pace
        standing = [each for each in self.obstacles if each.until > departs]
        if not standing:
            return departs + self.roads.seconds(origin, destination) * luck
        return crossed(self.roads, origin, destination, departs, luck, standing)

    def _luck(self, origin: Spot, destination: Spot) -> float:
        """Lognormal with mean 1, so that noise makes ways unsure but not longer."""
        if self.roads.noise <= 0:
            return 1.0
        spread = math.sqrt(math.log1p(self.roads.noise**2))
        chance = random.Random(f"{self.seed} {origin} {destination}")
        return math.exp(chance.gauss(-spread * spread / 2, spread))


def crossed(
    roads: Roads, origin: Spot, destination: Spot, departs: float, luck: float, obstacles: Sequence[Obstacle]
) -> float:
    """The arrival of a way past obstacles: followed piece by piece, since a jam may begin or end on the way."""
    pace = roads.seconds(origin, destination) * luck
    if pace <= 0:
        return departs
    now = departs
    for share, middle in _pieces(origin, destination, [each.area for each in obstacles]):
        here = [each for each in obstacles if each.area.holds(middle)]
        now = _through(now, share * pace, here)
    return now


def _through(now: float, seconds: float, here: Sequence[Obstacle]) -> float:
    """One piece of a way, from `now`, that would take so long were nothing in the way."""
    while seconds > 1e-9:
        holding = [each for each in here if each.at <= now < each.until]
        factor = max((_factor(each) for each in holding), default=1.0)
        turns = [moment for each in here for moment in (each.at, each.until) if moment > now]
        span = min(turns, default=math.inf) - now
        if seconds * factor <= span:
            return now + seconds * factor
        now, seconds = now + span, seconds - span / factor
    return now


def _factor(obstacle: Obstacle) -> float:
    """Half way round a circle is pi / 2 times as long as through it; to what lies in it, one must push the bike."""
    return obstacle.factor if isinstance(obstacle, Jam) else _INSIDE_CLOSED


def _pieces(origin: Spot, destination: Spot, areas: Sequence[Circle]) -> Iterator[tuple[float, Spot]]:
    """The way cut where it enters or leaves an area: the share of each piece, and its middle."""
    east, north = destination[0] - origin[0], destination[1] - origin[1]
    cuts = {0.0, 1.0}
    for area in areas:
        cuts |= set(_crossings(origin, (east, north), area))
    marks = sorted(cuts)
    for first, last in pairwise(marks):
        middle = (first + last) / 2
        yield last - first, (origin[0] + east * middle, origin[1] + north * middle)


def _crossings(origin: Spot, along: Spot, area: Circle) -> Iterator[float]:
    """Where on the way (0 to 1) its line crosses the circle."""
    x, y = origin[0] - area.centre[0], origin[1] - area.centre[1]
    a = along[0] ** 2 + along[1] ** 2
    b = 2 * (x * along[0] + y * along[1])
    c = x * x + y * y - area.radius_m**2
    inside = b * b - 4 * a * c
    if a <= 0 or inside <= 0:
        return
    for sign in (-1, 1):
        share = (-b + sign * math.sqrt(inside)) / (2 * a)
        if 0 < share < 1:
            yield share


@dataclass(frozen=True, slots=True)
class BelievedRoads:
    """The engine's travel times: the usual ones, and around what it has been told of by `now`."""

    roads: Roads
    now: float = 0.0
    told: tuple[Obstacle, ...] = ()

    def seconds(self, origin: Spot, destination: Spot) -> float:
        usual = self.roads.seconds(origin, destination)
        return usual * self._hindrances().factor(origin, destination)

    def ground(self, xy: Floats) -> Ground:
        """A matrix only while something stands in the way."""
        known = np.zeros((0, 0))
        ground = Ground(xy, self.roads.detour / self.roads.metres_per_second, self.roads.whole_seconds, known)
        return hindered(ground, self._hindrances())

    def _hindrances(self) -> Hindrances:
        """What the platform's own rule makes of what it was told; the truth may differ."""
        return _shapes(tuple(each for each in self.told if each.until > self.now))


@lru_cache(maxsize=256)
def _shapes(standing: tuple[Obstacle, ...]) -> Hindrances:
    closed = merged([_hull(each) for each in standing if isinstance(each, ClosedArea)])
    found = [Hindrance(hull, WALKED, closed=True) for hull in closed]
    found += [Hindrance(_hull(each), each.factor, closed=False) for each in standing if isinstance(each, Jam)]
    return Hindrances(Plane(Place(0.0, 0.0)), grouped(found))


def _hull(obstacle: Obstacle) -> Hull:
    return circle_hull(obstacle.area.centre, obstacle.area.radius_m)
