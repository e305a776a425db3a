"""All five services, their tails and the engine in one process, with every span kept: prints them once asked.

Run as a program: it takes the services' variables from its environment and a line on its standard input.
"""

# isort: off
from shared.runtime import process

# isort: on
import json
import sys
import threading
from importlib import import_module
from typing import Any

import eventlet
from eventlet import tpool
from nameko.containers import ServiceContainer
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.dispatch.engine.dispatching import warm_up
from services.dispatch.engine_process import run_engine
from shared.contracts.message import SERVICES
from shared.eventstore import spans
from shared.messaging.tail import run_tail
from shared.runtime.settings import Settings
from shared.runtime.tracing import OpenTelemetry, provider_of


def told(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": f"{span.context.trace_id:032x}",
        "span": f"{span.context.span_id:016x}",
        "parent": f"{span.parent.span_id:016x}" if span.parent else None,
        "attributes": dict(span.attributes),
    }


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    process.check_runtime()
    exporter = InMemorySpanExporter()
    provider = provider_of("everything")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.install(OpenTelemetry(provider))
    warm_up()
    settings = [Settings.from_environment(service) for service in SERVICES]
    containers = []
    for each in settings:
        service_class = getattr(
            import_module(f"services.{each.service}.service"), f"{each.service.capitalize()}Service"
        )
        containers.append(ServiceContainer(service_class, process.nameko_config(each)))
    for container in containers:
        container.start()
    stop = threading.Event()
    tails = [import_module(f"services.{each.service}.wiring").tail_spec(each) for each in settings]
    tail = eventlet.spawn(run_tail, tails, stop)
    [dispatch] = [each for each in settings if each.service == "dispatch"]
    engine = eventlet.spawn(run_engine, dispatch, stop)
    say("started")
    tpool.execute(sys.stdin.readline)
    say(json.dumps([told(span) for span in exporter.get_finished_spans()]))
    stop.set()
    tail.wait()
    engine.wait()
    for container in containers:
        container.stop()


if __name__ == "__main__":
    main()
