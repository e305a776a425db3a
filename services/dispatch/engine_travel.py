"""The engine's travel times from what the operation has learned, and from streets where a server has told of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import hypot

import numpy as np
from numpy.typing import NDArray

from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.travel.ways import FAIR
from services.dispatch.engine.core.arrays import Floats, Ground

REFERENCE = "scooter"
"""The vehicle whose times the ground holds; others are told apart by their pace."""
GRID_M = 20.0
"""Places nearer to each other than about this are one to the streets."""
MATRIX_ROWS = 600
"""So many rows have a time for each pair: shops come first, then riders, then doors. The rest is formula."""

Key = tuple[int, int]
Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class KnownStreets:
    """Seconds on empty streets between places of the plane, as far as a server has told: NaN where it has not.
    `seconds_per_m`: those of the middle way for each metre as the crow flies; None while too few are known."""

    rows: Mapping[Key, int] = field(default_factory=dict)
    seconds: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    seconds_per_m: float | None = None


def key_of(spot: Spot) -> Key:
    """The square of the grid that holds a spot."""
    return round(spot[0] / GRID_M), round(spot[1] / GRID_M)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTravel:
    """Travel times at one moment, in one weather. Where streets are known they tell which way is long, and the
    operation's own rides how fast such ways are; everywhere else it is distance x detour / speed."""

    model: TravelModel
    now: datetime
    weather: str = FAIR
    streets: KnownStreets = field(default_factory=KnownStreets)

    def ground(self, xy: Floats) -> Ground:
        """Metres on the plane in, seconds of the reference vehicle out."""
        per_m = self._seconds_per_m(REFERENCE)
        return Ground(xy, per_m, 0.0, self._matrix(xy[:MATRIX_ROWS], per_m))

    def seconds(self, a: Spot, b: Spot) -> float:
        """The same for one way."""
        ground = self.ground(np.array([a, b], float))
        if len(ground.matrix):
            return float(ground.matrix[0, 1])
        return hypot(a[0] - b[0], a[1] - b[1]) * ground.seconds_per_m

    def pace_of(self, vehicle: str) -> float:
        """How many times as long as the reference vehicle this one takes."""
        return self._seconds_per_m(vehicle) / self._seconds_per_m(REFERENCE)

    def _seconds_per_m(self, vehicle: str) -> float:
        return self.model.seconds_per_m(vehicle, self.now, self.weather)

    def _matrix(self, xy: Floats, per_m: float) -> Floats:
        rows = np.array([self.streets.rows.get(key_of((x, y)), -1) for x, y in xy.tolist()], np.int64)
        there = np.flatnonzero(rows >= 0)
        if len(there) < 2:
            return np.zeros((0, 0))
        apart = np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
        matrix: Floats = apart * per_m
        pairs = np.ix_(there, there)
        told = self.streets.seconds[np.ix_(rows[there], rows[there])] * self._level(per_m)
        matrix[pairs] = np.where(np.isfinite(told), told, matrix[pairs])
        np.fill_diagonal(matrix, 0.0)
        return matrix

    def _level(self, per_m: float) -> float:
        """How much slower the operation's riders are than empty streets allow; assumed until rides have shown it."""
        if not self.model.corrections or not self.streets.seconds_per_m:
            return self.model.hold_up_at(self.now, self.weather)
        return per_m / self.streets.seconds_per_m
