"""Spans have the parents that they are told, fail with what went wrong, and are nothing when nobody listens."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from shared.eventstore import spans
from shared.eventstore.model import StoredEvent
from shared.runtime import tracing
from shared.runtime.settings import Settings, SettingsError

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
STORED = StoredEvent(
    stream_id="ord_1",
    version=1,
    event_id="evt_1",
    type="OrderPlaced",
    schema_version=1,
    data={},
    actor="test:1",
    occurred_at=NOW,
    recorded_at=NOW,
    correlation_id="cor_1",
    traceparent=PARENT,
    position=1,
)


@pytest.fixture
def heard() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = tracing.provider_of("test")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.install(tracing.OpenTelemetry(provider))
    yield exporter
    spans.install(None)


def test_a_span_continues_the_trace_that_it_is_told_and_names_itself_as_the_next_parent(
    heard: InMemorySpanExporter,
) -> None:
    with (
        spans.span("outer", spans.Kind.SERVER, PARENT, {}) as outer,
        spans.span("inner", spans.Kind.INTERNAL, outer, {}),
    ):
        pass
    inner, first = heard.get_finished_spans()
    assert first.parent is not None
    assert inner.parent is not None
    assert (f"{first.context.trace_id:032x}", f"{first.parent.span_id:016x}") == tuple(PARENT.split("-")[1:3])
    assert outer == f"00-{first.context.trace_id:032x}-{first.context.span_id:016x}-01"
    assert inner.parent.span_id == first.context.span_id


@pytest.mark.parametrize("parent", [None, "", "nonsense", "00-0-0-01"])
def test_a_span_without_a_parent_that_can_be_read_begins_a_trace(
    heard: InMemorySpanExporter, parent: str | None
) -> None:
    with spans.span("first", spans.Kind.INTERNAL, parent, {}):
        pass
    [span] = heard.get_finished_spans()
    assert span.parent is None


def test_a_caller_who_does_not_sample_is_not_sampled_but_still_followed(heard: InMemorySpanExporter) -> None:
    with spans.span("quiet", spans.Kind.SERVER, f"{PARENT[:-2]}00", {}) as traceparent:
        pass
    assert heard.get_finished_spans() == ()
    assert traceparent is not None
    assert traceparent.split("-")[1] == PARENT.split("-")[1]
    assert traceparent.endswith("-00")


def test_a_failure_is_told_by_its_kind_and_without_its_words(heard: InMemorySpanExporter) -> None:
    with pytest.raises(LookupError), spans.span("failing", spans.Kind.CONSUMER, PARENT, {}):
        raise LookupError("no such customer: Chen Yu")
    [span] = heard.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {}) == {"error.type": "LookupError"}
    assert "Chen" not in span.to_json()


def test_what_a_follower_appends_names_the_followers_span(heard: InMemorySpanExporter) -> None:
    seen: list[StoredEvent] = []

    def note(_transaction: None, stored: StoredEvent) -> None:
        seen.append(stored)

    spans.traced("board", note)(None, STORED)
    [span] = heard.get_finished_spans()
    assert span.name == "follow board"
    assert seen[0].traceparent == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


def test_when_nobody_listens_nothing_is_wrapped_and_the_parent_is_handed_on() -> None:
    def handle(_transaction: Any, _stored: StoredEvent) -> None:
        """Does nothing."""

    assert spans.traced("board", handle) is handle
    assert spans.start("nothing", spans.Kind.INTERNAL, PARENT, {}) is None
    with spans.span("nothing", spans.Kind.INTERNAL, PARENT, {}) as traceparent:
        assert traceparent == PARENT


def test_the_library_is_not_even_imported_when_no_exporter_is_named() -> None:
    program = (
        "import sys; from shared.runtime.tracing import configure_tracing; configure_tracing('order', 'none')();"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


WRITING = """
from shared.eventstore import spans
from shared.runtime.tracing import configure_tracing
stop = configure_tracing("order", "{exporter}")
spans.start("written", spans.Kind.SERVER, None, dict()).end()
stop()
"""
UNDER_EVENTLET = f"from shared.runtime import process{WRITING}"


@pytest.mark.parametrize("program", [WRITING, UNDER_EVENTLET], ids=["threads", "eventlet"])
def test_the_console_exporter_writes_what_was_traced_before_the_process_ends(program: str) -> None:
    command = [sys.executable, "-c", program.format(exporter="console")]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    assert '"name": "written"' in done.stdout
    assert '"service.name": "order"' in done.stdout


class Collector(BaseHTTPRequestHandler):
    """Takes what an OTLP exporter sends."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content
        self.received.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.mark.parametrize("program", [WRITING, UNDER_EVENTLET], ids=["threads", "eventlet"])
def test_the_otlp_exporter_sends_what_was_traced_to_the_collector(program: str) -> None:
    Collector.received.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "NO_PROXY": "*"}
        command = [sys.executable, "-c", program.format(exporter="otlp")]
        subprocess.run(command, check=True, timeout=60, env={**os.environ, **endpoint})
        server.shutdown()
    [(path, body)] = Collector.received
    assert path == "/v1/traces"
    assert b"written" in body
    assert b"service.name" in body


def test_a_process_refuses_to_start_with_an_exporter_that_nobody_knows_and_names_the_variable() -> None:
    with pytest.raises(SettingsError, match="DOORSTEP_TRACES is wrong: it should be one of none, console, otlp"):
        Settings.from_environment("order", {"DOORSTEP_TRACES": "carrier-pigeon"})


def test_an_exporter_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="DOORSTEP_TRACES should be one of none, console, otlp"):
        tracing.configure_tracing("order", "carrier-pigeon")
