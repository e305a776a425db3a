"""H3 cells by their bits, so that the domain can ask which district a block lies in without any library.

Layout of an index: https://h3geo.org/docs/core-library/h3Indexing (mode 1: resolution in bits 52 to 55, then the base
cell, then three bits for each finer digit; digits beyond the resolution are all ones).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

FINEST = 15
_RESOLUTION_AT = 52
_DIGIT_BITS = 3
_UNUSED = 0b111
_CELL = re.compile(r"8[0-9a-f]{14}")


def resolution_of(cell: str) -> int:
    """How fine a cell is, 0 to 15."""
    return int(cell, 16) >> _RESOLUTION_AT & 0xF


def parent_of(cell: str, resolution: int) -> str:
    """The coarser cell that holds one; the cell itself at its own resolution."""
    index = int(cell, 16)
    own = index >> _RESOLUTION_AT & 0xF
    index &= ~(0xF << _RESOLUTION_AT)
    index |= resolution << _RESOLUTION_AT
    for digit in range(resolution + 1, own + 1):
        index |= _UNUSED << (FINEST - digit) * _DIGIT_BITS
    return f"{index:x}"


@dataclass(frozen=True, slots=True)
class CellSet:
    """Cells of mixed sizes."""

    by_resolution: tuple[tuple[int, frozenset[str]], ...]

    @staticmethod
    @lru_cache(maxsize=1_000)
    def of(cells: tuple[str, ...]) -> "CellSet":
        sizes = sorted({resolution_of(cell) for cell in cells})
        sets = [(size, frozenset(cell for cell in cells if resolution_of(cell) == size)) for size in sizes]
        return CellSet(tuple(sets))

    def holds(self, cell: str) -> bool:
        """Whether a cell is one of them or lies in one; False for what is no cell at all."""
        if not _CELL.fullmatch(cell):
            return False
        own = resolution_of(cell)
        return any(size <= own and parent_of(cell, size) in cells for size, cells in self.by_resolution)
