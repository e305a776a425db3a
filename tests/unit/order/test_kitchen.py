"""A merchant at work: pausing and resuming, and in which order its orders want to be looked at."""

from dataclasses import replace

import pytest

from services.order.domain.merchant import EndPause, Merchant, PauseOrders, ResumeOrders, ShopCommand, change, evolve
from services.order.domain.pausing import PAUSE, MerchantPaused, MerchantResumed, waits_of
from services.order.domain.queueing import Lane, place_of
from services.order.outbound import messages_for
from shared.contracts import order as public
from shared.kernel.deadlines import ClearDeadline, SetDeadline
from shared.kernel.errors import NotFound
from tests.unit.order import facts as f
from tests.unit.order import shop_facts as shop
from tests.unit.order.scenario import given
from tests.unit.order.test_messages import stored
from tests.unit.order.test_placing import WISH, faults, placed

PAUSE_FOR_HALF_AN_HOUR = PauseOrders(
    merchant_id=f.MERCHANT_ID, at=f.NOON, reason="too_busy", until=f.after(minutes=30)
)
PAUSE_UNTIL_RESUMED = replace(PAUSE_FOR_HALF_AN_HOUR, until=None)


def after(command: ShopCommand, merchant: Merchant = f.MERCHANT) -> Merchant:
    now: Merchant | None = merchant
    for event in change(command, merchant):
        now = evolve(now, event)
    assert now is not None
    return now


def test_a_merchant_that_pauses_takes_no_orders_until_the_time_is_over() -> None:
    [event] = change(PAUSE_FOR_HALF_AN_HOUR, f.MERCHANT)
    assert event == shop.paused
    paused = after(PAUSE_FOR_HALF_AN_HOUR)
    assert faults(WISH, paused) == {("merchant_id", "merchant_paused")}
    placed(replace(WISH, at=f.after(minutes=30), now=f.after(minutes=30)), paused)


def test_a_pause_without_an_end_refuses_scheduled_orders_too() -> None:
    paused = after(PAUSE_UNTIL_RESUMED)
    tomorrow = replace(WISH, scheduled_for=f.after(days=1))
    assert faults(tomorrow, paused) == {("scheduled_for", "merchant_paused")}
    placed(tomorrow, after(PAUSE_FOR_HALF_AN_HOUR))


def test_pausing_twice_changes_nothing_and_pausing_longer_is_a_fact() -> None:
    paused = after(PAUSE_FOR_HALF_AN_HOUR)
    assert change(replace(PAUSE_FOR_HALF_AN_HOUR, at=f.after(minutes=1)), paused) == []
    longer = after(replace(PAUSE_UNTIL_RESUMED, at=f.after(minutes=1)), paused)
    assert longer.pause is not None
    assert (longer.pause.since, longer.pause.until) == (f.NOON, None)


def test_resuming_ends_a_pause_once() -> None:
    resume = ResumeOrders(merchant_id=f.MERCHANT_ID, at=f.after(minutes=3))
    paused = after(PAUSE_UNTIL_RESUMED)
    assert change(resume, paused) == [MerchantResumed(by_time=False, at=f.after(minutes=3))]
    assert change(resume, after(resume, paused)) == []
    placed(WISH, after(resume, paused))


def test_a_pause_that_is_over_before_it_begins_is_none() -> None:
    over = replace(PAUSE_FOR_HALF_AN_HOUR, until=f.NOON)
    assert change(over, f.MERCHANT) == []
    assert change(over, after(PAUSE_UNTIL_RESUMED)) == [MerchantResumed(by_time=False, at=f.NOON)]


def test_time_ends_a_pause_that_nobody_made_longer() -> None:
    on_time = EndPause(merchant_id=f.MERCHANT_ID, at=f.after(minutes=30))
    paused = after(PAUSE_FOR_HALF_AN_HOUR)
    assert change(on_time, paused) == [shop.resumed]
    assert change(on_time, after(on_time, paused)) == []
    assert change(on_time, after(replace(PAUSE_FOR_HALF_AN_HOUR, until=f.after(hours=1)), paused)) == []


def test_only_a_pause_with_an_end_has_a_deadline() -> None:
    assert waits_of(shop.paused) == [SetDeadline(PAUSE, f.after(minutes=30))]
    assert waits_of(MerchantPaused(reason="other", until=None, at=f.NOON)) == [ClearDeadline(PAUSE)]
    assert waits_of(shop.resumed) == [ClearDeadline(PAUSE)]
    assert waits_of(f.registered) == []


def test_a_merchant_that_does_not_exist_cannot_pause() -> None:
    with pytest.raises(NotFound):
        change(PAUSE_UNTIL_RESUMED, None)


def test_pauses_are_told_to_everybody() -> None:
    fact = replace(stored(f.registered), stream_id=f.MERCHANT_ID)
    [paused] = messages_for(fact, shop.paused)
    [resumed] = messages_for(fact, shop.resumed)
    assert paused.message == public.MerchantPaused(
        merchant_id=f.MERCHANT_ID, reason="too_busy", until=f.after(minutes=30)
    )
    assert resumed.message == public.MerchantResumed(merchant_id=f.MERCHANT_ID, by_time=True)
    assert {paused.partition_key, resumed.partition_key} == {f.MERCHANT_ID}


LANES = {
    "PAID": Lane.ANSWER,
    "SCHEDULED": Lane.COMING,
    "ACCEPTED": Lane.COOK,
    "COOKING": Lane.COOK,
    "READY": Lane.HAND_OVER,
    "ASSIGNED": Lane.COOK,
    "CANCELLING": Lane.WATCH,
    "FAILED": Lane.WATCH,
    "ON_THE_WAY": None,
    "DELIVERED": None,
    "COMPLETED": None,
    "CANCELLED": None,
    "REJECTED": None,
}


@pytest.mark.parametrize(("story", "lane"), LANES.items())
def test_each_order_waits_for_one_thing_in_the_kitchen(story: str, lane: Lane | None) -> None:
    order = given(*getattr(f, story)).order
    assert order is not None
    place = place_of(order)
    assert (place and place.lane) == lane


def test_what_is_to_be_done_next_comes_first() -> None:
    found = []
    for story in ("SCHEDULED", "CANCELLING", "READY", "COOKING", "PAID"):
        order = given(*getattr(f, story)).order
        place = None if order is None else place_of(order)
        assert place is not None
        found.append((place.key, story))
    assert [story for _, story in sorted(found)] == ["PAID", "COOKING", "READY", "CANCELLING", "SCHEDULED"]


def test_an_errand_waits_in_no_kitchen() -> None:
    order = given(f.errand_placed).order
    assert order is not None
    assert place_of(order) is None
