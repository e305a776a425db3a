"""Live pages and standard routes over real HTTP."""

import re
import signal
import socket
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.waiting import wait_until
from tests.unit.gateway.probing import Probe, running_probe

TEA: dict[str, Any] = {"drink": "tea", "cents": 500, "table": 3}
_names = count(1)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    with running_probe(tmp_path_factory.mktemp("probe")) as running:
        yield running


@pytest.fixture
def merchant(probe: Probe) -> Iterator[httpx.Client]:
    with probe.client("merchant", "operations", ids=("tab-1",)) as client:
        yield client


@pytest.fixture
def tab() -> str:
    """A tab that no other test uses; operations may write on it."""
    return f"/v1/tabs/live-{next(_names)}"


def add(probe: Probe, tab: str, drink: str) -> None:
    with probe.client("operations") as client:
        assert client.post(f"{tab}/drinks", json=TEA | {"drink": drink}).status_code == 201


class Reader:
    """Reads the events of a live route, one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def event(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name and name != "retry":
                fields[name] = value
            elif not line and "data" in fields:
                return fields
        raise AssertionError("the stream ended")


def test_an_event_reaches_the_page_at_once(probe: Probe, merchant: httpx.Client, tab: str) -> None:
    with merchant.stream("GET", f"{tab}/live") as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        reader = Reader(answer)
        assert reader.event()["event"] == "snapshot"
        started = time.monotonic()
        add(probe, tab, "oolong")
        event = reader.event()
    assert (event["event"], "oolong" in event["data"]) == ("added", True)
    assert time.monotonic() - started < 2


def test_a_page_that_comes_back_misses_nothing_and_sees_nothing_twice(
    probe: Probe, merchant: httpx.Client, tab: str
) -> None:
    with merchant.stream("GET", f"{tab}/live") as answer:
        reader = Reader(answer)
        reader.event()
        add(probe, tab, "first")
        last = reader.event()["id"]
    add(probe, tab, "second")
    add(probe, "/v1/tabs/somebody-elses", "water")
    add(probe, tab, "third")
    for asked in ({"headers": {"Last-Event-ID": last}}, {"params": {"last_event_id": last}}):
        with merchant.stream("GET", f"{tab}/live", **asked) as answer:  # type: ignore[arg-type]
            reader = Reader(answer)
            assert ["second" in reader.event()["data"], "third" in reader.event()["data"]] == [True, True]
            add(probe, tab, "live again")
            assert "live again" in reader.event()["data"]


def streams(probe: Probe) -> float:
    return metric(probe, "doorstep_http_streams") or 0.0


def metric(probe: Probe, name: str) -> float | None:
    text = httpx.get(f"{probe.url}/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                return float(sample.value)
    return None


def test_a_page_that_goes_away_is_noticed(probe: Probe, merchant: httpx.Client, tab: str) -> None:
    before = streams(probe)
    with merchant.stream("GET", f"{tab}/live") as answer:
        Reader(answer).event()
        assert streams(probe) == before + 1

    def gone() -> bool:
        # What is written to a page that has gone fails, and that ends it.
        add(probe, tab, "anybody there")
        return streams(probe) <= before and metric(probe, "doorstep_live_subscribers") == before

    wait_until(gone, 30, "the stream of a page that went away ends")


def test_a_process_that_is_asked_to_stop_ends_its_streams_and_itself(tmp_path: Path, tab: str) -> None:
    with running_probe(tmp_path) as stopping, stopping.client("merchant") as client:
        with client.stream("GET", f"{tab}/live") as answer:
            reader = Reader(answer)
            reader.event()
            stopping.running.send_signal(signal.SIGTERM)
            with pytest.raises(AssertionError, match="the stream ended"):
                reader.event()
        assert stopping.running.wait(timeout=5) == 0
    assert [entry["asked"] for entry in stopping.log_entries("service_stopped")] == [True]


def test_head_of_a_live_route_ends_at_once(merchant: httpx.Client, tab: str) -> None:
    answer = merchant.head(f"{tab}/live")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_live_route_needs_a_token_too(probe: Probe, tab: str) -> None:
    assert httpx.get(f"{probe.url}{tab}/live").status_code == 401


def test_a_client_that_resets_its_connection_does_not_harm_the_service(probe: Probe) -> None:
    for _ in range(5):
        connection = socket.create_connection((probe.host, probe.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(b"POST /v1/tabs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        connection.close()
    assert httpx.get(f"{probe.url}/health/live").status_code == 200
    assert probe.running.poll() is None


def test_health_tells_that_the_process_runs_and_can_serve(probe: Probe) -> None:
    with probe.client() as client:
        assert client.get("/health/live").json() == {"status": "alive", "service": "probe"}
        ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["store"]) == (200, "ok")


def test_metrics_parse_and_count_requests_by_route(probe: Probe, merchant: httpx.Client) -> None:
    merchant.get("/v1/tabs/no-such-tab")
    merchant.request("BREW", "/v1/tabs")
    text = merchant.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    requests = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"])
        for sample in families["doorstep_http_request_seconds"].samples
        if sample.name.endswith("_count")
    }
    assert ("GET", "/v1/tabs/{tab_id}", "404") in requests
    assert ("other", "unmatched", "405") in requests
    assert "doorstep_hub_lag_seconds" in families
    assert "process_resident_memory_bytes" in families


def test_the_repeated_task_goes_on_after_a_failure_and_never_overlaps(probe: Probe) -> None:
    def turns() -> int:
        return int(httpx.get(f"{probe.url}/v1/turns").json()["count"])

    before = turns()
    wait_until(lambda: turns() > max(before, 3) + 20, 10, "twenty more turns")
    failures = probe.log_entries("task_failed")
    assert ["bad turn" in failure["error"] for failure in failures] == [True]


def test_the_docs_page_needs_no_network_and_lists_every_route(merchant: httpx.Client) -> None:
    answer = merchant.get("/docs")
    html = answer.text
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html) == []
    for path in merchant.get("/openapi.json").json()["paths"]:
        assert path.replace("{", "<em>{").replace("}", "}</em>") in html
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert policy.count("sha256-") >= 2


def test_a_page_is_served_under_a_strict_policy(merchant: httpx.Client) -> None:
    answer = merchant.get("/tab/tab-1")
    assert "<title>Tab</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert merchant.get("/tab/tab-1", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path", ["../probing.py", "..%2f..%2fconftest.py", ".hidden", "%2e%2e/__init__.py", "/etc/passwd", "", "a%00b"]
)
def test_no_path_leads_out_of_a_folder_of_files(probe: Probe, path: str) -> None:
    with socket.create_connection((probe.host, probe.port), timeout=5) as connection:
        connection.sendall(f"GET /web/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert b" 404 " in connection.recv(100)


def test_files_have_their_type_and_are_not_sniffed(merchant: httpx.Client) -> None:
    answer = merchant.get("/web/probe.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
