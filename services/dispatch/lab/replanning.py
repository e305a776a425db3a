"""The seam for re-planning: what is seen of a day under way, and what may be done about it besides deciding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.dispatch.engine.world import Spot
from services.dispatch.lab.disturbances import Disturbance


@dataclass(frozen=True, slots=True, kw_only=True)
class RiderSeen:
    """A rider as the platform sees him. `spot` is his last position, of `heard_at`; `overdue_s` is for how long he
    should have been at his next stop; `carried` in the order in which he brings them; `accepted` is not fetched yet;
    `heads_for` names his next stop (a shop or an order; empty: none)."""

    rider_id: str
    spot: Spot
    heard_at: float
    free_at: float
    overdue_s: float = 0.0
    carried: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    heads_for: str = ""
    written_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An order that is not delivered. `rider_id` has it or has accepted it; `expected_at` is when it should be at
    the door (None: nobody has it)."""

    order_id: str
    shop_id: str
    dropoff: Spot
    placed_at: float
    ready_at: float
    late_after: float
    rider_id: str | None = None
    picked_up: bool = False
    expected_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One moment. `news` became known since the last look, `known` is everything known that is not over."""

    now: float
    riders: Mapping[str, RiderSeen]
    orders: Mapping[str, OrderSeen]
    shops: Mapping[str, Spot]
    news: tuple[Disturbance, ...] = ()
    known: tuple[Disturbance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Take an order that is not fetched yet from its rider: it waits again, and he may go elsewhere."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """This rider cannot go on: nothing more is given to him, and what he has not fetched waits again."""

    rider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """Another rider is to fetch these goods from where their rider stands."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder:
    """The rider is to bring what he carries in this order, from where he is now; new addresses are told him."""

    rider_id: str
    order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divert:
    """The rider, who carries nothing, stops where he is and is free; what he had accepted waits again."""

    rider_id: str


Action = Release | WriteOff | TakeOver | Reorder | Divert


class Replanner(Protocol):
    """Looks at the day before each decision. An action that no longer fits is passed over. Without one, what is
    agreed stays agreed until the platform's own waits run out."""

    def replan(self, situation: Situation) -> Sequence[Action]: ...
