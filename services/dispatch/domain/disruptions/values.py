"""The words of disruptions, and the ground that one holds."""

from dataclasses import dataclass
from enum import StrEnum

from services.dispatch.domain.policies.cells import CellSet
from services.dispatch.domain.policy import Where
from shared.kernel.area import contains
from shared.kernel.place import Place, distance_m


class Kind(StrEnum):
    """`jam`: ways through it take longer; `closed`: no way leads through it; `weather`: everybody there is slower."""

    JAM = "jam"
    CLOSED = "closed"
    WEATHER = "weather"


class Weather(StrEnum):
    """What the travel times know of the sky; `fair` ends nothing, it is what is there when nobody says otherwise."""

    RAIN = "rain"
    STORM = "storm"
    SNOW = "snow"
    HEAT = "heat"


@dataclass(frozen=True, slots=True)
class Circle:
    """Everything within `radius_m` of a place."""

    centre: Place
    radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where it is: a polygon, a circle or H3 cells (one of them); none of them is the whole town."""

    polygon: tuple[Place, ...] = ()
    circle: Circle | None = None
    cells: tuple[str, ...] = ()

    @property
    def everywhere(self) -> bool:
        return not self.polygon and self.circle is None and not self.cells

    def holds(self, where: Where) -> bool:
        """Whether a place (with the cell that holds it, for grounds of cells) is in it."""
        if self.polygon:
            return contains(self.polygon, where.place)
        if self.circle is not None:
            return distance_m(self.circle.centre, where.place) <= self.circle.radius_m
        return self.everywhere or (bool(where.cell) and CellSet.of(self.cells).holds(where.cell))


EVERYWHERE = Ground()
