"""Customers: they order, some change their minds, most confirm and many say how it was."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from deploy.city.town_hall import TownHall, stamp
from deploy.city.world import Fate, OrderPlan

_CONFIRM_AFTER = timedelta(seconds=60)
_ENDED = ("completed", "cancelled", "rejected", "archived")


async def order_and_follow(hall: TownHall, plan: OrderPlan, customer_id: str, dice: random.Random) -> str:
    """Places the order at its time and follows it to its end; answers the order's id."""
    await hall.sleep_until(plan.placed_at)
    body = _request(hall, plan)
    if plan.quoted:
        body["quote_id"] = await _quote(hall, body, customer_id)
    placed = await hall.gateways.post("order", "/v1/orders", "customer", customer_id, body)
    order_id = str(placed["order_id"])
    hall.plans[order_id] = plan
    if plan.fate is Fate.CUSTOMER_CANCELS:
        await _change_mind(hall, order_id, customer_id, dice)
    await _follow(hall, plan, order_id, customer_id, dice)
    return order_id


def _request(hall: TownHall, plan: OrderPlan) -> dict[str, Any]:
    declined = plan.fate is Fate.PAYMENT_DECLINED
    return {
        **_wanted(hall, plan),
        "tip_cents": plan.tip_cents,
        **({"coupon": plan.coupon} if plan.coupon else {}),
        **({"scheduled_for": stamp(hall.clock.now() + plan.scheduled_after)} if plan.scheduled_after else {}),
        "dropoff": {"lat": plan.dropoff.lat, "lon": plan.dropoff.lon},
        "address": plan.address,
        "contact": {
            "name": f"Customer {plan.key}",
            "phone": "+8613812345678",
            "email": f"{plan.key}@example.com",
            "language": plan.language,
        },
        "payment": {"method": "sandbox_declined" if declined else "sandbox_ok"},
    }


def _wanted(hall: TownHall, plan: OrderPlan) -> dict[str, Any]:
    if plan.errand is not None:
        return {"kind": plan.errand.kind, "errand": dict(plan.errand.body)}
    items = [{"sku": sku, "quantity": 1, "options": list(plan.options.get(sku, ()))} for sku in plan.skus]
    return {"kind": "food", "merchant_id": hall.merchant_ids[plan.merchant_key], "items": items}


async def _quote(hall: TownHall, body: Mapping[str, Any], customer_id: str) -> str:
    """Asks the price first, as an application does before it shows the button."""
    wish = {name: value for name, value in body.items() if name not in ("address", "contact", "payment")}
    quote = await hall.gateways.post("order", "/v1/quotes", "customer", customer_id, wish)
    hall.seen["quotes asked"] += 1
    return str(quote["quote_id"])


async def _change_mind(hall: TownHall, order_id: str, customer_id: str, dice: random.Random) -> None:
    """Anywhere between at once and when the rider may already have the goods: the race is the point."""
    await hall.sleep(timedelta(minutes=dice.choice((0.2, 1.0, 4.0, 12.0))))
    await hall.try_post("order", f"/v1/orders/{order_id}/cancel", "customer", customer_id, {"reason": "changed_mind"})


async def _follow(hall: TownHall, plan: OrderPlan, order_id: str, customer_id: str, dice: random.Random) -> None:
    """Watches the tracking page until the order has ended."""
    async for _, order in hall.gateways.listen("order", f"/v1/orders/{order_id}/live", "customer", customer_id):
        if order["state"] == "delivered" and plan.fate is not Fate.NEVER_CONFIRMED:
            await hall.sleep(_CONFIRM_AFTER)
            await hall.try_post("order", f"/v1/orders/{order_id}/confirm", "customer", customer_id)
        if order["state"] in _ENDED:
            hall.seen[f"ended {order['state']}"] += 1
            if order["state"] == "completed" and dice.random() < 0.7:
                await _review(hall, order_id, customer_id, dice)
            return


async def _review(hall: TownHall, order_id: str, customer_id: str, dice: random.Random) -> None:
    scores = {name: dice.choice((3, 4, 4, 5, 5, 5)) for name in ("merchant", "rider", "platform")}
    await hall.try_post("order", f"/v1/orders/{order_id}/review", "customer", customer_id, scores)
