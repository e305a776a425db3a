"""Days of the Meal Delivery Routing Problem: read from their folders, or made from one another."""

import csv
import math
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

Point = tuple[float, float]

PARAMETERS = "instance_parameters.txt"


@dataclass(frozen=True, slots=True)
class OrderOfDay:
    """Minutes of the day; `expected` is what is said of the ready time before it has come."""

    name: str
    door: Point
    placed: int
    restaurant: str
    ready: int
    expected: int


@dataclass(frozen=True, slots=True)
class CourierOfDay:
    name: str
    start: Point
    on: int
    off: int


@dataclass(frozen=True, slots=True)
class Day:
    """An instance; `spread` is the standard deviation of ready times in minutes (0: certain from placement)."""

    name: str
    orders: tuple[OrderOfDay, ...]
    restaurants: dict[str, Point]
    couriers: tuple[CourierOfDay, ...]
    metres_per_minute: float
    pickup_minutes: int
    dropoff_minutes: int
    parameters: str
    spread: float = 0.0

    def minutes(self, origin: Point, destination: Point) -> int:
        """Travel time, whole minutes."""
        return math.ceil(math.dist(origin, destination) / self.metres_per_minute)


def folders(root: Path) -> list[Path]:
    """The instances in a folder, by name (or the folder itself, when it is one)."""
    if (root / "orders.txt").is_file():
        return [root]
    return sorted(path.parent for path in root.glob("*/orders.txt"))


def read_day(folder: Path) -> Day:
    """The instance in a folder."""
    figures = _rows(folder / PARAMETERS)[0]
    return Day(
        folder.name,
        tuple(
            OrderOfDay(
                row["order"],
                (float(row["x"]), float(row["y"])),
                int(row["placement_time"]),
                row["restaurant"],
                int(row["ready_time"]),
                int(row["ready_time"]),
            )
            for row in _rows(folder / "orders.txt")
        ),
        {row["restaurant"]: (float(row["x"]), float(row["y"])) for row in _rows(folder / "restaurants.txt")},
        tuple(
            CourierOfDay(
                row["courier"], (float(row["x"]), float(row["y"])), int(row["on_time"]), int(row["off_time"])
            )
            for row in _rows(folder / "couriers.txt")
        ),
        float(figures["meters_per_minute"]),
        int(figures["pickup service minutes"]),
        int(figures["dropoff service minutes"]),
        (folder / PARAMETERS).read_text(encoding="utf-8"),
    )


def write_day(day: Day, folder: Path) -> Path:
    """The files of a day that was made here (with the ready times that really come)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARAMETERS).write_text(day.parameters, encoding="utf-8")
    orders = ((o.name, *o.door, o.placed, o.restaurant, o.ready) for o in day.orders)
    _write(folder / "orders.txt", "order x y placement_time restaurant ready_time", orders)
    _write(folder / "restaurants.txt", "restaurant x y", ((name, *place) for name, place in day.restaurants.items()))
    couriers = ((c.name, *c.start, c.on, c.off) for c in day.couriers)
    _write(folder / "couriers.txt", "courier x y on_time off_time", couriers)
    return folder


def uncertain(day: Day, spread: float, seed: int) -> Day:
    """The day with ready times drawn around the expected ones (not before placement)."""
    chance = random.Random(f"{seed} {day.name}")
    drawn = (replace(o, ready=max(o.placed, round(chance.gauss(o.expected, spread)))) for o in day.orders)
    return replace(day, orders=tuple(drawn), spread=spread)


def varied(day: Day, seed: int) -> Day:
    """A day like this one: other preparation times, doors some 800 m and placements some 6 minutes away."""
    chance = random.Random(seed)
    waits = [o.ready - o.placed for o in day.orders]
    chance.shuffle(waits)
    first, last = min(o.placed for o in day.orders), max(o.placed for o in day.orders)
    orders = []
    for order, wait in zip(day.orders, waits, strict=True):
        door = (order.door[0] + chance.gauss(0, 800), order.door[1] + chance.gauss(0, 800))
        placed = min(last, max(first, order.placed + round(chance.gauss(0, 6))))
        orders.append(replace(order, door=door, placed=placed, ready=placed + wait, expected=placed + wait))
    return replace(day, name=f"{day.name}~{seed}", orders=tuple(orders))


def mirrored(day: Day, minutes: int) -> Day:
    """The day in a mirror, and some minutes later: the same for any engine that has learned nothing by heart."""

    def swapped(point: Point) -> Point:
        return point[1], -point[0]

    later = minutes
    return replace(
        day,
        name=f"{day.name}-mirrored",
        orders=tuple(
            replace(
                o, door=swapped(o.door), placed=o.placed + later, ready=o.ready + later, expected=o.expected + later
            )
            for o in day.orders
        ),
        restaurants={name: swapped(place) for name, place in day.restaurants.items()},
        couriers=tuple(replace(c, start=swapped(c.start), on=c.on + later, off=c.off + later) for c in day.couriers),
    )


def merged(days: Sequence[Day], name: str, gap_m: float = 6000) -> Day:
    """Several days as one, in towns `gap_m` apart (in rows of three or more), so that they overlap at the edges."""
    in_a_row = max(3, math.ceil(math.sqrt(len(days))))
    orders: list[OrderOfDay] = []
    restaurants: dict[str, Point] = {}
    couriers: list[CourierOfDay] = []
    for number, day in enumerate(days):
        east, north = gap_m * (number % in_a_row), gap_m * (number // in_a_row)
        mark = f"d{number}"
        for order in day.orders:
            door = (order.door[0] + east, order.door[1] + north)
            orders.append(replace(order, name=order.name + mark, door=door, restaurant=order.restaurant + mark))
        restaurants |= {key + mark: (x + east, y + north) for key, (x, y) in day.restaurants.items()}
        for courier in day.couriers:
            start = (courier.start[0] + east, courier.start[1] + north)
            couriers.append(replace(courier, name=courier.name + mark, start=start))
    return replace(days[0], name=name, orders=tuple(orders), restaurants=restaurants, couriers=tuple(couriers))


TOWNS_APART_M = 5000
"""So far apart, the edges of two towns are as dense as their middles: one city of the towns' own density."""


def large(days: Sequence[Day], orders: int, seed: int) -> Day:
    """A city with at least so many orders, couriers and shifts in proportion: varied days side by side."""
    chance = random.Random(f"{orders} {seed}")
    towns: list[Day] = []
    while sum(len(town.orders) for town in towns) < orders:
        towns.append(varied(days[len(towns) % len(days)], chance.randrange(1_000_000)))
    return merged(towns, f"large{sum(len(town.orders) for town in towns)}s{seed}", TOWNS_APART_M)


def copy_with_ready_times(source: Path, day: Day, target: Path) -> Path:
    """The instance's own files, with the ready times that came: what a checker must hold an uncertain day against."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    ready = {order.name: str(order.ready) for order in day.orders}
    rows = _rows(source / "orders.txt")
    names = " ".join(rows[0])
    _write(target / "orders.txt", names, ((row | {"ready_time": ready[row["order"]]}).values() for row in rows))
    return target


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def _write(path: Path, names: str, rows: Iterable[Iterable[object]]) -> None:
    lines = [names.replace(" ", "\t"), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
