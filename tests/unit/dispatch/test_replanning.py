"""What is planned anew and what is left alone: only who is concerned, nothing a person decided, nothing twice."""

from dataclasses import replace
from math import hypot
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.replanning import (
    Carrier,
    Cause,
    Job,
    Picture,
    ReplanPolicy,
    TakeOff,
    replan,
    replan_policy,
)
from services.dispatch.engine.world import Spot

NOW = 36_000.0
POLICY = ReplanPolicy()


def metres(a: Spot, b: Spot) -> float:
    """One metre a second, so that places are times."""
    return hypot(a[0] - b[0], a[1] - b[1])


def job(order_id: str = "a", shop_at: float = 0.0, **more: Any) -> Job:
    """From a shop to a door 300 m north of it, promised in 15 minutes."""
    fields: dict[str, Any] = {
        "order_id": order_id,
        "shop_id": f"shop{shop_at:g}",
        "pickup": (shop_at, 0.0),
        "dropoff": (shop_at, 300.0),
        "ready_at": NOW,
        "promised_at": NOW + 900,
    }
    return Job(**(fields | more))


def carrier(rider_id: str, at: float, *bound: str, **more: Any) -> Carrier:
    fields: dict[str, Any] = {
        "rider_id": rider_id,
        "spot": (at, 0.0),
        "free_at": NOW,
        "off_at": NOW + 14_400,
        "bound": bound,
    }
    return Carrier(**(fields | more))


def picture(jobs: list[Job], *carriers: Carrier) -> Picture:
    return Picture(
        now=NOW,
        carriers={each.rider_id: each for each in carriers},
        jobs={each.order_id: each for each in jobs},
    )


def told(jobs: list[Job], *carriers: Carrier, now_takes: Any = metres) -> list[tuple[str, str, str, str | None]]:
    found = replan(picture(jobs, *carriers), POLICY, now_takes, metres)
    return [(each.order_id, each.rider_id, each.cause.value, each.better) for each in found]


def test_a_delivery_that_comes_in_time_stays_where_it_is() -> None:
    assert told([job()], carrier("near", 100), carrier("his", 300, "a")) == []


def test_one_that_will_be_late_goes_to_whoever_brings_it_much_sooner() -> None:
    assert told([job()], carrier("near", 100), carrier("his", 1_500, "a")) == [("a", "his", "behind", "near")]
    [took] = replan(picture([job()], carrier("near", 100), carrier("his", 1_500, "a")), POLICY, metres, metres)
    assert took.late_s == pytest.approx(1_500 + 90 + 90 + 300 + 90 - 900)
    assert took.saves_s == pytest.approx(1_400 - POLICY.asking)


def test_one_that_nobody_would_bring_much_sooner_stays_though_it_is_late() -> None:
    assert told([job()], carrier("other", 1_300), carrier("his", 1_500, "a")) == []


@pytest.mark.parametrize(
    "kept",
    [
        {"fixed": True},
        {"replanned_at": NOW - POLICY.span + 1},
        {"barred": frozenset({"near"})},
        {"skills": frozenset({"cold_box"})},
        {"load_g": 2_000_000_000},
    ],
)
def test_what_a_person_decided_what_was_just_replanned_and_what_nobody_else_may_have_stays(
    kept: dict[str, Any],
) -> None:
    assert told([job(**kept)], carrier("near", 100), carrier("his", 1_500, "a")) == []


@pytest.mark.parametrize(
    "other", [{"open_to_more": False}, {"down": Cause.RIDER_SILENT}, {"fetched": 1_000}, {"off_at": NOW + 100}]
)
def test_nobody_gets_it_who_could_not_be_asked(other: dict[str, Any]) -> None:
    assert told([job()], carrier("near", 100, **other), carrier("his", 1_500, "a")) == []


def test_it_may_be_replanned_again_when_the_span_is_over() -> None:
    again = job(replanned_at=NOW - POLICY.span)
    assert told([again], carrier("near", 100), carrier("his", 1_500, "a"))[0][0] == "a"


def test_a_jam_between_him_and_the_shop_is_named_as_the_cause() -> None:
    def jammed(a: Spot, b: Spot) -> float:
        return metres(a, b) * (4.0 if {a[0], b[0]} == {400.0, 0.0} else 1.0)

    assert told([job()], carrier("near", -100), carrier("his", 400, "a"), now_takes=jammed) == [
        ("a", "his", "disruption", "near")
    ]
    assert told([job()], carrier("near", -100), carrier("his", 400, "a")) == []


def test_a_changed_address_concerns_that_delivery_and_those_behind_it_alone() -> None:
    moved = job("moved", dropoff=(0.0, 2_000.0), changed=Cause.ADDRESS_CHANGED, promised_at=NOW + 3_600)
    behind = job("behind", 50)
    before = job("before", 2_950, promised_at=NOW + 400)
    found = told(
        [moved, behind, before],
        carrier("his", 0, "moved", "behind"),
        carrier("else", 3_000, "before"),
        carrier("near", 100),
    )
    assert found == [("behind", "his", "behind", "near")]


def test_nobody_breaks_a_promise_of_his_own_for_it() -> None:
    tight = job("tight", 100, promised_at=NOW + 580)
    assert told([job(), tight], carrier("near", 100, "tight"), carrier("his", 3_000, "a")) == [
        ("a", "his", "behind", "near")
    ]
    near = carrier("near", 100, "tight")
    assert told([job(most_in_hand=1), tight], near, carrier("his", 3_000, "a")) == []


def test_a_rider_who_helps_one_is_reckoned_with_it_for_the_next() -> None:
    jobs = [job("a", most_in_hand=2), job("b", 4_000, pickup=(0.0, 50.0), dropoff=(0.0, 400.0), most_in_hand=2)]
    found = told(jobs, carrier("near", 100, fetched=1), carrier("his", 2_000, "a"), carrier("hers", 2_100, "b"))
    assert [(order_id, better) for order_id, _, _, better in found] == [("b", "near")]


def test_everything_that_a_rider_who_is_down_has_not_fetched_is_taken_off_him_at_once() -> None:
    jobs = [job("a"), job("b", fixed=True), job("c", replanned_at=NOW)]
    found = told(jobs, carrier("his", 0, "a", "b", "c", down=Cause.RIDER_DOWN), carrier("other", 5_000))
    assert found == [(order_id, "his", "rider_down", None) for order_id in "abc"]


def test_a_rider_who_would_wait_long_for_late_goods_is_freed_for_what_he_alone_is_near_to() -> None:
    late = job("late", ready_at=NOW + 2_400, promised_at=NOW + 3_600, changed=Cause.MERCHANT_LATE)
    waiting = job("waiting", 200)
    his, far = carrier("his", 0, "late"), carrier("far", 2_000)
    assert told([late, waiting], his, far) == [("late", "his", "merchant_late", None)]
    assert told([late], his, far) == []
    assert told([late, waiting], his, carrier("near", 250)) == []
    assert told([replace(late, ready_at=NOW + 500), waiting], his, far) == []
    assert told([replace(late, changed=None), waiting], his, far) == []
    assert told([replace(late, fixed=True), waiting], his, far) == []


def test_late_goods_are_not_made_later_by_it() -> None:
    late = job("late", ready_at=NOW + 700, promised_at=NOW + 900, changed=Cause.MERCHANT_LATE)
    waiting = job("waiting", 1_000)
    assert told([late, waiting], carrier("his", 0, "late"), carrier("far", 4_000)) == []


def test_the_figures_are_those_of_the_policy() -> None:
    made = replan_policy(DispatchPolicy(replan_late_seconds=1, replan_gain_seconds=2, replan_span_seconds=3))
    assert (made.late, made.gain, made.span, made.wait) == (1, 2, 3, 600)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_taken_off_was_late_unpinned_rested_and_his(data: st.DataObject) -> None:
    places = st.floats(-2_000, 2_000)
    jobs = [
        job(
            f"o{number}",
            data.draw(places),
            fixed=data.draw(st.booleans()),
            promised_at=NOW + data.draw(st.floats(0, 3_000)),
            replanned_at=data.draw(st.sampled_from([None, NOW - 100.0, NOW - 5_000.0])),
        )
        for number in range(6)
    ]
    carriers = [
        carrier(f"r{number}", data.draw(places), *(f"o{each}" for each in range(6) if each % 3 == number))
        for number in range(3)
    ]
    found = replan(picture(jobs, *carriers, carrier("free", data.draw(places))), POLICY, metres, metres)
    by_id = {each.order_id: each for each in jobs}
    assert len({each.order_id for each in found}) == len(found)
    for each in found:
        taken = by_id[each.order_id]
        assert not taken.fixed
        assert taken.replanned_at != NOW - 100.0
        assert each.late_s > POLICY.late
        assert each.saves_s >= POLICY.gain
        assert each.order_id in next(one.bound for one in carriers if one.rider_id == each.rider_id)
    assert all(isinstance(each, TakeOff) for each in found)
