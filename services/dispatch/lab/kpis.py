"""What a played day was worth, figure by figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from services.dispatch.lab.day import Day
from services.dispatch.lab.played import Fate, Kind, Played, Stop

MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure: its unit, whether less of it is better (None: neither is), and decimals worth showing."""

    name: str
    unit: str
    less_is_better: bool | None
    decimals: int = 2


KPIS: tuple[Kpi, ...] = (
    Kpi(name="undelivered_percent", unit="%", less_is_better=True),
    Kpi(name="click_to_door_min", unit="min", less_is_better=True),
    Kpi(name="click_to_door_p90_min", unit="min", less_is_better=True),
    Kpi(name="late_percent", unit="%", less_is_better=True),
    Kpi(name="ready_to_pickup_min", unit="min", less_is_better=True),
    Kpi(name="utilisation_percent", unit="%", less_is_better=None, decimals=1),
    Kpi(name="orders_per_bundle", unit="", less_is_better=None),
    Kpi(name="earnings_gini", unit="", less_is_better=True, decimals=3),
    Kpi(name="cost_per_order_cents", unit="ct", less_is_better=True, decimals=0),
    Kpi(name="declined_per_order", unit="", less_is_better=True),
)
"""Shares are of all orders; late counts the undelivered as well. Earnings: the Gini coefficient over hours' pay."""

BY_NAME = {kpi.name: kpi for kpi in KPIS}


def kpis(day: Day, played: Played) -> dict[str, float | None]:
    """Each figure of the day; None where there is nothing to reckon it from."""
    orders = list(played.orders.values())
    done = [order for order in orders if order.fate is Fate.DELIVERED]
    waits = sorted((order.click_to_door_s or 0.0) / MINUTE for order in done)
    at_counter = [(order.picked_at - order.ready_at) / MINUTE for order in done if order.picked_at is not None]
    bundles = sum(stop.kind is Kind.PICKUP for stop in played.stops)
    pay = earnings(day, played)
    hours = {rider.rider_id: (rider.off_at - rider.on_at) / 3600 for rider in day.riders}
    return {
        "undelivered_percent": _share(len(orders) - len(done), len(orders)),
        "click_to_door_min": fmean(waits) if waits else None,
        "click_to_door_p90_min": quantile(waits, 0.9),
        "late_percent": _share(sum(order.late for order in orders), len(orders)),
        "ready_to_pickup_min": fmean(at_counter) if at_counter else None,
        "utilisation_percent": _utilisation(day, played.stops),
        "orders_per_bundle": len(done) / bundles if bundles else None,
        "earnings_gini": gini([pay[rider_id] / hours[rider_id] for rider_id in pay if hours[rider_id] > 0]),
        "cost_per_order_cents": sum(pay.values()) / len(done) if done else None,
        "declined_per_order": sum(order.declined for order in orders) / len(orders) if orders else None,
    }


def earnings(day: Day, played: Played) -> Mapping[str, float]:
    """What each rider earned, in cents: the better of the pay for his orders and the pay guaranteed for his hours."""
    carried = dict.fromkeys((rider.rider_id for rider in day.riders), 0)
    for order in played.orders.values():
        if order.fate is Fate.DELIVERED and order.rider_id in carried:
            carried[order.rider_id] += 1
    return {
        rider.rider_id: max(
            day.pay.per_order_cents * carried[rider.rider_id],
            day.pay.per_hour_cents * (rider.off_at - rider.on_at) / 3600,
        )
        for rider in day.riders
    }


def gini(values: list[float]) -> float | None:
    """0: all alike; towards 1: one has everything."""
    total = sum(values)
    if not values or total <= 0:
        return None
    ranked = sorted(values)
    return sum((2 * rank - len(ranked) - 1) * value for rank, value in enumerate(ranked, 1)) / (len(ranked) * total)


def quantile(ranked: list[float], share: float) -> float | None:
    """With linear interpolation between neighbours; `ranked` are sorted."""
    if not ranked:
        return None
    position = share * (len(ranked) - 1)
    low = int(position)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (position - low) * (ranked[high] - ranked[low])


def _utilisation(day: Day, stops: tuple[Stop, ...]) -> float | None:
    """Riding and handing over as a share of the shifts; waiting at a counter is no work here."""
    on_shift = sum(rider.off_at - rider.on_at for rider in day.riders)
    if on_shift <= 0:
        return None
    service = {
        Kind.PICKUP: day.pickup_service_s,
        Kind.CALL: day.pickup_service_s,
        Kind.DROPOFF: day.dropoff_service_s,
        Kind.WRONG_DOOR: day.dropoff_service_s / 2,
    }
    return 100 * sum(stop.arrived_at - stop.left_at + service.get(stop.kind, 0.0) for stop in stops) / on_shift


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
