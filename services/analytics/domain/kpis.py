"""The figures the operation is judged by, from events' own times alone, so that no later edit can change them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

from services.analytics.domain.summary import OrderSummary


@dataclass(frozen=True, slots=True)
class Distribution:
    """Mean, median and ninth decile of `count` values; None of each when there are none."""

    mean: float | None
    p50: float | None
    p90: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """`part` of `whole`; no value while the whole is empty."""

    value: float | None
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Mean review score, 1 to 5, over merchant, rider and platform together and each alone."""

    mean: float | None
    merchant: float | None
    rider: float | None
    platform: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Kpis:
    """All of them, for one set of orders."""

    orders: int
    order_processing_minutes: Distribution
    click_to_door_minutes: Distribution
    ready_to_pickup_minutes: Distribution
    exception_ratio: Ratio
    on_time_rate: Ratio
    satisfaction: Satisfaction


def kpis(summaries: Iterable[OrderSummary]) -> Kpis:
    """The KPIs of these orders.

    Exceptions and their ratio count orders that have ended, so that the ratio stays between 0 and 1; on-time counts
    delivered orders that had a promise.
    """
    orders = list(summaries)
    ended = [order for order in orders if order.ended]
    promised = [order.on_time for order in orders if order.on_time is not None]
    return Kpis(
        orders=len(orders),
        order_processing_minutes=distribution([o.processing_minutes for o in orders]),
        click_to_door_minutes=distribution([o.click_to_door_minutes for o in orders]),
        ready_to_pickup_minutes=distribution([o.ready_to_pickup_minutes for o in orders]),
        exception_ratio=_ratio(sum(order.excepted for order in ended), len(ended)),
        on_time_rate=_ratio(sum(promised), len(promised)),
        satisfaction=_satisfaction(orders),
    )


def kpis_by_kind(summaries: Iterable[OrderSummary]) -> dict[str, Kpis]:
    """The KPIs of each kind of order that there are any of, by the kind's name."""
    of_kind: dict[str, list[OrderSummary]] = {}
    for order in summaries:
        of_kind.setdefault(order.kind, []).append(order)
    return {kind: kpis(of_kind[kind]) for kind in sorted(of_kind)}


def distribution(values: Iterable[float | None]) -> Distribution:
    """Describes the values that are known."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return Distribution(None, None, None, 0)
    return Distribution(sum(known) / len(known), quantile(known, 0.5), quantile(known, 0.9), len(known))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between closest ranks (Hyndman and Fan 1996, type 7; PostgreSQL's percentile_cont)."""
    place = (len(ordered) - 1) * share
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _ratio(part: int, whole: int) -> Ratio:
    return Ratio(part / whole if whole else None, part, whole)


def _satisfaction(orders: Sequence[OrderSummary]) -> Satisfaction:
    merchant = [o.merchant_score for o in orders if o.merchant_score is not None]
    rider = [o.rider_score for o in orders if o.rider_score is not None]
    platform = [o.platform_score for o in orders if o.platform_score is not None]
    return Satisfaction(
        mean=_mean([*merchant, *rider, *platform]),
        merchant=_mean(merchant),
        rider=_mean(rider),
        platform=_mean(platform),
        count=len(merchant),
    )


def _mean(scores: Sequence[int]) -> float | None:
    return sum(scores) / len(scores) if scores else None
