"""What the actors of a city share: its clock, its gateways, who is who, and what has been seen so far."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deploy.city.client import Gateways, Refused, Unreachable
from deploy.city.world import ErrandPlan, Fate, MerchantPlan, OrderPlan, RiderPlan, Scenario
from shared.kernel.clock import VirtualClock

_SHORTEST_SLEEP_S = 0.005


@dataclass
class TownHall:
    """Shared by all actors of one run. Ids are the platform's; keys are the scenario's."""

    scenario: Scenario
    gateways: Gateways
    clock: VirtualClock
    merchant_ids: dict[str, str] = field(default_factory=dict)
    rider_ids: dict[str, str] = field(default_factory=dict)
    plans: dict[str, OrderPlan] = field(default_factory=dict)
    """Order id to the plan it came from; filled as orders are placed."""
    ignored_offers: Counter[str] = field(default_factory=Counter)
    lost_riders: set[str] = field(default_factory=set)
    """Order ids whose planned mishap has already happened, so that a second attempt goes well."""
    seen: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)

    def fate_of(self, order_id: str) -> Fate:
        plan = self.plans.get(order_id)
        return plan.fate if plan else Fate.SMOOTH

    def errand_of(self, order_id: str) -> ErrandPlan | None:
        plan = self.plans.get(order_id)
        return plan.errand if plan else None

    def mishap_happens_now(self, order_id: str, fate: Fate) -> bool:
        """True once for an order that is to meet this mishap."""
        if self.fate_of(order_id) is not fate or order_id in self.lost_riders:
            return False
        self.lost_riders.add(order_id)
        return True

    def merchant_of(self, order: OrderPlan) -> MerchantPlan:
        return next(plan for plan in self.scenario.merchants if plan.key == order.merchant_key)

    def rider_plan(self, rider_id: str) -> RiderPlan:
        key = next(key for key, identifier in self.rider_ids.items() if identifier == rider_id)
        return next(plan for plan in self.scenario.riders if plan.key == key)

    async def sleep_until(self, at: datetime) -> None:
        """Waits for a moment of the virtual clock."""
        while (left := self.clock.real_seconds(at - self.clock.now())) > 0:
            await asyncio.sleep(max(_SHORTEST_SLEEP_S, left))

    async def sleep(self, span: timedelta) -> None:
        await self.sleep_until(self.clock.now() + span)

    async def try_post(
        self, service: str, path: str, role: str, identifier: str, body: dict[str, Any] | None = None
    ) -> Any | None:
        """A command that the platform may rightly refuse because somebody else was first; None when it was."""
        try:
            answer = await self.gateways.post(service, path, role, identifier, body or {})
        except Refused as refusal:
            self.refusals[refusal.code] += 1
            if refusal.status != 409:
                self.unexpected.append(f"{path}: {refusal}")
            return None
        self.seen[f"{service} {path.rsplit('/', 1)[-1]}"] += 1
        return answer

    async def guard(self, name: str, actor: Coroutine[Any, Any, None]) -> None:
        """Runs an actor; what it did not foresee is written down and ends it, not the city."""
        try:
            await actor
        except (Refused, Unreachable, KeyError, ValueError) as error:
            self.unexpected.append(f"{name}: {error!r}")


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")
