"""Polygons on the map: whether a door lies in one, and whether two of them share ground."""

from collections.abc import Iterator, Sequence

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


def overlap(a: Sequence[Place], b: Sequence[Place]) -> bool:
    """Whether two polygons share more than their borders: a corner or middle of one in the other, or borders that
    cross."""
    if _apart(_box(a), _box(b)):
        return False
    if any(contains(b, place) for place in _within(a)) or any(contains(a, place) for place in _within(b)):
        return True
    return any(_cross(*one, *other) for one in _edges(a) for other in _edges(b))


def _box(corners: Sequence[Place]) -> tuple[float, float, float, float]:
    lats, lons = [corner.lat for corner in corners], [corner.lon for corner in corners]
    return min(lats), min(lons), max(lats), max(lons)


def _apart(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def _within(corners: Sequence[Place]) -> Iterator[Place]:
    """Places for trying: each corner drawn a little towards the middle, since a border belongs to one side only."""
    middle = Place(
        sum(corner.lat for corner in corners) / len(corners), sum(corner.lon for corner in corners) / len(corners)
    )
    for corner in corners:
        drawn = Place(
            corner.lat + (middle.lat - corner.lat) * _INWARDS, corner.lon + (middle.lon - corner.lon) * _INWARDS
        )
        if contains(corners, drawn):
            yield drawn


_INWARDS = 1e-6


def _edges(corners: Sequence[Place]) -> Iterator[tuple[Place, Place]]:
    return ((corners[index - 1], here) for index, here in enumerate(corners))


def _cross(a: Place, b: Place, c: Place, d: Place) -> bool:
    """Whether two lines cross within both; touching ends don't count."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Place, b: Place, place: Place) -> int:
    turn = (b.lon - a.lon) * (place.lat - a.lat) - (b.lat - a.lat) * (place.lon - a.lon)
    return (turn > 0) - (turn < 0)
