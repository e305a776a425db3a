"""The order service as one real process with its tail: over HTTP, over the broker, and live."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from shared.contracts import dispatch, support
from shared.contracts.common import AssignmentMode, FailureReason, Goods, Proof
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.kernel.ids import new_id
from shared.messaging.topology import PARTITION_HEADER
from tests.support.waiting import wait_until

SHOP: dict[str, Any] = {
    "name": "Lakeside Noodles",
    "phone": "+8657187654321",
    "place": {"lat": 30.2741, "lon": 120.1551},
    "address": "1 Lotus Road",
    "menu": [
        {"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800, "skills": ["cold_chain"], "weight_g": 400},
        {"sku": "tea", "name": "Tea", "unit_cents": 500},
    ],
    "preparation_minutes": 15,
}
RIDER = "rid_1"


@dataclass
class Town:
    """A running order service, the merchant in it, and the broker through which dispatch and support speak."""

    platform: Platform
    merchant_id: str
    sequences: dict[str, int]

    @property
    def url(self) -> str:
        return self.platform.url("order")

    def headers(self, role: str, identifier: str = "") -> dict[str, str]:
        token = self.platform.token((role,), (identifier,) if identifier else ())
        return {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, role: str, identifier: str = "", **request: Any) -> httpx.Response:
        headers = {**self.headers(role, identifier), **request.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=20, **request)

    def ok(self, method: str, path: str, role: str, identifier: str = "", **request: Any) -> Any:
        answer = self.ask(method, path, role, identifier, **request)
        assert answer.status_code < 400, answer.text
        return answer.json()

    def wish(self, **changes: Any) -> dict[str, Any]:
        return {
            "merchant_id": self.merchant_id,
            "kind": "food",
            "items": [{"sku": "noodles", "quantity": 2}],
            "dropoff": {"lat": 30.2790, "lon": 120.1600},
            "address": "18 Willow Lane",
            "contact": {"name": "Chen Yu", "phone": "138 1234 5678", "email": "chen@example.com", "language": "zh"},
            "payment": {"method": "sandbox_ok"},
            "note": "ring twice",
            **changes,
        }

    def place(self, customer_id: str, **changes: Any) -> str:
        return str(self.ok("POST", "/v1/orders", "customer", customer_id, json=self.wish(**changes))["order_id"])

    def order(self, order_id: str, customer_id: str) -> Any:
        return self.ok("GET", f"/v1/orders/{order_id}", "customer", customer_id)

    def paid(self, customer_id: str) -> str:
        order_id = self.place(customer_id)
        wait_until(
            lambda: self.order(order_id, customer_id)["answer_by"], timeout=20, message="the merchant was never asked"
        )
        return order_id

    def accepted(self, customer_id: str) -> str:
        order_id = self.paid(customer_id)
        self.kitchen(order_id, "accept", preparation_minutes=10)
        return order_id

    def kitchen(self, order_id: str, verb: str, **body: Any) -> Any:
        return self.ok("POST", f"/v1/orders/{order_id}/{verb}", "merchant", self.merchant_id, json=body)

    def reaches(self, order_id: str, customer_id: str, state: str) -> None:
        wait_until(
            lambda: self.order(order_id, customer_id)["state"] == state, timeout=20, message=f"never became {state}"
        )

    def say(self, message: Message, order_id: str) -> None:
        """Another service tells something about an order."""
        subject = f"{message.service}-{order_id}"
        sequence = self.sequences[subject] = self.sequences.get(subject, 0) + 1
        now = datetime.now(UTC)
        envelope = Envelope(
            id=new_id("evt"),
            source=message.source(),
            type=message.type_name(),
            subject=subject,
            time=now,
            dataschema=message.schema_urn(),
            sequence=sequence,
            partitionkey=order_id,
            correlationid="cor_test",
            actor="test:1",
            recordedat=now,
            data=message.model_dump(mode="json"),
        )
        url = self.platform.environment.amqp_urls["admin"]
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            properties = pika.BasicProperties(
                content_type="application/json", headers={PARTITION_HEADER: order_id}, delivery_mode=2
            )
            channel.basic_publish(message.exchange(), envelope.type, envelope.to_bytes(), properties, mandatory=True)


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    with Platform(session_folder / "platform-order", backends=backends, services=("order",)) as platform:
        made = Town(platform, "", {})
        made.merchant_id = made.ok("POST", "/v1/merchants", "operations", json=SHOP)["merchant_id"]
        yield made


def about(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "delivery_id": order_id.replace("ord_", "dlv_"), "rider_id": RIDER}


def test_an_order_lives_from_placing_to_review(town: Town) -> None:
    customer = new_id("cus")
    placed = town.ok("POST", "/v1/orders", "customer", customer, json=town.wish())
    order_id = placed["order_id"]
    assert placed["state"] == "pending_acceptance"
    assert placed["totals"] == {
        "goods_cents": 5600,
        "packing_cents": 0,
        "service_cents": 0,
        "delivery_fee_cents": 300,
        "time_surcharge_cents": 0,
        "weather_surcharge_cents": 0,
        "discount_cents": 0,
        "tip_cents": 0,
        "total_cents": 5900,
        "currency": "CNY",
    }
    assert placed["recipient"]["phone"] == "+8613812345678"
    wait_until(lambda: town.order(order_id, customer)["answer_by"], 20, "the merchant was never asked")
    town.kitchen(order_id, "accept", preparation_minutes=10)
    town.kitchen(order_id, "start-preparation")
    town.kitchen(order_id, "ready")
    town.say(dispatch.RiderAssigned(**about(order_id), mode=AssignmentMode.ENGINE, policy_version="1"), order_id)
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivering")
    town.say(dispatch.Delivered(**about(order_id), proof=Proof()), order_id)
    town.reaches(order_id, customer, "delivered")
    town.ok("POST", f"/v1/orders/{order_id}/confirm", "customer", customer)
    scores = {"merchant": 5, "rider": 4, "platform": 5, "comment": "hot!"}
    done = town.ok("POST", f"/v1/orders/{order_id}/review", "customer", customer, json=scores)
    assert done["state"] == "completed"
    assert done["payment"] == {"state": "captured", "captured_cents": 5900, "refunded_cents": 0}
    steps = [step["name"] for step in done["steps"]]
    assert steps == [
        "placed",
        "awaiting_merchant",
        "accepted",
        "preparing",
        "ready",
        "rider_assigned",
        "picked_up",
        "delivered",
        "confirmed",
        "completed",
        "reviewed",
    ]
    timeline = town.ok("GET", f"/v1/orders/{order_id}/timeline", "support")
    own = [entry for entry in timeline["entries"] if entry["source"] == "order"]
    assert [entry["version"] for entry in own] == list(range(1, len(own) + 1))
    told = {entry["source"]: entry for entry in timeline["entries"]}
    assert set(told) == {"order", "payment", "dispatch"}
    assert {entry["caused_by"] for entry in own if entry["type"] == "OrderDelivered"} == {told["dispatch"]["id"]}
    assert timeline["entries"][0]["actor"] == f"customer:{customer}"
    for secret in ("Chen", "1381234", "Willow", "ring", "hot!"):
        assert secret not in json.dumps(timeline)


def test_cancelling_with_a_rider_waits_for_dispatch_and_the_money_comes_back(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.accepted(customer)
    town.say(dispatch.RiderAssigned(**about(order_id), mode=AssignmentMode.GRAB, policy_version="1"), order_id)
    wait_until(lambda: town.order(order_id, customer)["rider_id"] == RIDER, 20, "no rider")
    asked = town.ok("POST", f"/v1/orders/{order_id}/cancel", "customer", customer, json={"reason": "changed_mind"})
    assert asked["state"] == "cancelling"
    about_delivery = {name: value for name, value in about(order_id).items() if name != "rider_id"}
    town.say(dispatch.DeliveryWithdrawn(**about_delivery, reason="changed_mind"), order_id)
    town.reaches(order_id, customer, "cancelled")
    wait_until(lambda: town.order(order_id, customer)["payment"]["state"] == "refunded", 20, "never refunded")
    over = town.order(order_id, customer)
    assert (over["ended_by"], over["ending_reason"]) == ("customer", "changed_mind")


def test_support_tries_a_failed_delivery_again_and_then_refunds_it(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.accepted(customer)
    town.kitchen(order_id, "ready")
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    failed = dispatch.DeliveryFailed(
        **about(order_id), reason=FailureReason.CUSTOMER_UNREACHABLE, goods=Goods.WITH_RIDER
    )
    town.say(failed, order_id)
    town.reaches(order_id, customer, "delivery_exception")
    case = {"order_id": order_id, "case_id": "cas_1"}
    town.say(support.RedispatchRequested(**case, reason="again", by="agt_1"), order_id)
    town.reaches(order_id, customer, "ready")
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
    town.say(failed, order_id)
    town.reaches(order_id, customer, "delivery_exception")
    town.say(support.CancellationRequested(**case, reason="cannot_be_delivered", by="agt_1"), order_id)
    town.reaches(order_id, customer, "cancelled")
    wait_until(lambda: town.order(order_id, customer)["payment"]["state"] == "refunded", 20, "never refunded")


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


def test_impossible_transitions_are_clear_conflicts(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    path = f"/v1/orders/{order_id}"

    def refused(verb: str, role: str, identifier: str, body: dict[str, Any]) -> str:
        answer = town.ask("POST", f"{path}/{verb}", role, identifier, json=body)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["code"])

    scores = {"merchant": 5, "rider": 5, "platform": 5}
    assert refused("confirm", "customer", customer, {}) == "order.cannot_confirm_when_pending_acceptance"
    assert refused("review", "customer", customer, scores) == "order.cannot_review_when_pending_acceptance"
    assert refused("ready", "merchant", town.merchant_id, {}) == "order.cannot_ready_when_pending_acceptance"
    town.kitchen(order_id, "reject", reason="sold_out")
    late = refused("accept", "merchant", town.merchant_id, {"preparation_minutes": 1})
    assert late == "order.cannot_accept_when_rejected"
    assert refused("cancel", "customer", customer, {}) == "order.cannot_cancel_when_rejected"
    wait_until(lambda: town.order(order_id, customer)["payment"]["state"] == "released", 20, "never released")


def test_the_same_key_places_one_order(town: Town) -> None:
    customer, key = new_id("cus"), {"Idempotency-Key": str(uuid.uuid4())}
    first = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(), headers=key)
    again = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    other = town.ask("POST", "/v1/orders", "customer", customer, json=town.wish(note="other"), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


def test_a_stale_version_is_refused_before_anything_happens(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    path = f"/v1/orders/{order_id}/accept"
    seen = town.ask("GET", f"/v1/orders/{order_id}", "merchant", town.merchant_id).headers["ETag"]
    body = {"preparation_minutes": 10}
    old = town.ask("POST", path, "merchant", town.merchant_id, json=body, headers={"If-Match": '"1"'})
    assert old.status_code == 412
    fresh = town.ask("POST", path, "merchant", town.merchant_id, json=body, headers={"If-Match": seen})
    assert fresh.status_code == 200


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


class Listener:
    """Reads server-sent events one by one. Heartbeats keep a stream alive: waiting needs a bound of its own."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def next(self) -> tuple[str, str, Any]:
        fields: dict[str, str] = {}
        give_up_at = time.monotonic() + 40
        for line in self._lines:
            assert time.monotonic() < give_up_at, "no event came, only heartbeats"
            name, _, value = line.partition(": ")
            if line and name and name != "retry":
                fields[name] = value
            elif not line and "data" in fields:
                return fields["id"], fields["event"], json.loads(fields["data"])
        raise AssertionError("the stream ended")


@contextmanager
def listening(town: Town, path: str, role: str, identifier: str, last_id: str = "") -> Iterator[Listener]:
    headers = {**town.headers(role, identifier), **({"Last-Event-ID": last_id} if last_id else {})}
    with httpx.stream("GET", town.url + path, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        yield Listener(answer)


def test_a_tracking_page_sees_each_change_and_misses_none_while_away(town: Town) -> None:
    customer = new_id("cus")
    order_id = town.paid(customer)
    path = f"/v1/orders/{order_id}/live"
    with listening(town, path, "customer", customer) as page:
        version, kind, shown = page.next()
        assert (kind, shown["state"], shown["can_cancel"]) == ("tracking", "pending_acceptance", True)
        assert shown["late"] is False
        town.kitchen(order_id, "accept", preparation_minutes=10)
        accepted_version, _, shown = page.next()
        assert (shown["state"], int(accepted_version) > int(version)) == ("accepted", True)
        town.kitchen(order_id, "start-preparation")
        last_id, _, shown = page.next()
        assert [step["name"] for step in shown["steps"]][-1] == "preparing"
    town.kitchen(order_id, "ready")
    with listening(town, path, "customer", customer, last_id) as page:
        newer, _, shown = page.next()
        assert (shown["state"], int(newer) > int(last_id)) == ("ready", True)
    with listening(town, path, "customer", customer, newer) as page:
        town.say(dispatch.PickedUp(**about(order_id), proof=Proof()), order_id)
        _, _, shown = page.next()
        assert (shown["state"], shown["rider_id"], shown["can_cancel"]) == ("delivering", RIDER, False)
    assert "Willow" not in json.dumps(shown)


def test_a_merchant_sees_its_open_orders_and_then_each_change(town: Town) -> None:
    customer = new_id("cus")
    shop = town.ok("POST", "/v1/merchants", "operations", json=SHOP)["merchant_id"]
    path = f"/v1/merchants/{shop}/live"
    first = town.place(customer, merchant_id=shop)
    with listening(town, path, "merchant", shop) as page:
        seen: dict[str, Any] = {}
        _, kind, told = page.next()
        assert (kind, told["merchant_id"], told["pause"]) == ("shop", shop, None)
        last_id, kind, orders = page.next()
        assert kind == "orders"
        seen |= {order["order_id"]: order for order in orders}
        second = town.place(customer, merchant_id=shop)
        while not {first, second} <= {key for key, order in seen.items() if order["answer_by"]}:
            last_id, kind, order = page.next()
            assert kind == "order"
            seen[order["order_id"]] = order
        assert seen[first]["payment"]["state"] == "authorized"
        assert seen[first]["recipient"] is None
    town.ok("POST", f"/v1/orders/{first}/reject", "merchant", shop, json={"reason": "sold_out"})
    with listening(town, path, "merchant", shop, last_id) as page:
        assert page.next()[1] == "shop"
        position, kind, order = page.next()
        assert (kind, order["order_id"], order["state"]) == ("order", first, "rejected")
        assert int(position) > int(last_id)
    with listening(town, path, "merchant", shop) as page:
        assert page.next()[1] == "shop"
        _, _, orders = page.next()
        wanted = [order["order_id"] for order in orders if order["state"] == "pending_acceptance"]
        assert wanted == [second]


def test_the_tracking_page_and_the_documentation_are_served(town: Town) -> None:
    page = httpx.get(f"{town.url}/track/ord_1")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert httpx.get(f"{town.url}/web/track.js").status_code == 200
    assert httpx.get(f"{town.url}/docs").status_code == 200
    paths = httpx.get(f"{town.url}/openapi.json").json()["paths"]
    verbs = ("accept", "reject", "extend-preparation", "start-preparation", "ready", "cancel", "confirm", "review")
    for verb in verbs:
        assert f"/v1/orders/{{order_id}}/{verb}" in paths


def test_nothing_was_parked_and_every_process_is_still_the_first(town: Town) -> None:
    import psycopg

    with psycopg.connect(town.platform.settings["order"].postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM parked").fetchone() == (0,)
    assert town.platform.restarts("order") == 0
