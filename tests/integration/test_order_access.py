"""Who may do what to whose: every route of the order gateway, for every role, on one's own, a stranger's and nothing.

The table is the whole truth: a route that is not in it fails the test, and so does an answer that it
does not foresee.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.order.gateway import OrderGateway
from shared.gateway.auth import Role
from shared.gateway.route import routes_of
from shared.gateway.spec import RouteSpec
from shared.kernel.ids import new_id
from tests.support.order_town import RIDER, SHOP, Town, open_town
from tests.support.waiting import wait_until

WHOSE = ("own", "foreign", "unknown")
EVERYBODY = "customer merchant rider dispatcher support operations analyst"

# For each route who may call it, and what they are answered about: their own / a stranger's / what does not exist.
# Whoever is not named is answered 403, and without a token 401. Staff have nothing of their own: for them `own` and
# `stranger's` are two orders of two customers. `~` marks routes that change what they are called on: they get a fresh
# order each time. An order is paid for and waits for its merchant; what is too early for it is a 409.
TABLE = """
GET    /docs                                          | everybody 200
GET    /health/live                                   | everybody 200
GET    /health/ready                                  | everybody 200
GET    /metrics                                       | everybody 200
GET    /openapi.json                                  | everybody 200
GET    /static/<path:path>                            | everybody 200 200 404
GET    /web/<path:path>                               | everybody 200 200 404
GET    /kitchen/<merchant_id>                         | everybody 200 200 200
GET    /track/<order_id>                              | everybody 200 200 200

GET    /v1/city                                       | support operations 200
POST   /v1/city/weather                               | operations 200
PUT    /v1/city/zones/<zone_id>                       | operations 200
DELETE /v1/city/zones/<zone_id>                       | operations 200
POST   /v1/coupons                                    | operations 201
GET    /v1/coupons/<code>                             | support operations 200 200 404
POST   /v1/customers/<customer_id>/forget             | operator 409 409 200

GET    /v1/merchants                                  | {all} 200
POST   /v1/merchants                                  | operations 201
GET    /v1/merchants/<merchant_id>                    | {all} 200 200 404
GET    /v1/merchants/<merchant_id>/balance            | merchant 200 404 404; operations 200 200 200
PUT    /v1/merchants/<merchant_id>/hours              | merchant 200 404 404; operations 200 200 404
POST   /v1/merchants/<merchant_id>/items/<sku>/in-stock | merchant 200 404 404; operations 200 200 404
POST   /v1/merchants/<merchant_id>/items/<sku>/sold-out | merchant 200 404 404; operations 200 200 404
GET    /v1/merchants/<merchant_id>/live               | merchant 200 404 404; operations 200 200 404
PUT    /v1/merchants/<merchant_id>/menu               | merchant 200 404 404; operations 200 200 404
POST   /v1/merchants/<merchant_id>/pause              | merchant 200 404 404; operations 200 200 404
GET    /v1/merchants/<merchant_id>/queue              | merchant 200 404 404; operations 200 200 404
POST   /v1/merchants/<merchant_id>/resume             | merchant 200 404 404; operations 200 200 404
GET    /v1/merchants/<merchant_id>/reviews            | {all} 200 200 200
PUT    /v1/merchants/<merchant_id>/service-area       | operations 200 200 404

GET    /v1/orders                                     | customer merchant support operations 200
POST   /v1/orders                                     | customer 201
POST   /v1/quotes                                     | customer 201
GET    /v1/orders/<order_id>                          | customer merchant 200 404 404; support operations 200 200 404
GET    /v1/orders/<order_id>/timeline                 | customer merchant 200 404 404; support operations 200 200 404
GET    /v1/orders/<order_id>/live                     | customer merchant 200 404 404; support operations 200 200 404
POST ~ /v1/orders/<order_id>/accept                   | merchant 200 404 404
POST ~ /v1/orders/<order_id>/reject                   | merchant 200 404 404
POST   /v1/orders/<order_id>/extend-preparation       | merchant 409 404 404
POST   /v1/orders/<order_id>/start-preparation        | merchant 409 404 404
POST   /v1/orders/<order_id>/ready                    | merchant 409 404 404
POST ~ /v1/orders/<order_id>/cancel                   | customer merchant 200 404 404; support operations 200 200 404
POST ~ /v1/orders/<order_id>/change-address           | customer 200 404 404
POST ~ /v1/orders/<order_id>/change-items             | customer 200 404 404
POST   /v1/orders/<order_id>/confirm                  | customer 409 404 404
POST   /v1/orders/<order_id>/correct                  | support operations 409 409 404
POST   /v1/orders/<order_id>/review                   | customer 409 404 404
POST   /v1/orders/<order_id>/moderate-review          | support operations 409 409 404
GET    /v1/review-tags                                | {all} 200
GET    /v1/reviews                                    | support operations 200
POST   /v1/orders/<order_id>/photos                   | customer 201 404 404
GET    /v1/orders/<order_id>/photos/<photo_id>        | {staff} 200 200 404; customer 200 404 404; {rest} 404 404 404
GET    /v1/orders/<order_id>/ledger                   | support operations operator 200 200 404
POST   /v1/orders/<order_id>/refunds                  | support operations 409 409 404
POST   /v1/orders/<order_id>/payment/retry            | operations operator 200 200 404
GET    /v1/orders/<order_id>/due                      | customer 200 404 404; support operations operator 200 200 404
POST   /v1/orders/<order_id>/due                      | customer 409 404 404; support operations 409 409 404
POST   /v1/orders/<order_id>/tips                     | customer 409 404 404
GET    /v1/riders/<rider_id>/tips                     | rider 200 404 404; operations 200 200 200
GET    /v1/riders/<rider_id>/fees                     | rider 200 404 404; operations 200 200 200

GET    /v1/parked                                     | operator 200
GET    /v1/parked/<int:parked_id>                     | operator 404
POST   /v1/parked/<int:parked_id>/retry               | operator 404
POST   /v1/parked/<int:parked_id>/skip                | operator 404
GET    /v1/payments/reconciliations                   | operations operator 200
POST   /v1/payments/reconciliations                   | operations operator 200
GET    /v1/payments/owed                              | support operations operator 200
GET    /v1/payments/waiting                           | support operations operator 200
POST   /v1/payments/webhooks                          | everybody 400
"""
TABLE = TABLE.format(all=EVERYBODY, staff="support operations", rest="merchant rider dispatcher analyst")


@dataclass(frozen=True)
class Row:
    """One route of the table: what each role is answered, by whose the thing is."""

    method: str
    path: str
    fresh: bool
    answers: dict[str, tuple[int, ...]]

    def expected(self, role: str | None) -> tuple[int, ...]:
        if "everybody" in self.answers:
            return self.answers["everybody"]
        return self.answers.get(role or "", (401 if role is None else 403,))


def rows() -> Iterator[Row]:
    for line in filter(None, TABLE.splitlines()):
        route, _, answers = line.partition("|")
        method, *_, path = route.split()
        told: dict[str, tuple[int, ...]] = {}
        for group in answers.split(";"):
            words = group.split()
            statuses = tuple(int(word) for word in words if word.isdigit())
            told |= {word: statuses for word in words if not word.isdigit()}
        yield Row(method, path, "~" in route, told)


ROWS = list(rows())


@dataclass
class World:
    """Two merchants and two customers with an order each; of each pair one is the caller's, one a stranger's."""

    town: Town
    client: httpx.Client
    examples: dict[tuple[str, str], Any]
    own: dict[str, str]
    foreign: dict[str, str]

    def headers(self, role: str | None) -> dict[str, str]:
        if role is None:
            return {}
        mine = {"customer": self.own["customer_id"], "merchant": self.own["merchant_id"], "rider": RIDER}
        return headers_of(self.town, role, mine.get(role, ""))

    def things(self, row: Row, whose: str) -> dict[str, str]:
        if whose == "unknown":
            return {"order_id": new_id("ord"), "merchant_id": new_id("mer"), "customer_id": new_id("cus"),
                    "rider_id": new_id("rid"), "photo_id": "0" * 64, "code": "NOWHERE", "sku": "unicorn",
                    "path": "nothing-here.js"}  # fmt: skip
        things = self.own if whose == "own" else self.foreign
        if row.fresh and row.expected("customer") + row.expected("merchant") != ():
            return {**things, "order_id": order_of(self.town, things["customer_id"], things["merchant_id"])}
        return things


@cache
def token_of(platform: Platform, role: str, identifier: str) -> str:
    return platform.token((role,), (identifier,) if identifier else ())


def headers_of(town: Town, role: str, identifier: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(town.platform, role, identifier)}"}


def order_of(town: Town, customer_id: str, merchant_id: str) -> str:
    order_id = town.place(customer_id, merchant_id=merchant_id)
    wait_until(lambda: town.order(order_id, customer_id)["answer_by"], 30, "the merchant is asked")
    return order_id


@pytest.fixture(scope="module")
def world(backends: Backends, session_folder: Path) -> Iterator[World]:
    with open_town(backends, session_folder / "platform-order-access") as town:
        document = httpx.get(f"{town.url}/openapi.json", timeout=20).json()
        examples = {
            (method.upper(), path): operation["requestBody"]["content"]["application/json"]["example"]
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if "requestBody" in operation
        }
        with httpx.Client(base_url=town.url, timeout=20) as client:
            yield World(
                town, client, examples, things(town, "cus_own", RIDER), things(town, "cus_stranger", "rid_stranger")
            )


def things(town: Town, customer_id: str, rider_id: str) -> dict[str, str]:
    """What somebody has: an order with a picture, at a merchant of its own."""
    menu = [{**item, "unit_cents": 2800} for item in [*SHOP["menu"], {"sku": "dumplings", "name": "Dumplings"}]]
    shop = town.ok("POST", "/v1/merchants", "operations", json={**SHOP, "menu": menu})["merchant_id"]
    order_id = order_of(town, customer_id, shop)
    coupon = f"FOR-{customer_id[4:].upper()}"
    terms = {
        "code": coupon,
        "percent": 5,
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2199-01-01T00:00:00Z",
    }
    town.ok("POST", "/v1/coupons", "operations", json=terms)
    picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    photo = town.ok("POST", f"/v1/orders/{order_id}/photos", "customer", customer_id, json={"content": picture})
    return {
        "order_id": order_id,
        "merchant_id": shop,
        "customer_id": customer_id,
        "rider_id": rider_id,
        "photo_id": photo["photo_id"],
        "code": coupon,
        "sku": "tea",
        "path": "",
        "zone_id": "far-away",
        "parked_id": "17",
    }


def test_the_table_holds_every_route_and_every_role_that_the_gateway_has() -> None:
    declared: dict[tuple[str, str], RouteSpec] = {(spec.method, spec.path): spec for spec in routes_of(OrderGateway)}
    assert {(row.method, row.path) for row in ROWS} == set(declared)
    for row in ROWS:
        spec = declared[row.method, row.path]
        allowed = {"everybody"} if spec.is_public else set(spec.roles)  # type: ignore[arg-type]
        assert set(row.answers) == allowed, row.path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_everybody_gets_what_the_table_says(world: World, row: Row) -> None:
    answered, wanted = {}, {}
    for role in (None, *(role.value for role in Role)):
        expected = row.expected(role)
        for whose, status in zip(
            ("own", "foreign", "unknown"), expected * (3 if len(expected) == 1 else 1), strict=True
        ):
            answered[role, whose] = ask(world, row, role, whose)
            wanted[role, whose] = status
    assert answered == wanted


def ask(world: World, row: Row, role: str | None, whose: str) -> int:
    path, template = path_of(world, row, role, whose)
    body = body_of(world, row, template)
    with httpx.stream(
        row.method, world.town.url + path, headers=world.headers(role), json=body, timeout=20
    ) as answer:
        return answer.status_code


def path_of(world: World, row: Row, role: str | None, whose: str) -> tuple[str, str]:
    may = role in row.answers
    values = world.things(row, whose) if may else (world.own if whose != "foreign" else world.foreign)
    values = {**world.own, **values}
    path = template = row.path
    for converter in ("path:", "int:"):
        path = path.replace(f"<{converter}", "<")
        template = template.replace(f"<{converter}", "<")
    if whose != "unknown" and "<path>" in path:
        values = {**values, "path": "track.js" if row.path.startswith("/web") else "live.js"}
    for name, value in values.items():
        path = path.replace(f"<{name}>", value)
    return path, template.replace("<", "{").replace(">", "}")


def body_of(world: World, row: Row, template: str) -> Any:
    """The documented example, about the caller's own world."""
    example = world.examples.get((row.method, template))
    if example is None:
        return None
    body = json.loads(json.dumps(example))
    if "merchant_id" in body:
        body["merchant_id"] = new_id("mer") if row.path == "/v1/merchants" else world.own["merchant_id"]
    if row.path == "/v1/coupons":
        body["code"] = f"C{new_id('c')[-12:]}"
    if row.path in ("/v1/quotes", "/v1/orders"):
        body |= {"items": [{"sku": "noodles", "quantity": 1}]}
        body.pop("coupon", None)
    if row.path == "/v1/city/weather":
        body |= {"zone_id": None, "weather": "fair", "until": "2199-01-01T00:00:00Z"}
    if row.path.endswith("/hours"):
        body["days"] = [[{"opens": "00:00:00", "closes": "00:00:00"}]] * 7
    if row.path.endswith("/menu"):
        body["menu"] = [{"sku": sku, "name": sku, "unit_cents": 2800} for sku in ("noodles", "dumplings", "tea")]
    if row.path.endswith("/change-items"):
        body["items"] = [{"sku": "dumplings", "quantity": 2}]
    return body
