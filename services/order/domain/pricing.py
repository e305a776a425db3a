"""What an order costs: every part in whole cents, computed here and nowhere else."""

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from services.order.domain.city import Weather
from services.order.domain.coupon import CouponTerms
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import ErrandTerms, Totals

_METRES_IN_KM = 1_000
_SECONDS_IN_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the platform's own prices depend on: the moment of the delivery, and the weather declared for it."""

    moment: datetime
    weather: Weather = Weather.FAIR


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the wish itself comes to, before carrying: goods and packing of a merchant, or an errand's terms."""

    goods_cents: int = 0
    packing_cents: int = 0
    terms: ErrandTerms | None = None


def delivery_fee_cents(way_m: float, policy: OrderPolicy) -> int:
    """The base fee, and so much for each kilometre begun beyond its reach."""
    beyond_m = max(0.0, way_m - policy.delivery_fee_base_m)
    return policy.delivery_fee_base_cents + ceil(beyond_m / _METRES_IN_KM) * policy.delivery_fee_per_km_cents


def undiscounted(cost: Cost, way_m: float, conditions: Conditions, tip_cents: int, policy: OrderPolicy) -> Totals:
    """The bill before a coupon."""
    terms = cost.terms
    return Totals(
        goods_cents=cost.goods_cents if terms is None else terms.budget_cents,
        packing_cents=cost.packing_cents,
        service_cents=0 if terms is None else service_cents(terms, terms.wait_minutes_max),
        delivery_fee_cents=delivery_fee_cents(way_m, policy),
        time_surcharge_cents=policy.time_surcharge_cents(conditions.moment),
        weather_surcharge_cents=policy.weather_surcharge_cents.get(conditions.weather, 0),
        tip_cents=tip_cents,
        currency=policy.currency,
    )


def service_cents(terms: ErrandTerms, waited_minutes: int) -> int:
    """An errand's work: its base, its further places, and each minute of queueing begun, up to the longest agreed."""
    waited = min(waited_minutes, terms.wait_minutes_max) * terms.per_minute_cents
    return terms.base_cents + terms.further_stops_cents + waited


def couponed_cents(totals: Totals, terms: ErrandTerms | None) -> int:
    """The price that a coupon works on: never the tip, and of an errand only what the platform itself is paid.

    What a rider spends at the till is the shop's price, and known only afterwards.
    """
    if terms is not None:
        return service_cents(terms, 0) + totals.fees_cents - totals.service_cents
    return totals.goods_cents + totals.packing_cents + totals.fees_cents


def discounted(totals: Totals, terms: ErrandTerms | None, coupon: CouponTerms | None) -> Totals:
    """The bill with its coupon: never below the tip, which is the rider's."""
    if coupon is None:
        return totals
    return replace(totals, discount_cents=coupon.discount_cents(couponed_cents(totals, terms)))


def settled(totals: Totals, terms: ErrandTerms, receipt_cents: int, waited_minutes: int) -> Totals:
    """The final bill of an errand: what the receipt says, never above its budget, and the minutes waited."""
    return replace(
        totals,
        goods_cents=max(0, min(receipt_cents, terms.budget_cents)),
        service_cents=service_cents(terms, max(0, waited_minutes)),
    )


def minutes_begun(since: datetime, until: datetime) -> int:
    """Minutes between two moments, one that has begun counted whole; none when the clocks disagree."""
    return max(0, ceil((until - since).total_seconds() / _SECONDS_IN_MINUTE))
