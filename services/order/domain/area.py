"""Where the platform and a merchant serve: polygons on the map, and whether a door lies in one."""

from collections.abc import Sequence

from shared.kernel.place import Place

CORNERS_MIN = 3


def contains(corners: Sequence[Place], place: Place) -> bool:
    """Whether a place lies in the polygon of these corners (even-odd rule; degrees taken as a plane).

    A line from the place to the east crosses the border an odd number of times when the place is inside. Good for
    areas of a city's size that do not touch a pole or the date line.
    """
    inside = False
    for index, here in enumerate(corners):
        before = corners[index - 1]
        if (here.lat > place.lat) == (before.lat > place.lat):
            continue
        share = (place.lat - here.lat) / (before.lat - here.lat)
        if place.lon < here.lon + share * (before.lon - here.lon):
            inside = not inside
    return inside
