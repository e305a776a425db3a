"""Why a rider was chosen, what the others would have cost, and why nobody was."""

from dataclasses import replace

import pytest

from services.dispatch.engine.engine import Memory, think
from services.dispatch.engine.explaining import explained
from services.dispatch.engine.world import Bar, World
from tests.unit.dispatch.test_engine_core import FAR_SHOP, POLICY, SHOP, TRAVEL, order, rider


def test_an_explanation_adds_up_and_names_the_next_best_and_why_others_could_not() -> None:
    riders = [
        rider("near", 600),
        rider("far", 4000, burdens={"fairness": -20.0}),
        rider("off", 0, unavailable=Bar.SILENT),
    ]
    world = World(now=1000, riders=tuple(riders), orders=(order("o", ready_at=1000),), shops=(SHOP, FAR_SHOP))
    thought = think(world, Memory(), replace(POLICY, moves=False), TRAVEL)
    why = explained(thought, "o", len(riders))
    assert why.chosen is not None
    assert (why.chosen.rider_id, [each.rider_id for each in why.next_best]) == ("near", ["far"])
    assert (why.barred, why.reasons, why.looked_at) == ({"silent": 1}, {"off": "silent"}, 3)
    for candidate in (why.chosen, *why.next_best):
        assert candidate.cost_seconds == pytest.approx(sum(candidate.parts.values()), abs=0.5)
    # 600 m at 5 m/s and half of four minutes at the counter; then 707 m, and both halves that are left.
    assert why.chosen.parts["approach"] == pytest.approx(120 + 120)
    assert why.chosen.parts["ride"] == pytest.approx(120 + 500 * 2**0.5 / 5 + 120, abs=0.1)
    assert why.next_best[0].parts["fairness"] == -20


def test_an_order_for_nobody_says_so_rider_by_rider() -> None:
    riders = [rider("a", 0, unavailable=Bar.ON_BREAK), rider("b", 0)]
    cold = order("o", ready_at=1000, skills=frozenset({"cold"}))
    world = World(now=1000, riders=tuple(riders), orders=(cold,), shops=(SHOP, FAR_SHOP))
    why = explained(think(world, Memory(), replace(POLICY, moves=False), TRAVEL), "o", len(riders))
    assert (why.chosen, why.next_best) == (None, ())
    assert why.reasons == {"a": "on_break", "b": "lacks_skills"}
