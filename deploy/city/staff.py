"""The people of the operation itself: a support agent who ends cases, and riders who watch the grab pool."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from deploy.city.riders import Rider
from deploy.city.town_hall import TownHall, stamp
from deploy.city.world import Fate
from shared.kernel.place import Place, distance_m

_LOOK_EVERY = timedelta(seconds=60)
_AGENT = "agt_city"


async def answer_cases(hall: TownHall) -> None:
    """Takes every open case; tries the delivery again when that can help, gives the money back when it cannot."""
    tried: set[str] = set()
    while True:
        await hall.sleep(_LOOK_EVERY)
        page = await hall.gateways.get("support", "/v1/cases", "support", _AGENT, state="open", limit=50)
        for case in page["items"]:
            await _end(hall, case, tried)


async def _end(hall: TownHall, case: dict[str, Any], tried: set[str]) -> None:
    path = f"/v1/cases/{case['case_id']}"
    if await hall.try_post("support", f"{path}/take", "support", _AGENT) is None:
        return
    again = case["order_id"] not in tried and hall.fate_of(case["order_id"]) is not Fate.DELIVERY_FAILS
    tried.add(case["order_id"])
    if again:
        await hall.try_post("support", f"{path}/redispatch", "support", _AGENT, {"reason": "new_rider_sent"})
    else:
        await hall.try_post("support", f"{path}/refund", "support", _AGENT, {"reason": "cannot_be_delivered"})


async def watch_grab_pool(hall: TownHall, riders: Sequence[Rider]) -> None:
    """The nearest two idle riders go for a delivery in the pool; one of them gets it."""
    while True:
        await hall.sleep(_LOOK_EVERY)
        idle = [rider for rider in riders if rider.idle]
        if not idle:
            continue
        pool = await hall.gateways.get("dispatch", "/v1/grab-pool", "rider", next(iter(hall.rider_ids.values())))
        for entry in pool["items"]:
            door = Place(entry["pickup"]["lat"], entry["pickup"]["lon"])
            nearest = sorted(idle, key=lambda rider: distance_m(rider.place, door))[:2]
            for rider in nearest:
                await rider.grab(entry["delivery_id"])


async def open_office(hall: TownHall) -> None:
    """Operations prepare the day: the coupons that are out, and what it is like outside."""
    now = hall.clock.now()
    span = {"valid_from": stamp(now - timedelta(days=1)), "valid_until": stamp(now + timedelta(days=30))}
    for terms in hall.scenario.coupons:
        await hall.gateways.post("order", "/v1/coupons", "operations", "", {**terms, **span})
    if hall.scenario.weather is not None:
        weather = {"weather": hall.scenario.weather, "until": stamp(now + timedelta(hours=2))}
        await hall.gateways.post("order", "/v1/city/weather", "operations", "", weather)
