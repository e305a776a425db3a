"""One trace from a person's request through every event it causes (W3C Trace Context, level 1).

The spans are OpenTelemetry's, made when `DOORSTEP_TRACES` names an exporter; without one its library is not even
imported, and the `traceparent` is handed on all the same.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.eventstore import spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

NONE, CONSOLE, OTLP = "none", "console", "otlp"
EXPORTERS = (NONE, CONSOLE, OTLP)
VARIABLE = "DOORSTEP_TRACES"

_FORMAT = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace; its text is the `traceparent` header."""

    trace_id: str
    span_id: str
    flags: str = "01"

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child(self) -> "Trace":
        """A new span of the same trace."""
        return Trace(self.trace_id, os.urandom(8).hex(), self.flags)


def new_trace() -> Trace:
    """The start of a trace that nobody handed in."""
    return Trace(os.urandom(16).hex(), os.urandom(8).hex())


def parse_traceparent(text: str | None) -> Trace | None:
    """Reads a `traceparent`; None when it is absent or malformed (W3C: then start a new trace)."""
    match = _FORMAT.match((text or "").strip())
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Trace(trace_id, span_id, flags)


def continue_trace(traceparent: str | None) -> Trace:
    """A span of our own in the caller's trace, or in a new one."""
    parent = parse_traceparent(traceparent)
    return parent.child() if parent else new_trace()


def configure_tracing(service: str, exporter: str) -> Callable[[], None]:
    """Sends this process's spans to the named exporter; returns what to call at the end, so that none is lost.

    `otlp` reads OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT` and so on). Raises ValueError for an
    exporter that nobody knows.
    """
    if exporter not in EXPORTERS:
        raise ValueError(f"{VARIABLE} should be one of {', '.join(EXPORTERS)}")
    if exporter == NONE:
        spans.install(None)
        return lambda: None
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = provider_of(service)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    spans.install(OpenTelemetry(provider))

    def shut_down() -> None:
        spans.install(None)
        provider.shutdown()

    return shut_down


def provider_of(service: str) -> "TracerProvider":
    """OpenTelemetry's root for one process, which samples what its callers sample."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    return TracerProvider(
        resource=Resource.create({"service.name": service, "service.namespace": "doorstep"}),
        shutdown_on_exit=False,
    )


def _exporter(name: str) -> "SpanExporter":
    if name == CONSOLE:
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


class OpenTelemetry:
    """A `spans.Tracer` on OpenTelemetry. Parents are always told, never taken from the surroundings."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace
        from opentelemetry.context import Context

        self._api = trace
        self._nothing = Context()
        self._tracer = provider.get_tracer("doorstep")
        self._kinds = {kind: trace.SpanKind[kind.name] for kind in spans.Kind}

    def start(
        self, name: str, kind: spans.Kind, parent: str | None, attributes: spans.Attributes
    ) -> "OpenTelemetrySpan":
        begun = self._tracer.start_span(
            name, context=self._around(parse_traceparent(parent)), kind=self._kinds[kind], attributes=dict(attributes)
        )
        return OpenTelemetrySpan(begun)

    def _around(self, parent: "Trace | None") -> Any:
        if parent is None:
            return self._nothing
        known = self._api.SpanContext(
            trace_id=int(parent.trace_id, 16),
            span_id=int(parent.span_id, 16),
            is_remote=True,
            trace_flags=self._api.TraceFlags(int(parent.flags, 16)),
        )
        return self._api.set_span_in_context(self._api.NonRecordingSpan(known), self._nothing)


class OpenTelemetrySpan:
    """A `spans.Span` on OpenTelemetry."""

    def __init__(self, begun: Any) -> None:
        self._begun = begun
        place = begun.get_span_context()
        self.traceparent = f"00-{place.trace_id:032x}-{place.span_id:016x}-{int(place.trace_flags):02x}"

    def rename(self, name: str) -> None:
        self._begun.update_name(name)

    def end(self, error: BaseException | None = None, attributes: spans.Attributes | None = None) -> None:
        from opentelemetry.trace import Status, StatusCode

        if attributes:
            self._begun.set_attributes(dict(attributes))
        if error is not None:
            # The kind of error only: its words may name a person.
            self._begun.set_attribute("error.type", type(error).__name__)
            self._begun.set_status(Status(StatusCode.ERROR))
        self._begun.end()
