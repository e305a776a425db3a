"""What the public are told of a rider's place: near somebody's door, the middle of a cell and not the door."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.dispatch.domain.values import Stage
from services.dispatch.position_views import Carried
from shared.contracts.cells import around, cell_of, centre_of
from shared.kernel.place import Place


@dataclass(frozen=True, slots=True)
class Veiled:
    """A place to be told; `cell` is that of the door it is near to, None when it is exact."""

    place: Place
    cell: str | None


def veiled(place: Place, carried: Iterable[Carried], veiled_cell: str | None, rings: int) -> Veiled:
    """Coarse within `rings` about the cell of a door that is visited, and after the visit until that is left.

    The zone follows from the cell alone, which everybody is told with the order: its border points at no door.
    """
    here = cell_of(place)
    cells = [cell for each in carried for cell in _private_cells(each)]
    if veiled_cell is not None:
        cells.append(veiled_cell)
    for cell in cells:
        if here in around(cell, rings):
            return Veiled(centre_of(here), cell)
    return Veiled(place, None)


def left_behind(carried: Iterable[Carried], veiled_cell: str | None) -> str | None:
    """The cell of a door that was visited for a delivery which is over, while the rider is about it still."""
    cells = {cell for each in carried for cell in _private_cells(each)}
    return None if veiled_cell in cells else veiled_cell


def in_zone(place: Place, cell: str | None, rings: int) -> bool:
    """Whether a place is about the cell of a door."""
    return cell is not None and cell_of(place) in around(cell, rings)


def _private_cells(carried: Carried) -> Iterable[str]:
    if carried.stage in (Stage.PICKED_UP, Stage.AT_DROPOFF):
        yield carried.dropoff_cell
    elif carried.private_pickup:
        yield carried.pickup_cell
        yield from (each.cell for each in carried.further_pickups)
