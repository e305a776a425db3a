"""The picture of the world that the engine decides on, and what it decides: plain values, times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Spot = tuple[float, float]
"""Metres east and north on the operation's own plane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A place that orders come from, known before they come."""

    shop_id: str
    spot: Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """A rider as he will be when he is free of what he carries.

    `spot` and `free_at` are the end of his open route (now, when he carries nothing); `here_at` is when he came or
    will come there, `shop_id` the shop it is at, if any. `on_at` may lie ahead: shifts to come are capacity to come.
    `burdens` are what one more order costs with him beyond time, in seconds by part: fairness, fatigue, doubts
    whether he accepts. `in_hand` are the deliveries he carries or is asked about, `unavailable` is why he may be
    asked about nothing now.
    """

    rider_id: str
    spot: Spot
    free_at: float
    here_at: float
    off_at: float
    on_at: float = 0.0
    shop_id: str | None = None
    pace: float = 1.0
    capacity_g: int = 1_000_000_000
    capacity_ml: int = 1_000_000_000
    skills: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    burdens: Mapping[str, float] = field(default_factory=dict)
    in_hand: int = 0
    unavailable: "Bar | None" = None

    @property
    def burden_s(self) -> float:
        return sum(self.burdens.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order that nobody has picked up yet. `stops` are further pick-ups, after the first and before the drop-off.

    `ready_at` is the expected moment, `ready_spread_s` its standard deviation (0: certain). Late is what comes after
    `promised_at`, or after the policy's target where nothing was promised. `bound_to` has accepted it (or is being
    asked) and keeps it; `pinned_to` is a person's decision that stands; `barred` riders are never asked; `tried`
    tells from when each rider who was asked may be asked again, if nobody else is left; a rider who has zones gets
    what lies in one of them. Whoever has `most_in_hand` deliveries already is not asked: the cap of the place.
    """

    order_id: str
    shop_id: str
    pickup: Spot
    dropoff: Spot
    placed_at: float
    ready_at: float
    ready_spread_s: float = 0.0
    promised_at: float | None = None
    weight: float = 1.0
    load_g: int = 0
    load_ml: int = 0
    stops: tuple[Spot, ...] = ()
    skills: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    bound_to: str | None = None
    pinned_to: str | None = None
    barred: frozenset[str] = frozenset()
    tried: Mapping[str, float] = field(default_factory=dict)
    most_in_hand: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One moment: who can carry, now or later on shift, and what waits."""

    now: float
    riders: tuple[Rider, ...]
    orders: tuple[Order, ...]
    shops: tuple[Shop, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PickUp:
    """The rider is at the shop, and everything is ready: hand these over, to be delivered in this order."""

    rider_id: str
    order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    """Leave now for this shop; `order_ids` is what is meant to be picked up there (none: only to be near)."""

    rider_id: str
    shop_id: str
    order_ids: tuple[str, ...] = ()


Decision = PickUp | GoTo


class Bar(StrEnum):
    """Why a rider cannot have an order at all."""

    SILENT = "silent"
    ON_BREAK = "on_break"
    MUST_REST = "must_rest"
    CARRIES_ENOUGH = "carries_enough"
    BOUND_ELSEWHERE = "bound_elsewhere"
    PINNED_ELSEWHERE = "pinned_elsewhere"
    BARRED = "barred"
    LACKS_SKILLS = "lacks_skills"
    LACKS_CAPACITY = "lacks_capacity"
    OUTSIDE_ZONE = "outside_zone"
    SHIFT_ENDS = "shift_ends"
    ASKED_BEFORE = "asked_before"
