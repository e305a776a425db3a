"""Reads instances of the Meal Delivery Routing Problem as days of the lab.

Format: Reyes, Erera, Savelsbergh, Sahasrabudhe, O'Neil, "The Meal Delivery Routing Problem" (2018): tab-separated
files with one header line; metres in the plane, minutes of the day.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.lab.day import Behaviour, Day, OrderOfDay, Pay, RiderOfDay
from services.dispatch.lab.roads import Roads

COLUMNS = {
    "orders": ("order", "x", "y", "placement_time", "restaurant", "ready_time"),
    "restaurants": ("restaurant", "x", "y"),
    "couriers": ("courier", "x", "y", "on_time", "off_time"),
    "instance_parameters": (
        "meters_per_minute",
        "pickup service minutes",
        "dropoff service minutes",
        "target click-to-door",
        "pay per order",
        "guaranteed pay per hour",
    ),
}
MINUTE = 60.0
CENTS = 100
Row = dict[str, str]


class InstanceUnreadable(ValueError):
    """The folder is not an instance; says which file and what is wrong with it."""


def folders(root: Path) -> list[Path]:
    """The instances in a folder, by name (or the folder itself, when it is one); raises InstanceUnreadable."""
    if (root / "orders.txt").is_file():
        return [root]
    found = sorted(path.parent for path in root.glob("*/orders.txt"))
    if not found:
        raise InstanceUnreadable(f"{root} holds no instance: there is no orders.txt in it, nor in a folder in it")
    return found


def rows(folder: Path, name: str, needed: Sequence[str] = ()) -> list[Row]:
    """One file's lines by their columns (`needed`: those that must be there, else all that are known); raises
    InstanceUnreadable."""
    path = folder / f"{name}.txt"
    if not path.is_file():
        raise InstanceUnreadable(f"{path} is missing; an instance has {', '.join(f'{each}.txt' for each in COLUMNS)}")
    with path.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines, delimiter="\t"))
    missing = [column for column in needed or COLUMNS[name] if not found or column not in found[0]]
    if missing:
        raise InstanceUnreadable(f"{path} lacks {', '.join(missing)}")
    return found


def read_day(folder: Path) -> Day:
    """The day of an instance, by the rules of the problem: riders accept everything and nobody gives up waiting.

    Raises InstanceUnreadable when a file, a column or a number is wrong.
    """
    try:
        return _day(folder)
    except (TypeError, ValueError) as error:
        if isinstance(error, InstanceUnreadable):
            raise
        raise InstanceUnreadable(f"{folder}: {error}") from error


def _day(folder: Path) -> Day:
    figures = {name: float(figure) for name, figure in rows(folder, "instance_parameters")[0].items() if figure}
    pickup, dropoff = (figures[f"{each} service minutes"] * MINUTE for each in ("pickup", "dropoff"))
    return Day(
        name=folder.name,
        orders=tuple(_orders(rows(folder, "orders"))),
        riders=tuple(
            RiderOfDay(
                rider_id=row["courier"],
                start=(float(row["x"]), float(row["y"])),
                on_at=float(row["on_time"]) * MINUTE,
                off_at=float(row["off_time"]) * MINUTE,
            )
            for row in rows(folder, "couriers")
        ),
        shops={row["restaurant"]: (float(row["x"]), float(row["y"])) for row in rows(folder, "restaurants")},
        roads=Roads(metres_per_second=figures["meters_per_minute"] / MINUTE, whole_seconds=MINUTE),
        pickup_service_s=pickup,
        dropoff_service_s=dropoff,
        target_s=figures["target click-to-door"] * MINUTE,
        pay=Pay(
            per_order_cents=figures["pay per order"] * CENTS,
            per_hour_cents=figures["guaranteed pay per hour"] * CENTS,
        ),
        behaviour=Behaviour(offers=False),
        base=rules_of_the_problem(pickup),
    )


def rules_of_the_problem(service_s: float) -> DispatchPolicy:
    """The settings beneath a policy: whole minutes, and an order waits all day for a rider."""
    return replace(
        DispatchPolicy(), handover_seconds=service_s, engine_turn_seconds=MINUTE, undeliverable_seconds=24 * 3600
    )


def _orders(lines: Iterable[Row]) -> Iterable[OrderOfDay]:
    for row in lines:
        ready = float(row["ready_time"]) * MINUTE
        yield OrderOfDay(
            order_id=row["order"],
            shop_id=row["restaurant"],
            dropoff=(float(row["x"]), float(row["y"])),
            placed_at=float(row["placement_time"]) * MINUTE,
            ready_at=ready,
            expected_ready_at=ready,
        )
