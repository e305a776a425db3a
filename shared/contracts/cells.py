"""H3 cells: places made coarse enough to tell everybody."""

from functools import lru_cache

import h3

from shared.kernel.place import Place

RESOLUTION = 9
"""Cells of about 0.1 km², an edge of about 200 m."""


def cell_of(place: Place) -> str:
    """The H3 cell that holds a place."""
    return str(h3.latlng_to_cell(place.lat, place.lon, RESOLUTION))


def centre_of(cell: str) -> Place:
    """The centre of an H3 cell."""
    lat, lon = h3.cell_to_latlng(cell)
    return Place(lat, lon)


def outline_of(cell: str) -> tuple[Place, ...] | None:
    """The corners of an H3 cell; None when there is no such cell."""
    if not h3.is_valid_cell(cell):
        return None
    return tuple(Place(lat, lon) for lat, lon in h3.cell_to_boundary(cell))


@lru_cache(maxsize=20_000)
def around(cell: str, rings: int) -> frozenset[str]:
    """A cell and so many rings of cells about it."""
    return frozenset(str(each) for each in h3.grid_disk(cell, rings))
