"""A customer who writes something unmistakable into everything that a customer can write."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.local.platform import Platform
from shared.kernel.ids import new_id
from tests.support.waiting import wait_until
from tests.system.test_one_order import Person, request_of

NAME, PHONE, EMAIL = "Ximena Quillfeather 希梅娜", "+8613987654321", "ximena.quillfeather@example.org"
ADDRESS, NOTE, COMMENT = "77 Zephyr Terrace, flat 9Q", "beware of Mr Snuffles, he bites", "best dumplings of Zanzibar"
SAID_TO_SUPPORT = "Ms Quillfeather of flat 9Q found a Gryphon feather in the soup"
WHY = "my aunt Wilhelmina cooks tonight"
MOVED, LEFT_WITH = "3 Umbrage Crescent, behind the orangery", "leave it with the Vicountess"
TASK, SENDER, SENDER_PHONE = "fetch the velvet zeppelin", "Barnabas Thistlewood", "+8613712349876"
SENDERS_ADDRESS, SENDERS_DOOR = "12 Marmalade Mews", {"lat": 30.277319, "lon": 120.158473}
DEVICE = "Quillfeather-Phone/7.1"
KEY, CORRELATION = "Ximena-Quillfeathers-key", "ximena.quillfeather@home"
DOOR = {"lat": 30.279137, "lon": 120.160291}
SECRETS = (
    *(NAME, "Quillfeather", "quillfeather", "希梅娜", PHONE, "13987654321", EMAIL, ADDRESS, "Zephyr Terrace"),
    *(NOTE, "Snuffles", COMMENT, "Zanzibar", SAID_TO_SUPPORT, "Gryphon", WHY, "Wilhelmina", DEVICE, KEY, CORRELATION),
    *(MOVED, "Umbrage", LEFT_WITH, "Vicountess", TASK, "zeppelin", SENDER, "Thistlewood", SENDER_PHONE),
    *("13712349876", SENDERS_ADDRESS, "Marmalade", *map(str, DOOR.values()), *map(str, SENDERS_DOOR.values())),
)


@dataclass
class Customer:
    """The customer's device: it puts the name into every header that it may choose."""

    platform: Platform
    customer_id: str = field(default_factory=lambda: new_id("cus"))
    sent: int = 0

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        self.sent += 1
        headers = {
            "Authorization": f"Bearer {self.platform.token(('customer',), (self.customer_id,))}",
            "User-Agent": DEVICE,
            "Idempotency-Key": f"{KEY}-{self.sent}",
            "X-Correlation-Id": CORRELATION,
            "Content-Type": "application/json",
        }
        return httpx.request(method, self.platform.url("order") + path, headers=headers, timeout=20, **request)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.ask("POST", path, json=body)
        assert answer.status_code < 400, answer.text
        return answer.json()

    def order(self, order_id: str) -> Any:
        return self.ask("GET", f"/v1/orders/{order_id}").json()

    def reaches(self, order_id: str, state: str) -> None:
        wait_until(lambda: self.order(order_id)["state"] == state, timeout=60, message=f"never {state}")

    def wish(self, merchant_id: str) -> dict[str, Any]:
        contact = {"name": NAME, "phone": PHONE, "email": EMAIL, "language": "en"}
        wish = {"address": ADDRESS, "note": NOTE, "dropoff": DOOR, "contact": contact}
        return request_of(merchant_id) | wish

    def place(self, merchant_id: str) -> str:
        order_id: str = self.post("/v1/orders", self.wish(merchant_id))["order_id"]
        wait_until(lambda: self.order(order_id)["answer_by"], timeout=60, message="never paid")
        return order_id

    def sends_for(self) -> str:
        """An errand, which begins at the door of somebody who never asked to be known here."""
        sender = {"name": SENDER, "phone": SENDER_PHONE}
        pickup = {"place": SENDERS_DOOR, "address": SENDERS_ADDRESS, "contact": sender}
        wish = self.wish("") | {"kind": "errand_document", "errand": {"task": TASK, "pickup": pickup}}
        del wish["merchant_id"], wish["items"]
        order_id: str = self.post("/v1/orders", wish)["order_id"]
        self.reaches(order_id, "ready")
        return order_id

    def moves(self, order_id: str) -> None:
        contact = self.wish("")["contact"]
        moved = {"dropoff": DOOR, "address": MOVED, "note": LEFT_WITH, "contact": contact}
        assert self.post(f"/v1/orders/{order_id}/change-address", moved)["recipient"]["address"] == MOVED

    def says_what_nobody_understands(self, merchant_id: str, order_id: str) -> None:
        """Requests that are refused must leave nothing behind either."""
        wish = request_of(merchant_id) | {"address": ADDRESS, "items": NAME}
        assert self.ask("POST", "/v1/orders", json=wish).status_code == 422
        wish = request_of(merchant_id) | {"contact": {"name": NAME, "phone": WHY, "email": "no address"}}
        assert self.ask("POST", "/v1/orders", json=wish).status_code == 422
        assert self.ask("POST", "/v1/orders", content=f'{{"name": "{NAME}", '.encode()).status_code == 400
        wish = request_of(merchant_id) | {"payment": {"method": f"sandbox_ok {NAME}"}}
        assert self.ask("POST", "/v1/orders", json=wish).status_code == 422
        # Everybody is told why an order was cancelled: a code, in nobody's own words.
        assert self.ask("POST", f"/v1/orders/{order_id}/cancel", json={"reason": WHY}).status_code == 422


def accepted(platform: Platform, merchant_id: str, order_id: str) -> None:
    merchant = Person(platform, "merchant", merchant_id)
    merchant.post("order", f"/v1/orders/{order_id}/accept", {"preparation_minutes": 30})


def delivered(platform: Platform, town: dict[str, Any], order_id: str) -> None:
    """The rider of the town brings an order that was accepted."""
    rider = Person(platform, "rider", town["rider_id"])

    def work() -> Any:
        return rider.get("dispatch", f"/v1/riders/{town['rider_id']}/work")

    wait_until(lambda: work()["offers"], timeout=60, message="the rider was never asked")
    delivery = f"/v1/deliveries/{work()['offers'][0]['delivery_id']}"
    rider.post("dispatch", f"{delivery}/accept")
    Person(platform, "merchant", town["merchant_id"]).post("order", f"/v1/orders/{order_id}/ready")
    wait_until(lambda: work()["deliveries"][0]["contact_phone"] == PHONE, timeout=60, message="no contact for him")
    assert work()["deliveries"][0]["contact_name"] == NAME
    rider.post("dispatch", f"{delivery}/arrived-at-pickup")
    rider.post("dispatch", f"{delivery}/picked-up", {"proof": {"kind": "code", "reference": "1234"}})
    rider.post("dispatch", f"{delivery}/arrived-at-dropoff")
    rider.post("dispatch", f"{delivery}/delivered", {"proof": {"kind": "photo", "reference": "p-1"}})
