"""What a bounded run comes to: each order's end as its gateway tells it, and the KPIs as analytics tells them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from deploy.city.city import City
from deploy.city.client import Gateways
from deploy.history import Verdict

TERMINAL = ("completed", "cancelled", "rejected", "archived")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last line of a bounded run. `failed` counts orders whose delivery failed at least once, whatever came
    after; the terminal states add up to `orders`."""

    scenario: str
    planned: int
    ends: Counter[str]
    failed: int
    verdict: Verdict
    seconds: float
    kpis: dict[str, Any]
    did: dict[str, int]

    @property
    def holds(self) -> bool:
        """Every planned order was placed and reached an end."""
        return self.planned == self.ends.total() == sum(self.ends[state] for state in TERMINAL)

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "orders": self.planned,
            "completed": self.ends["completed"] + self.ends["archived"],
            "failed": self.failed,
            "cancelled": self.ends["cancelled"],
            "rejected": self.ends["rejected"],
            "unfinished": self.planned - sum(self.ends[state] for state in TERMINAL),
            "lost": len(self.verdict.lost),
            "duplicated": len(self.verdict.duplicated),
            "broken": len(self.verdict.broken),
            "events": self.verdict.events,
            "messages": self.verdict.messages,
            "sent_again": self.verdict.heard_again,
            "seconds": round(self.seconds, 1),
            "on_time_rate": self.kpis["on_time_rate"]["value"],
            "exception_ratio": self.kpis["exception_ratio"]["value"],
            "satisfaction": self.kpis["satisfaction"]["mean"],
            "order_processing_minutes": self.kpis["order_processing_minutes"],
            "click_to_door_minutes": self.kpis["click_to_door_minutes"],
            "ready_to_pickup_minutes": self.kpis["ready_to_pickup_minutes"],
            "riders_lost": self.did.get("riders lost", 0),
        }


async def outcome(city: City, gateways: Gateways, verdict: Verdict, seconds: float) -> Outcome:
    """Asks the order gateway for every order, and analytics for the KPIs."""
    ends: Counter[str] = Counter()
    failed = 0
    for order_id in city.hall.plans:
        order = await gateways.get("order", f"/v1/orders/{order_id}", "operations")
        ends[order["state"]] += 1
        failed += any(step["name"] == "failed" for step in order["steps"])
    kpis = await gateways.get("analytics", "/v1/kpis", "operations")
    return Outcome(
        scenario=city.hall.scenario.name,
        planned=city.planned,
        ends=ends,
        failed=failed,
        verdict=verdict,
        seconds=seconds,
        kpis=kpis,
        did=dict(city.hall.seen),
    )
