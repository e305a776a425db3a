"""The operation's plane: places on the earth as metres east and north of an origin, and back."""

from functools import lru_cache
from math import cos, radians

from services.dispatch.domain.policy import Where
from services.dispatch.engine.world import Spot
from services.dispatch.lab.figures import SpotToWhere
from shared.contracts.cells import cell_of
from shared.kernel.place import EARTH_RADIUS_M, Place

_METRES_PER_DEGREE = EARTH_RADIUS_M * radians(1)


def spot_of(place: Place, origin: Place) -> Spot:
    """Local tangent plane: good to a few metres within a city."""
    east = (place.lon - origin.lon) * _METRES_PER_DEGREE * cos(radians(origin.lat))
    return east, (place.lat - origin.lat) * _METRES_PER_DEGREE


def place_of(spot: Spot, origin: Place) -> Place:
    lat = origin.lat + spot[1] / _METRES_PER_DEGREE
    return Place(lat, origin.lon + spot[0] / (_METRES_PER_DEGREE * cos(radians(origin.lat))))


def where_on(origin: Place | None) -> SpotToWhere:
    """Where a spot is, as policies ask; nowhere on a plane that is no part of the earth."""

    @lru_cache(maxsize=4096)
    def where(spot: Spot) -> Where | None:
        if origin is None:
            return None
        place = place_of(spot, origin)
        return Where(place, cell_of(place))

    return where
