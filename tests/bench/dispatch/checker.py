"""Whether a plan keeps the rules of the Meal Delivery Routing Problem, judged from the files alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.dispatch.plan_files import Assignment, Given, Move, Outcome, Solution


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the plan breaks, and where."""

    rule: str
    facts: str


def violations(given: Given, plan: Solution) -> list[Violation]:
    """Everything that is wrong with a plan; nothing, when it is feasible."""
    strangers = list(_strangers(given, plan))
    if strangers:
        return strangers
    return [
        *_orders_said(given, plan),
        *_each_once(plan),
        *(found for assignment in plan.assignments for found in _assignment(given, plan, assignment)),
        *(found for courier in plan.moves for found in _continuous(given, courier, plan.moves[courier])),
        *(found for courier in given.shifts for found in _walked(given, plan, courier)),
    ]


def _strangers(given: Given, plan: Solution) -> Iterator[Violation]:
    """Names that the instance does not have."""
    orders = {order for assignment in plan.assignments for order in assignment.orders} | set(plan.outcomes)
    couriers = {assignment.courier for assignment in plan.assignments} | set(plan.moves)
    couriers |= {outcome.courier for outcome in plan.outcomes.values() if outcome.courier is not None}
    places = {place for moves in plan.moves.values() for move in moves for place in (move.origin, move.destination)}
    for kind, unknown in (
        ("order", orders - set(given.orders)),
        ("courier", couriers - set(given.shifts)),
        ("place", places - set(given.places)),
    ):
        for name in sorted(unknown):
            yield Violation(f"unknown {kind}", name)


def _orders_said(given: Given, plan: Solution) -> Iterator[Violation]:
    """The file of orders says what the instance and the assignments say."""
    carried = {order: assignment for assignment in plan.assignments for order in assignment.orders}
    for order, fact in given.orders.items():
        outcome = plan.outcomes.get(order)
        if outcome is None:
            yield Violation("order without a line", order)
            continue
        if (outcome.placed, outcome.ready) != (fact.placed, fact.ready):
            yield Violation("placement or ready time changed", f"{order}: {outcome}")
        yield from _told_alike(order, outcome, carried.get(order))


def _told_alike(order: str, outcome: Outcome, assignment: Assignment | None) -> Iterator[Violation]:
    said = (outcome.pickup, outcome.courier)
    expected = (None, None) if assignment is None else (assignment.pickup, assignment.courier)
    if said != expected or (outcome.dropoff is None) != (assignment is None):
        yield Violation("order and assignment differ", f"{order}: {said}, {expected}")


def _each_once(plan: Solution) -> Iterator[Violation]:
    counts = Counter(order for assignment in plan.assignments for order in assignment.orders)
    for order, count in counts.items():
        if count > 1:
            yield Violation("order in more than one assignment", order)


def _assignment(given: Given, plan: Solution, assignment: Assignment) -> Iterator[Violation]:
    """Rules about one bundle, its times and its orders."""
    facts = f"{assignment}"
    orders = [given.orders[order] for order in assignment.orders]
    if len({order.restaurant for order in orders}) > 1:
        yield Violation("bundle of several restaurants", facts)
    if assignment.decided < max(order.placed for order in orders):
        yield Violation("assigned before placement", facts)
    if assignment.decided > assignment.pickup:
        yield Violation("assigned after pick-up", facts)
    if assignment.pickup < max(order.ready for order in orders):
        yield Violation("picked up before ready", facts)
    if assignment.pickup > given.shifts[assignment.courier].off:
        yield Violation("picked up after off-time", facts)


def _continuous(given: Given, courier: str, moves: tuple[Move, ...]) -> Iterator[Violation]:
    """A courier starts on shift at the on-location, leaves from where he came to, and only after he came."""
    place, since = courier, given.shifts[courier].on
    for move in moves:
        if move.origin != place:
            yield Violation("leaves from elsewhere", f"{courier}: {move}, was at {place}")
        if move.departure < since:
            rule = "leaves before on-time" if place == courier else "leaves before arrival"
            yield Violation(rule, f"{courier}: {move}, there from {since}")
        place, since = move.destination, move.departure + given.minutes(move.origin, move.destination)


def _walked(given: Given, plan: Solution, courier: str) -> Iterator[Violation]:
    """Follows a courier through the day: each visit is the next thing to do, and takes its time."""
    tasks = sorted((each for each in plan.assignments if each.courier == courier), key=lambda each: each.pickup)
    moves = plan.moves.get(courier, ())
    legs = iter(enumerate(moves))
    at = 0
    for task in tasks:
        restaurant = given.orders[task.orders[0]].restaurant
        for index, move in legs:
            at = index
            if move.destination == restaurant and _leaves(moves, index) > task.pickup:
                break
            if move.destination in given.orders:
                yield Violation("drop-off without the goods", f"{courier}: {move}")
        else:
            yield Violation("not at the restaurant", f"{task}")
            return
        yield from _picked(given, task, moves, at)
        for order in task.orders:
            at += 1
            next(legs, None)
            if at >= len(moves) or moves[at].destination != order:
                yield Violation("not the stated sequence", f"{task}: {order}")
                return
            yield from _dropped(given, plan, order, moves, at, last=order == task.orders[-1])
    for _, move in legs:
        if move.destination in given.orders:
            yield Violation("drop-off without the goods", f"{courier}: {move}")


def _picked(given: Given, task: Assignment, moves: tuple[Move, ...], at: int) -> Iterator[Violation]:
    half = given.parameters.pickup_minutes / 2
    if task.pickup < _arrives(given, moves[at]) + half:
        yield Violation("picked up before half the service", f"{task}, {moves[at]}")
    if at + 1 < len(moves) and moves[at + 1].departure != task.pickup + half:
        yield Violation("leaves the restaurant at a wrong time", f"{task}, {moves[at + 1]}")


def _dropped(
    given: Given, plan: Solution, order: str, moves: tuple[Move, ...], at: int, last: bool
) -> Iterator[Violation]:
    half = given.parameters.dropoff_minutes / 2
    dropoff = plan.outcomes[order].dropoff if order in plan.outcomes else None
    if dropoff is None or dropoff != _arrives(given, moves[at]) + half:
        yield Violation("drop-off at a wrong time", f"{order}: {dropoff}, {moves[at]}")
        return
    leaves = _leaves(moves, at)
    if leaves < dropoff + half or (not last and leaves != dropoff + half):
        yield Violation("leaves a door at a wrong time", f"{order}: {dropoff}, leaves {leaves}")


def _arrives(given: Given, move: Move) -> int:
    return move.departure + given.minutes(move.origin, move.destination)


def _leaves(moves: tuple[Move, ...], at: int) -> float:
    return moves[at + 1].departure if at + 1 < len(moves) else float("inf")
