"""Scheduled orders, errands and coupons from placing to their end, with everything that follows by itself."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from services.order.codec import ORDER_CODEC
from services.order.domain import coupon, metering
from services.order.domain import events as e
from services.order.domain.commands import NoteAtPickup, NoteDelivered, NotePickedUp
from services.order.domain.decisions import can_cancel
from services.order.domain.errors import PriceChanged
from services.order.domain.payment import Errand
from services.order.domain.placing import place
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import couponed_cents, delivery_fee_cents
from services.order.domain.values import By, ErrandTerms, OrderKind, OrderState, Totals, Wait
from services.order.ordering import uses_stream
from shared.eventstore.vault import KeyVault, MemoryKeys
from shared.kernel.place import distance_m
from tests.unit.order import facts as f
from tests.unit.order import shop_facts as s
from tests.unit.order import wishes as w
from tests.unit.order.scenario import given, told
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


def gathering(stops: int) -> e.OrderPlaced:
    """What becomes of the wish for an errand to one place and so many further ones."""
    wish = s.errand(OrderKind.BUY, budget_cents=5000)
    assert wish.errand is not None
    further = f.FURTHER_STOPS[:stops]
    errand = replace(wish.errand, errand=replace(f.ERRAND, further_stops=further), further_areas=(f.DOOR,) * stops)
    [placed] = place(replace(wish, errand=errand), None, None, OrderPolicy())
    assert isinstance(placed, e.OrderPlaced)
    return placed


def test_each_further_place_costs_its_part_and_its_way_and_takes_its_time() -> None:
    near, far = gathering(0), gathering(2)
    assert far.totals.service_cents == near.totals.service_cents + 2 * 300
    assert far.terms is not None
    assert (far.terms.base_cents, far.terms.further_stops_cents) == (500, 600)
    stops = [f.ERRAND.stop.place, *(each.place for each in f.FURTHER_STOPS), f.HOME]
    way_m = sum(distance_m(here, there) for here, there in pairwise(stops))
    direct_m = distance_m(stops[0], stops[-1])
    assert far.totals.delivery_fee_cents == delivery_fee_cents(way_m, OrderPolicy())
    longer = timedelta(minutes=2 * 5 + (way_m - direct_m) / OrderPolicy().courier_speed_m_per_minute)
    assert abs(far.promised_at - near.promised_at - longer) < timedelta(seconds=1)
    assert far.further_pickups == (f.DOOR, f.DOOR)


def test_a_coupon_works_on_what_further_places_cost_too() -> None:
    placed = gathering(2)
    assert couponed_cents(placed.totals, placed.terms) == 500 + 600 + placed.totals.delivery_fee_cents


def test_further_places_stay_in_the_price_when_the_errand_is_settled() -> None:
    assert settled(f.GATHERING, pick_up(20, 4200)).totals.service_cents == 1100


def test_each_place_of_an_errand_is_noted_once_while_its_rider_is_under_way() -> None:
    ready = given(*f.GATHERING)
    begun = ready.when(w.stop_collected(0)).then(
        told(e.OrderStopCollected, stop=0, stalled_at=f.after(minutes=58, seconds=1))
    )
    done = begun.when(w.stop_collected(2, empty_handed=True)).then(e.OrderStopCollected)
    assert done.order is not None
    assert [(each.stop, each.empty_handed) for each in done.order.collected] == [(0, False), (2, True)]
    done.when(w.stop_collected(0, at=15)).then_nothing()
    done.when(w.stop_collected(3)).then_nothing()
    given(*f.QUEUEING).when(w.stop_collected(0)).then_nothing()
    given(*f.READY).when(w.stop_collected(0)).then_nothing()


def test_nobody_is_offered_to_cancel_an_errand_of_which_the_rider_has_a_part() -> None:
    closed = (*f.GATHERING, replace(f.stop_collected, merchant_id="", empty_handed=True))
    begun = (*closed, replace(f.stop_collected, merchant_id="", stop=2))
    offered = []
    for facts in (f.GATHERING, closed, begun):
        order = given(*facts).order
        assert order is not None
        offered.append(can_cancel(order))
    assert offered == [True, True, False]


def test_a_new_attempt_begins_at_the_first_place_again() -> None:
    whole = (*f.GATHERING, f.stop_collected, f.assigned, f.picked_up, f.failed, f.redispatched)
    again = given(*(replace(fact, merchant_id="") for fact in whole))
    assert again.order is not None
    assert again.order.collected == ()


def test_another_address_is_priced_by_the_way_through_all_places() -> None:
    alone = given(f.errand_placed).when(w.move(w.FAR)).outcome_or_refusal()
    several = given(f.GATHERING[0]).when(w.move(w.FAR)).outcome_or_refusal()
    assert isinstance(alone, PriceChanged)
    assert isinstance(several, PriceChanged)
    ways = [errand.way_m(w.FAR.place) for errand in (f.ERRAND, replace(f.ERRAND, further_stops=f.FURTHER_STOPS))]
    assert [refusal.facts["parts"]["delivery_fee_cents"] for refusal in (alone, several)] == [
        delivery_fee_cents(way_m, OrderPolicy()) for way_m in ways
    ]
    assert ways[1] > ways[0]


def test_an_errand_that_was_stored_before_there_were_further_places_is_read_as_one_with_none() -> None:
    vault = KeyVault(MemoryKeys({}))
    name, version, data = ORDER_CODEC.encode(replace(f.shared, errand=f.ERRAND), vault)
    sealed: Any = vault.open(f.CUSTOMER, data["errand"]["sealed"])
    del sealed["further_stops"], sealed["stop"]["task"]
    old = {**data, "errand": {"sealed": vault.seal(f.CUSTOMER, sealed)}}
    assert ORDER_CODEC.decode(name, version, old, vault) == replace(f.shared, errand=f.ERRAND)


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
