"""The futures played again in part are the futures played again in whole."""

import numpy as np
import pytest

from services.dispatch.engine.core.arrays import Fleet, Ground, Outlook, Rules, Scenarios
from services.dispatch.engine.core.future import foresee, mean_cost, new_stage
from services.dispatch.engine.core.replay import KEEP, replay

SHOPS, RIDERS, WORLDS, EACH = 12, 15, 12, 30
RULES = Rules(0.0, 120.0, 120.0, 4, 7200.0, 2400.0, 0.0)
OUTLOOK = Outlook(0.7, 2400.0, 0.2)
NEVER_ENOUGH = 1e15


def scene(seed: int) -> tuple[Ground, Fleet, Scenarios]:
    """A town where no two riders cost the same for an order, so that there is one way to serve it."""
    chance = np.random.default_rng(seed)
    size = WORLDS * EACH
    ground = Ground(chance.uniform(0, 6000, (SHOPS + RIDERS + size, 2)), 0.2, 0.0, np.zeros((0, 0)))
    fleet = Fleet(
        np.arange(SHOPS, SHOPS + RIDERS),
        np.zeros(RIDERS),
        np.zeros(RIDERS),
        chance.uniform(1500, 6000, RIDERS),
        chance.uniform(0.9, 1.1, RIDERS),
        np.full(RIDERS, 10),
        np.full(RIDERS, 10),
        np.zeros(RIDERS),
    )
    placed = np.sort(chance.uniform(0, 2700, (WORLDS, EACH)), axis=1).ravel()
    to_come = Scenarios(
        np.arange(0, size + 1, EACH),
        placed,
        chance.integers(0, SHOPS, size),
        placed + chance.uniform(300, 1800, size),
        np.arange(SHOPS + RIDERS, SHOPS + RIDERS + size),
    )
    return ground, fleet, to_come


@pytest.mark.parametrize("seed", range(4))
def test_playing_what_changed_costs_what_playing_everything_costs(seed: int) -> None:
    ground, fleet, to_come = scene(seed)
    world = (ground, fleet, RULES, to_come, OUTLOOK)
    chance = np.random.default_rng(seed)
    node, time, stage = fleet.node.copy(), chance.uniform(0, 2400, RIDERS), new_stage(RIDERS)
    futures = foresee(node, time, *world)
    for turn in range(40):
        changed = chance.integers(0, RIDERS, chance.integers(1, 5))
        moved, freed = node.copy(), time.copy()
        moved[changed] = chance.integers(SHOPS, SHOPS + RIDERS + WORLDS * EACH, len(changed))
        freed[changed] = chance.uniform(0, 2400, len(changed))
        whole = mean_cost(foresee(moved, freed, *world), to_come)
        before = mean_cost(futures, to_come)
        tried = replay(changed, moved, freed, NEVER_ENOUGH, stage, futures, *world)
        assert before + tried == pytest.approx(whole)
        assert not stage.differs.any()
        if turn % 3 == 0:
            node, time = moved, freed
            replay(changed, node, time, KEEP, stage, futures, *world)
            assert mean_cost(futures, to_come) == pytest.approx(whole)


def test_a_plan_that_is_hopeless_is_not_played_to_the_end() -> None:
    ground, fleet, to_come = scene(9)
    world = (ground, fleet, RULES, to_come, OUTLOOK)
    node, time, stage = fleet.node.copy(), np.zeros(RIDERS), new_stage(RIDERS)
    futures = foresee(node, time, *world)
    all_late = np.full(RIDERS, 2600.0)
    everybody = np.arange(RIDERS)
    whole = replay(everybody, node, all_late, NEVER_ENOUGH, stage, futures, *world)
    assert whole == pytest.approx(mean_cost(foresee(node, all_late, *world), to_come) - mean_cost(futures, to_come))
    in_part = replay(everybody, node, all_late, -1e6, stage, futures, *world)
    assert in_part > -1e6
    assert in_part != pytest.approx(whole)
