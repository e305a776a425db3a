"""Placing over HTTP on a real store: quotes, coupons that many want at once, errands, shops and zones."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from shared.kernel.ids import new_id
from tests.support.waiting import wait_until

SHOP = {
    "name": "Lakeside Noodles",
    "phone": "+8657187654321",
    "place": {"lat": 30.2741, "lon": 120.1551},
    "address": "1 Lotus Road",
    "preparation_minutes": 15,
    "packing_cents": 100,
    "menu": [
        {
            "sku": "noodles",
            "name": "Beef noodles",
            "unit_cents": 2800,
            "handling": ["fragile"],
            "option_groups": [
                {
                    "name": "Size",
                    "min_choices": 1,
                    "options": [
                        {"option_id": "small", "name": "Small", "delta_cents": -300},
                        {"option_id": "large", "name": "Large", "delta_cents": 500},
                    ],
                }
            ],
        },
        {"sku": "tea", "name": "Tea", "unit_cents": 600},
    ],
}
DROPOFF = {"lat": 30.2790, "lon": 120.1600}
WHO = {
    "address": "18 Willow Lane",
    "contact": {"name": "Chen Yu", "phone": "138 1234 5678", "language": "zh"},
    "payment": {"method": "sandbox_ok"},
}


class Town:
    """One shop behind the order service's gateway."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.client = httpx.Client(base_url=platform.url("order"), timeout=30)
        self.merchant_id = self.ok("POST", "/v1/merchants", "operations", json=SHOP)["merchant_id"]

    def ask(self, method: str, path: str, role: str, identifier: str = "", **request: Any) -> httpx.Response:
        token = self.platform.token((role,), (identifier,) if identifier else ())
        return self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **request)

    def ok(self, method: str, path: str, role: str, identifier: str = "", **request: Any) -> Any:
        answer = self.ask(method, path, role, identifier, **request)
        assert answer.status_code < 400, answer.text
        return answer.json()

    def wish(self, **changes: Any) -> dict[str, Any]:
        items = [{"sku": "noodles", "quantity": 2, "options": ["large"]}]
        return {"merchant_id": self.merchant_id, "items": items, "dropoff": DROPOFF, **changes}

    def faults(self, path: str, customer: str, body: dict[str, Any]) -> set[tuple[str, str]]:
        answer = self.ask("POST", path, "customer", customer, json=body)
        assert answer.status_code == 422, answer.text
        return {(fault["field"], fault["code"]) for fault in answer.json()["errors"]}

    def shop(self, path: str, body: dict[str, Any], method: str = "POST") -> Any:
        return self.ok(method, f"/v1/merchants/{self.merchant_id}/{path}", "merchant", self.merchant_id, json=body)

    def coupon(self, code: str, **terms: Any) -> None:
        now = datetime.now(UTC)
        body = {"code": code, "valid_from": stamp(now - timedelta(hours=1)), "valid_until": stamp(now + timedelta(1))}
        self.ok("POST", "/v1/coupons", "operations", json=body | terms)


def stamp(moment: datetime) -> str:
    return moment.isoformat()


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with Platform(session_folder / "platform-placing", backends=backends, services=("order",)) as platform:
        yield Town(platform)


def test_an_order_costs_what_was_quoted(town: Town) -> None:
    customer = new_id("cus")
    quote = town.ok("POST", "/v1/quotes", "customer", customer, json=town.wish(tip_cents=200))
    assert quote["totals"]["total_cents"] == 2 * 3300 + 100 + 300 + 200
    assert quote["required_skills"] == ["fragile"]
    body = town.wish(tip_cents=200, quote_id=quote["quote_id"], **WHO)
    order = town.ok("POST", "/v1/orders", "customer", customer, json=body)
    assert order["totals"] == quote["totals"]
    assert order["promised_at"] == quote["promised_at"]
    assert order["items"][0]["options"] == [{"option_id": "large", "name": "Large", "delta_cents": 500}]


def test_a_quote_falls_with_the_menu_it_was_made_from(town: Town) -> None:
    customer = new_id("cus")
    quote = town.ok("POST", "/v1/quotes", "customer", customer, json=town.wish())
    menu = {key: SHOP[key] for key in ("menu", "preparation_minutes")}
    town.shop("menu", {**menu, "packing_cents": 150}, "PUT")
    body = town.wish(quote_id=quote["quote_id"], **WHO)
    assert town.faults("/v1/orders", customer, body) == {("quote_id", "price_changed")}
    town.shop("menu", {**menu, "packing_cents": 100}, "PUT")
    town.ok("POST", "/v1/orders", "customer", customer, json=body)


def test_a_merchant_sells_out_and_restocks_its_own_shop_only(town: Town) -> None:
    assert town.shop("items/tea/sold-out", {})["menu"][1]["in_stock"] is False
    wish = town.wish(items=[{"sku": "tea", "quantity": 1}])
    assert town.faults("/v1/quotes", new_id("cus"), wish) == {("items.0.sku", "out_of_stock")}
    assert town.shop("items/tea/in-stock", {})["menu"][1]["in_stock"] is True
    path = f"/v1/merchants/{town.merchant_id}/items/tea/sold-out"
    assert town.ask("POST", path, "merchant", "mer_other", json={}).status_code == 404


def test_everything_wrong_is_told_at_once_over_http(town: Town) -> None:
    body = town.wish(items=[{"sku": "noodles", "quantity": 1, "options": ["gold"]}], coupon="NOPE", **WHO)
    body |= {"contact": {"name": "", "phone": "12", "email": "nobody"}, "quote_id": "quo_none"}
    assert town.faults("/v1/orders", new_id("cus"), body) == {
        ("contact.phone", "unknown_phone_number"),
        ("contact.email", "not_an_email_address"),
        ("contact.name", "blank"),
        ("items.0.options.0", "unknown_option"),
        ("items.0.options", "too_few_choices"),
        ("coupon", "unknown_coupon"),
        ("quote_id", "unknown_quote"),
    }


def place_at_once(town: Town, customers: list[str], code: str) -> Counter[int]:
    def place(customer: str) -> int:
        return town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(coupon=code, **WHO)).status_code

    with ThreadPoolExecutor(max_workers=12) as crowd:
        return Counter(crowd.map(place, customers))


def test_a_coupon_of_one_customer_is_used_once_however_often_they_press(town: Town) -> None:
    town.coupon("ONCE-EACH", percent=20)
    customer = new_id("cus")
    assert place_at_once(town, [customer] * 12, "ONCE-EACH") == {201: 1, 422: 11}


def test_a_coupon_for_three_is_used_by_three_of_many(town: Town) -> None:
    town.coupon("FIRST-THREE", fixed_cents=500, uses_max=3)
    answers = place_at_once(town, [new_id("cus") for _ in range(24)], "FIRST-THREE")
    # A loser of too many races in a row is told to try again, and whoever does is refused properly.
    assert answers[201] == 3
    assert set(answers) <= {201, 409, 422}
    assert town.ok("GET", "/v1/coupons/first-three", "operations")["claimed"] == 3


def test_an_errand_is_paid_for_and_waits_for_its_rider(town: Town) -> None:
    customer = new_id("cus")
    errand = {
        "task": "Two lemons and a newspaper",
        "pickup": {"place": {"lat": 30.2712, "lon": 120.1498}, "address": "Market hall"},
        "budget_cents": 3000,
    }
    body = {"kind": "errand_buy", "dropoff": DROPOFF, "errand": errand, **WHO}
    order = town.ok("POST", "/v1/orders", "customer", customer, json=body)
    assert order["errand"]["task"] == errand["task"]
    assert order["totals"]["goods_cents"] == 3000
    path = f"/v1/orders/{order['order_id']}"
    wait_until(lambda: town.ok("GET", path, "customer", customer)["state"] == "ready", 20, "it was never accepted")
    assert town.ok("GET", path, "operations")["errand"] is None, "whom it concerns is not everybody's"


def test_an_errand_to_several_places_is_priced_by_its_way_and_shown_to_its_customer(town: Town) -> None:
    customer = new_id("cus")
    errand: dict[str, Any] = {
        "task": "Aspirin, and flowers for my mother",
        "pickup": {"place": {"lat": 30.2712, "lon": 120.1498}, "address": "Corner pharmacy"},
        "budget_cents": 8000,
    }
    flowers = {
        "place": {"lat": 30.2750, "lon": 120.1530},
        "address": "3 Heron Street",
        "task": "White lilies, if there are any",
        "contact": {"name": "Zhao Min", "phone": "137 1234 5678"},
    }
    wish = {"kind": "errand_buy", "dropoff": DROPOFF, "errand": errand}
    alone = town.ok("POST", "/v1/quotes", "customer", customer, json=wish)["totals"]
    errand["further_stops"] = [flowers, {**flowers, "address": "21 Bamboo Court", "contact": None}]
    quote = town.ok("POST", "/v1/quotes", "customer", customer, json=wish)
    assert quote["totals"]["service_cents"] == alone["service_cents"] + 600
    body = {**wish, "quote_id": quote["quote_id"], **WHO}
    order = town.ok("POST", "/v1/orders", "customer", customer, json=body)
    assert order["totals"] == quote["totals"]
    assert order["terms"]["further_stops_cents"] == 600
    first, second = order["errand"]["further_stops"]
    assert (first["address"], first["task"], first["contact_phone"]) == (
        "3 Heron Street",
        "White lilies, if there are any",
        "+8613712345678",
    )
    assert (second["contact_name"], second["done_at"]) == (None, None)
    path = f"/v1/orders/{order['order_id']}"
    assert "Heron" not in str(town.ok("GET", path, "operations"))


def test_the_errand_that_is_shown_in_the_documentation_can_be_placed(town: Town) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations" / "placing.md").read_text(encoding="utf-8")
    [written] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    schemas = town.client.get("/openapi.json").json()["components"]["schemas"]
    shown = {**json.loads(written), "errand": schemas["ErrandBody"]["examples"][0]}
    assert json.loads(written) == shown, "both documents show the same errand"
    order = town.ok("POST", "/v1/orders", "customer", new_id("cus"), json={**shown, **WHO})
    assert [each["address"] for each in order["errand"]["further_stops"]] == ["3 Heron Street"]


def test_all_that_is_wrong_with_the_places_of_an_errand_is_told_at_once_over_http(town: Town) -> None:
    stop: dict[str, Any] = {"place": {"lat": 30.2750, "lon": 120.1530}, "address": "3 Heron Street"}
    nobody = {"name": "Zhao Min", "phone": "12"}
    errand = {
        "task": " ",
        "pickup": {"place": {"lat": 30.2712, "lon": 120.1498}, "address": "Corner pharmacy"},
        "budget_cents": 8000,
        "further_stops": [stop, {**stop, "address": " ", "contact": nobody}, stop, stop, stop],
    }
    body = {"kind": "errand_buy", "dropoff": DROPOFF, "errand": errand, **WHO}
    assert town.faults("/v1/orders", new_id("cus"), body) == {
        ("errand.task", "blank"),
        ("errand.further_stops", "too_many"),
        ("errand.further_stops.1.address", "blank"),
        ("errand.further_stops.1.contact.phone", "unknown_phone_number"),
    }


def test_a_zone_and_its_weather_are_what_operations_say(town: Town) -> None:
    corners = [(30.25, 120.14), (30.25, 120.18), (30.29, 120.18), (30.29, 120.14)]
    area = [{"lat": lat, "lon": lon} for lat, lon in corners]
    town.ok("PUT", "/v1/city/zones/lake", "operations", json={"name": "Around the lake", "area": area})
    until = stamp(datetime.now(UTC) + timedelta(hours=1))
    rain = {"zone_id": "lake", "weather": "rain", "until": until}
    assert town.ok("POST", "/v1/city/weather", "operations", json=rain)["zones"][0]["weather"] == "rain"
    quote = town.ok("POST", "/v1/quotes", "customer", new_id("cus"), json=town.wish())
    assert quote["totals"]["weather_surcharge_cents"] == 200
    outside = town.wish(dropoff={"lat": 30.2741, "lon": 120.1851})
    assert town.faults("/v1/quotes", new_id("cus"), outside) == {("dropoff", "outside_service_area")}
    town.ok("DELETE", "/v1/city/zones/lake", "operations")
    town.ok("POST", "/v1/quotes", "customer", new_id("cus"), json=outside)
