"""A zone's demand: events, state and the decision that a surge has begun or ended."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.policies.cells import parent_of
from services.dispatch.domain.policy import DispatchPolicy

ZONE_RESOLUTION = 7
"""H3 cells of some five square kilometres: what riders cross in a quarter of an hour."""
PREFIX = "srg"


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeBegan:
    """In a zone (an H3 cell) so many orders wait for so few free riders that it is planned otherwise there."""

    zone: str
    orders_waiting: int
    free_riders: int
    began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeEnded:
    zone: str
    orders_waiting: int
    free_riders: int
    ended_at: datetime


SurgeEvent = SurgeBegan | SurgeEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """A zone's surge; `began_at` None: there is none now."""

    zone: str = ""
    began_at: datetime | None = None

    @property
    def going_on(self) -> bool:
        return self.began_at is not None


CALM = Surge()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How a zone stands at a moment."""

    zone: str
    orders_waiting: int = 0
    free_riders: int = 0

    @property
    def ratio(self) -> float:
        return self.orders_waiting / max(1, self.free_riders)


def zone_of(cell: str) -> str:
    """The zone that holds a finer cell."""
    return parent_of(cell, ZONE_RESOLUTION)


def stream_of(zone: str) -> str:
    return f"{PREFIX}_{zone}"


def demands(waiting_cells: Iterable[str], free_cells: Iterable[str]) -> dict[str, Demand]:
    """By zone, from the cells in which orders wait for riders and free riders for orders."""
    found: dict[str, Demand] = {}
    for cell in waiting_cells:
        before = found.setdefault(zone_of(cell), Demand(zone=zone_of(cell)))
        found[before.zone] = replace(before, orders_waiting=before.orders_waiting + 1)
    for cell in free_cells:
        before = found.setdefault(zone_of(cell), Demand(zone=zone_of(cell)))
        found[before.zone] = replace(before, free_riders=before.free_riders + 1)
    return found


def notice(demand: Demand, surge: Surge, now: datetime, policy: DispatchPolicy) -> list[SurgeEvent]:
    """A surge begins at one ratio of orders to free riders and ends below a lower one, so it does not flicker."""
    figures = {"orders_waiting": demand.orders_waiting, "free_riders": demand.free_riders}
    if surge.going_on:
        over = demand.ratio < policy.surge_ends_ratio
        return [SurgeEnded(zone=demand.zone, ended_at=now, **figures)] if over else []
    many = demand.orders_waiting >= policy.surge_orders
    if many and demand.ratio >= policy.surge_begins_ratio:
        return [SurgeBegan(zone=demand.zone, began_at=now, **figures)]
    return []


def evolve(state: Surge, event: SurgeEvent) -> Surge:
    """The zone after one more event."""
    match event:
        case SurgeBegan():
            return Surge(zone=event.zone, began_at=event.began_at)
        case SurgeEnded():
            return replace(state, zone=event.zone, began_at=None)
        case _:
            assert_never(event)


def in_surge(policy: DispatchPolicy) -> DispatchPolicy:
    """The figures while a surge lasts: more orders together, and longer holds in which they find each other."""
    return replace(
        policy,
        orders_per_bundle=max(policy.orders_per_bundle, policy.surge_orders_per_bundle),
        engine_turn_seconds=max(policy.engine_turn_seconds, policy.surge_turn_seconds),
    )
