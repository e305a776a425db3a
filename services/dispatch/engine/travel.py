"""The port through which the engine sees travel times, and its formula adapter."""

from dataclasses import dataclass
from math import ceil, hypot
from typing import Protocol

import numpy as np

from services.dispatch.engine.core.arrays import Floats, Ground
from services.dispatch.engine.world import Spot


class TravelTimes(Protocol):
    """Gives the ground for some spots, in metres on a plane; its rows are the spots in their order."""

    def ground(self, xy: Floats) -> Ground: ...


class LiveTravel(TravelTimes, Protocol):
    """What live dispatch asks besides: single ways, and how much longer a vehicle takes than the usual one."""

    def seconds(self, a: Spot, b: Spot) -> float: ...

    def pace_of(self, vehicle: str) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StraightLine:
    """Distance as the crow flies x detour / speed, rounded up to `whole_seconds` when that is not 0."""

    metres_per_second: float
    detour: float = 1.0
    whole_seconds: float = 0.0

    def ground(self, xy: Floats) -> Ground:
        return Ground(xy, self.detour / self.metres_per_second, self.whole_seconds, np.zeros((0, 0)))

    def seconds(self, a: Spot, b: Spot) -> float:
        """The same for one way."""
        plain = hypot(a[0] - b[0], a[1] - b[1]) * self.detour / self.metres_per_second
        return ceil(plain / self.whole_seconds) * self.whole_seconds if self.whole_seconds else plain

    def pace_of(self, vehicle: str) -> float:  # noqa: ARG002
        """The same for every vehicle."""
        return 1.0
