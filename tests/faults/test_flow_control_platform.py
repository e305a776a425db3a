"""While the broker is full, people notice nothing: orders are taken, riders are heard, and all is told afterwards."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.local.backends import Backends, private_backends
from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from shared.kernel.ids import new_id
from tests.support.dashboards import offered
from tests.support.waiting import wait_until
from tests.system.test_one_order import DOOR, Person, request_of, town

__all__ = ["town"]

ORDERS = 8
POSITIONS = 40
HEARERS = ("dispatch", "notify", "analytics")


@pytest.fixture(scope="module")
def own_backends(session_folder: Path) -> Iterator[Backends]:
    """Backends of this module's own, since an alarm at the broker concerns all of it."""
    opened = private_backends(session_folder / "full", durable=False)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def platform(own_backends: Backends, session_folder: Path) -> Iterator[Platform]:
    with Platform(session_folder / "full-platform", backends=own_backends) as running:
        yield running


def measured(platform: Platform, where: str, name: str) -> float:
    """The sum of a metric over its labels, as a running process tells it."""
    address = platform.environment.tail_metrics if where == "tail" else platform.environment.http[where]
    page = httpx.get(f"http://{address}/metrics", timeout=10).text
    told = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.MULTILINE)
    assert told, f"{where} has no {name}"
    return sum(map(float, told))


def heard(platform: Platform, service: str, order_ids: list[str]) -> bool:
    with psycopg.connect(platform.admin_url) as connection:
        query = f"SELECT count(DISTINCT stream_id) FROM {service}.inbox_position WHERE stream_id = ANY(%s)".encode()
        return connection.execute(query, (order_ids,)).fetchone() == (len(order_ids),)


def test_orders_are_taken_while_the_broker_is_full_and_everybody_hears_of_them_afterwards(
    platform: Platform, own_backends: Backends, town: dict[str, Any]
) -> None:
    assert own_backends.local_rabbit is not None
    customer_id, rider_id = new_id("cus"), town["rider_id"]
    customer, rider = Person(platform, "customer", customer_id), Person(platform, "rider", rider_id)
    resent = measured(platform, "tail", "doorstep_relay_resent_total") if has_resent(platform) else 0.0
    with own_backends.local_rabbit.alarm("disk"):
        placed = [customer.post("order", "/v1/orders", request_of(town["merchant_id"])) for _ in range(ORDERS)]
        order_ids = [str(each["order_id"]) for each in placed]
        wait_until(
            lambda: all(customer.get("order", f"/v1/orders/{each}")["answer_by"] for each in order_ids),
            30,
            "the orders are paid, and their merchant is asked",
        )
        wait_until(lambda: measured(platform, "tail", "doorstep_relay_blocked") >= 1, 30, "the relay is blocked")
        took = [report(platform, rider, rider_id, number) for number in range(POSITIONS)]
        assert max(took) < 1.0, "no rider waits for a broker that takes nothing"
        wait_until(
            lambda: measured(platform, "dispatch", "doorstep_telemetry_lost_total") > 0, 10, "some are dropped"
        )
        assert not any(heard(platform, service, order_ids) for service in HEARERS)
        for service in SERVICES:
            assert httpx.get(f"{platform.url(service)}/health/ready", timeout=5).status_code == 200
    for service in HEARERS:
        wait_until(partial(heard, platform, service, order_ids), 30, f"{service} hears of every order")
    assert not has_resent(platform) or measured(platform, "tail", "doorstep_relay_resent_total") == resent


def has_resent(platform: Platform) -> bool:
    page = httpx.get(f"http://{platform.environment.tail_metrics}/metrics", timeout=10).text
    return "doorstep_relay_resent_total{" in page


def report(platform: Platform, rider: Person, rider_id: str, number: int) -> float:
    """Tells where a rider is; in how many seconds that was answered."""
    at = (platform.clock.now() + timedelta(milliseconds=number)).isoformat()
    began = time.monotonic()
    answer = rider.post("dispatch", f"/v1/riders/{rider_id}/positions", {"positions": [{**DOOR, "at": at}]})
    assert answer["accepted"] == 1, answer
    return time.monotonic() - began


@pytest.mark.usefixtures("town")
@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("tail", "doorstep_sequence_lag_seconds_count"),
        ("tail", "doorstep_relay_lag_seconds_count"),
        ("tail", "doorstep_relay_confirm_seconds_count"),
        ("tail", "doorstep_log_position"),
        ("tail", "process_resident_memory_bytes"),
        *((service, "doorstep_subscription_lag_seconds_count") for service in HEARERS),
        *((service, "doorstep_hub_lag_seconds_count") for service in SERVICES),
        *((service, "process_resident_memory_bytes") for service in SERVICES),
    ],
)
def test_each_step_is_measured_by_the_process_that_takes_it(platform: Platform, where: str, name: str) -> None:
    wait_until(lambda: measured(platform, where, name) > 0, 10, f"{where} tells {name}")


@pytest.mark.parametrize("service", SERVICES)
def test_what_waits_is_told_also_when_nothing_does(platform: Platform, service: str) -> None:
    page = httpx.get(f"{platform.url(service)}/metrics", timeout=10).text
    # A handler has a line of its own once it has parked something, a follower once it has followed.
    parked = {"doorstep_parked_waiting", "doorstep_parked_oldest_seconds", "doorstep_inbox_parked_total"}
    assert parked | {"doorstep_follower_behind"} <= offered(page)
    for name in ("doorstep_deadlines_late", "doorstep_deadlines_late_seconds", "doorstep_deadlines_failing"):
        assert measured(platform, service, name) >= 0
