"""The engine on pictures small enough to see what is right."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from services.dispatch.engine import core, readiness
from services.dispatch.engine.chains import sequence
from services.dispatch.engine.core.arrays import travel
from services.dispatch.engine.core.routes import later
from services.dispatch.engine.engine import Memory, decide
from services.dispatch.engine.filters import REASONS, bars
from services.dispatch.engine.matching import match
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine.world import Bar, Decision, GoTo, Order, PickUp, Rider, Shop, World

POLICY = EnginePolicy()
TRAVEL = StraightLine(metres_per_second=5)
SHOP = Shop(shop_id="s", spot=(0, 0))
FAR_SHOP = Shop(shop_id="f", spot=(9000, 0))


def rider(name: str, east: float, **changes: object) -> Rider:
    idle = Rider(rider_id=name, spot=(east, 0), free_at=0, here_at=0, off_at=36_000)
    return replace(idle, **changes)  # type: ignore[arg-type]


def order(name: str, **changes: object) -> Order:
    plain = Order(order_id=name, shop_id="s", pickup=(0, 0), dropoff=(500, 500), placed_at=900, ready_at=1500)
    return replace(plain, **changes)  # type: ignore[arg-type]


def decided(now: float, riders: list[Rider], orders: list[Order], policy: EnginePolicy = POLICY) -> list[Decision]:
    world = World(now=now, riders=tuple(riders), orders=tuple(orders), shops=(SHOP, FAR_SHOP))
    return decide(world, Memory(), replace(policy, moves=False), TRAVEL)[0]


def test_nobody_leaves_before_it_is_time() -> None:
    # 200 s of riding and 120 s of service before 1500.
    assert decided(1120, [rider("a", 1000)], [order("o")]) == []
    assert decided(1180, [rider("a", 1000)], [order("o")]) == [GoTo(rider_id="a", shop_id="s", order_ids=("o",))]


def test_the_nearer_rider_goes() -> None:
    late = order("o", ready_at=1000)
    assert decided(1000, [rider("far", 4000), rider("near", 600)], [late]) == [
        GoTo(rider_id="near", shop_id="s", order_ids=("o",))
    ]


def test_what_is_ready_is_handed_over_to_who_waits() -> None:
    waiting = rider("a", 0, shop_id="s")
    assert decided(1440, [waiting], [order("o")]) == []
    assert decided(1500, [waiting], [order("o")]) == [PickUp(rider_id="a", order_ids=("o",))]


def test_two_orders_of_a_shop_for_one_door_ride_together_when_there_is_one_rider() -> None:
    orders = [order("o"), order("p")]
    assert {frozenset(each.order_ids) for each in decided(1500, [rider("a", 0, shop_id="s")], orders)} == {
        frozenset({"o", "p"})
    }


def test_a_pinned_order_goes_to_the_pinned_rider_however_far() -> None:
    pinned = order("o", ready_at=1000, pinned_to="far")
    assert [each.rider_id for each in decided(1000, [rider("far", 4000), rider("near", 600)], [pinned])] == ["far"]


def test_the_gravest_reason_bars_a_rider() -> None:
    south = {"zones": frozenset({"south"})}
    orders = [
        order("plain", **south),
        order("skilled", skills=frozenset({"cold"}), **south),
        order("big", load_g=9, **south),
        order("zoned", zones=frozenset({"north"})),
        order("barred", barred=frozenset({"a"}), **south),
        order("pinned", pinned_to="b", **south),
    ]
    riders = [
        rider("a", 0, capacity_g=5, zones=frozenset({"south"})),
        rider("b", 0, skills=frozenset({"cold"})),
        rider("gone", 0, unavailable=Bar.SILENT),
        rider("late", 0, off_at=500),
    ]
    found = [[REASONS[code] for code in row] for row in bars(orders, riders, 1000)]
    shift, away = Bar.SHIFT_ENDS, Bar.SILENT
    assert found == [
        [None, None, away, shift],
        [Bar.LACKS_SKILLS, None, away, Bar.LACKS_SKILLS],
        [Bar.LACKS_CAPACITY, None, away, shift],
        [Bar.OUTSIDE_ZONE, None, away, shift],
        [Bar.BARRED, None, away, shift],
        [Bar.PINNED_ELSEWHERE, None, away, Bar.PINNED_ELSEWHERE],
    ]


def reasons(riders: list[Rider], given: Order, now: float = 1000) -> dict[str, Bar | None]:
    row = bars([given], riders, now)[0]
    return {rider.rider_id: REASONS[code] for rider, code in zip(riders, row, strict=True)}


def test_who_has_accepted_keeps_it_whatever_else_would_bar_him() -> None:
    riders = [rider("a", 0, unavailable=Bar.ON_BREAK), rider("b", 0)]
    assert reasons(riders, order("o", bound_to="a", skills=frozenset({"cold"}))) == {
        "a": None,
        "b": Bar.BOUND_ELSEWHERE,
    }


def test_nobody_is_asked_twice_while_somebody_else_is_left() -> None:
    asked = order("o", tried={"a": 0.0})
    assert reasons([rider("a", 0), rider("b", 0)], asked) == {"a": Bar.ASKED_BEFORE, "b": None}


def test_who_was_asked_is_asked_again_after_a_while_when_nobody_else_is_left() -> None:
    riders = [rider("a", 0), rider("b", 0), rider("c", 0, unavailable=Bar.SILENT)]
    asked = order("o", tried={"a": 0.0, "b": 2000.0})
    assert reasons(riders, asked) == {"a": None, "b": Bar.ASKED_BEFORE, "c": Bar.SILENT}


def test_a_matching_is_the_cheapest_over_all_and_leaves_over_what_is_too_dear() -> None:
    costs = np.array([[1.0, 2.0], [1.0, 10.0], [3.0, 50.0]])
    riders = np.array([[0, 1], [0, 1], [0, 1]])
    assert list(match(costs, riders, np.full(3, 20.0))) == [1, 0, -1]


def test_waiting_for_an_order_that_is_late_moves_its_expected_moment() -> None:
    assert readiness.expected(1000, 0, 500) == 1000
    assert readiness.expected(1000, 500, -5000) == pytest.approx(1000, abs=1)
    assert readiness.expected(1000, 500, 1000) == pytest.approx(1000 + 500 * (2 / np.pi) ** 0.5)
    assert readiness.quantile(1000, 500, -5000, 0.5) == pytest.approx(1000, abs=1)
    assert readiness.quantile(1000, 500, 1500, 0.3) > 1500


def test_a_vehicle_is_too_small_by_weight_or_by_volume() -> None:
    small = [rider("grams", 0, capacity_g=5_000), rider("litres", 0, capacity_ml=20_000), rider("van", 0)]
    found = bars([order("o", load_g=6_000, load_ml=30_000)], small, 1000)
    assert [REASONS[code] for code in found[0]] == [Bar.LACKS_CAPACITY, Bar.LACKS_CAPACITY, None]


def test_nobody_is_sent_for_more_than_he_may_have_at_its_place_not_even_by_a_pin() -> None:
    riders = [rider("full", 0, shop_id="s", in_hand=2), rider("free", 4_000)]

    def sent(**changes: object) -> list[str]:
        return [each.rider_id for each in decided(1500, riders, [order("o", **changes)]) if each.order_ids]

    assert sent() == ["full"]
    assert sent(most_in_hand=2) == ["free"]
    assert sent(most_in_hand=2, pinned_to="full") == []
    assert sent(most_in_hand=2, bound_to="full") == ["full"], "what he has accepted he keeps"


def test_a_bundle_that_is_too_heavy_or_too_big_together_is_not_picked_up_together() -> None:
    for changes in ({"capacity_g": 9_000}, {"capacity_ml": 9_000}):
        pair = [order(name, load_g=5_000, load_ml=5_000) for name in "op"]
        handed = decided(1500, [rider("a", 0, shop_id="s", **changes)], pair)
        assert [len(each.order_ids) for each in handed if isinstance(each, PickUp)] == [1]


def test_further_pickups_are_called_at_in_the_sequence_of_the_least_riding() -> None:
    errand = order("o", stops=((400, 0), (100, 0), (800, 0), (700, 0)), dropoff=(1000, 0))
    assert sequence(errand, TRAVEL) == (1, 0, 3, 2)
    many = order("o", stops=tuple((100.0 * east, 0) for east in (5, 3, 1, 2, 4)), dropoff=(1000, 0))
    assert sequence(many, TRAVEL) == (2, 3, 1, 4, 0)


def test_an_errand_is_planned_with_every_stop_of_it_and_rides_alone() -> None:
    # 600 s of riding and 480 s of service lie between the first pick-up and the last, which is not after the shift.
    errand = order("o", ready_at=1000, stops=((1000, 0), (3000, 0)))
    waits = rider("a", 0, shop_id="s")
    assert decided(1000, [replace(waits, off_at=2079)], [errand]) == []
    assert decided(1000, [replace(waits, off_at=2080)], [errand]) == [PickUp(rider_id="a", order_ids=("o",))]
    handed = decided(1000, [waits], [errand, order("p", ready_at=1000)])
    assert [len(each.order_ids) for each in handed if isinstance(each, PickUp)] == [1]


def test_a_rider_who_comes_at_the_expected_moment_waits_as_often_as_the_goods_do() -> None:
    assert later(1000, 900, 0) == 1000
    assert later(900, 1000, 0) == 1000
    assert later(1000, 1000, 500) == pytest.approx(1000 + 500 / (2 * np.pi) ** 0.5)
    assert later(-9000, 1000, 500) == pytest.approx(1000)
    assert later(9000, 1000, 500) == pytest.approx(9000)


def test_what_is_long_overdue_is_less_uncertain() -> None:
    assert readiness.left_spread(1000, 500, -5000) == pytest.approx(500, rel=0.01)
    assert readiness.left_spread(1000, 500, 1000) == pytest.approx(500 * (1 - 2 / np.pi) ** 0.5)
    assert readiness.left_spread(1000, 0, 1000) == 0


def test_what_was_compiled_is_kept_for_just_these_sources() -> None:
    sources = b"".join(path.read_bytes() for path in sorted(Path(core.__file__).parent.glob("*.py")))
    assert sha256(sources).hexdigest()[:16] == core.SOURCES
    assert config.CACHE_DIR.endswith(core.SOURCES)
    assert travel._cache.cache_path.startswith(config.CACHE_DIR)
