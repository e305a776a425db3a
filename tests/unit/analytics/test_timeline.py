"""An order's timeline means the same whatever the order in which its facts arrive, and however often."""

from datetime import datetime
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.domain.events import FactRecorded
from services.analytics.domain.summary import summarise
from services.analytics.domain.timeline import OrderState, OrderTimeline, carrier_of, evolve, state_of
from shared.contracts.common import Goods
from tests.unit.analytics.telling import NOON, OneOrder, Story, minutes

ORDER = "ord_1"


def folded(facts: list[FactRecorded]) -> OrderTimeline:
    return reduce(evolve, facts, OrderTimeline(ORDER))


def at(count: float) -> datetime:
    return NOON + minutes(count)


@pytest.fixture
def life() -> OneOrder:
    return OneOrder(Story(), ORDER)


def state(life: OneOrder) -> OrderState | None:
    return state_of(folded(life.story.facts()))


def test_an_order_of_which_only_dispatch_spoke_is_not_on_the_board(life: OneOrder) -> None:
    life.assign(at(1))
    assert state(life) is None
    assert summarise(folded(life.story.facts())) is None


def test_the_order_services_words_make_the_state(life: OneOrder) -> None:
    seen: list[OrderState | None] = []
    life.place()
    seen.append(state(life))
    for step in (life.accept, life.prepare, life.ready, life.out, life.delivered, life.complete):
        step(at(len(seen)))
        seen.append(state(life))
    assert seen == [
        OrderState.PENDING_ACCEPTANCE,
        OrderState.ACCEPTED,
        OrderState.PREPARING,
        OrderState.READY,
        OrderState.DELIVERING,
        OrderState.DELIVERED,
        OrderState.COMPLETED,
    ]


def test_a_failed_delivery_is_an_exception_until_it_is_sent_out_again(life: OneOrder) -> None:
    life.to_the_road()
    life.fail(at(25))
    life.told_failed(at(25))
    assert state(life) is OrderState.DELIVERY_EXCEPTION
    life.send_again(at(30))
    assert state(life) is OrderState.READY
    life.out(at(40))
    assert state(life) is OrderState.DELIVERING


def test_an_order_nobody_carries_is_an_exception_though_the_order_service_does_not_say_so(life: OneOrder) -> None:
    life.place()
    life.accept(at(1))
    life.undeliverable(at(16))
    assert state(life) is OrderState.DELIVERY_EXCEPTION
    life.ready(at(17))
    assert state(life) is OrderState.DELIVERY_EXCEPTION
    life.send_again(at(18))
    assert state(life) is OrderState.READY


def test_a_second_failure_is_an_exception_again(life: OneOrder) -> None:
    life.to_the_road()
    life.fail(at(25))
    life.told_failed(at(25))
    life.send_again(at(30))
    life.out(at(40))
    life.fail(at(50))
    assert state(life) is OrderState.DELIVERY_EXCEPTION


def test_a_refused_withdrawal_brings_the_order_back_to_where_it_was(life: OneOrder) -> None:
    life.place()
    life.accept(at(1))
    life.ready(at(10))
    life.ask_withdrawal(at(11))
    life.ask_withdrawal(at(13))
    assert state(life) is OrderState.CANCELLING
    life.refuse_withdrawal(at(14))
    assert state(life) is OrderState.READY


def test_the_kitchen_going_on_does_not_hide_a_pending_withdrawal(life: OneOrder) -> None:
    life.place()
    life.accept(at(1))
    life.ask_withdrawal(at(5))
    life.ready(at(6))
    assert state(life) is OrderState.CANCELLING


def test_a_withdrawal_is_overtaken_by_the_road(life: OneOrder) -> None:
    life.place()
    life.accept(at(1))
    life.ask_withdrawal(at(5))
    life.out(at(6))
    assert state(life) is OrderState.DELIVERING


def test_a_rider_has_the_delivery_from_assignment_until_it_ends(life: OneOrder) -> None:
    life.to_the_road()
    assert carrier_of(folded(life.story.facts())) == "rid_1"
    life.at_door(at(30))
    assert carrier_of(folded(life.story.facts())) is None


def test_a_rider_whose_delivery_failed_still_carries_the_goods(life: OneOrder) -> None:
    life.to_the_road()
    life.fail(at(25), goods=Goods.WITH_RIDER)
    assert carrier_of(folded(life.story.facts())) == "rid_1"


def test_the_spans_come_from_the_moments_at_which_things_happened(life: OneOrder) -> None:
    life.to_the_door(after=30)
    summary = summarise(folded(life.story.facts()))
    assert summary is not None
    assert summary.processing_minutes == 30
    assert summary.click_to_door_minutes == 30
    assert summary.ready_to_pickup_minutes == 3
    assert summary.on_time is True


def test_goods_taken_before_the_merchant_called_them_ready_did_not_wait(life: OneOrder) -> None:
    life.place()
    life.pick_up(at(9))
    life.ready(at(10))
    summary = summarise(folded(life.story.facts()))
    assert summary is not None
    assert summary.ready_to_pickup_minutes == 0


def test_delivery_in_the_very_last_moment_is_on_time_and_a_moment_later_is_not() -> None:
    for after, on_time in ((45, True), (45.001, False)):
        life = OneOrder(Story(), ORDER)
        life.to_the_door(after=after)
        summary = summarise(folded(life.story.facts()))
        assert summary is not None
        assert summary.on_time is on_time


def troubled() -> list[FactRecorded]:
    """A life with everything in it."""
    life = OneOrder(Story(), ORDER)
    life.to_the_road()
    life.fail(at(20))
    life.told_failed(at(20))
    life.send_again(at(25))
    life.ask_withdrawal(at(26))
    life.refuse_withdrawal(at(27))
    life.assign(at(28), "rid_2")
    life.pick_up(at(30))
    life.out(at(30))
    life.at_door(at(44))
    life.delivered(at(44))
    life.complete(at(50))
    life.review(at(60), 5, 4, 3)
    return life.story.facts()


FACTS = troubled()


@given(st.permutations(FACTS), st.lists(st.sampled_from(FACTS), max_size=10))
def test_neither_order_of_arrival_nor_repetition_changes_a_timeline(
    shuffled: list[FactRecorded], again: list[FactRecorded]
) -> None:
    assert folded([*shuffled, *again]) == folded(FACTS)


def test_a_summary_says_everything_that_became_of_the_order() -> None:
    summary = summarise(folded(FACTS))
    assert summary is not None
    assert (summary.state, summary.excepted, summary.failing, summary.on_time) == (
        OrderState.COMPLETED,
        True,
        False,
        True,
    )
    assert (summary.merchant_score, summary.rider_score, summary.platform_score) == (5, 4, 3)
    assert summary.ended_at == at(44)


def in_any_order(life: OneOrder) -> list[OrderTimeline]:
    facts = life.story.facts()
    return [folded(facts), folded([*reversed(facts)]), folded([*facts[::2], *facts[1::2], *facts])]


def test_a_delivery_that_was_none_counts_no_more_and_its_order_is_an_exception(life: OneOrder) -> None:
    life.place()
    life.to_the_road()
    life.at_door(at(30))
    life.delivered(at(30))
    life.correct(at(50), delivered=False)
    for timeline in in_any_order(life):
        summary = summarise(timeline)
        assert summary is not None
        assert (summary.state, summary.excepted) == (OrderState.DELIVERY_EXCEPTION, True)
        assert (summary.delivered_at, summary.on_time, summary.click_to_door_minutes) == (None, None, None)
    life.send_again(at(55))
    assert state(life) not in (OrderState.DELIVERED, OrderState.DELIVERY_EXCEPTION)
    life.out(at(60))
    life.at_door(at(70))
    life.delivered(at(70))
    for timeline in in_any_order(life):
        summary = summarise(timeline)
        assert summary is not None
        assert (summary.state, summary.delivered_at) == (OrderState.DELIVERED, at(70))
        assert (summary.on_time, summary.click_to_door_minutes) == (False, 70)


def test_a_failure_that_was_none_is_no_exception(life: OneOrder) -> None:
    life.place()
    life.to_the_road()
    life.fail(at(30))
    life.told_failed(at(30))
    life.correct(at(40), delivered=True)
    life.delivered(at(31))
    for timeline in in_any_order(life):
        summary = summarise(timeline)
        assert summary is not None
        assert (summary.state, summary.excepted, summary.on_time) == (OrderState.DELIVERED, False, True)


def test_a_cancelled_order_in_the_archive_is_still_cancelled(life: OneOrder) -> None:
    life.place()
    life.cancel(at(3))
    life.archive(at(60 * 24 * 30))
    summary = summarise(folded(life.story.facts()))
    assert summary is not None
    assert (summary.state, summary.ended_at) == (OrderState.CANCELLED, at(3))
