"""Merchants: they hear their orders, accept or reject or do not answer, cook, and say when it is ready."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from deploy.city.town_hall import TownHall, stamp
from deploy.city.world import Fate, MerchantPlan

_ANSWER_AFTER = timedelta(seconds=20)


async def register(hall: TownHall, plan: MerchantPlan) -> None:
    body = {
        "name": plan.name,
        "phone": "+8657187654321",
        "place": {"lat": plan.place.lat, "lon": plan.place.lon},
        "address": plan.address,
        "menu": list(plan.menu),
        "preparation_minutes": plan.preparation_minutes,
        **plan.more,
    }
    answer = await hall.gateways.post("order", "/v1/merchants", "operations", "", body)
    hall.merchant_ids[plan.key] = answer["merchant_id"]


async def keep_shop(hall: TownHall, plan: MerchantPlan) -> None:
    """Serves every order of this shop once, for as long as the city lives."""
    merchant_id = hall.merchant_ids[plan.key]
    begun: set[str] = set()
    async with asyncio.TaskGroup() as kitchen:
        async for kind, data in hall.gateways.listen(
            "order", f"/v1/merchants/{merchant_id}/live", "merchant", merchant_id
        ):
            for order in data if kind == "orders" else [data] if kind == "order" else []:
                order_id = order["order_id"]
                if _wants_answer(order) and order_id not in begun:
                    begun.add(order_id)
                    kitchen.create_task(hall.guard(f"kitchen {order_id}", _serve(hall, plan, merchant_id, order)))


def _wants_answer(order: dict[str, Any]) -> bool:
    # An order waits for its merchant once it says until when; that the payment is good comes a moment earlier.
    return bool(order["state"] == "pending_acceptance" and order["answer_by"])


async def _serve(hall: TownHall, plan: MerchantPlan, merchant_id: str, order: dict[str, Any]) -> None:
    order_id = order["order_id"]
    fate = hall.fate_of(order_id)
    if fate is Fate.MERCHANT_SILENT:
        return
    if not hall.scenario.whole_minutes:
        await hall.sleep(_ANSWER_AFTER)
    if fate is Fate.MERCHANT_REJECTS:
        await hall.try_post("order", f"/v1/orders/{order_id}/reject", "merchant", merchant_id, {"reason": "sold_out"})
        return
    ready_at = _ready_at(hall, plan, order_id)
    body = {"ready_at": stamp(max(ready_at, hall.clock.now()))}
    if await hall.try_post("order", f"/v1/orders/{order_id}/accept", "merchant", merchant_id, body) is None:
        return
    await hall.try_post("order", f"/v1/orders/{order_id}/start-preparation", "merchant", merchant_id)
    await hall.sleep_until(ready_at)
    done = {"occurred_at": stamp(max(ready_at, hall.clock.now() - timedelta(minutes=1)))}
    await hall.try_post("order", f"/v1/orders/{order_id}/ready", "merchant", merchant_id, done)


def _ready_at(hall: TownHall, plan: MerchantPlan, order_id: str) -> datetime:
    planned = hall.plans.get(order_id)
    if planned and planned.ready_at:
        return planned.ready_at
    return hall.clock.now() + timedelta(minutes=plan.preparation_minutes)
