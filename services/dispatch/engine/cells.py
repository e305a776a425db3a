"""Cuts a picture into cells of bounded size that are decided apart, each with its own riders, orders and futures.

An order is its rider's cell's, or its shop's while nobody has it; new orders are placed before anything is cut, among
all riders near them. Borders move from turn to turn: what one parts in this turn meets under the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.dispatch.engine.core.arrays import Fleet, Ground, Ints, Jobs, Plan, Scenarios
from services.dispatch.engine.core.cutting import cut, grouped, shared

_CUTS = (0.5, 0.36, 0.62)
"""The share of riders before a cut, turn by turn."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of riders, in their order, and the imagined orders of the shops inside."""

    riders: Ints
    to_come: Scenarios


@dataclass(frozen=True, slots=True)
class Cells:
    """The whole picture in cells; `shop_cell` and `rider_cell` say where each shop and rider is."""

    each: tuple[Cell, ...]
    shop_cell: Ints
    rider_cell: Ints

    def orders_of(self, owner: Ints, jobs: Jobs) -> list[Ints]:
        """The orders of each cell."""
        cell = np.where(owner >= 0, self.rider_cell[owner], self.shop_cell[jobs.pick])
        return _grouped(cell, len(self.each))


def celled(
    ground: Ground, fleet: Fleet, shops: int, to_come: Scenarios, most: int, turn: int, needed: Ints | None
) -> Cells:
    """Cells of at most so many riders; all in one where there are no more.

    `needed` are the shops with something to decide: where none of them is, nothing is cut out (None: everywhere).
    """
    riders = len(fleet.node)
    if riders <= most:
        whole = Cell(np.arange(riders), to_come)
        return Cells((whole,), np.zeros(shops, np.int64), np.zeros(riders, np.int64))
    wanted = np.zeros(shops, np.bool_)
    wanted[needed if needed is not None else []] = True
    share = _CUTS[turn % len(_CUTS)]
    count, rider_cell, shop_cell = cut(share, most, wanted, needed is None, ground, fleet)
    inside, coming = _grouped(rider_cell, count), _shared(to_come, shop_cell, count)
    return Cells(tuple(Cell(*each) for each in zip(inside, coming, strict=True)), shop_cell, rider_cell)


def _grouped(cell: Ints, cells: int) -> list[Ints]:
    """What is in each cell, in order."""
    rows, first = grouped(cell, cells)
    return [rows[start:end] for start, end in pairwise(first.tolist())]


def _shared(to_come: Scenarios, shop_cell: Ints, cells: int) -> Iterator[Scenarios]:
    """What each cell's shops are imagined to be asked for."""
    worlds = len(to_come.first) - 1
    first, *columns = shared(to_come, shop_cell, cells)
    for cell in range(cells):
        bounds = first[cell * worlds : (cell + 1) * worlds + 1]
        rows = slice(bounds[0], bounds[-1])
        yield Scenarios._make([bounds - bounds[0], *(column[rows] for column in columns)])


def fleet_of(riders: Ints, fleet: Fleet) -> Fleet:
    """These riders alone."""
    return Fleet._make(column[riders] for column in fleet)


def jobs_of(orders: Ints, riders: Ints, jobs: Jobs, fleet: Fleet) -> Jobs:
    """These orders alone, with those of the riders who are worth a look that are in the cell."""
    place = np.full(len(fleet.node) + 1, -1, np.int64)
    place[riders] = np.arange(len(riders))
    near = place[jobs.near[orders]]
    near = np.take_along_axis(near, np.argsort(near < 0, axis=1, kind="stable"), axis=1)
    return Jobs._make([*(column[orders] for column in jobs[:-1]), near])


def plan_of(riders: Ints, orders: Ints, plan: Plan, jobs: Jobs) -> Plan:
    """The plans of these riders, in the cell's own numbers."""
    place = np.full(len(jobs.pick) + 1, -1, np.int64)
    place[orders] = np.arange(len(orders))
    part = Plan._make(column[riders] for column in plan)
    return part._replace(seq=place[part.seq])


def put_back(riders: Ints, orders: Ints, part: Plan, plan: Plan) -> None:
    """Writes the plans of these riders into the whole plan."""
    numbers = np.append(orders, -1)
    for column, its in zip(plan, part._replace(seq=numbers[part.seq]), strict=True):
        column[riders] = its
