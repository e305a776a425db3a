"""A customer who asks for it is gone from everything that the platform keeps, and the log stays whole."""

import json
import subprocess
import sys
from functools import partial
from typing import Any

import pika
import pytest

from deploy.local.platform import Platform
from services.order.reactors import decoded
from shared.contracts.message import SERVICES
from shared.eventstore.verify import verify_log
from shared.kernel.ids import new_id
from tests.support.waiting import wait_until
from tests.system.personal import in_files, in_tables, waiting_messages, whole_log
from tests.system.test_one_order import Person, request_of, town

__all__ = ["town"]

NAME, PHONE, EMAIL = "Xiomara Quillfeather", "+8613987654321", "xiomara.quillfeather@example.org"
ADDRESS, NOTE, COMMENT = "77 Zephyr Terrace, flat 9Q", "beware of Mr Snuffles", "best dumplings of Zanzibar"
SECRETS = (NAME, PHONE, EMAIL, ADDRESS, NOTE, COMMENT)


def placed(customer: Person, merchant_id: str) -> str:
    wish = request_of(merchant_id) | {"address": ADDRESS, "note": NOTE}
    wish["contact"] = {"name": NAME, "phone": PHONE, "email": EMAIL, "language": "en"}
    order_id: str = customer.post("order", "/v1/orders", wish)["order_id"]
    return order_id


@pytest.fixture(scope="module")
def heard(platform: Platform) -> Any:
    """A queue with every public message of every service, as any subscriber may have it."""
    with pika.BlockingConnection(pika.URLParameters(platform.environment.amqp_urls["admin"])) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        for service in SERVICES:
            channel.queue_bind(queue, f"{service}.events", "#")

        def bodies() -> list[bytes]:
            found = []
            while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
                found.append(got[2])
            return found

        yield bodies


def test_a_forgotten_customer_is_nowhere_any_more(platform: Platform, town: dict[str, Any], heard: Any) -> None:
    customer_id = new_id("cus")
    customer, merchant = Person(platform, "customer", customer_id), Person(platform, "merchant", town["merchant_id"])
    ended, under_way = placed(customer, town["merchant_id"]), placed(customer, town["merchant_id"])

    def is_paid(order_id: str) -> bool:
        return bool(customer.get("order", f"/v1/orders/{order_id}")["answer_by"])

    for order_id in (ended, under_way):
        wait_until(partial(is_paid, order_id), timeout=30, message="never paid")
        merchant.post("order", f"/v1/orders/{order_id}/accept", {"preparation_minutes": 30})
    customer.post("order", f"/v1/orders/{ended}/cancel", {"reason": "changed_mind"})

    # It is there before: in dispatch, in notify, and in the answers kept for repeated requests.
    def spread() -> bool:
        kept = " ".join(in_tables(platform, SECRETS))
        return all(place in kept for place in ("dispatch.contacts", "notify.contacts", "order.idempotency"))

    wait_until(spread, timeout=30, message="the contact never reached the other services")

    operator = Person(platform, "operator")
    with pytest.raises(AssertionError, match=r"customer\.has_open_orders"):
        operator.post("order", f"/v1/customers/{customer_id}/forget")
    command = [sys.executable, "-m", "deploy.cli", "forget", customer_id, "--even-with-open-orders"]
    told = subprocess.run(
        [*command, "--run-dir", str(platform.run_dir)], capture_output=True, text=True, timeout=60, check=True
    )
    assert under_way in told.stdout

    wait_until(lambda: not in_tables(platform, SECRETS), timeout=30, message="a table kept the customer")
    # The one exception is what has left already: mails that were sent lie in other people's inboxes.
    assert in_files(platform.run_dir, SECRETS, without=platform.mail_dir) == []
    assert [service for service in SERVICES if waiting_messages(platform, service)] == []
    bodies = heard()
    assert any(b'"CustomerForgotten"' in body for body in bodies)
    assert [body for body in bodies for secret in SECRETS if secret.encode() in body] == []
    nothing_in_a_replay(platform)
    for service in SERVICES:
        assert verify_log(platform.settings[service].postgres_url).is_whole
    assert customer.get("order", f"/v1/orders/{under_way}")["recipient"] is None


def nothing_in_a_replay(platform: Platform) -> None:
    """Reads every log from its start, opening all that can be opened."""
    for service in SERVICES:
        for store, event in whole_log(platform, service):
            shown = json.dumps(event.data, ensure_ascii=False)
            if service == "order":
                with store.reading() as tx:
                    shown += repr(decoded(tx, event))
            assert not [secret for secret in SECRETS if secret in shown], (service, event.stream_id, event.version)
