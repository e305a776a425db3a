"""Reads an instance and a plan as the authors' evaluator reads them: shares nothing with engine or simulation."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class BadPlanFile(Exception):
    """A plan file that cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The instance's figures: minutes, metres a minute, and money."""

    metres_per_minute: float
    pickup_minutes: int
    dropoff_minutes: int
    target_minutes: float
    pay_per_order: float
    pay_per_hour: float


@dataclass(frozen=True, slots=True)
class GivenOrder:
    restaurant: str
    placed: int
    ready: int


@dataclass(frozen=True, slots=True)
class Shift:
    on: int
    off: int


@dataclass(frozen=True, slots=True)
class Given:
    """An instance as its files say."""

    orders: dict[str, GivenOrder]
    shifts: dict[str, Shift]
    places: dict[str, tuple[float, float]]
    parameters: Parameters

    def minutes(self, origin: str, destination: str) -> int:
        """Whole minutes from one place to another."""
        (x0, y0), (x1, y1) = self.places[origin], self.places[destination]
        return math.ceil(math.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2) / self.parameters.metres_per_minute)


@dataclass(frozen=True, slots=True)
class Assignment:
    decided: int
    pickup: int
    courier: str
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line about an order; undelivered ones have no times."""

    placed: int
    ready: int
    pickup: int | None
    dropoff: int | None
    courier: str | None


@dataclass(frozen=True, slots=True)
class Move:
    departure: int
    origin: str
    destination: str


@dataclass(frozen=True, slots=True)
class Solution:
    """A plan as its three files say."""

    assignments: tuple[Assignment, ...]
    outcomes: dict[str, Outcome]
    moves: dict[str, tuple[Move, ...]]


def read_instance(folder: Path) -> Given:
    """The instance in a folder."""
    orders, restaurants, couriers = (_table(folder / f"{name}.txt") for name in ("orders", "restaurants", "couriers"))
    figures = next(iter(_table(folder / "instance_parameters.txt")))
    named = [("order", orders), ("restaurant", restaurants), ("courier", couriers)]
    return Given(
        orders={
            row["order"]: GivenOrder(row["restaurant"], int(row["placement_time"]), int(row["ready_time"]))
            for row in orders
        },
        shifts={row["courier"]: Shift(int(row["on_time"]), int(row["off_time"])) for row in couriers},
        places={row[key]: (float(row["x"]), float(row["y"])) for key, rows in named for row in rows},
        parameters=Parameters(
            float(figures["meters_per_minute"]),
            int(figures["pickup service minutes"]),
            int(figures["dropoff service minutes"]),
            float(figures["target click-to-door"]),
            float(figures["pay per order"]),
            float(figures["guaranteed pay per hour"]),
        ),
    )


def read_solution(folder: Path) -> Solution:
    """The plan in a folder."""
    moves: dict[str, list[Move]] = {}
    for courier, departure, origin, destination in _lines(folder / "solution_info_couriers.txt", 4):
        start = courier if origin == "0" else origin
        moves.setdefault(courier, []).append(Move(_minute(departure), start, destination))
    outcomes: dict[str, Outcome] = {}
    for order, placed, ready, pickup, dropoff, courier in _lines(folder / "solution_info_orders.txt", 6):
        if order in outcomes:
            raise BadPlanFile(f"order {order} has two lines")
        times = (_minute_or_none(pickup), _minute_or_none(dropoff))
        outcomes[order] = Outcome(_minute(placed), _minute(ready), *times, None if courier == "nan" else courier)
    return Solution(tuple(_assignments(folder)), outcomes, {key: tuple(value) for key, value in moves.items()})


def _assignments(folder: Path) -> Iterator[Assignment]:
    for words in _lines(folder / "solution_info_assignments.txt"):
        if len(words) < 4:
            raise BadPlanFile(f"an assignment without orders: {' '.join(words)}")
        yield Assignment(_minute(words[0]), _minute(words[1]), words[2], tuple(words[3:]))


def _lines(path: Path, columns: int | None = None) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            words = line.split()
            if words and columns is not None and len(words) != columns:
                raise BadPlanFile(f"{path.name}: {columns} columns expected in {line!r}")
            if words:
                yield words


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def _minute(word: str) -> int:
    value = float(word)
    if value != int(value):
        raise BadPlanFile(f"{word} is not a whole minute")
    return int(value)


def _minute_or_none(word: str) -> int | None:
    return None if word == "nan" else _minute(word)
