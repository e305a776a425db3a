"""Who sees what of an order and of the lists, and what is told of a wish that is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.backends import Backends
from shared.kernel.ids import new_id
from tests.support.order_town import RIDER, SHOP, Town, open_town
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with open_town(backends, session_folder / "platform-order-reading") as made:
        yield made


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"items": "noodles"}, "items", "list_type"),
        ({"items": []}, "items", "empty"),
        ({"items": [{"sku": "unicorn", "quantity": 1}]}, "items.0.sku", "unknown_item"),
        ({"items": [{"sku": "tea", "quantity": 0}]}, "items.0.quantity", "greater_than_equal"),
        ({"dropoff": {"lat": 52.0, "lon": 13.0}}, "dropoff", "outside_service_area"),
        ({"dropoff": {"lat": 91, "lon": 13.0}}, "dropoff.lat", "less_than_equal"),
        ({"address": "  "}, "address", "blank"),
        ({"payment": {"method": "barter"}}, "payment.method", "unknown_method"),
        ({"payment": {"method": "sandbox_nonsense"}}, "payment.method", "unknown_method"),
        ({"payment": {"method": "sandbox_expired"}, "address": " "}, "payment.method", "method_expired"),
        ({"payment": {"method": "sandbox_expired"}, "address": " "}, "address", "blank"),
        ({"contact": {"name": "", "phone": "12", "email": "x"}}, "contact.email", "not_an_email_address"),
        ({"scheduled_for": "2020-01-01T00:00:00Z"}, "scheduled_for", "out_of_range"),
        ({"surprise": 1}, "surprise", "extra_forbidden"),
        ({"note": "\0"}, None, None),
    ],
)
def test_a_wish_that_is_wrong_is_told_where(
    town: Town, changes: dict[str, Any], field: str | None, code: str | None
) -> None:
    customer = new_id("cus")
    answer = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(**changes))
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"] == "invalid_input"
    if field is not None:
        assert (field, code) in {(fault["field"], fault["code"]) for fault in problem["errors"]}
    listed = town.ok("GET", "/v1/orders", "customer", customer)
    assert listed["items"] == []


def test_what_is_not_yours_does_not_exist(town: Town) -> None:
    owner, stranger = new_id("cus"), new_id("cus")
    order_id = town.paid(owner)
    nothing = town.ask("GET", f"/v1/orders/{new_id('ord')}", "customer", stranger).json()
    calls = [
        ("GET", "", "customer", stranger, None),
        ("GET", "/timeline", "customer", stranger, None),
        ("GET", "/live", "customer", stranger, None),
        ("POST", "/cancel", "customer", stranger, {}),
        ("POST", "/confirm", "customer", stranger, {}),
        ("POST", "/review", "customer", stranger, {"merchant": 1, "rider": 1, "platform": 1}),
        ("GET", "", "merchant", new_id("mer"), None),
        ("POST", "/accept", "merchant", new_id("mer"), {"preparation_minutes": 1}),
        ("POST", "/reject", "merchant", new_id("mer"), {"reason": "sold_out"}),
        ("POST", "/ready", "merchant", new_id("mer"), {}),
    ]
    for method, suffix, role, identifier, body in calls:
        answer = town.ask(method, f"/v1/orders/{order_id}{suffix}", role, identifier, json=body)
        assert answer.status_code == 404, (method, suffix, answer.text)
        problem = answer.json()
        assert {**problem, "instance": ""} == {**nothing, "instance": ""}
    assert town.ask("POST", f"/v1/orders/{order_id}/accept", "rider", RIDER, json={}).status_code == 403
    assert town.ask("GET", f"/v1/merchants/{town.merchant_id}/live", "merchant", new_id("mer")).status_code == 404
    kept = town.ok("GET", f"/v1/orders/{order_id}/timeline", "support")["entries"]
    assert [entry["type"] for entry in kept if entry["source"] == "order"] == ["OrderPlaced", "OrderAwaitingMerchant"]


def test_only_the_customer_and_support_see_who_gets_it(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.place(customer)

    def recipient(role: str, identifier: str = "") -> Any:
        return town.ok("GET", f"/v1/orders/{order_id}", role, identifier)["recipient"]

    assert recipient("customer", customer)["address"] == "18 Willow Lane"
    assert recipient("support")["name"] == "Chen Yu"
    assert recipient("merchant", town.merchant_id) is None
    assert recipient("operations") is None


def test_a_list_pages_newest_first_and_says_up_to_where_it_is_true(town: Town) -> None:
    customer = new_id("cus")
    placed = [town.place(customer) for _ in range(5)]

    def pages() -> list[str]:
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = town.ok("GET", "/v1/orders", "customer", customer, params=query)
            assert page["position"] > 0
            seen += [item["order_id"] for item in page["items"]]
            if page["next"] is None:
                return seen
            query = {"limit": 2, "cursor": page["next"]}

    wait_until(lambda: len(pages()) == 5, 20, "the list never caught up")
    assert pages() == list(reversed(placed))
    own = town.ok("GET", "/v1/orders", "merchant", town.merchant_id, params={"state": "pending_acceptance"})
    assert {item["merchant_id"] for item in own["items"]} == {town.merchant_id}
    assert town.ok("GET", "/v1/orders", "operations", params={"customer_id": customer, "limit": 1})["next"]
    assert town.ask("GET", "/v1/orders", "customer", customer, params={"cursor": "x"}).status_code == 422
    assert town.ask("GET", "/v1/orders", "customer", customer, params={"state": "lost"}).status_code == 422


def test_merchants_are_registered_once_and_listed(town: Town) -> None:
    merchant_id = new_id("mer")
    body = {**SHOP, "merchant_id": merchant_id, "open_hours": {"opens": "00:00", "closes": "23:59:59"}}
    first = town.ok("POST", "/v1/merchants", "operations", json=body)
    assert town.ok("POST", "/v1/merchants", "operations", json=body) == first
    other = town.ask("POST", "/v1/merchants", "operations", json={**body, "name": "Another"})
    assert (other.status_code, other.json()["code"]) == (409, "merchant.already_registered")
    bad = town.ask("POST", "/v1/merchants", "operations", json={**SHOP, "phone": "12"})
    assert bad.json()["errors"][0]["field"] == "phone"
    assert town.ok("GET", f"/v1/merchants/{merchant_id}", "customer", "cus_1")["menu"][0]["sku"] == "noodles"
    assert town.ask("GET", f"/v1/merchants/{new_id('mer')}", "customer", "cus_1").status_code == 404

    def listed() -> set[str]:
        page = town.ok("GET", "/v1/merchants", "customer", "cus_1", params={"limit": 200})
        return {item["merchant_id"] for item in page["items"]}

    wait_until(lambda: {merchant_id, town.merchant_id} <= listed(), 20, "the list never caught up")
