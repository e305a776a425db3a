"""What came of a day: every stop of every rider, the fate of every order, and what the decisions took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """How an order ended."""

    DELIVERED = "delivered"
    NOBODY = "nobody"
    """No rider could be found in time, or at all."""
    CANCELLED = "cancelled"
    """The customer waited too long."""
    LOST = "lost"
    """The rider broke down with the goods, and nobody took them over."""


class Kind(StrEnum):
    PICKUP = "pickup"
    CALL = "call"
    """A further pick-up of an errand that has several."""
    DROPOFF = "dropoff"
    MOVE = "move"
    """Idle, to be nearer to what is expected; or to a shop whose order somebody else then had."""
    WRONG_DOOR = "wrong_door"
    """The old address of a customer who had moved on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop of a rider: he left for it, came there, had the hand-over done (which itself takes half of the service
    time before and half after). For a pick-up, `order_ids` in the order in which they are brought."""

    rider_id: str
    kind: Kind
    place: str
    left_at: float
    arrived_at: float
    done_at: float
    order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlayed:
    """Moments in seconds of the day; None where it never came to that. `ready_at` is when it really was."""

    order_id: str
    shop_id: str
    rider_id: str | None
    fate: Fate
    placed_at: float
    ready_at: float
    late_after: float
    picked_at: float | None = None
    delivered_at: float | None = None
    asked: int = 0
    declined: int = 0
    replanned: int = 0
    door: tuple[float, float] = (0.0, 0.0)

    @property
    def click_to_door_s(self) -> float | None:
        return None if self.delivered_at is None else self.delivered_at - self.placed_at

    @property
    def late(self) -> bool:
        """Late or never."""
        return self.delivered_at is None or self.delivered_at > self.late_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A day under one policy. `simulated_s` passed on the day's own clock in `wall_s` of ours."""

    day: str
    orders: Mapping[str, OrderPlayed]
    stops: tuple[Stop, ...]
    decisions: int
    decision_ms: tuple[float, ...] = field(repr=False)
    simulated_s: float
    wall_s: float
    replanned: int = 0
    """Actions of the re-planner that were carried out."""
