"""Riders and orders as rows of figures, kept from one picture to the next: only what is new is read again.

Whoever draws the picture may keep the objects of riders and orders that did not change; a row belongs to an object.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import nan
from typing import Generic, TypeVar

import numpy as np

from services.dispatch.engine.core.arrays import Floats, Ints
from services.dispatch.engine.filters import Demand, Profile, demand_of, profile_of
from services.dispatch.engine.world import Order, Rider, Shop, World

Thing = TypeVar("Thing")


class R(IntEnum):
    """The columns of riders. SHOP is a row of the shops or -1, PROFILE a place in the profiles."""

    X, Y, SHOP, FREE, HERE, ON, OFF, PACE, ROOM_G, ROOM_ML, BURDEN, SHUT, PROFILE = range(13)


class O(IntEnum):  # noqa: E742 - the columns of orders, named as those of riders are
    """The columns of orders. PROMISED is NaN where nothing was promised, SPECIAL one of the figures below."""

    X, Y, SHOP, READY, SPREAD, PLACED, PROMISED, WEIGHT, LOAD_G, LOAD_ML, CALLS, DEMAND, SPECIAL = range(13)


PLAIN, FOR_ONE, NOT_FOR_ALL = 0, 1, 2
"""Whom an order is for: whoever fits; one rider by name; not those who are barred or were asked."""


@dataclass(frozen=True, slots=True)
class Rows(Generic[Thing]):
    """A row of the table for each thing, and which rows were read for this picture.

    The table lies column by column in memory: whoever uses it takes whole columns.
    """

    things: tuple[Thing, ...] = ()
    table: Floats = field(default_factory=lambda: np.zeros((0, 13)))
    fresh: tuple[int, ...] = ()

    def of(self, things: tuple[Thing, ...], row_of: Callable[[Thing], tuple[float, ...]]) -> "Rows[Thing]":
        """The rows of these things; what is the same object as before keeps its row."""
        if things is self.things:
            return Rows(things, self.table)
        if len(things) == len(self.things):
            fresh = [k for k, (new, old) in enumerate(zip(things, self.things, strict=True)) if new is not old]
            if 4 * len(fresh) < len(things):
                return self._patched(things, self.table.copy(order="F"), fresh, row_of)
        places = {id(thing): row for row, thing in enumerate(self.things)}
        rows: Ints = np.array([places.get(id(thing), -1) for thing in things], np.int64)
        table = np.asfortranarray(self.table[rows] if len(self.table) else np.zeros((len(things), 13)))
        return self._patched(things, table, np.flatnonzero(rows < 0).tolist(), row_of)

    def _patched(
        self,
        things: tuple[Thing, ...],
        table: Floats,
        fresh: Sequence[int],
        row_of: Callable[[Thing], tuple[float, ...]],
    ) -> "Rows[Thing]":
        if fresh:
            table[fresh] = [row_of(things[k]) for k in fresh]
        return Rows(things, table, tuple(fresh))


@dataclass(frozen=True, slots=True)
class Columns:
    """A picture in figures. `demands` and `profiles` number what orders ask and riders offer, as they are met."""

    shops: tuple[Shop, ...] = ()
    shop_rows: dict[str, int] = field(default_factory=dict)
    shop_xy: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    riders: Rows[Rider] = field(default_factory=Rows)
    orders: Rows[Order] = field(default_factory=Rows)
    demands: dict[Demand, int] = field(default_factory=dict)
    profiles: dict[Profile, int] = field(default_factory=dict)

    def showing(self, world: World) -> "Columns":
        """The columns of the next picture."""
        known = self if world.shops is self.shops or world.shops == self.shops else _of_shops(world.shops)
        demands, profiles = dict(known.demands), dict(known.profiles)

        def rider_row(rider: Rider) -> tuple[float, ...]:
            return _rider_row(rider, known.shop_rows, profiles)

        def order_row(order: Order) -> tuple[float, ...]:
            return _order_row(order, known.shop_rows, demands)

        return Columns(
            known.shops,
            known.shop_rows,
            known.shop_xy,
            known.riders.of(world.riders, rider_row),
            known.orders.of(world.orders, order_row),
            demands,
            profiles,
        )


def _of_shops(shops: tuple[Shop, ...]) -> Columns:
    xy = np.array([shop.spot for shop in shops], float).reshape(-1, 2)
    return Columns(shops, {shop.shop_id: row for row, shop in enumerate(shops)}, xy)


def _rider_row(rider: Rider, shop_rows: dict[str, int], profiles: dict[Profile, int]) -> tuple[float, ...]:
    return (
        *rider.spot,
        shop_rows.get(rider.shop_id or "", -1),
        rider.free_at,
        rider.here_at,
        rider.on_at,
        rider.off_at,
        rider.pace,
        rider.capacity_g,
        rider.capacity_ml,
        rider.burden_s,
        rider.unavailable is not None,
        profiles.setdefault(profile_of(rider), len(profiles)),
    )


def _order_row(order: Order, shop_rows: dict[str, int], demands: dict[Demand, int]) -> tuple[float, ...]:
    special = NOT_FOR_ALL if order.barred or order.tried else PLAIN
    if order.bound_to is not None or order.pinned_to is not None:
        special = FOR_ONE
    return (
        *order.dropoff,
        shop_rows[order.shop_id],
        order.ready_at,
        order.ready_spread_s,
        order.placed_at,
        nan if order.promised_at is None else order.promised_at,
        order.weight,
        order.load_g,
        order.load_ml,
        len(order.stops),
        demands.setdefault(demand_of(order), len(demands)),
        special,
    )
