"""What a process is told, what it tells, and what it never tells."""

import base64
import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.logging import STRUCK, strike_secrets
from shared.runtime.metrics import counter, histogram, render
from shared.runtime.settings import Address, Settings, SettingsError
from shared.runtime.tracing import continue_trace, new_trace, parse_traceparent

ROOT = Path(__file__).parents[3]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "jwks.json").write_text("{}")
    return {
        "DOORSTEP_ORDER_POSTGRES_URL": "postgresql://order:hidden1@127.0.0.1/doorstep",
        "DOORSTEP_ORDER_AMQP_URL": "amqp://order:hidden2@127.0.0.1/v",
        "DOORSTEP_ORDER_HTTP": "127.0.0.1:8001",
        "DOORSTEP_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
        "DOORSTEP_JWKS": str(tmp_path / "jwks.json"),
    }


def test_settings_come_from_the_environment_with_sensible_defaults(variables: dict[str, str]) -> None:
    settings = Settings.from_environment("order", variables)
    assert (settings.http, settings.partitions, settings.jwt_issuer) == (Address("127.0.0.1", 8001), 4, "doorstep")
    assert abs(settings.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert (settings.smtp, settings.master_key) == (None, b"k" * 32)


def test_settings_never_show_their_secrets(variables: dict[str, str]) -> None:
    text = repr(Settings.from_environment("order", variables))
    assert "hidden" not in text
    assert "kkkk" not in text


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment("order", {})
    for name in ("ORDER_POSTGRES_URL", "ORDER_AMQP_URL", "ORDER_HTTP", "MASTER_KEY", "JWKS"):
        assert f"DOORSTEP_{name} is not set" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOORSTEP_ORDER_POSTGRES_URL", "mysql://secret@x"),
        ("DOORSTEP_ORDER_HTTP", "8001"),
        ("DOORSTEP_ORDER_HTTP", "127.0.0.1:99999"),
        ("DOORSTEP_MASTER_KEY", "c2hvcnQ="),
        ("DOORSTEP_MASTER_KEY", "not base64!"),
        ("DOORSTEP_JWKS", "/no/such/file"),
        ("DOORSTEP_CLOCK_SPEED", "-3.25"),
        ("DOORSTEP_CLOCK_SPEED", "fast"),
        ("DOORSTEP_CLOCK_STARTED", "noon"),
        ("DOORSTEP_CLOCK_EPOCH", "noonish"),
        ("DOORSTEP_CLOCK_SPEED", "nan"),
        ("DOORSTEP_CLOCK_EPOCH", "2026-03-01T11:00:00"),
        ("DOORSTEP_LOG_LEVEL", "loud"),
        ("DOORSTEP_PARTITIONS", "-1"),
        ("DOORSTEP_POLICIES", "/no/such/file"),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(variables: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment("order", variables | {name: value})
    assert f"{name} is wrong" in str(refused.value)
    assert value not in str(refused.value)


def test_processes_with_the_same_clock_settings_tell_the_same_time(variables: dict[str, str]) -> None:
    clock = {
        "DOORSTEP_CLOCK_SPEED": "60",
        "DOORSTEP_CLOCK_STARTED": "1000000",
        "DOORSTEP_CLOCK_EPOCH": "2026-03-01T19:00:00+08:00",
    }
    first, second = (Settings.from_environment("order", variables | clock).clock for _ in range(2))
    assert first == second
    assert first.epoch == datetime(2026, 3, 1, 11, tzinfo=UTC)


@dataclass(frozen=True)
class Policy:
    answer_seconds: int = 300
    radius_m: float = 15_000


def test_policies_override_by_name_and_an_unknown_or_wrong_one_is_an_error(
    variables: dict[str, str], tmp_path: Path
) -> None:
    def policy(overrides: object) -> Policy:
        (tmp_path / "policies.json").write_text(json.dumps(overrides))
        variables["DOORSTEP_POLICIES"] = str(tmp_path / "policies.json")
        return Settings.from_environment("order", variables).policy(Policy)

    assert policy({"order": {"answer_seconds": 5}, "dispatch": {"x": 1}}) == Policy(answer_seconds=5)
    assert policy({}) == Policy()
    with pytest.raises(SettingsError, match="order has no policy anwser_seconds"):
        policy({"order": {"anwser_seconds": 5}})
    with pytest.raises(SettingsError, match="answer_seconds"):
        policy({"order": {"answer_seconds": "soon"}})
    with pytest.raises(SettingsError, match="DOORSTEP_POLICIES"):
        policy([])


def test_secrets_are_struck_out_of_log_entries_however_deep() -> None:
    entry = strike_secrets(
        None,
        "info",
        {
            "event": "GET /x?token=abc with Bearer abc.def at postgresql://order:pw@host/db",
            "authorization": "Basic x",
            "nested": {"amqp_url": "amqp://x", "list": ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJsaW4ifQ.c2ln", 3]},
            "phone": "+8613800138000",
            "status": 200,
        },
    )
    text = json.dumps(entry)
    for secret in ("abc", "pw@", "Basic", "amqp://", "eyJ", "13800138000"):
        assert secret not in text
    assert entry["status"] == 200
    assert entry["authorization"] == STRUCK


def test_the_standard_librarys_records_become_json_lines_too() -> None:
    script = (
        "import logging; from shared.runtime.logging import configure_logging, get_logger;"
        "configure_logging('order', 'info');"
        "logging.getLogger('any').warning('hello %s', 'amqp://u:pw@h');"
        "logging.getLogger('any').debug('not shown');"
        "get_logger('x').info('paid', cents=5, token='t')"
    )
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = (json.loads(line) for line in output.stdout.splitlines())
    assert (first["event"], first["level"], first["service"]) == (f"hello amqp://u:{STRUCK}@h", "warning", "order")
    assert (second["event"], second["cents"], second["token"]) == ("paid", 5, STRUCK)
    assert logging.getLogger("any").name == "any"


def test_a_trace_goes_on_through_us() -> None:
    given_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ours = continue_trace(given_parent)
    assert ours.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert ours.span_id != "b7ad6b7169203331"
    assert parse_traceparent(str(new_trace())) is not None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00-0-0-00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    ],
)
def test_a_malformed_trace_starts_a_new_one(text: str | None) -> None:
    assert parse_traceparent(text) is None
    assert continue_trace(text).trace_id != continue_trace(text).trace_id


@given(st.text())
def test_no_header_upsets_the_tracing(text: str) -> None:
    assert parse_traceparent(str(continue_trace(text))) is not None


def test_a_metric_named_twice_is_one_and_of_one_kind() -> None:
    first = counter("doorstep_test_things", "Things", ("kind",))
    assert counter("doorstep_test_things", "Things", ("kind",)) is first
    first.labels("a").inc()
    assert b'doorstep_test_things_total{kind="a"} 1.0' in render()
    with pytest.raises(TypeError):
        histogram("doorstep_test_things", "Things")


@pytest.mark.parametrize("wait", ["wait_c", "wait_select"])
def test_a_process_whose_database_driver_would_block_refuses_to_start(wait: str) -> None:
    script = "from shared.runtime import process; process.check_runtime()"
    environment = {**os.environ, "PSYCOPG_WAIT_FUNC": wait}
    refused = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "PSYCOPG_WAIT_FUNC=wait_selector" in refused.stderr


def test_a_process_that_imported_the_driver_too_early_refuses_to_start() -> None:
    script = "import psycopg; from shared.runtime import process; process.check_runtime()"
    environment = {name: value for name, value in os.environ.items() if name != "PSYCOPG_WAIT_FUNC"}
    refused = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "UnsafeRuntime" in refused.stderr
