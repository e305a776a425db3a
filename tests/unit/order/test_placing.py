"""What an order costs, when it is promised, and everything that can be wrong with it, told at once."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from services.order.contacts import read_email, read_phone
from services.order.domain.commands import PlaceOrder, Wanted
from services.order.domain.events import OrderPlaced
from services.order.domain.merchant import (
    FlagMerchant,
    Merchant,
    MerchantAlreadyRegistered,
    MerchantFlagged,
    RegisterMerchant,
    evolve,
    flag,
    opened,
    register,
)
from services.order.domain.placing import place
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import delivery_fee_cents
from services.order.domain.values import OpenHours, OrderKind
from shared.kernel.errors import Fault, InvalidInput, NotFound
from shared.kernel.place import Place, distance_m
from tests.unit.order import facts as f
from tests.unit.order.scenario import POLICY, given

WISH = PlaceOrder(
    order_id=f.ORDER_ID,
    at=f.NOON,
    now=f.NOON,
    customer_id=f.CUSTOMER,
    merchant_id=f.MERCHANT_ID,
    kind=OrderKind.FOOD,
    wanted=(Wanted(sku="noodles", quantity=2), Wanted(sku="tea", quantity=1)),
    recipient=f.RECIPIENT,
    dropoff_cell="8930a1d1a2bffff",
    payment_method="sandbox_ok",
)


def placed(wish: PlaceOrder = WISH, merchant: Merchant = f.MERCHANT, policy: OrderPolicy = POLICY) -> OrderPlaced:
    [event] = place(wish, None, merchant, policy)
    assert isinstance(event, OrderPlaced)
    return event


def faults(wish: PlaceOrder, merchant: Merchant = f.MERCHANT, *known: Fault) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refusal:
        place(wish, None, merchant, POLICY, known)
    return {(fault.field, fault.code) for fault in refusal.value.faults}


def elsewhere(**changes: Any) -> PlaceOrder:
    return replace(WISH, recipient=replace(f.RECIPIENT, **changes))


def test_prices_come_from_the_menu_and_the_fee_from_the_distance() -> None:
    event = placed()
    assert [(line.sku, line.quantity, line.unit_cents) for line in event.lines] == [
        ("noodles", 2, 2800),
        ("tea", 1, 500),
    ]
    assert (event.totals.goods_cents, event.totals.delivery_fee_cents, event.totals.total_cents) == (6100, 300, 6400)
    assert (event.weight_g, event.volume_ml, event.required_skills) == (800, 1500, ("cold_chain",))


@pytest.mark.parametrize(("way_m", "cents"), [(0, 300), (1_000, 300), (1_001, 400), (2_000, 400), (2_001, 500)])
def test_each_kilometre_begun_beyond_the_first_costs_more(way_m: float, cents: int) -> None:
    assert delivery_fee_cents(way_m, POLICY) == cents


def test_the_promise_is_placing_preparation_travel_and_a_buffer() -> None:
    travel = timedelta(minutes=distance_m(f.DOOR, f.HOME) / POLICY.courier_speed_m_per_minute)
    assert placed().promised_at == f.NOON + timedelta(minutes=15 + 10) + travel
    assert placed().pay_by == f.after(minutes=15)


def test_a_scheduled_order_is_promised_for_its_time() -> None:
    assert placed(replace(WISH, scheduled_for=f.after(hours=3))).promised_at == f.after(hours=3)


def test_a_time_sooner_than_the_food_can_be_made_and_brought_is_impossible() -> None:
    travel = timedelta(minutes=distance_m(f.DOOR, f.HOME) / POLICY.courier_speed_m_per_minute)
    soonest = f.NOON + timedelta(minutes=15) + travel
    assert placed(replace(WISH, scheduled_for=soonest)).promised_at == placed().promised_at
    too_soon = replace(WISH, scheduled_for=soonest - timedelta(seconds=1))
    assert faults(too_soon) == {("scheduled_for", "too_soon")}


def test_placing_the_same_order_twice_changes_nothing() -> None:
    assert place(WISH, given(f.placed).order, f.MERCHANT, POLICY) == []


def test_an_unknown_merchant_is_not_found() -> None:
    with pytest.raises(NotFound):
        place(WISH, None, None, POLICY)


def test_everything_wrong_is_told_at_once() -> None:
    wish = replace(
        WISH,
        wanted=(Wanted(sku="noodles", quantity=0), Wanted(sku="unicorn", quantity=100)),
        payment_method="barter",
        scheduled_for=f.after(days=8),
        recipient=replace(
            f.RECIPIENT,
            address=" ",
            note="x" * 501,
            place=Place(52.0, 13.0),
            contact=replace(f.RECIPIENT.contact, name=""),
        ),
    )
    assert faults(wish, f.MERCHANT, Fault("contact.phone", "not_a_phone_number", "…")) == {
        ("contact.phone", "not_a_phone_number"),
        ("items.0.quantity", "quantity_out_of_range"),
        ("items.1.sku", "unknown_item"),
        ("items.1.quantity", "quantity_out_of_range"),
        ("payment.method", "unknown_method"),
        ("scheduled_for", "out_of_range"),
        ("address", "blank"),
        ("note", "too_long"),
        ("dropoff", "outside_service_area"),
        ("contact.name", "blank"),
    }


def test_an_order_has_at_least_one_item_and_not_too_many() -> None:
    assert faults(replace(WISH, wanted=())) == {("items", "empty")}
    assert faults(replace(WISH, wanted=(Wanted(sku="tea", quantity=1),) * 51)) == {("items", "too_many")}


def test_the_service_area_ends_at_the_merchants_radius() -> None:
    near, far = Place(30.2741 + 0.044, 120.1551), Place(30.2741 + 0.046, 120.1551)
    assert placed(elsewhere(place=near))
    assert faults(elsewhere(place=far)) == {("dropoff", "outside_service_area")}


@pytest.mark.parametrize(
    ("opens", "closes", "is_open"),
    [(time(10), time(22), True), (time(22), time(19), False), (time(18), time(2), True), (time(8), time(20), False)],
)
def test_a_merchant_keeps_its_hours_by_its_own_clock(opens: time, closes: time, is_open: bool) -> None:
    hours = OpenHours(opens=opens, closes=closes, zone="Asia/Shanghai")  # noon UTC is 20:00 there
    merchant = opened(replace(f.registered, open_hours=hours))
    if is_open:
        assert placed(merchant=merchant)
    else:
        assert faults(WISH, merchant) == {("merchant_id", "merchant_closed")}


def test_a_merchant_registers_once() -> None:
    again = RegisterMerchant(registration=replace(f.registered, at=f.after(days=1)))
    other = RegisterMerchant(registration=replace(f.registered, name="Another"))
    assert register(again, None) == [again.registration]
    assert register(again, f.MERCHANT) == []
    with pytest.raises(MerchantAlreadyRegistered):
        register(other, f.MERCHANT)


def test_a_merchant_is_flagged_once_for_each_order_it_did_not_answer() -> None:
    command = FlagMerchant(merchant_id=f.MERCHANT_ID, order_id=f.ORDER_ID, at=f.NOON)
    [event] = flag(command, f.MERCHANT)
    assert event == MerchantFlagged(order_id=f.ORDER_ID, at=f.NOON)
    after = evolve(f.MERCHANT, event)
    assert after is not None
    assert after.missed_answers == 1
    assert flag(command, after) == []
    assert flag(command, None) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("138 1234 5678", "+8613812345678"), ("+86 138-1234-5678", "+8613812345678"), ("+49 30 901820", "+4930901820")],
)
def test_telephone_numbers_are_kept_in_one_spelling(text: str, expected: str) -> None:
    assert read_phone(text, "phone") == (expected, [])


@pytest.mark.parametrize(("text", "code"), [("hello", "not_a_phone_number"), ("12", "unknown_phone_number")])
def test_what_is_no_telephone_number_is_said_so(text: str, code: str) -> None:
    [fault] = read_phone(text, "contact.phone")[1]
    assert (fault.field, fault.code) == ("contact.phone", code)


def test_an_email_address_is_optional_and_checked_when_given() -> None:
    assert read_email(None, "email") == (None, [])
    assert read_email("  ", "email") == (None, [])
    assert read_email("Chen@EXAMPLE.com", "email") == ("Chen@example.com", [])
    [fault] = read_email("not an address", "contact.email")[1]
    assert (fault.field, fault.code) == ("contact.email", "not_an_email_address")
