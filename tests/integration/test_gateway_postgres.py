"""The gateway on a real PostgreSQL: races have one winner, waits stop nobody, and an outage passes."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from deploy.local.backends import Backends
from tests.support.database import Database, fresh_database
from tests.support.waiting import wait_until
from tests.unit.gateway.probing import Probe, running_probe

ROOT = Path(__file__).parents[2]
TEA: dict[str, Any] = {"drink": "tea", "cents": 500, "table": 3}


@pytest.fixture(scope="module")
def probe_database(backends: Backends) -> Iterator[Database]:
    with fresh_database(backends.postgres_url, ("probe",)) as made:
        yield made


@pytest.fixture(scope="module")
def probe(probe_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    with running_probe(tmp_path_factory.mktemp("probe"), probe_database.url("probe")) as running:
        yield running


def events_of(database: Database, tab_id: str) -> int:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute("SELECT count(*) FROM probe.events WHERE stream_id = %s", (tab_id,)).fetchone()
    assert row is not None
    return int(row[0])


def storm(probe: Probe, tab_id: str, size: int, **headers: str) -> list[httpx.Response]:
    """The same command many times at once, each on a connection of its own."""

    def send(_: int) -> httpx.Response:
        with probe.client("operations") as client:
            return client.post(f"/v1/tabs/{tab_id}/drinks", json=TEA, headers=headers)

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(send, range(size)))


def test_twenty_concurrent_requests_with_one_key_lead_to_one_event(probe: Probe, probe_database: Database) -> None:
    answers = storm(probe, "tab-key", 20, **{"Idempotency-Key": "storm"})
    assert Counter(answer.status_code for answer in answers) == {201: 20}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert events_of(probe_database, "tab-key") == 1


def test_of_forty_concurrent_writers_each_is_done_or_told_that_it_was_too_late(
    probe: Probe, probe_database: Database
) -> None:
    answers = storm(probe, "tab-busy", 40)
    done = [answer.json()["version"] for answer in answers if answer.status_code == 201]
    late = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    assert sorted(done) == list(range(1, len(done) + 1))
    assert set(late) <= {"stale_version"}
    assert events_of(probe_database, "tab-busy") == len(done) >= 1


def test_of_ten_writers_who_have_seen_one_version_one_wins(probe: Probe, probe_database: Database) -> None:
    storm(probe, "tab-match", 1)
    codes = Counter(answer.status_code for answer in storm(probe, "tab-match", 10, **{"If-Match": '"1"'}))
    assert (codes[201], codes[412] + codes[409]) == (1, 9)
    assert events_of(probe_database, "tab-match") == 2


def test_only_operators_see_what_is_parked(probe: Probe) -> None:
    with probe.client("merchant") as client:
        assert client.get("/v1/parked").status_code == 403
    with probe.client("operator") as client:
        assert client.get("/v1/parked").json() == {"items": [], "next": None, "position": None}
        assert client.get("/v1/parked/7").json()["code"] == "parked.not_found"
        assert client.post("/v1/parked/7/retry").json()["code"] == "parked.not_found"
        assert client.post("/v1/parked/7/skip", json={"reason": ""}).status_code == 422
        assert client.post("/v1/parked/7/skip", json={"reason": "known"}).json()["code"] == "parked.not_found"
        assert client.get(f"/v1/parked/{10**30}").json()["code"] == "parked.not_found"


def test_while_the_database_is_away_the_gateway_says_so_and_then_goes_on(
    probe: Probe, probe_database: Database, backends: Backends
) -> None:
    admits = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = sql.Identifier(probe_database.name)
    with probe.client("operations") as client, psycopg.connect(backends.postgres_url, autocommit=True) as admin:
        admin.execute(admits.format(name, sql.SQL("false")))
        try:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (probe_database.name,)
            )
            wait_until(lambda: client.get("/health/ready").status_code == 503, 40, "not ready")
            away = client.post("/v1/tabs/tab-out/drinks", json=TEA)
            assert (away.status_code, away.json()["code"]) == (503, "unavailable")
            assert "retry-after" in away.headers
            assert client.get("/health/live").status_code == 200
        finally:
            admin.execute(admits.format(name, sql.SQL("true")))
        wait_until(
            lambda: client.post("/v1/tabs/tab-out/drinks", json=TEA).status_code == 201, 60, "the database is back"
        )
        wait_until(lambda: client.get("/health/ready").status_code == 200, 10, "ready again")
    assert events_of(probe_database, "tab-out") == 1


TEN_QUERIES = """
from shared.runtime import process
import os, time, eventlet, psycopg
process.check_runtime()

def query(_):
    with psycopg.connect(os.environ["DSN"]) as connection:
        connection.execute("SELECT pg_sleep(0.5)")

started = time.monotonic()
list(eventlet.GreenPool(10).imap(query, range(10)))
print(time.monotonic() - started)
"""


def test_ten_queries_wait_side_by_side_in_one_process(backends: Backends) -> None:
    environment = {**os.environ, "DSN": backends.postgres_url}
    environment.pop("PSYCOPG_WAIT_FUNC", None)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TEN_QUERIES],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 2.5, "one after the other they would take 5 s"
