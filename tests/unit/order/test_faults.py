"""Every way in which a wish can be wrong, by its field and its code, and all of them told together."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.order.domain import city, coupon
from services.order.domain.commands import PlaceOrder, Wanted
from services.order.domain.coupon import Coupon, Uses
from services.order.domain.merchant import Merchant, evolve
from services.order.domain.placing import Around, place, propose
from services.order.domain.policy import OrderPolicy
from services.order.domain.quote import Quote
from services.order.domain.values import Contact, OrderKind, Stop, Totals
from shared.kernel.errors import InvalidInput
from shared.kernel.place import Place
from tests.unit.order import facts as f
from tests.unit.order import shop_facts as s
from tests.unit.order.test_placing import WISH

POLICY = OrderPolicy()
FAR = Place(52.0, 13.0)
SHOP = s.SHOP
assert SHOP is not None


def want(sku: str, *options: str, quantity: int = 1) -> PlaceOrder:
    return replace(WISH, wanted=(Wanted(sku=sku, quantity=quantity, options=options),))


def shop(*events: Any) -> Merchant:
    merchant: Merchant | None = SHOP
    for event in events:
        merchant = evolve(merchant, event)
    assert merchant is not None
    return merchant


def faults(wish: PlaceOrder, merchant: Merchant | None = SHOP, around: Around | None = None) -> set[tuple[str, str]]:
    try:
        place(wish, None, merchant if wish.kind is OrderKind.FOOD else None, POLICY, (), around or Around())
    except InvalidInput as refusal:
        return {(fault.field, fault.code) for fault in refusal.faults}
    return set()


def at_stop(**changes: Any) -> PlaceOrder:
    wish = s.errand()
    assert wish.errand is not None
    errand = replace(f.ERRAND, stop=replace(f.ERRAND.stop, **changes))
    return replace(wish, errand=replace(wish.errand, errand=errand))


def tasked(task: str) -> PlaceOrder:
    wish = s.errand()
    assert wish.errand is not None
    return replace(wish, errand=replace(wish.errand, errand=replace(f.ERRAND, task=task)))


def with_stops(*stops: Stop, kind: OrderKind = OrderKind.BUY, **terms: Any) -> PlaceOrder:
    """An errand that buys, with these further places; each roughly where the first one is."""
    wish = s.errand(kind, **(terms or {"budget_cents": 5000}))
    assert wish.errand is not None
    errand = replace(f.ERRAND, further_stops=stops)
    return replace(wish, errand=replace(wish.errand, errand=errand, further_areas=(s.ERRAND_AREA,) * len(stops)))


NEXT = f.FURTHER_STOPS[0]
FOOD: dict[tuple[str, str], PlaceOrder] = {
    ("items", "empty"): replace(WISH, wanted=()),
    ("items", "too_many"): replace(WISH, wanted=(Wanted(sku="tea", quantity=1),) * 51),
    ("items.0.sku", "unknown_item"): want("unicorn"),
    ("items.0.quantity", "quantity_out_of_range"): want("tea", quantity=100),
    ("items.0.options.1", "unknown_option"): want("ramen", "small", "gold"),
    ("items.0.options.1", "option_twice"): want("ramen", "small", "small"),
    ("items.0.options", "too_few_choices"): want("ramen", "egg"),
    ("items.0.options", "too_many_choices"): want("ramen", "small", "egg", "beef", "chili"),
    ("merchant_id", "required"): replace(WISH, merchant_id=""),
    ("errand", "not_for_food"): replace(WISH, errand=s.errand().errand),
    ("tip_cents", "tip_out_of_range"): replace(WISH, tip_cents=20_001),
    ("payment.method", "unknown_method"): replace(WISH, payment_method="barter"),
    ("scheduled_for", "out_of_range"): replace(WISH, scheduled_for=f.after(days=-1)),
    ("scheduled_for", "too_soon"): replace(WISH, scheduled_for=f.after(minutes=5)),
    ("dropoff", "outside_service_area"): replace(WISH, recipient=replace(f.RECIPIENT, place=FAR)),
    ("address", "blank"): replace(WISH, recipient=replace(f.RECIPIENT, address=" ")),
    ("address", "too_long"): replace(WISH, recipient=replace(f.RECIPIENT, address="x" * 301)),
    ("note", "too_long"): replace(WISH, recipient=replace(f.RECIPIENT, note="x" * 501)),
    ("contact.name", "blank"): replace(
        WISH, recipient=replace(f.RECIPIENT, contact=replace(f.RECIPIENT.contact, name=""))
    ),
}
ERRANDS: dict[tuple[str, str], PlaceOrder] = {
    ("errand", "required"): replace(s.errand(), errand=None),
    ("merchant_id", "not_for_errands"): replace(s.errand(), merchant_id=f.MERCHANT_ID),
    ("items", "not_for_errands"): replace(s.errand(), wanted=WISH.wanted),
    ("errand.task", "blank"): tasked(" "),
    ("errand.task", "too_long"): tasked("x" * 501),
    ("errand.pickup.address", "blank"): at_stop(address=""),
    ("errand.pickup.address", "too_long"): at_stop(address="x" * 301),
    ("errand.pickup.contact", "required"): at_stop(contact=None),
    ("errand.budget_cents", "budget_cents_out_of_range"): s.errand(OrderKind.BUY),
    ("errand.budget_cents", "not_for_kind"): s.errand(OrderKind.CARRY, budget_cents=100),
    ("errand.wait_minutes_max", "wait_minutes_max_out_of_range"): s.errand(OrderKind.QUEUE, wait_minutes_max=500),
    ("errand.wait_minutes_max", "not_for_kind"): s.errand(OrderKind.CARRY, wait_minutes_max=5),
    ("errand.parcel", "not_for_kind"): s.errand(OrderKind.CARRY, parcel=True),
    ("errand.further_stops", "too_many"): with_stops(*[NEXT] * 5),
    ("errand.further_stops", "not_for_kind"): with_stops(NEXT, kind=OrderKind.QUEUE, wait_minutes_max=10),
    ("errand.further_stops", "way_too_long"): with_stops(NEXT, replace(NEXT, place=Place(30.35, 120.1561))),
    ("errand.further_stops.1.address", "blank"): with_stops(NEXT, replace(NEXT, address=" ")),
    ("errand.further_stops.0.address", "too_long"): with_stops(replace(NEXT, address="x" * 301)),
    ("errand.further_stops.0.task", "too_long"): with_stops(replace(NEXT, task="x" * 501)),
    ("errand.further_stops.0.contact", "required"): with_stops(NEXT, kind=OrderKind.CARRY, weight_g=1),
    ("dropoff", "outside_service_area"): replace(s.errand(), recipient=replace(f.RECIPIENT, place=FAR)),
}


@pytest.mark.parametrize("fault", FOOD, ids=str)
def test_each_fault_of_a_food_order_is_told_by_its_field_and_code(fault: tuple[str, str]) -> None:
    told = faults(FOOD[fault])
    assert fault in told
    # Far away is also later than anybody can promise; everything else is told alone.
    assert told == {fault}


@pytest.mark.parametrize("fault", ERRANDS, ids=str)
def test_each_fault_of_an_errand_is_told_by_its_field_and_code(fault: tuple[str, str]) -> None:
    merchant = SHOP if ERRANDS[fault].merchant_id else None
    with pytest.raises(InvalidInput) as refusal:
        place(ERRANDS[fault], None, merchant, POLICY)
    assert {(each.field, each.code) for each in refusal.value.faults} == {fault}


def test_what_is_sold_out_cannot_be_ordered_until_it_is_back() -> None:
    gone = shop(s.sold_out)
    assert faults(want("tea"), gone) == {("items.0.sku", "out_of_stock")}
    assert faults(replace(want("tea"), scheduled_for=f.after(hours=4)), gone) == set()
    assert faults(want("tea"), shop(s.sold_out, s.back_in_stock)) == set()
    for_good = shop(replace(s.sold_out, until=None))
    assert faults(replace(want("tea"), scheduled_for=f.after(hours=4)), for_good) == {("items.0.sku", "out_of_stock")}


def test_a_closed_merchant_is_told_where_the_time_was_chosen() -> None:
    keeps_hours = shop(s.hours_changed)  # 12:00 to 22:00 in Shanghai: until 14:00 UTC
    assert faults(want("tea"), keeps_hours) == set()
    late = replace(want("tea"), at=f.after(hours=3), now=f.after(hours=3))
    assert faults(late, keeps_hours) == {("merchant_id", "merchant_closed")}
    assert faults(replace(want("tea"), scheduled_for=f.after(hours=6)), keeps_hours) == {
        ("scheduled_for", "merchant_closed")
    }


def test_a_polygon_comes_before_the_circle_and_the_citys_zones_count_too() -> None:
    inside, beside = Place(30.2790, 120.1600), Place(30.2741, 120.1390)
    polygon = shop(s.area_changed)
    assert faults(want("tea"), polygon) == set()
    outside = replace(want("tea"), recipient=replace(f.RECIPIENT, place=beside))
    assert faults(outside) == set(), "the circle of five kilometres holds it"
    assert faults(outside, polygon) == {("dropoff", "outside_service_area")}
    zoned = Around(city=city.City(zones={"lake": s.drawn}))
    assert zoned.city.serves(inside)
    assert faults(outside, SHOP, zoned) == {("dropoff", "outside_service_area")}
    assert faults(at_stop(place=beside), None, zoned) == {("errand.pickup.place", "outside_service_area")}
    gathering = with_stops(NEXT, replace(NEXT, place=beside))
    assert faults(gathering, None, zoned) == {("errand.further_stops.1.place", "outside_service_area")}


COUPONED = replace(want("tea", quantity=10), coupon="SPRING")
COUPON_FAULTS: dict[str, tuple[dict[str, Any], Coupon | None, Uses]] = {
    "unknown_coupon": ({}, None, Uses()),
    "coupon_not_yet_valid": ({}, Coupon(terms=replace(s.TERMS, valid_from=f.after(days=1))), Uses()),
    "coupon_expired": ({}, Coupon(terms=replace(s.TERMS, valid_until=f.NOON)), Uses()),
    "coupon_not_for_merchant": ({}, Coupon(terms=replace(s.TERMS, merchant_ids=("mer_2",))), Uses()),
    "coupon_not_for_kind": ({}, Coupon(terms=replace(s.TERMS, kinds=("errand_buy",))), Uses()),
    "coupon_minimum_not_reached": ({}, Coupon(terms=replace(s.TERMS, minimum_cents=50_000)), Uses()),
    "coupon_used_up": ({}, Coupon(terms=s.TERMS), Uses(orders=frozenset({"ord_other"}))),
}


@pytest.mark.parametrize("code", COUPON_FAULTS)
def test_a_coupon_that_cannot_be_used_says_why(code: str) -> None:
    _, known, uses = COUPON_FAULTS[code]
    assert faults(COUPONED, SHOP, Around(coupon=known, uses=uses)) == {(coupon.FIELD, code)}


def test_the_last_of_limited_uses_is_the_last() -> None:
    limited = Coupon(terms=replace(s.TERMS, uses_max=1), claims=frozenset({"ord_other"}))
    assert faults(COUPONED, SHOP, Around(coupon=limited)) == {(coupon.FIELD, "coupon_used_up")}


def quote(**changes: Any) -> Quote:
    proposal = propose(want("tea"), SHOP, POLICY)
    return replace(
        Quote(
            quote_id="quo_1",
            customer_id=f.CUSTOMER,
            merchant_id=f.MERCHANT_ID,
            totals=proposal.totals,
            weather=proposal.weather,
            quoted_at=f.NOON,
            promised_at=proposal.draft.times.promised_at,
            expires_at=f.after(minutes=5),
        ),
        **changes,
    )


QUOTED = replace(want("tea"), quote_id="quo_1", at=f.after(minutes=4), now=f.after(minutes=4))
OTHER_TOTALS = Totals(goods_cents=400, delivery_fee_cents=300, currency="CNY")
QUOTE_FAULTS: dict[str, Quote | None] = {
    "unknown_quote": None,
    "quote_expired": quote(expires_at=f.after(minutes=3)),
    "quote_mismatch": quote(merchant_id="mer_2"),
    "price_changed": quote(totals=OTHER_TOTALS),
}


@pytest.mark.parametrize("code", QUOTE_FAULTS)
def test_a_quote_that_does_not_hold_any_more_says_why(code: str) -> None:
    assert faults(QUOTED, SHOP, Around(quote=QUOTE_FAULTS[code])) == {("quote_id", code)}


def test_somebody_elses_quote_is_unknown() -> None:
    assert faults(QUOTED, SHOP, Around(quote=quote(customer_id="cus_2"))) == {("quote_id", "unknown_quote")}


def test_a_quote_keeps_its_weather_and_its_promise_while_it_lasts() -> None:
    storm = city.WeatherDeclared(
        zone_id="", weather=city.Weather.STORM, until=f.after(hours=2), at=f.after(minutes=2)
    )
    raging = Around(city=city.City(weather={"": storm}), quote=quote())
    [kept] = place(QUOTED, None, SHOP, POLICY, (), raging)
    [now] = place(replace(QUOTED, quote_id=None), None, SHOP, POLICY, (), replace(raging, quote=None))
    assert kept.totals == quote().totals  # type: ignore[union-attr]
    assert kept.promised_at == quote().promised_at  # type: ignore[union-attr]
    assert now.totals.weather_surcharge_cents == 500  # type: ignore[union-attr]
    assert now.promised_at == quote().promised_at + timedelta(minutes=4)  # type: ignore[union-attr]


def test_everything_wrong_with_an_errand_is_told_at_once() -> None:
    wish = replace(
        tasked(""), tip_cents=-1, payment_method="barter", recipient=replace(f.RECIPIENT, address=""), coupon="SPRING"
    )
    assert faults(wish, None) == {
        ("errand.task", "blank"),
        ("tip_cents", "tip_out_of_range"),
        ("payment.method", "unknown_method"),
        ("address", "blank"),
        ("coupon", "unknown_coupon"),
    }


def test_all_that_is_wrong_with_the_places_of_an_errand_is_told_at_once() -> None:
    wish = with_stops(replace(NEXT, address=""), NEXT, replace(NEXT, address="", task="x" * 501))
    assert faults(replace(wish, tip_cents=-1), None) == {
        ("errand.further_stops.0.address", "blank"),
        ("errand.further_stops.2.address", "blank"),
        ("errand.further_stops.2.task", "too_long"),
        ("tip_cents", "tip_out_of_range"),
    }


def test_an_errand_has_up_to_four_further_places() -> None:
    assert faults(with_stops(*[NEXT] * 4), None) == set()


def test_a_queue_and_a_shop_need_nobody_to_hand_things_over() -> None:
    for kind, terms in ((OrderKind.BUY, {"budget_cents": 100}), (OrderKind.QUEUE, {"wait_minutes_max": 10})):
        wish = s.errand(kind, **terms)
        assert wish.errand is not None
        stop = Stop(place=f.ERRAND.stop.place, address="1 Market Street", contact=None)
        assert faults(replace(wish, errand=replace(wish.errand, errand=replace(f.ERRAND, stop=stop)))) == set()


def test_a_contact_without_a_name_hands_nothing_over() -> None:
    assert faults(at_stop(contact=Contact(name=" ", phone="+8613912345678"))) == {
        ("errand.pickup.contact", "required")
    }
