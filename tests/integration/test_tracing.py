"""One order is one trace: over HTTP, the store, the sequencer, the relay, and every service that hears of it."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.local.platform import subscriptions
from deploy.local.ports import free_ports
from shared.contracts.message import SERVICES
from shared.gateway.tokens import SigningKey, generate_keypair, issue, write_jwks
from shared.messaging.topology import declare_platform
from tests.support.broker import VirtualHost
from tests.support.dashboards import asked_for, dashboards, offered
from tests.support.database import Database
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SHOP: dict[str, Any] = {
    "name": "Lakeside Noodles",
    "phone": "+8657187654321",
    "place": {"lat": 30.2741, "lon": 120.1551},
    "address": "1 Lotus Road",
    "menu": [{"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800}],
    "preparation_minutes": 15,
}
RIDER: dict[str, Any] = {
    "name": "Li Wei",
    "phone": "+8613900000000",
    "skills": [],
    "vehicle": "scooter",
    "capacity": {"weight_g": 20000, "volume_ml": 60000},
}
# Nobody of the test answers: these waits run out at once.
POLICIES = {
    "order": {"merchant_reminder_seconds": 1},
    "dispatch": {"offer_seconds": 1, "reoffer_after_seconds": 60, "offer_ahead_seconds": 86_400},
}
Spans = list[dict[str, Any]]


def environment(database: Database, broker: VirtualHost, folder: Path, key: SigningKey) -> dict[str, str]:
    write_jwks(folder / "jwks.json", [key])
    variables = {name: text for name, text in os.environ.items() if not name.startswith("DOORSTEP_")}
    variables["DOORSTEP_MASTER_KEY"] = b64encode(bytes(32)).decode()
    variables["DOORSTEP_JWKS"] = str(folder / "jwks.json")
    variables["DOORSTEP_LOG_LEVEL"] = "error"
    (folder / "policies.json").write_text(json.dumps(POLICIES), encoding="utf-8")
    variables["DOORSTEP_POLICIES"] = str(folder / "policies.json")
    variables["DOORSTEP_SMTP"] = "127.0.0.1:1"
    for service, port in zip(SERVICES, free_ports(len(SERVICES)), strict=True):
        mine = f"DOORSTEP_{service.upper()}"
        variables[f"{mine}_POSTGRES_URL"] = database.url(service)
        variables[f"{mine}_AMQP_URL"] = broker.url_for(service)
        variables[f"{mine}_HTTP"] = f"127.0.0.1:{port}"
    return variables


def handled(database: Database, order_id: str) -> set[str]:
    """Which services have taken in that the order was placed."""
    heard = set()
    with psycopg.connect(database.admin_url) as connection:
        for service in set(SERVICES) - {"order", "support"}:
            query = f"SELECT count(*) FROM {service}.inbox_position WHERE stream_id = %s".encode()
            if connection.execute(query, (order_id,)).fetchone() != (0,):
                heard.add(service)
    return heard


@dataclass(frozen=True)
class Heard:
    """What was traced and measured."""

    spans: Spans
    metrics: str


@pytest.fixture(scope="module")
def spans(heard: Heard) -> Spans:
    return heard.spans


@pytest.fixture(scope="module")
def heard(database: Database, broker: VirtualHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    """Every span and every metric of one order that was placed, paid, accepted, and offered to a rider in vain."""
    folder, key = tmp_path_factory.mktemp("tracing"), generate_keypair()
    declare_platform(broker.url, subscriptions(SERVICES))
    variables = environment(database, broker, folder, key)
    command = [sys.executable, "-m", "tests.integration.tracing_program"]
    errors = (folder / "errors").open("w")
    running = subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        while (line := running.stdout.readline().strip()) != "started":
            assert running.poll() is None or line, (folder / "errors").read_text()
        start_shift(f"http://{variables['DOORSTEP_DISPATCH_HTTP']}", key)
        merchant_id, order_id = place(f"http://{variables['DOORSTEP_ORDER_HTTP']}", key)
        wait_until(lambda: handled(database, order_id) == {"dispatch", "notify", "analytics"}, 30, "all have heard")
        wait_until(lambda: paid(variables, key, order_id), 30, "the order is paid")
        wait_until(lambda: happened(database, "order", "MerchantReminded"), 30, "the merchant is reminded")
        accept(f"http://{variables['DOORSTEP_ORDER_HTTP']}", key, merchant_id, order_id)
        wait_until(lambda: happened(database, "dispatch", "OfferExpired"), 30, "a rider is asked in vain")
        wait_until(lambda: settled(database, "order") and settled(database, "dispatch"), 30, "all is published")
        page = httpx.get(f"http://{variables['DOORSTEP_ORDER_HTTP']}/metrics", timeout=20).text
        running.stdin.write("\n")
        running.stdin.flush()
        while not (line := running.stdout.readline()).startswith("["):
            assert running.poll() is None or line, (folder / "errors").read_text()
        yield Heard(json.loads(line), page)
    finally:
        running.kill()
        running.communicate()
        errors.close()
        # Shown by pytest with a test that failed.
        sys.stdout.write((folder / "errors").read_text())


def settled(database: Database, service: str) -> bool:
    """Whether the service's relay has confirmed all of its log."""
    query = f'SELECT (SELECT count(*) FROM "{service}".events) = (SELECT position FROM "{service}".relay_position)'
    with psycopg.connect(database.admin_url) as connection:
        return connection.execute(query.encode()).fetchone() == (True,)


def happened(database: Database, service: str, kind: str) -> bool:
    """Whether a service has recorded an event of this type."""
    query = f'SELECT EXISTS (SELECT FROM "{service}".events WHERE type = %s)'
    with psycopg.connect(database.admin_url) as connection:
        return connection.execute(query.encode(), (kind,)).fetchone() == (True,)


def start_shift(url: str, key: SigningKey) -> None:
    """A rider, whom the engine may ask; in traces of their own."""
    staff = {"Authorization": f"Bearer {issue(key, subject='dis', roles=['dispatcher'])}"}
    hired = httpx.post(f"{url}/v1/riders", json=RIDER, headers=staff, timeout=20)
    assert hired.status_code == 201, hired.text
    rider_id = hired.json()["rider_id"]
    rider = {"Authorization": f"Bearer {issue(key, subject=rider_id, roles=['rider'], ids=[rider_id])}"}
    shift = {"place": SHOP["place"], "until": (datetime.now(UTC) + timedelta(hours=8)).isoformat()}
    started = httpx.post(f"{url}/v1/riders/{rider_id}/shift/start", json=shift, headers=rider, timeout=20)
    assert started.status_code < 300, started.text


def accept(url: str, key: SigningKey, merchant_id: str, order_id: str) -> None:
    """The merchant's page hands on the trace that it was told of."""
    token = issue(key, subject=merchant_id, roles=["merchant"], ids=[merchant_id])
    headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{TRACE}-{CALLER}-01"}
    path = f"{url}/v1/orders/{order_id}/accept"
    accepted = httpx.post(path, json={"preparation_minutes": 1}, headers=headers, timeout=20)
    assert accepted.status_code < 300, accepted.text


def place(url: str, key: SigningKey) -> tuple[str, str]:
    staff = {"Authorization": f"Bearer {issue(key, subject='op', roles=['operations'])}"}
    customer = {"Authorization": f"Bearer {issue(key, subject='cus_1', roles=['customer'], ids=['cus_1'])}"}
    shop = httpx.post(f"{url}/v1/merchants", json=SHOP, headers=staff, timeout=20)
    assert shop.status_code == 201, shop.text
    wish = {
        "merchant_id": shop.json()["merchant_id"],
        "kind": "food",
        "items": [{"sku": "noodles", "quantity": 2}],
        "dropoff": {"lat": 30.2790, "lon": 120.1600},
        "address": "18 Willow Lane",
        "contact": {"name": "Chen Yu", "phone": "138 1234 5678", "language": "zh"},
        "payment": {"method": "sandbox_ok"},
    }
    traced = {**customer, "traceparent": f"00-{TRACE}-{CALLER}-01"}
    placed = httpx.post(f"{url}/v1/orders", json=wish, headers=traced, timeout=20)
    assert placed.status_code == 201, placed.text
    return wish["merchant_id"], str(placed.json()["order_id"])


def paid(variables: dict[str, str], key: SigningKey, order_id: str) -> bool:
    token = issue(key, subject="cus_1", roles=["customer"], ids=["cus_1"])
    url = f"http://{variables['DOORSTEP_ORDER_HTTP']}/v1/orders/{order_id}"
    order = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20).json()
    return order["answer_by"] is not None


def named(spans: Spans, name: str, **attributes: Any) -> Spans:
    return [
        span
        for span in spans
        if span["name"] == name
        and span["trace"] == TRACE
        and all(span["attributes"].get(f"doorstep.{key}") == value for key, value in attributes.items())
    ]


def way(spans: Spans, span: dict[str, Any]) -> list[str]:
    """The names from the caller's request down to a span."""
    by_id = {each["span"]: each for each in spans}
    names: list[str] = []
    while True:
        names.insert(0, span["name"])
        if span["parent"] not in by_id:
            return names
        span = by_id[span["parent"]]


def test_the_request_continues_the_callers_trace(spans: Spans) -> None:
    [request] = named(spans, "POST /v1/orders")
    assert (request["kind"], request["parent"]) == ("SERVER", CALLER)
    assert request["attributes"]["http.response.status_code"] == 201


def test_every_span_of_the_trace_has_a_parent_in_it(spans: Spans) -> None:
    mine = [span for span in spans if span["trace"] == TRACE]
    known = {span["span"] for span in mine} | {CALLER}
    assert len(mine) > 10
    assert [span["name"] for span in mine if span["parent"] not in known] == []


@pytest.mark.parametrize("service", ["dispatch", "notify", "analytics"])
def test_a_message_is_handled_below_its_publication_below_its_append_below_the_request(
    spans: Spans, service: str
) -> None:
    [handled] = named(spans, "handle OrderPlaced", handler=service)
    assert handled["kind"] == "CONSUMER"
    assert way(spans, handled) == ["POST /v1/orders", "append order", "publish OrderPlaced", "handle OrderPlaced"]


def test_what_a_consumer_appends_is_below_what_it_handled(spans: Spans) -> None:
    [dispatch] = named(spans, "handle OrderPlaced", handler="dispatch")
    [appended] = [span for span in spans if span["parent"] == dispatch["span"]]
    assert appended["name"] == "append delivery"
    assert [span["name"] for span in spans if span["parent"] == appended["span"] and "sequence" in span["name"]] == [
        "sequence DeliveryAnnounced"
    ]


def test_the_place_in_the_log_is_below_the_append(spans: Spans) -> None:
    [placed] = named(spans, "sequence OrderPlaced")
    assert way(spans, placed) == ["POST /v1/orders", "append order", "sequence OrderPlaced"]


def test_a_reactor_goes_on_in_the_same_trace(spans: Spans) -> None:
    [authorized] = named(spans, "publish PaymentAuthorized")
    path = way(spans, authorized)
    assert path[:2] == ["POST /v1/orders", "append order"]
    assert path[-2:] == ["append payment", "publish PaymentAuthorized"]
    assert any(step.startswith("follow ") for step in path)


def test_a_wait_that_runs_out_goes_on_in_the_trace_of_what_set_it(spans: Spans) -> None:
    [reminded] = named(spans, "publish MerchantReminded")
    path = way(spans, reminded)
    assert path[:2] == ["POST /v1/orders", "append order"]
    assert path[-3:] == ["deadline merchant_reminder", "append order", "publish MerchantReminded"]
    assert path[-4] == "append order", "it was set when the order learned that it was paid"


def test_the_engine_goes_on_in_the_trace_of_the_delivery_that_waits(spans: Spans) -> None:
    offered = named(spans, "publish DeliveryOffered")
    assert offered
    path = way(spans, offered[0])
    assert path[:4] == [
        "POST /v1/orders/{order_id}/accept",
        "append order",
        "publish OrderAccepted",
        "handle OrderAccepted",
    ]
    assert path[-4:] == ["append delivery", "offer", "append delivery", "publish DeliveryOffered"]


def test_an_offer_that_nobody_answered_goes_on_in_the_trace_too(spans: Spans) -> None:
    expired = named(spans, "publish OfferExpired")
    assert expired
    assert way(spans, expired[0])[-5:] == [
        "offer",
        "append delivery",
        "deadline offer",
        "append delivery",
        "publish OfferExpired",
    ]


@pytest.mark.parametrize(
    "step",
    [
        'doorstep_sequence_lag_seconds_count{service="order"}',
        'doorstep_relay_lag_seconds_count{service="order"}',
        'doorstep_relay_confirm_seconds_count{service="order"}',
        'doorstep_subscription_lag_seconds_count{service="dispatch"}',
        'doorstep_subscription_lag_seconds_count{service="analytics"}',
        'doorstep_log_position{service="order"}',
    ],
)
def test_each_step_of_the_way_is_measured(heard: Heard, step: str) -> None:
    [told] = [line for line in heard.metrics.splitlines() if line.startswith(step)]
    assert float(told.rpartition(" ")[2]) > 0


def test_what_waits_in_the_store_is_measured(heard: Heard) -> None:
    lines = heard.metrics.splitlines()
    assert "doorstep_store_up 1.0" in lines
    assert "doorstep_deadlines_late 0.0" in lines
    assert any(line.startswith("doorstep_follower_behind{") for line in lines)


def test_the_dashboards_ask_for_nothing_that_running_services_do_not_have(heard: Heard) -> None:
    for dashboard in dashboards():
        assert asked_for(dashboard) - offered(heard.metrics) == set()
