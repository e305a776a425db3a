"""The port through which the engine sees travel times, and its formula adapter."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from services.dispatch.engine.core.arrays import Floats, Ground


class TravelTimes(Protocol):
    """Gives the ground for some spots, in metres on a plane; its rows are the spots in their order."""

    def ground(self, xy: Floats) -> Ground: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StraightLine:
    """Distance as the crow flies x detour / speed, rounded up to `whole_seconds` when that is not 0."""

    metres_per_second: float
    detour: float = 1.0
    whole_seconds: float = 0.0

    def ground(self, xy: Floats) -> Ground:
        return Ground(xy, self.detour / self.metres_per_second, self.whole_seconds, np.zeros((0, 0)))
