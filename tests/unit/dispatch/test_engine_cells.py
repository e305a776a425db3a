"""Large pictures are cut into cells, and nothing is lost at their borders."""

import numpy as np
import pytest

from services.dispatch.engine.cells import celled, fleet_of, jobs_of, plan_of, put_back
from services.dispatch.engine.core.arrays import Fleet, Ground, Jobs, Plan, Scenarios
from services.dispatch.engine.engine import Memory, think
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine.world import GoTo, Order, Rider, Shop, World

RIDERS, SHOPS, WORLDS, EACH = 70, 20, 3, 40
_TRAVEL = StraightLine(metres_per_second=5)


def scene(seed: int = 1) -> tuple[Ground, Fleet, Scenarios]:
    chance = np.random.default_rng(seed)
    size = WORLDS * EACH
    ground = Ground(chance.uniform(0, 9000, (SHOPS + RIDERS + size, 2)), 0.2, 0.0, np.zeros((0, 0)))
    plain = np.zeros(RIDERS)
    fleet = Fleet(
        np.arange(SHOPS, SHOPS + RIDERS),
        plain,
        plain,
        np.full(RIDERS, 9000.0),
        np.ones(RIDERS),
        np.full(RIDERS, 9),
        np.full(RIDERS, 9),
        plain,
    )
    placed = np.sort(chance.uniform(0, 2700, (WORLDS, EACH)), axis=1).ravel()
    rows = np.arange(SHOPS + RIDERS, SHOPS + RIDERS + size)
    to_come = Scenarios(np.arange(0, size + 1, EACH), placed, chance.integers(0, SHOPS, size), placed + 600, rows)
    return ground, fleet, to_come


@pytest.mark.parametrize("turn", range(3))
def test_every_rider_and_every_imagined_order_is_in_one_cell(turn: int) -> None:
    ground, fleet, to_come = scene()
    cells = celled(ground, fleet, SHOPS, to_come, 15, turn, None)
    assert sorted(np.concatenate([cell.riders for cell in cells.each])) == list(range(RIDERS))
    assert max(len(cell.riders) for cell in cells.each) <= 15
    for world in range(WORLDS):
        drops = [cell.to_come.drop[cell.to_come.first[world] : cell.to_come.first[world + 1]] for cell in cells.each]
        here = slice(to_come.first[world], to_come.first[world + 1])
        assert sorted(np.concatenate(drops)) == sorted(to_come.drop[here])
    for number, cell in enumerate(cells.each):
        assert (cells.shop_cell[cell.to_come.pick] == number).all()
        assert all((np.diff(cell.to_come.placed[a:b]) >= 0).all() for a, b in _spans(cell.to_come))


def _spans(to_come: Scenarios) -> list[tuple[int, int]]:
    return list(zip(to_come.first[:-1].tolist(), to_come.first[1:].tolist(), strict=True))


def test_borders_move_from_turn_to_turn() -> None:
    ground, fleet, to_come = scene()
    first, second = (celled(ground, fleet, SHOPS, to_come, 40, turn, None).rider_cell for turn in (0, 1))
    together = [(one[:, None] == one[None, :]) for one in (first, second)]
    assert (together[0] != together[1]).any()


def test_only_what_needs_a_decision_is_cut_out() -> None:
    ground, fleet, to_come = scene()
    cells = celled(ground, fleet, SHOPS, to_come, 15, 0, np.array([3]))
    assert len(cells.each) < 4
    assert cells.shop_cell[3] < len(cells.each)
    owner = np.array([-1])
    jobs = _jobs(np.array([3]), np.full((1, 4), -1))
    assert [len(orders) for orders in cells.orders_of(owner, jobs)][cells.shop_cell[3]] == 1


def _jobs(pick: np.ndarray, near: np.ndarray) -> Jobs:
    count = len(pick)
    whole, none = np.zeros(count, np.int64), np.zeros(count)
    return Jobs(pick, whole, none, none, none, np.ones(count), whole, whole, whole, none, pick, near)


def test_a_cell_speaks_of_its_own_riders_and_is_put_back_where_it_was() -> None:
    _, fleet, _ = scene()
    jobs = _jobs(np.zeros(4, np.int64), np.array([[9, 5, 2], [5, 9, -1], [2, 60, 9], [5, 2, 1]]))
    riders, orders = np.array([2, 9, 60]), np.array([0, 2])
    assert jobs_of(orders, riders, jobs, fleet).near.tolist() == [[1, 0, -1], [0, 2, 1]]
    assert fleet_of(riders, fleet).node.tolist() == [SHOPS + 2, SHOPS + 9, SHOPS + 60]
    plan = Plan(
        np.full((RIDERS, 11), -1, np.int64),
        np.zeros((RIDERS, 11), np.bool_),
        np.zeros(RIDERS, np.int64),
        np.zeros(RIDERS),
        np.zeros(RIDERS, np.int64),
        np.zeros(RIDERS),
    )
    plan.seq[9, 0], plan.length[9] = 2, 1
    part = plan_of(riders, orders, plan, jobs)
    assert part.seq[1, 0] == 1
    part.seq[1, 1], part.length[1] = 0, 2
    put_back(riders, orders, part, plan)
    assert plan.seq[9, :3].tolist() == [2, 0, -1]
    assert plan.length.sum() == 2


def test_a_rider_and_an_order_on_two_sides_of_a_border_meet() -> None:
    """Everybody in the order's own cell is busy for an hour; the free rider is alone beyond the border."""
    shops = tuple(Shop(shop_id=f"s{n}", spot=(100.0 * n, 0.0)) for n in range(8))
    busy = tuple(
        Rider(rider_id=f"busy{n}", spot=(10.0 * n, 5.0), free_at=4600, here_at=4600, off_at=36_000) for n in range(6)
    )
    free = Rider(rider_id="free", spot=(900.0, 0.0), free_at=0, here_at=0, off_at=36_000)
    far = tuple(
        Rider(rider_id=f"far{n}", spot=(20_000.0 + n, 0.0), free_at=0, here_at=0, off_at=36_000) for n in range(5)
    )
    order = Order(order_id="o", shop_id="s0", pickup=(0, 0), dropoff=(50, 50), placed_at=900, ready_at=1000)
    world = World(now=1000, riders=(*busy, free, *far), orders=(order,), shops=shops)
    policy = EnginePolicy(riders_in_cell=6, moves=False)
    thought = think(world, Memory(), policy, _TRAVEL)
    cells = thought.frame.cells
    assert cells.rider_cell[len(busy)] != cells.shop_cell[0]
    assert thought.decisions == [GoTo(rider_id="free", shop_id="s0", order_ids=("o",))]


def test_candidates_found_by_squares_are_those_found_by_looking_at_everybody() -> None:
    chance = np.random.default_rng(4)
    shops = tuple(Shop(shop_id=f"s{n}", spot=(x, y)) for n, (x, y) in enumerate(chance.uniform(0, 9000, (9, 2))))
    riders = tuple(
        Rider(
            rider_id=f"r{n}",
            spot=(float(x), float(y)),
            free_at=float(chance.choice([0, 1500])),
            here_at=0,
            off_at=36_000,
            skills=frozenset({"cold"} if n % 3 == 0 else ()),
            capacity_g=5_000 if n % 5 else 20_000,
        )
        for n, (x, y) in enumerate(chance.uniform(0, 9000, (400, 2)))
    )
    orders = tuple(
        Order(
            order_id=f"o{n}",
            shop_id=shop.shop_id,
            pickup=shop.spot,
            dropoff=(0, 0),
            placed_at=900,
            ready_at=3000,
            skills=frozenset({"cold"} if n % 2 else ()),
            load_g=8_000 if n % 4 == 0 else 0,
        )
        for n, shop in enumerate(shops)
    )
    policy = EnginePolicy(moves=False)
    frame = think(World(now=1000, riders=riders, orders=orders, shops=shops), Memory(), policy, _TRAVEL).frame
    for row, order in enumerate(orders):
        fit = [
            (max(1000, rider.free_at) + np.hypot(*np.subtract(rider.spot, order.pickup)) / 5, k)
            for k, rider in enumerate(riders)
            if order.skills <= rider.skills and order.load_g <= rider.capacity_g
        ]
        assert frame.jobs.near[row].tolist() == [k for _, k in sorted(fit)[: policy.near_riders]]


def test_objects_that_did_not_change_are_not_read_again() -> None:
    riders = tuple(
        Rider(rider_id=f"r{n}", spot=(100.0 * n, 0.0), free_at=0, here_at=0, off_at=36_000) for n in range(12)
    )
    shop = Shop(shop_id="s", spot=(0.0, 0.0))
    world = World(now=1000, riders=riders, orders=(), shops=(shop,))
    first = think(world, Memory(), EnginePolicy(), _TRAVEL)
    moved = Rider(rider_id="r3", spot=(50.0, 0.0), free_at=0, here_at=0, off_at=36_000)
    fewer = (*riders[:3], moved, *riders[5:])
    second = think(World(now=1060, riders=fewer, orders=(), shops=(shop,)), first.memory, EnginePolicy(), _TRAVEL)
    assert second.memory.columns.riders.fresh == (3,)
    assert second.memory.columns.riders.table[:, 0].tolist() == [rider.spot[0] for rider in fewer]
    again = think(World(now=1060, riders=fewer, orders=(), shops=(shop,)), Memory(), EnginePolicy(), _TRAVEL)
    assert again.decisions == second.decisions
