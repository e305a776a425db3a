"""Reads a public Meal Delivery Routing Problem instance as a scenario, so that the platform is shown on real input.

Format: Reyes, Erera, Savelsbergh, Sahasrabudhe, O'Neil, "The Meal Delivery Routing Problem" (2018): tab-separated
files with one header line; metres in the plane, minutes of the day.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.city.synthetic import CENTRE, offset
from deploy.city.world import MerchantPlan, OrderPlan, RiderPlan, Scenario
from services.dispatch.lab.mdrp import InstanceUnreadable, rows
from shared.kernel.place import Place

_DAY = datetime(2026, 3, 2, tzinfo=UTC)
_LEAD = timedelta(minutes=5)
_DISH = ({"sku": "meal", "name": "Meal", "unit_cents": 2500},)


class ScenarioUnreadable(ValueError):
    """The folder is not an instance; says which file and what is wrong."""


def _rows(folder: Path, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        return rows(folder, name, columns)
    except InstanceUnreadable as error:
        raise ScenarioUnreadable(str(error)) from error


def _at(minutes: str) -> datetime:
    return _DAY + timedelta(minutes=float(minutes))


class _Plane:
    """Lays the instance's plane around the middle of the town."""

    def __init__(self, points: list[tuple[float, float]]) -> None:
        self._east = sum(point[0] for point in points) / len(points)
        self._north = sum(point[1] for point in points) / len(points)

    def place(self, row: dict[str, str]) -> Place:
        return offset(CENTRE, float(row["x"]) - self._east, float(row["y"]) - self._north)


def read(folder: Path, *, speed: float, limit: int | None = None) -> Scenario:
    """The scenario of an instance folder; `limit` keeps the first orders by placement time only.

    Raises ScenarioUnreadable when a file or a column is missing.
    """
    restaurants = _rows(folder, "restaurants", ("restaurant", "x", "y"))
    couriers = _rows(folder, "couriers", ("courier", "x", "y", "on_time", "off_time"))
    orders = _rows(folder, "orders", ("order", "x", "y", "placement_time", "restaurant", "ready_time"))
    wanted = ("meters_per_minute", "pickup service minutes", "dropoff service minutes")
    parameters = _rows(folder, "instance_parameters", wanted)[0]
    orders = sorted(orders, key=lambda row: float(row["placement_time"]))[:limit]
    plane = _Plane([(float(row["x"]), float(row["y"])) for row in restaurants])
    last_off = max(_at(row["off_time"]) for row in couriers)
    return Scenario(
        name=folder.name,
        merchants=tuple(_merchant(row, plane, orders) for row in restaurants),
        riders=tuple(
            RiderPlan(
                key=row["courier"],
                name=f"Courier {row['courier']}",
                start=plane.place(row),
                on_at=_at(row["on_time"]),
                off_at=_at(row["off_time"]),
                speed_m_per_minute=float(parameters["meters_per_minute"]),
            )
            for row in couriers
            if _at(row["off_time"]) > _at(orders[0]["placement_time"])
        ),
        orders=tuple(_order(row, plane) for row in orders),
        starts_at=min(_at(orders[0]["placement_time"]), last_off) - _LEAD,
        speed=speed,
        pickup_service=timedelta(minutes=float(parameters["pickup service minutes"])),
        dropoff_service=timedelta(minutes=float(parameters["dropoff service minutes"])),
        policies={
            "order": {"service_radius_m": 60_000},
            "dispatch": {"offer_seconds": 120, "undeliverable_seconds": 3600},
        },
        whole_minutes=True,
    )


def _merchant(row: dict[str, str], plane: _Plane, orders: list[dict[str, str]]) -> MerchantPlan:
    waits = [
        float(order["ready_time"]) - float(order["placement_time"])
        for order in orders
        if order["restaurant"] == row["restaurant"]
    ]
    usual = round(sum(waits) / len(waits)) if waits else 15
    return MerchantPlan(
        key=row["restaurant"],
        name=f"Restaurant {row['restaurant']}",
        place=plane.place(row),
        address=f"Restaurant {row['restaurant']}",
        preparation_minutes=max(1, usual),
        menu=_DISH,
    )


def _order(row: dict[str, str], plane: _Plane) -> OrderPlan:
    return OrderPlan(
        key=row["order"],
        merchant_key=row["restaurant"],
        placed_at=_at(row["placement_time"]),
        ready_at=_at(row["ready_time"]),
        dropoff=plane.place(row),
        address=f"Customer of {row['order']}",
        skus=("meal",),
    )
