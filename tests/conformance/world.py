"""Puts a merchant, a rider and a few orders into a platform, so that generated calls find something to work on."""

from datetime import timedelta
from typing import Any

import httpx

from deploy.local.platform import Platform
from shared.kernel.ids import new_id, sibling_id
from tests.conformance.known import KnownIds
from tests.support.waiting import wait_until

CUSTOMERS = 3
ORDERS_EACH = 3
DELIVERED = ("delivered", "completed", "reviewed")
PHOTO = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PLACE = {"lat": 30.2741, "lon": 120.1551}
SHOP: dict[str, Any] = {
    "name": "Lakeside Noodles",
    "phone": "+8657187654321",
    "place": PLACE,
    "address": "1 Lotus Road",
    "menu": [{"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800}],
    "preparation_minutes": 15,
}


def furnish(platform: Platform, known: KnownIds) -> None:
    """Some orders wait for their merchant, some are accepted or cancelled, and some are as far as they can come."""
    merchant_id = _ask(platform, "order", "/v1/merchants", "operations", "", SHOP)["merchant_id"]
    known.add("merchant_id", merchant_id)
    known.add("sku", "noodles")
    rider = {"name": "Wei", "phone": "+8613912345678", "vehicle": "scooter", "skills": []}
    rider_id = _ask(platform, "dispatch", "/v1/riders", "operations", "", rider)["rider_id"]
    known.add("rider_id", rider_id)
    known.add("scope", "dispatch")
    until = (platform.clock.now() + timedelta(hours=8)).isoformat()
    start = {"place": PLACE, "until": until}
    _ask(platform, "dispatch", f"/v1/riders/{rider_id}/shift/start", "rider", rider_id, start)
    # While nothing else wants the only rider, who is asked for one thing at a time.
    customers = [new_id("cus") for _ in range(CUSTOMERS)]
    for far in DELIVERED:
        _delivered(platform, known, customers[-1], merchant_id, rider_id, far)
    for customer_id in customers:
        known.add("customer_id", customer_id)
        for number in range(ORDERS_EACH):
            _order(platform, known, customer_id, merchant_id, number)


def _delivered(
    platform: Platform, known: KnownIds, customer_id: str, merchant_id: str, rider_id: str, far: str
) -> None:
    """An order at its customer's door, and what comes after that."""
    order_id = _order(platform, known, customer_id, merchant_id, number=1)
    path, delivery = f"/v1/orders/{order_id}", f"/v1/deliveries/{sibling_id('dlv', order_id)}"
    _ask(platform, "order", f"{path}/ready", "merchant", merchant_id, {})
    work = f"/v1/riders/{rider_id}/work"

    def asked() -> bool:
        offers = _get(platform, work, "rider", rider_id, "dispatch")["offers"]
        return any(delivery.endswith(offer["delivery_id"]) for offer in offers)

    wait_until(asked, 60, "the rider is asked")
    for step in ("accept", "arrived-at-pickup", "picked-up", "arrived-at-dropoff", "delivered"):
        _ask(platform, "dispatch", f"{delivery}/{step}", "rider", rider_id, {})
    wait_until(
        lambda: _get(platform, path, "customer", customer_id)["state"] == "delivered", 60, "the order is delivered"
    )
    if far == "delivered":
        return
    _ask(platform, "order", f"{path}/confirm", "customer", customer_id, {})
    if far == "reviewed":
        known.learn(_ask(platform, "order", f"{path}/photos", "customer", customer_id, {"content": PHOTO}))
        scores = {"merchant": 5, "rider": 4, "platform": 5, "comment": "Warm and quick."}
        _ask(platform, "order", f"{path}/review", "customer", customer_id, scores)


def _order(platform: Platform, known: KnownIds, customer_id: str, merchant_id: str, number: int) -> str:
    wish = {
        "merchant_id": merchant_id,
        "kind": "food",
        "items": [{"sku": "noodles", "quantity": 1}],
        "dropoff": {"lat": 30.2790, "lon": 120.1600},
        "address": "18 Willow Lane",
        "contact": {"name": "Chen Yu", "phone": "138 1234 5678", "language": "zh"},
        "payment": {"method": "sandbox_ok"},
    }
    order_id = _ask(platform, "order", "/v1/orders", "customer", customer_id, wish)["order_id"]
    known.add("order_id", order_id)
    path = f"/v1/orders/{order_id}"
    if number == 1:
        wait_until(lambda: _get(platform, path, "customer", customer_id)["answer_by"], 20, "the merchant is asked")
        _ask(platform, "order", f"{path}/accept", "merchant", merchant_id, {"preparation_minutes": 10})
    if number == 2:
        _ask(platform, "order", f"{path}/cancel", "customer", customer_id, {"reason": "changed_mind"})
    return order_id


def _headers(platform: Platform, role: str, identifier: str) -> dict[str, str]:
    token = platform.token((role,), (identifier,) if identifier else ())
    return {"Authorization": f"Bearer {token}"}


def _ask(platform: Platform, service: str, path: str, role: str, identifier: str, body: Any) -> Any:
    answer = httpx.post(
        platform.url(service) + path, json=body, headers=_headers(platform, role, identifier), timeout=20
    )
    if answer.status_code >= 400:
        raise AssertionError(f"POST {path}: {answer.text}")
    return answer.json()


def _get(platform: Platform, path: str, role: str, identifier: str, service: str = "order") -> Any:
    answer = httpx.get(platform.url(service) + path, headers=_headers(platform, role, identifier), timeout=20)
    if answer.status_code >= 400:
        raise AssertionError(f"GET {path}: {answer.text}")
    return answer.json()
