"""Scheduled orders, errands and coupons from placing to their end, with everything that follows by itself."""

from dataclasses import replace
from typing import Any

from services.order.domain import coupon, metering
from services.order.domain import events as e
from services.order.domain.commands import NoteAtPickup, NoteDelivered, NotePickedUp
from services.order.domain.payment import Errand
from services.order.domain.values import By, ErrandTerms, OrderKind, OrderState, Totals, Wait
from services.order.ordering import uses_stream
from tests.unit.order import facts as f
from tests.unit.order import shop_facts as s
from tests.unit.order import wishes as w
from tests.unit.order.scenario import given
from tests.unit.order.test_placing import WISH
from tests.unit.order.town import Town

ERRAND_PLACED = replace(
    f.errand_placed,
    totals=Totals(goods_cents=5600, service_cents=500, delivery_fee_cents=300, currency="CNY"),
)


def test_an_errand_is_accepted_and_ready_as_soon_as_it_is_paid_for() -> None:
    given(ERRAND_PLACED).when(w.paid()).then(e.OrderAccepted, e.DeliveryContactShared, e.OrderReady)


def test_a_scheduled_order_waits_and_its_merchant_is_asked_in_time() -> None:
    later = replace(f.placed, ask_at=f.after(hours=2), scheduled_for=f.after(hours=3))
    waiting = given(later).when(w.paid()).then(e.OrderScheduled)
    assert waiting.order is not None
    assert waiting.order.state is OrderState.PENDING_ACCEPTANCE
    waiting.when(w.time_is_up(Wait.ASKING, 120)).then(e.OrderAwaitingMerchant)


def test_an_order_whose_time_to_ask_has_come_asks_at_once() -> None:
    given(replace(f.placed, ask_at=f.NOON)).when(w.paid()).then(e.OrderAwaitingMerchant)


def pick_up(minutes: float, receipt_cents: int | None = None) -> NotePickedUp:
    moment = f.after(minutes=minutes)
    return NotePickedUp(order_id=f.ORDER_ID, at=moment, now=moment, rider_id=f.RIDER, receipt_cents=receipt_cents)


def settled(order_facts: tuple[e.OrderEvent, ...], command: NotePickedUp | NoteDelivered) -> e.ErrandSettled:
    order = given(*order_facts).order
    assert order is not None
    [event] = metering.settle(command, order)
    assert isinstance(event, e.ErrandSettled)
    return event


def test_what_was_bought_costs_what_the_receipt_says_up_to_its_budget() -> None:
    assert settled((ERRAND_PLACED,), pick_up(20, 4200)).totals.goods_cents == 4200
    assert settled((ERRAND_PLACED,), pick_up(20, 9900)).totals.goods_cents == 5600
    assert settled((ERRAND_PLACED,), pick_up(20)).totals.goods_cents == 5600


def test_a_queue_is_paid_by_the_minute_begun_between_the_two_reports() -> None:
    arrived = replace(f.at_pickup, merchant_id="")
    assert settled((*f.QUEUEING, arrived), pick_up(12.5)).totals.service_cents == 500 + 60
    assert settled((*f.QUEUEING, arrived), pick_up(500)).totals.service_cents == 500 + 60 * 60
    assert settled(f.QUEUEING, pick_up(20)).totals.service_cents == 500 + 60 * 60


def test_only_a_queue_wants_to_know_when_its_rider_came() -> None:
    command = NoteAtPickup(order_id=f.ORDER_ID, at=f.NOON, now=f.NOON, rider_id=f.RIDER)
    given(*f.QUEUEING).when(command).then(e.OrderRiderAtPickup)
    given(*f.READY).when(command).then_nothing()


def test_a_fixed_price_is_not_settled_and_a_settled_one_not_again() -> None:
    carried = replace(ERRAND_PLACED, kind=OrderKind.CARRY, terms=ErrandTerms(base_cents=500))
    for facts in ((f.placed,), (carried,), (ERRAND_PLACED, replace(f.settled, merchant_id=""))):
        order = given(*facts).order
        assert order is not None
        assert metering.settle(pick_up(20, 100), order) == []


def errand_town() -> Town:
    town = Town()
    order_id = f.ORDER_ID.replace("0001", "0002")
    town.do(replace(s.errand(OrderKind.BUY, budget_cents=5000), order_id=order_id))
    return town


def test_an_errands_ceiling_is_reserved_and_what_the_receipt_says_is_taken() -> None:
    town = errand_town()
    order_id = f.ORDER_ID.replace("0001", "0002")
    town.settle()
    assert town.provider.cents[Errand.CAPTURE] == 0
    moment: dict[str, Any] = {
        "order_id": order_id,
        "at": town.clock.now(),
        "now": town.clock.now(),
        "rider_id": f.RIDER,
    }
    before = town.provider.cents[Errand.AUTHORIZE]
    town.do(NotePickedUp(**moment, receipt_cents=4200))
    town.do(NoteDelivered(**moment))
    town.settle()
    fees = town.provider.cents[Errand.CAPTURE] - 4200
    assert before >= 5000 + fees
    assert fees == 500 + 400


COUPON = coupon.IssueCoupon(terms=replace(s.TERMS, uses_max=3), at=f.NOON)


def uses_of(town: Town) -> list[str]:
    return [event.type for event in town.store.stream(uses_stream("SPRING", f.CUSTOMER))]


def coupon_town() -> tuple[Town, str]:
    town, order_id = Town(), f.ORDER_ID.replace("0001", "0003")
    town.do(COUPON)
    town.do(replace(WISH, order_id=order_id, coupon="SPRING"))
    return town, order_id


def test_a_coupon_is_taken_with_the_order_and_given_back_when_it_comes_to_nothing() -> None:
    town, order_id = coupon_town()
    assert uses_of(town) == ["CouponRedeemed"]
    town.settle()
    town.do(replace(w.cancel(By.CUSTOMER), order_id=order_id))
    town.settle()
    assert uses_of(town) == ["CouponRedeemed", "CouponGivenBack"]
    assert [event.type for event in town.store.stream("cpn_SPRING")] == [
        "CouponIssued",
        "CouponClaimed",
        "CouponReleased",
    ]


def test_giving_a_coupon_back_twice_changes_nothing() -> None:
    town, order_id = coupon_town()
    for _ in range(2):
        town.do(coupon.GiveCouponBack(order_id=order_id, at=town.clock.now()))
    assert uses_of(town) == ["CouponRedeemed", "CouponGivenBack"]
    town.do(coupon.GiveCouponBack(order_id=f.ORDER_ID, at=town.clock.now()))
