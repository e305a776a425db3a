"""A running order service for tests of its gateway: one process with its tail, and a voice for the other services."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pika

from deploy.local.backends import Backends
from deploy.local.platform import Platform
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
    sequences: dict[str, int] = field(default_factory=dict)

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


@contextmanager
def open_town(backends: Backends, folder: Path, **options: Any) -> Iterator[Town]:
    with Platform(folder, backends=backends, services=("order",), **options) as platform:
        made = Town(platform, "")
        made.merchant_id = made.ok("POST", "/v1/merchants", "operations", json=SHOP)["merchant_id"]
        yield made


def about(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "delivery_id": order_id.replace("ord_", "dlv_"), "rider_id": RIDER}


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

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The first event's data that is wanted."""
        while True:
            _, _, shown = self.next()
            if wanted(shown):
                return shown


@contextmanager
def listening(town: Town, path: str, role: str, identifier: str, last_id: str = "") -> Iterator[Listener]:
    headers = {**town.headers(role, identifier), **({"Last-Event-ID": last_id} if last_id else {})}
    with httpx.stream("GET", town.url + path, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        yield Listener(answer)
