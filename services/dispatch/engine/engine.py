"""The engine's one door: a picture of the world and a memory in, decisions and the next memory out."""

from dataclasses import dataclass, field

from services.dispatch.engine.acting import due, moves
from services.dispatch.engine.core.arrays import Ints, Plan
from services.dispatch.engine.demand import Seen, Shifts
from services.dispatch.engine.frame import Frame, framed
from services.dispatch.engine.planning import Routes, planned
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import TravelTimes
from services.dispatch.engine.world import Decision, World


@dataclass(frozen=True, slots=True)
class Memory:
    """What the engine takes from one tick to the next: its plan, and what the day has shown so far."""

    routes: Routes = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    shifts: Shifts = field(default_factory=Shifts)


@dataclass(frozen=True, slots=True)
class Thought:
    """What was decided, and all that it came from: whoever must explain it looks here. `owner` is each order's rider
    in the plan (-1: none)."""

    decisions: list[Decision]
    memory: Memory
    frame: Frame
    plan: Plan
    owner: Ints


def decide(world: World, memory: Memory, policy: EnginePolicy, travel: TravelTimes) -> tuple[list[Decision], Memory]:
    """What must be done now. The same picture, memory and policy give the same decisions."""
    thought = think(world, memory, policy, travel)
    return thought.decisions, thought.memory


def think(world: World, memory: Memory, policy: EnginePolicy, travel: TravelTimes) -> Thought:
    """The same with what it came from."""
    shop_rows = {shop.shop_id: row for row, shop in enumerate(world.shops)}
    seen = memory.seen.with_orders(world.orders, shop_rows)
    shifts = memory.shifts.with_riders(world.riders)
    frame = framed(world, seen, shifts, shop_rows, policy, travel)
    plan, owner = planned(frame, memory.routes)
    decisions, routes = due(frame, plan)
    decisions.extend(moves(frame, plan))
    return Thought(decisions, Memory(routes, seen, shifts), frame, plan, owner)
