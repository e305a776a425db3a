"""One order, placed over HTTP on real processes, is followed to its end and beyond by everybody it concerns."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.platform import Platform
from shared.kernel.ids import new_id
from tests.support.waiting import wait_until

DOOR = {"lat": 30.2741, "lon": 120.1551}
HOME = {"lat": 30.2790, "lon": 120.1600}


class Person:
    """Somebody with a token and a browser."""

    def __init__(self, platform: Platform, role: str, identifier: str = "") -> None:
        token = platform.token((role,), (identifier,) if identifier else ())
        self._headers = {"Authorization": f"Bearer {token}"}
        self._platform = platform

    def get(self, service: str, path: str) -> Any:
        return self._checked(httpx.get(self._platform.url(service) + path, headers=self._headers, timeout=10))

    def post(self, service: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        url = self._platform.url(service) + path
        return self._checked(httpx.post(url, json=body or {}, headers=headers, timeout=10))

    @staticmethod
    def _checked(answer: httpx.Response) -> Any:
        assert answer.status_code < 400, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def town(platform: Platform) -> dict[str, Any]:
    """A merchant and one rider on shift."""
    shop = {
        "name": "Lakeside Noodles",
        "phone": "+8657187654321",
        "place": DOOR,
        "address": "1 Lotus Road",
        "menu": [{"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800}],
        "preparation_minutes": 8,
    }
    merchant_id = Person(platform, "operations").post("order", "/v1/merchants", shop)["merchant_id"]
    rider = {
        "name": "Li Wei",
        "phone": "+8613900000000",
        "skills": [],
        "vehicle": "scooter",
        "capacity": {"weight_g": 20000, "volume_ml": 60000},
    }
    rider_id = Person(platform, "dispatcher").post("dispatch", "/v1/riders", rider)["rider_id"]
    until = (platform.clock.now() + timedelta(hours=8)).isoformat()
    start = {"place": DOOR, "until": until}
    Person(platform, "rider", rider_id).post("dispatch", f"/v1/riders/{rider_id}/shift/start", start)
    return {"merchant_id": merchant_id, "rider_id": rider_id}


def request_of(merchant_id: str) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "kind": "food",
        "items": [{"sku": "noodles", "quantity": 2}],
        "dropoff": HOME,
        "address": "18 Willow Lane, room 502",
        "contact": {"name": "Chen Yu", "phone": "+8613812345678", "email": "chen@example.com", "language": "zh"},
        "payment": {"method": "sandbox_ok"},
    }


def test_an_order_lives_from_placing_to_review(platform: Platform, town: dict[str, Any]) -> None:
    merchant_id, rider_id, customer_id = town["merchant_id"], town["rider_id"], new_id("cus")
    customer, merchant = Person(platform, "customer", customer_id), Person(platform, "merchant", merchant_id)
    rider = Person(platform, "rider", rider_id)

    placed = customer.post("order", "/v1/orders", request_of(merchant_id))
    order_id = placed["order_id"]
    assert placed["state"] == "pending_acceptance"

    def order() -> Any:
        return customer.get("order", f"/v1/orders/{order_id}")

    def reaches(state: str) -> None:
        wait_until(lambda: order()["state"] == state, timeout=30, message=f"the order never became {state}")

    wait_until(lambda: order()["answer_by"], timeout=30, message="the merchant was never asked")
    wait_until(
        lambda: merchant.post("order", f"/v1/orders/{order_id}/accept", {"preparation_minutes": 1}),
        timeout=5,
        message="never accepted",
    )

    def work() -> Any:
        return rider.get("dispatch", f"/v1/riders/{rider_id}/work")

    wait_until(lambda: work()["offers"], timeout=30, message="the rider was never asked")
    delivery = f"/v1/deliveries/{work()['offers'][0]['delivery_id']}"
    rider.post("dispatch", f"{delivery}/accept")
    merchant.post("order", f"/v1/orders/{order_id}/ready")
    wait_until(lambda: work()["deliveries"][0].get("contact_phone"), timeout=30, message="no contact for the rider")
    assert work()["deliveries"][0]["address"] == "18 Willow Lane, room 502"
    rider.post("dispatch", f"{delivery}/arrived-at-pickup")
    rider.post("dispatch", f"{delivery}/picked-up", {"proof": {"kind": "code", "reference": "1234"}})
    reaches("delivering")
    rider.post("dispatch", f"{delivery}/arrived-at-dropoff")
    rider.post("dispatch", f"{delivery}/delivered", {"proof": {"kind": "photo", "reference": "p-1"}})
    reaches("delivered")
    customer.post("order", f"/v1/orders/{order_id}/confirm")
    reaches("completed")
    customer.post("order", f"/v1/orders/{order_id}/review", {"merchant": 5, "rider": 5, "platform": 4})

    analyst = Person(platform, "analyst")
    wait_until(
        lambda: analyst.get("analytics", "/v1/kpis")["satisfaction"]["count"] == 1,
        timeout=30,
        message="the review never reached the KPIs",
    )
    kpis = analyst.get("analytics", "/v1/kpis")
    assert kpis["on_time_rate"]["value"] == 1.0
    assert kpis["click_to_door_minutes"]["count"] == 1
    told = customer.get("notify", f"/v1/notifications?recipient_id={customer_id}")["items"]
    assert len(told) >= 5


def test_an_email_in_the_customers_language_reaches_the_sink(platform: Platform, town: dict[str, Any]) -> None:
    def mails() -> list[str]:
        return [path.read_text(errors="replace") for path in Path(platform.mail_dir).rglob("*") if path.is_file()]

    wait_until(lambda: any("chen@example.com" in mail for mail in mails()), timeout=30, message="no e-mail came")


def test_bad_input_gets_its_problem_document_and_leaves_no_event(platform: Platform, town: dict[str, Any]) -> None:
    merchant_id, customer_id = town["merchant_id"], new_id("cus")
    url = platform.url("order") + "/v1/orders"
    token = platform.token(("customer",), (customer_id,))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    good = request_of(merchant_id)
    operations = Person(platform, "operations")
    before = operations.get("order", "/v1/orders?limit=200")["items"]

    def ask(expected: int, code: str, **request: Any) -> None:
        answer = httpx.post(url, timeout=20, **{"headers": headers, **request})
        assert answer.status_code == expected, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["code"] == code, answer.text

    ask(400, "malformed_json", content=b'{"merchant_id": ')
    ask(422, "invalid_input", json={**good, "items": "noodles"})
    ask(404, "not_found", json={**good, "merchant_id": new_id("mer")})
    ask(422, "invalid_input", json={**good, "items": [{"sku": "no-such", "quantity": 1}]})
    ask(422, "invalid_input", json={**good, "dropoff": {"lat": 52.0, "lon": 13.0}})
    ask(401, "unauthenticated", json=good, headers={})
    rider = {**headers, "Authorization": f"Bearer {platform.token(('rider',), (town['rider_id'],))}"}
    ask(403, "wrong_role", json=good, headers=rider)
    ask(413, "body_too_large", content=b" " * 10_000_000)
    assert operations.get("order", "/v1/orders?limit=200")["items"] == before


def test_nobody_sees_or_changes_what_is_not_theirs(platform: Platform, town: dict[str, Any]) -> None:
    customer = Person(platform, "customer", owner := new_id("cus"))
    order_id = customer.post("order", "/v1/orders", request_of(town["merchant_id"]))["order_id"]
    assert owner

    def status(role: str, identifier: str, method: str, path: str) -> int:
        token = platform.token((role,), (identifier,))
        url = platform.url("order") + path
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, url, headers=headers, json={} if method == "POST" else None).status_code

    assert status("customer", new_id("cus"), "GET", f"/v1/orders/{order_id}") == 404
    assert status("merchant", new_id("mer"), "POST", f"/v1/orders/{order_id}/accept") in (404, 422)
    assert status("customer", owner, "POST", f"/v1/orders/{order_id}/confirm") == 409
    assert status("customer", owner, "GET", f"/v1/orders/{new_id('ord')}") == 404
