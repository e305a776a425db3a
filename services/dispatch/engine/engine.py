"""The engine's one door: a picture of the world and a memory in, decisions and the next memory out."""

from dataclasses import dataclass, field
from math import inf

from services.dispatch.engine.acting import due, moves
from services.dispatch.engine.columns import Columns
from services.dispatch.engine.core.arrays import Ints, Plan
from services.dispatch.engine.demand import Seen, Shifts
from services.dispatch.engine.frame import Frame, framed
from services.dispatch.engine.planning import Routes, planned
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import TravelTimes
from services.dispatch.engine.world import Decision, World


@dataclass(frozen=True, slots=True)
class Memory:
    """What the engine takes from one tick to the next: its plan, what the day has shown so far, and (to spare reading
    the same objects again) the last picture in figures. Idle riders are thought about once a tick: `moved_at`."""

    routes: Routes = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    shifts: Shifts = field(default_factory=Shifts)
    columns: Columns = field(default_factory=Columns)
    moved_at: float = -inf


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
    columns = memory.columns.showing(world)
    seen = memory.seen.with_orders((world.orders[k] for k in columns.orders.fresh), columns.shop_rows)
    shifts = memory.shifts.with_riders((world.riders[k] for k in columns.riders.fresh), world.now)
    moving = policy.moves and world.now - memory.moved_at >= policy.tick
    frame = framed(world, columns, seen, shifts, policy, travel, moving=moving)
    plan, owner, foreseen = planned(frame, memory.routes)
    decisions, routes = due(frame, plan)
    decisions.extend(moves(frame, plan, foreseen))
    return Thought(
        decisions, Memory(routes, seen, shifts, columns, world.now if moving else memory.moved_at), frame, plan, owner
    )
