"""The KPIs are computed from events' own times alone: nothing that comes later can move them."""

import statistics
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.domain.events import FactRecorded
from services.analytics.domain.kpis import Distribution, Kpis, distribution, kpis, quantile
from services.analytics.domain.summary import summarise
from services.analytics.domain.timeline import OrderTimeline, evolve
from tests.unit.analytics.telling import NOON, OneOrder, Story, minutes


def computed(facts: list[FactRecorded]) -> Kpis:
    timelines: dict[str, OrderTimeline] = {}
    for fact in facts:
        if fact.order_id is not None:
            known = timelines.get(fact.order_id, OrderTimeline(fact.order_id))
            timelines[fact.order_id] = evolve(known, fact)
    summaries = [summarise(timeline) for timeline in timelines.values()]
    return kpis([summary for summary in summaries if summary is not None])


def day() -> Story:
    """Ten delivered after 20, 25 … 65 minutes, the last two after a failure; one rejected, one open."""
    story = Story()
    for index in range(10):
        life = OneOrder(story, f"ord_{index}")
        life.to_the_road()
        if index >= 8:
            life.fail(NOON + minutes(18))
            life.send_again(NOON + minutes(19))
        life.at_door(NOON + minutes(20 + 5 * index))
        life.delivered(NOON + minutes(20 + 5 * index))
        life.review(NOON + minutes(100), 5, 4, 3 if index else 5)
    rejected = OneOrder(story, "ord_rejected")
    rejected.place()
    rejected.reject(NOON + minutes(2))
    OneOrder(story, "ord_open").place()
    return story


def test_no_orders_have_no_figures_and_no_errors() -> None:
    empty = computed([])
    assert empty.order_processing_minutes == Distribution(None, None, None, 0)
    assert empty.exception_ratio.value is None
    assert empty.on_time_rate.value is None
    assert empty.satisfaction.mean is None


def test_the_four_kpis_of_a_day() -> None:
    told = computed(day().facts())
    assert told.orders == 12
    assert told.order_processing_minutes == Distribution(42.5, 42.5, pytest.approx(60.5), 10)  # type: ignore[arg-type]
    assert (told.exception_ratio.part, told.exception_ratio.whole) == (2, 11)
    assert (told.on_time_rate.part, told.on_time_rate.whole) == (6, 10)
    assert told.satisfaction.count == 10
    assert told.satisfaction.mean == pytest.approx((5 * 10 + 4 * 10 + 3 * 9 + 5) / 30)
    assert told.satisfaction.merchant == 5


def test_the_spans_of_the_peers_are_told_beside_them() -> None:
    told = computed(day().facts())
    assert told.click_to_door_minutes.count == 10
    assert told.ready_to_pickup_minutes == Distribution(3, 3, 3, 10)


def test_the_same_facts_told_twice_are_the_same_day() -> None:
    facts = day().facts()
    assert computed(facts + facts) == computed(facts)
    assert computed(list(reversed(facts))) == computed(facts)


def test_a_later_fact_of_the_same_kind_does_not_move_a_span() -> None:
    story = day()
    before = computed(story.facts())
    OneOrder(story, "ord_0").delivered(NOON + minutes(500))
    after = computed(story.facts())
    assert after.order_processing_minutes == before.order_processing_minutes
    assert after.on_time_rate == before.on_time_rate


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=60))
def test_quantiles_are_those_of_the_textbook(values: list[float]) -> None:
    ordered = sorted(values)
    deciles = statistics.quantiles(ordered, n=10, method="inclusive")
    assert quantile(ordered, 0.9) == pytest.approx(deciles[8])
    assert quantile(ordered, 0.5) == pytest.approx(statistics.median(ordered))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e4)), max_size=40))
def test_a_distribution_lies_between_its_extremes(values: list[float | None]) -> None:
    told = distribution(values)
    known = [value for value in values if value is not None]
    assert told.count == len(known)
    if known:
        assert told.p50 is not None
        assert told.p90 is not None
        tiny = 1e-9
        assert min(known) - tiny <= told.p50 <= told.p90 + tiny <= max(known) + 2 * tiny


def test_a_fold_over_one_order_is_the_fold_of_the_day() -> None:
    facts = [fact for fact in day().facts() if fact.order_id == "ord_3"]
    summary = summarise(reduce(evolve, facts, OrderTimeline("ord_3")))
    assert summary is not None
    assert kpis([summary]).order_processing_minutes == Distribution(35, 35, 35, 1)
