"""Every rule of the public benchmark, broken once: the checker names the rule."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.dispatch.checker import violations
from tests.bench.dispatch.metrics import measure
from tests.bench.dispatch.plan_files import BadPlanFile, Given, Move, Solution, read_instance, read_solution

INSTANCE = {
    "orders.txt": (
        "order\tx\ty\tplacement_time\trestaurant\tready_time\n"
        "o1\t1000\t0\t10\tr1\t20\no2\t1000\t300\t12\tr1\t18\no3\t0\t600\t40\tr2\t50\n"
    ),
    "restaurants.txt": "restaurant\tx\ty\nr1\t0\t0\nr2\t0\t1000\n",
    "couriers.txt": "courier\tx\ty\ton_time\toff_time\nc1\t-301\t0\t5\t60\nc2\t5000\t5000\t0\t30\n",
    "instance_parameters.txt": (
        "meters_per_minute\tpickup service minutes\tdropoff service minutes\ttarget click-to-door\t"
        "maximum click-to-door\tpay per order\tguaranteed pay per hour\n300\t4\t4\t40\t90\t10\t15\n"
    ),
}
# c1: 2 minutes to r1 (16 to 18), picks o1 and o2 up at 20, 4 minutes to o1, 1 to o2; then o3 from r2.
PLAN = {
    "solution_info_assignments.txt": "assignment_time pickup_time courier orders\n12 20 c1 o1 o2\n40 50 c1 o3\n",
    "solution_info_orders.txt": (
        "order placement_time ready_time pickup_time dropoff_time courier\n"
        "o1 10 20 20 28 c1\no2 12 18 20 33 c1\no3 40 50 50 56 c1\n"
    ),
    "solution_info_couriers.txt": (
        "courier departure_time origin destination\nc1 16 0 r1\nc1 22 r1 o1\nc1 30 o1 o2\nc1 36 o2 r2\nc1 52 r2 o3\n"
    ),
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return read_instance(written(tmp_path, INSTANCE))


@pytest.fixture
def plan(tmp_path: Path) -> Solution:
    return read_solution(written(tmp_path, PLAN))


def changed(folder: Path, file: str, old: str, new: str) -> Solution:
    """The good plan with one line changed."""
    assert old in PLAN[file]
    return read_solution(written(folder, {**PLAN, file: PLAN[file].replace(old, new)}))


def test_a_plan_that_keeps_every_rule_has_no_violation(given: Given, plan: Solution) -> None:
    assert violations(given, plan) == []


ASSIGNMENTS, ORDERS, COURIERS = PLAN

PLANTED = [
    ("unknown order", ASSIGNMENTS, "c1 o3", "c1 o9"),
    ("unknown courier", ASSIGNMENTS, "50 c1", "50 c9"),
    ("unknown place", COURIERS, "o2 r2", "o2 r9"),
    ("order in more than one assignment", ASSIGNMENTS, "c1 o3", "c1 o3 o2"),
    ("bundle of several restaurants", ASSIGNMENTS, "c1 o1 o2\n40 50 c1 o3", "c1 o1 o2 o3"),
    ("assigned before placement", ASSIGNMENTS, "12 20", "11 20"),
    ("assigned after pick-up", ASSIGNMENTS, "12 20", "21 20"),
    ("picked up before ready", ASSIGNMENTS, "12 20", "12 19"),
    ("picked up before half the service", COURIERS, "c1 16 0 r1", "c1 17 0 r1"),
    ("leaves the restaurant at a wrong time", COURIERS, "c1 22 r1", "c1 21 r1"),
    ("leaves the restaurant at a wrong time", COURIERS, "c1 22 r1", "c1 23 r1"),
    ("drop-off at a wrong time", ORDERS, "20 28 c1", "20 27 c1"),
    ("leaves a door at a wrong time", COURIERS, "c1 30 o1", "c1 31 o1"),
    ("leaves a door at a wrong time", COURIERS, "c1 36 o2 r2", "c1 34 o2 r2"),
    ("leaves from elsewhere", COURIERS, "c1 36 o2 r2", "c1 36 o1 r2"),
    ("leaves before on-time", COURIERS, "c1 16 0 r1", "c1 4 0 r1"),
    ("leaves before arrival", COURIERS, "c1 52 r2", "c1 38 r2"),
    ("not at the restaurant", COURIERS, "c1 36 o2 r2\nc1 52 r2 o3\n", ""),
    ("drop-off without the goods", COURIERS, "c1 16 0 r1", "c1 6 0 o3\nc1 13 o3 r1"),
    ("drop-off without the goods", COURIERS, "c1 52 r2 o3", "c1 52 r2 o3\nc1 58 o3 o1"),
    ("not the stated sequence", ASSIGNMENTS, "c1 o1 o2", "c1 o2 o1"),
    ("not the stated sequence", COURIERS, "c1 30 o1 o2\n", ""),
    ("order and assignment differ", ORDERS, "o1 10 20 20", "o1 10 20 21"),
    ("order and assignment differ", ORDERS, "50 56 c1", "50 56 c2"),
    ("order and assignment differ", ORDERS, "50 56 c1", "nan nan nan"),
    ("order and assignment differ", ASSIGNMENTS, "40 50 c1 o3\n", ""),
    ("placement or ready time changed", ORDERS, "o3 40 50", "o3 39 50"),
    ("placement or ready time changed", ORDERS, "o3 40 50", "o3 40 49"),
    ("order without a line", ORDERS, "o3 40 50 50 56 c1\n", ""),
]


@pytest.mark.parametrize(("rule", "file", "old", "new"), PLANTED)
def test_a_planted_violation_is_caught(
    rule: str, file: str, old: str, new: str, given: Given, tmp_path: Path
) -> None:
    assert rule in {found.rule for found in violations(given, changed(tmp_path, file, old, new))}


def test_a_pickup_after_the_shift_is_caught_and_a_dropoff_after_it_is_not(given: Given, plan: Solution) -> None:
    until_50 = replace(given, shifts={**given.shifts, "c1": replace(given.shifts["c1"], off=50)})
    until_49 = replace(given, shifts={**given.shifts, "c1": replace(given.shifts["c1"], off=49)})
    assert violations(until_50, plan) == []
    assert {found.rule for found in violations(until_49, plan)} == {"picked up after off-time"}


def test_a_rider_on_the_way_is_not_diverted(given: Given, plan: Solution) -> None:
    sent = (Move(6, "c1", "r2"), Move(8, "r2", "r1"), *plan.moves["c1"][1:])
    assert "leaves before arrival" in {found.rule for found in violations(given, replace(plan, moves={"c1": sent}))}


def test_being_sent_ahead_is_allowed_and_so_is_an_order_left_over(given: Given, tmp_path: Path) -> None:
    plan = read_solution(
        written(
            tmp_path,
            {
                ASSIGNMENTS: "assignment_time pickup_time courier orders\n20 20 c1 o1 o2\n",
                ORDERS: PLAN[ORDERS].replace("50 56 c1", "nan nan nan"),
                COURIERS: PLAN[COURIERS].replace("c1 52 r2 o3\n", "c2 3 0 r2\n").replace("c1 16 0 r1", "c1 5 0 r1"),
            },
        )
    )
    assert violations(given, plan) == []
    assert measure(given, plan).undelivered == 1


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (ASSIGNMENTS, "12 20 c1", "12 20.5 c1"),
        (ASSIGNMENTS, "c1 o3", "c1"),
        (COURIERS, "r2 o3", "r2"),
        (ORDERS, "o3", "o2"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(file: str, old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(BadPlanFile):
        changed(tmp_path, file, old, new)


def test_the_measures_are_those_of_the_authors_evaluator(given: Given, plan: Solution) -> None:
    measures = measure(given, plan)
    assert measures.undelivered == 0
    assert measures.ctd == pytest.approx((18 + 21 + 16) / 3)
    assert measures.ctd_p90 == pytest.approx(18 + 0.8 * 3)
    assert measures.overage == 0
    assert measures.rtp == pytest.approx(2 / 3)
    # c1 drives 2 + 4 + 1 + 5 + 2 minutes and serves 2 x 4 + 3 x 4 in 55; c2 nothing in 30.
    assert measures.utilisation == pytest.approx(((14 + 20) / 55 + 0) / 2)
    assert measures.cost_per_order == pytest.approx((max(30, 15 * 55 / 60) + max(0, 15 * 30 / 60)) / 3)
    assert measures.orders_per_bundle == 1.5
