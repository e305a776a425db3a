"""The process's own measurements, in one registry that `/metrics` shows."""

from collections.abc import Sequence
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from shared.messaging import metrics as messaging

M = TypeVar("M", Counter, Gauge, Histogram)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; dense around the 100 ms budget of a command."""

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
REGISTRY.register(messaging.REGISTRY)
_known: dict[str, Any] = {}


def _once(kind: type[M], name: str, what: str, labels: Sequence[str], **options: Any) -> M:
    """The metric of that name, made on first use, so that two modules may name the same one."""
    if name not in _known:
        _known[name] = kind(name, what, tuple(labels), registry=REGISTRY, **options)
    metric = _known[name]
    if not isinstance(metric, kind):
        raise TypeError(f"{name} is already a {type(metric).__name__}")
    return metric


def counter(name: str, what: str, labels: Sequence[str] = ()) -> Counter:
    """Only ever rises; `name` starts with `doorstep_` and ends with what it counts."""
    return _once(Counter, name, what, labels)


def gauge(name: str, what: str, labels: Sequence[str] = ()) -> Gauge:
    """A figure that rises and falls."""
    return _once(Gauge, name, what, labels)


def histogram(
    name: str, what: str, labels: Sequence[str] = (), buckets: Sequence[float] = LATENCY_BUCKETS
) -> Histogram:
    """How often which size was seen; for times in seconds the name ends with `_seconds`."""
    return _once(Histogram, name, what, labels, buckets=tuple(buckets))


def render() -> bytes:
    """Everything measured, in the Prometheus text format."""
    return generate_latest(REGISTRY)
