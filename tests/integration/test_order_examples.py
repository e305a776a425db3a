"""The examples of the order gateway's documentation, sent as they are written: each succeeds, answered as documented.

They tell one story, from a merchant that is registered to a customer who is forgotten, on a day in March.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pika
import pytest

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.order.payments.configuration import sandbox_secret
from services.order.payments.signing import signature_of
from shared.contracts import dispatch
from shared.contracts.common import AssignmentMode, Proof
from shared.messaging.topology import PARTITION_HEADER
from tests.support.order_town import RIDER, Town, about
from tests.support.waiting import wait_until

EPOCH = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
MERCHANT, CUSTOMER = "mer_lakeside-noodles", "cus_chen"
OWNERS = {"merchant": MERCHANT, "customer": CUSTOMER}
METHODS = {"post", "put", "patch", "delete"}


@dataclass
class Reader:
    """Somebody who does what the documentation shows, and compares the answers with it."""

    town: Town
    document: dict[str, Any]
    sent: set[str] = field(default_factory=set)

    def send(self, operation: str, role: str | None = None, **request: Any) -> Any:
        """The example of `POST /v1/orders/{order_id}/accept`, with the parameters of its path filled in."""
        method, template = operation.split(" ")
        described = self.document["paths"][template][method.lower()]
        example = described["requestBody"]["content"]["application/json"]["example"]
        path = template.format(**{name: request.pop(name) for name in list(request) if f"{{{name}}}" in template})
        headers = request.pop("headers", {})
        if role is not None:
            headers |= self.town.headers(role, OWNERS.get(role, ""))
        content = json.dumps(example).encode()
        headers["Content-Type"] = "application/json"
        answer = httpx.request(method, self.town.url + path, headers=headers, content=content, timeout=20)
        self.sent.add(operation)
        [success] = [status for status in described["responses"] if status < "300"]
        assert answer.status_code == int(success), (operation, answer.text)
        return self._as_said(described["responses"][success], answer)

    def _as_said(self, response: dict[str, Any], answer: httpx.Response) -> Any:
        if not answer.content:
            return None
        schema = response["content"]["application/json"]["schema"]
        told = answer.json()
        jsonschema.validate(told, {**schema, "components": self.document["components"]})
        return told


@pytest.fixture(scope="module")
def reader(backends: Backends, session_folder: Path) -> Iterator[Reader]:
    folder = session_folder / "platform-order-examples"
    with Platform(folder, backends=backends, services=("order",), clock_epoch=EPOCH) as platform:
        town = Town(platform, MERCHANT)
        yield Reader(town, httpx.get(f"{town.url}/openapi.json", timeout=20).json())


def place(reader: Reader) -> str:
    placed = reader.send("POST /v1/orders", "customer")
    order_id = str(placed["order_id"])
    wait_until(lambda: reader.town.order(order_id, CUSTOMER)["answer_by"], 30, "the merchant is asked")
    return order_id


def on_an_order(reader: Reader, order_id: str, verb: str, role: str) -> Any:
    return reader.send(f"POST /v1/orders/{{order_id}}/{verb}", role, order_id=order_id)


def deliver(reader: Reader, order_id: str) -> None:
    town = reader.town
    town.say(dispatch.RiderAssigned(**about(order_id), mode=AssignmentMode.ENGINE, policy_version="1"), order_id)
    town.say(dispatch.PickedUp(**about(order_id), proof=Proof(kind="code", reference="1234")), order_id)
    town.say(dispatch.Delivered(**about(order_id), proof=Proof(kind="photo", reference="photo-1")), order_id)
    town.reaches(order_id, CUSTOMER, "delivered")


def a_city_opens(reader: Reader) -> None:
    reader.send("PUT /v1/city/zones/{zone_id}", "operations", zone_id="lake")
    reader.send("POST /v1/city/weather", "operations")
    reader.send("POST /v1/coupons", "operations")


def a_shop_opens(reader: Reader) -> None:
    reader.send("POST /v1/merchants", "operations")
    shop = "/v1/merchants/{merchant_id}"
    for what, role in (("menu", "merchant"), ("hours", "merchant"), ("service-area", "operations")):
        reader.send(f"PUT {shop}/{what}", role, merchant_id=MERCHANT)
    for what in ("sold-out", "in-stock"):
        reader.send(f"POST {shop}/items/{{sku}}/{what}", "merchant", merchant_id=MERCHANT, sku="tea")
    for what in ("pause", "resume"):
        reader.send(f"POST {shop}/{what}", "merchant", merchant_id=MERCHANT)


def an_order_is_eaten(reader: Reader) -> None:
    reader.send("POST /v1/quotes", "customer")
    order_id = place(reader)
    on_an_order(reader, order_id, "change-items", "customer")
    on_an_order(reader, order_id, "accept", "merchant")
    on_an_order(reader, order_id, "change-address", "customer")
    for verb in ("extend-preparation", "start-preparation", "ready"):
        on_an_order(reader, order_id, verb, "merchant")
    deliver(reader, order_id)
    on_an_order(reader, order_id, "confirm", "customer")
    on_an_order(reader, order_id, "tips", "customer")
    on_an_order(reader, order_id, "photos", "customer")
    on_an_order(reader, order_id, "review", "customer")
    on_an_order(reader, order_id, "moderate-review", "support")
    wait_until(
        lambda: reader.town.order(order_id, CUSTOMER)["payment"]["captured_cents"] > 0, 30, "the money was taken"
    )
    on_an_order(reader, order_id, "refunds", "support")


def orders_go_wrong(reader: Reader) -> None:
    on_an_order(reader, place(reader), "reject", "merchant")
    on_an_order(reader, place(reader), "cancel", "customer")
    mistaken = place(reader)
    on_an_order(reader, mistaken, "accept", "merchant")
    deliver(reader, mistaken)
    on_an_order(reader, mistaken, "correct", "support")
    on_an_order(reader, one_with_a_debt(reader), "due", "customer")


def one_with_a_debt(reader: Reader) -> str:
    """An order that became dearer than its customer's bank would pay."""
    method, menu = {"method": "sandbox_extra_declined"}, reader.document["paths"]["/v1/orders"]["post"]["requestBody"]
    wish = {**menu["content"]["application/json"]["example"], "payment": method}
    order_id = str(reader.town.ok("POST", "/v1/orders", "customer", CUSTOMER, json=wish)["order_id"])
    wait_until(lambda: reader.town.order(order_id, CUSTOMER)["answer_by"], 30, "the merchant is asked")
    twice = [{**item, "quantity": item["quantity"] * 2} for item in wish["items"]]
    path = f"/v1/orders/{order_id}/change-items"
    told = reader.town.ask("POST", path, "customer", CUSTOMER, json={"items": twice}).json()
    reader.town.ok(
        "POST", path, "customer", CUSTOMER, json={"items": twice, "expected_total_cents": told["total_cents"]}
    )
    wait_until(lambda: reader.town.order(order_id, CUSTOMER)["payment"]["due_cents"] > 0, 30, "it is owed")
    return order_id


def operators_look_after_it(reader: Reader) -> None:
    town = reader.town
    reader.send("POST /v1/payments/reconciliations", "operations")
    example = reader.document["paths"]["/v1/payments/webhooks"]["post"]["requestBody"]["content"]["application/json"]
    body = json.dumps(example["example"]).encode()
    secret = sandbox_secret(town.platform.settings["order"])
    signature = signature_of(body, secret, town.platform.clock.now())
    reader.send("POST /v1/payments/webhooks", headers={"Doorstep-Signature": signature})
    publish(town, dispatch.Delivered.exchange(), dispatch.Delivered.type_name(), b"nothing that can be read")
    parked = wait_until(lambda: town.ok("GET", "/v1/parked", "operator")["items"], 30, "it is parked")
    reader.send("POST /v1/parked/{parked_id}/skip", "operator", parked_id=parked[0]["parked_id"])
    reader.send("POST /v1/customers/{customer_id}/forget", "operator", customer_id="cus_long-ago")


def publish(town: Town, exchange: str, key: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(town.platform.environment.amqp_urls["admin"])) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(headers={PARTITION_HEADER: "ord_1"}, delivery_mode=2)
        channel.basic_publish(exchange, key, body, properties, mandatory=True)


def test_every_documented_request_is_a_success_and_answered_as_documented(reader: Reader) -> None:
    for chapter in (a_city_opens, a_shop_opens, an_order_is_eaten, orders_go_wrong, operators_look_after_it):
        chapter(reader)
    documented = {
        f"{method.upper()} {path}"
        for path, methods in reader.document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert reader.sent == documented
    assert RIDER == "rid_1"


def test_every_documented_answer_fits_its_own_schema(reader: Reader) -> None:
    for path, methods in reader.document["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                for media in response.get("content", {}).values():
                    if "example" in media:
                        schema = {**media["schema"], "components": reader.document["components"]}
                        assert misfits(schema, media["example"]) == [], f"{method} {path} {status}"


def misfits(schema: dict[str, Any], example: Any) -> list[str]:
    return [fault.message for fault in jsonschema.Draft202012Validator(schema).iter_errors(example)]
