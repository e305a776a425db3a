"""Prices hold for any basket, coupon, weather and tip: whole cents, the sum of their parts, never below nothing."""

from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.order.domain.basket import Basket, Pick
from services.order.domain.city import Weather
from services.order.domain.coupon import CouponTerms
from services.order.domain.policy import OrderPolicy, TimeSurcharge
from services.order.domain.pricing import Conditions, Cost, discounted, minutes_begun, settled, undiscounted
from services.order.domain.values import ErrandTerms, MenuItem, Option, Totals
from tests.unit.order import facts as f

CENTS = st.integers(0, 1_000_000)
POLICY = OrderPolicy(time_surcharges=(TimeSurcharge(opens=time(22), closes=time(6), cents=300),))
CONDITIONS = st.builds(
    Conditions, moment=st.integers(0, 47).map(lambda hour: f.after(hours=hour)), weather=st.sampled_from(Weather)
)
TERMS = st.builds(
    ErrandTerms,
    budget_cents=CENTS,
    wait_minutes_max=st.integers(0, 300),
    per_minute_cents=st.integers(0, 500),
    base_cents=st.integers(0, 5_000),
    further_stops_cents=st.integers(0, 2_000),
)
COSTS = st.one_of(st.builds(Cost, goods_cents=CENTS, packing_cents=CENTS), st.builds(Cost, terms=TERMS))
COUPONS = st.builds(
    CouponTerms,
    code=st.just("ANY"),
    percent=st.integers(0, 100),
    fixed_cents=st.one_of(st.just(0), CENTS),
    ceiling_cents=st.one_of(st.none(), CENTS),
    valid_from=st.just(f.NOON),
    valid_until=st.just(f.after(days=1)),
)
OPTIONS = st.lists(
    st.builds(Option, option_id=st.just("o"), name=st.just("o"), delta_cents=st.integers(-5_000, 5_000)), max_size=4
)
PICKS = st.builds(
    Pick,
    item=st.builds(MenuItem, sku=st.just("s"), name=st.just("s"), unit_cents=CENTS, packing_cents=CENTS),
    options=OPTIONS.map(tuple),
    quantity=st.integers(1, 99),
)


def parts(totals: Totals) -> list[int]:
    return [
        totals.goods_cents,
        totals.packing_cents,
        totals.service_cents,
        totals.delivery_fee_cents,
        totals.time_surcharge_cents,
        totals.weather_surcharge_cents,
        -totals.discount_cents,
        totals.tip_cents,
    ]


@settings(max_examples=300)
@given(
    cost=COSTS,
    way_m=st.floats(0, 50_000),
    conditions=CONDITIONS,
    tip=st.integers(0, 20_000),
    coupon=st.none() | COUPONS,
)
def test_a_price_is_the_sum_of_its_parts_in_whole_cents_and_never_below_the_tip(
    cost: Cost, way_m: float, conditions: Conditions, tip: int, coupon: CouponTerms | None
) -> None:
    totals = discounted(undiscounted(cost, way_m, conditions, tip, POLICY), cost.terms, coupon)
    assert totals.total_cents == sum(parts(totals))
    assert all(type(part) is int for part in parts(totals))
    assert all(part >= 0 for part in parts(totals) if part != -totals.discount_cents)
    assert totals.total_cents >= totals.tip_cents >= 0


@given(terms=TERMS, coupon=st.none() | COUPONS, receipt=st.integers(-5, 2_000_000), waited=st.integers(-5, 600))
def test_an_errand_never_costs_more_than_was_reserved_for_it_and_never_less_than_nothing(
    terms: ErrandTerms, coupon: CouponTerms | None, receipt: int, waited: int
) -> None:
    bill = undiscounted(Cost(terms=terms), 800, Conditions(moment=f.NOON), 100, POLICY)
    reserved = discounted(bill, terms, coupon)
    final = settled(reserved, terms, receipt, waited)
    assert 0 <= final.total_cents <= reserved.total_cents
    assert final.total_cents == sum(parts(final))


@given(picks=st.lists(PICKS, max_size=6), packing=CENTS)
def test_goods_are_what_the_lines_say_and_options_make_nothing_worth_less_than_nothing(
    picks: list[Pick], packing: int
) -> None:
    basket = Basket(picks=tuple(picks), packing_cents=packing)
    assert basket.goods_cents == sum(pick.line.unit_cents * pick.line.quantity for pick in picks)
    assert all(pick.unit_cents >= 0 for pick in picks)
    assert basket.packing_total_cents == packing + sum(pick.item.packing_cents * pick.quantity for pick in picks)


@pytest.mark.parametrize(
    ("terms", "price", "off"),
    [
        ({"percent": 20}, 999, 199),
        ({"percent": 20, "ceiling_cents": 100}, 999, 100),
        ({"percent": 100}, 999, 999),
        ({"fixed_cents": 500}, 999, 500),
        ({"fixed_cents": 500}, 300, 300),
        ({"fixed_cents": 500}, 0, 0),
    ],
)
def test_a_coupon_takes_off_what_it_says_and_no_more_than_there_is(
    terms: dict[str, Any], price: int, off: int
) -> None:
    coupon = CouponTerms(code="ANY", valid_from=f.NOON, valid_until=f.after(days=1), **terms)
    assert coupon.discount_cents(price) == off


@pytest.mark.parametrize(("hour", "cents"), [(13, 0), (14, 300), (21, 300), (22, 0)])
def test_the_night_is_that_of_the_citys_clock(hour: int, cents: int) -> None:
    moment = f.NOON.replace(hour=hour)  # Shanghai is eight hours ahead: 22:00 there is 14:00 here.
    assert POLICY.time_surcharge_cents(moment) == cents


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (60, 1), (61, 2), (-30, 0)])
def test_a_minute_that_has_begun_is_paid_for(seconds: int, minutes: int) -> None:
    assert minutes_begun(f.NOON, f.after(seconds=seconds)) == minutes


def test_totals_from_before_there_were_parts_add_up_as_they_did() -> None:
    assert f.TOTALS.total_cents == 5900
    assert replace(f.TOTALS, tip_cents=100).total_cents == 6000
