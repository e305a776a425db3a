"""The board shows what is open, what is red, who rides, and only what changed is sent on."""

from functools import reduce

import pytest

from services.analytics.domain.board import Board, Flag, board, difference, feed_item, red_flags
from services.analytics.domain.events import FactRecorded
from services.analytics.domain.riders import Rider
from services.analytics.domain.riders import evolve as evolve_rider
from services.analytics.domain.summary import summarise
from services.analytics.domain.timeline import OrderState, OrderTimeline, evolve
from shared.contracts.common import OrderKind
from tests.unit.analytics.telling import (
    NOON,
    OneOrder,
    OneRider,
    Story,
    merchant_paused,
    merchant_resumed,
    minutes,
)


def shown(facts: list[FactRecorded], after: float = 60) -> Board:
    timelines: dict[str, OrderTimeline] = {}
    riders: dict[str, Rider] = {}
    for fact in facts:
        if fact.order_id is not None:
            known = timelines.get(fact.order_id, OrderTimeline(fact.order_id))
            timelines[fact.order_id] = evolve(known, fact)
        if fact.rider_id is not None and fact.service == "dispatch":
            rider = riders.get(fact.rider_id, Rider(fact.rider_id))
            riders[fact.rider_id] = evolve_rider(rider, fact)
    items = [feed_item(index, fact) for index, fact in enumerate(facts, 1)]
    feed = [item for item in reversed(items) if item is not None]
    summaries = [summary for timeline in timelines.values() if (summary := summarise(timeline))]
    return board(len(facts), summaries, riders.values(), feed, NOON + minutes(after))


def lunch() -> Story:
    story = Story()
    for rider_id in ("rid_1", "rid_2", "rid_3", "rid_4"):
        OneRider(story, rider_id).start(NOON - minutes(30))
    OneRider(story, "rid_4").end(NOON - minutes(1))
    OneOrder(story, "ord_done").to_the_door(after=30)
    OneOrder(story, "ord_road").to_the_road()
    late = OneOrder(story, "ord_late", rider_id="rid_2", promised_after=minutes(20))
    late.to_the_road()
    failed = OneOrder(story, "ord_failed", rider_id="rid_9")
    failed.to_the_road()
    failed.fail(NOON + minutes(40))
    failed.told_failed(NOON + minutes(40))
    return story


def test_orders_are_counted_by_state() -> None:
    assert shown(lunch().facts(), after=44).states == {
        OrderState.DELIVERED: 1,
        OrderState.DELIVERING: 2,
        OrderState.DELIVERY_EXCEPTION: 1,
    }


def test_what_failed_comes_first_and_then_what_is_late_by_most() -> None:
    picture = shown(lunch().facts(), after=44)
    flags = red_flags(picture.orders.values(), NOON + minutes(44))
    assert [(red.order.order_id, red.flag, red.late_minutes) for red in flags] == [
        ("ord_failed", Flag.FAILED, 0),
        ("ord_late", Flag.LATE, 24),
    ]


def test_an_order_becomes_late_by_the_clock_alone() -> None:
    orders = shown(lunch().facts()).orders.values()
    assert [red.order.order_id for red in red_flags(orders, NOON + minutes(45))] == ["ord_failed", "ord_late"]
    assert [red.order.order_id for red in red_flags(orders, NOON + minutes(45.1))] == [
        "ord_failed",
        "ord_late",
        "ord_road",
    ]


def test_riders_on_shift_are_busy_free_or_silent() -> None:
    story = lunch()
    assert vars_of(shown(story.facts(), 44)) == (3, 1, 2, 0)
    OneRider(story, "rid_2").silent(NOON + minutes(41), "ord_late")
    assert vars_of(shown(story.facts(), 44)) == (3, 1, 1, 1)
    OneOrder(story, "ord_late", rider_id="rid_2").at_door(NOON + minutes(43))
    assert shown(story.facts(), 44).riders.silent == 0


def vars_of(picture: Board) -> tuple[int, int, int, int]:
    riders = picture.riders
    return riders.on_shift, riders.free, riders.busy, riders.silent


def test_the_flow_counts_the_last_hour_minute_by_minute() -> None:
    flow = shown(lunch().facts(), after=45).flow
    assert flow[NOON].placed == 4
    assert flow[NOON + minutes(30)].delivered == 1
    assert flow[NOON + minutes(40)].failed == 1
    assert shown(lunch().facts(), after=65).flow.keys() == {NOON + minutes(30), NOON + minutes(40)}


def test_orders_that_ended_leave_the_board_after_a_day_and_open_ones_stay() -> None:
    picture = shown(lunch().facts(), after=24 * 60 + 1)
    assert picture.states == {OrderState.DELIVERING: 2, OrderState.DELIVERY_EXCEPTION: 1}
    assert picture.kpis.on_time_rate.whole == 0


def test_each_kind_of_order_is_counted_and_measured_apart() -> None:
    story = lunch()
    OneOrder(story, "ord_queue", merchant_id="", kind=OrderKind.QUEUE).to_the_door(after=60)
    picture = shown(story.facts(), after=61)
    food, queue = picture.kinds["food"], picture.kinds["errand_queue"]
    assert queue.states == {OrderState.DELIVERED: 1}
    assert food.states == {OrderState.DELIVERED: 1, OrderState.DELIVERING: 2, OrderState.DELIVERY_EXCEPTION: 1}
    assert (food.kpis.on_time_rate.value, queue.kpis.on_time_rate.value) == (1, 0)
    assert food.kpis.orders + queue.kpis.orders == picture.kpis.orders
    assert picture.orders["ord_road"].kind == "food"


def test_an_order_of_a_time_when_there_was_only_food_is_food() -> None:
    story = Story()
    placed = OneOrder(story, "ord_old").place()
    del placed.data["kind"]
    assert list(shown([placed], after=1).kinds) == ["food"]


def test_a_change_of_one_kind_is_told() -> None:
    story = lunch()
    before = shown(story.facts(), 44)
    OneOrder(story, "ord_carry", kind=OrderKind.CARRY).place()
    change = difference(before, shown(story.facts(), 44))
    assert change.kinds is not None
    assert set(change.kinds) == {"food", "errand_carry"}


def test_the_feed_says_who_takes_no_orders_why_and_until_when() -> None:
    story = Story()
    merchant_paused(story, "mer_1", NOON, NOON + minutes(30))
    merchant_resumed(story, "mer_1", NOON + minutes(30))
    resumed, paused = shown(story.facts()).feed
    assert (paused.type, paused.merchant_id, paused.detail) == ("MerchantPaused", "mer_1", "too_busy")
    assert paused.until == NOON + minutes(30)
    assert (resumed.type, resumed.merchant_id, resumed.until) == ("MerchantResumed", "mer_1", None)


def test_a_change_says_only_what_is_new() -> None:
    story = lunch()
    before = shown(story.facts(), 44)
    OneOrder(story, "ord_road").at_door(NOON + minutes(43))
    OneOrder(story, "ord_road").delivered(NOON + minutes(43))
    after = shown(story.facts(), 44)
    change = difference(before, after)
    assert (change.after, change.position) == (before.position, after.position)
    assert change.gone == ["ord_road"]
    assert change.orders == []
    assert change.states == {
        OrderState.DELIVERED: 2,
        OrderState.DELIVERING: 1,
        OrderState.DELIVERY_EXCEPTION: 1,
    }
    assert [(flow.minute, flow.delivered) for flow in change.flow] == [(NOON + minutes(43), 1)]
    assert [item.type for item in change.feed] == ["Delivered"]
    assert change.kpis == after.kpis


def test_a_change_of_nothing_says_nothing() -> None:
    picture = shown(lunch().facts(), 44)
    change = difference(picture, picture)
    assert (change.states, change.riders, change.kpis, change.kinds) == (None, None, None, None)
    assert (change.orders, change.gone, change.flow, change.feed) == ([], [], [], [])


@pytest.mark.parametrize("turned", [False, True])
def test_a_rider_is_the_same_in_whatever_order_its_facts_come(turned: bool) -> None:
    story = Story()
    rider = OneRider(story, "rid_1")
    rider.start(NOON)
    rider.silent(NOON + minutes(10), "ord_1")
    OneOrder(story, "ord_1").pick_up(NOON + minutes(12))
    rider.end(NOON + minutes(60))
    facts = story.facts()
    folded = reduce(evolve_rider, reversed(facts) if turned else facts, Rider("rid_1"))
    assert (folded.on_shift, folded.silent) == (False, False)
    assert folded.seen_at == NOON + minutes(12)
