"""Where a trace's spans begin and end, for rooms that know no tracing library: without one they cost one comparison.

A span's place in its trace travels as text (W3C `traceparent`) in the metadata of events and in envelopes, never in
a thread's or greenthread's surroundings: an order crosses five processes and many of their threads.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Protocol, TypeVar

from shared.eventstore.model import StoredEvent

T = TypeVar("T")

Attributes = Mapping[str, str | int | bool]


class Kind(StrEnum):
    """How a span stands to others: it answers, it sends, it receives, or it does none of these."""

    SERVER = "server"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """Something that goes on."""

    traceparent: str
    """What names this span as a parent."""

    def end(self, error: BaseException | None = None, attributes: Attributes | None = None) -> None:
        """It is over; with an error it failed."""

    def rename(self, name: str) -> None:
        """Its name became known after it began."""


class Tracer(Protocol):
    """Begins spans; see `shared.runtime.tracing`."""

    def start(self, name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Span: ...


class _Tracing:
    tracer: Tracer | None = None


def install(tracer: Tracer | None) -> None:
    """Spans go to this tracer from now on; None: nowhere."""
    _Tracing.tracer = tracer


def on() -> bool:
    """Whether anybody listens."""
    return _Tracing.tracer is not None


def start(name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Span | None:
    """Begins a span that the caller ends; None when nobody listens. Without a parent it begins a trace."""
    tracer = _Tracing.tracer
    return None if tracer is None else tracer.start(name, kind, parent, attributes)


@contextmanager
def span(name: str, kind: Kind, parent: str | None, attributes: Attributes) -> Iterator[str | None]:
    """A span around a block; gives what the block's own events should name as parent."""
    begun = start(name, kind, parent, attributes)
    if begun is None:
        yield parent
        return
    try:
        yield begun.traceparent
    except BaseException as error:
        begun.end(error)
        raise
    begun.end()


def traced(follower: str, handle: Callable[[T, StoredEvent], None]) -> Callable[[T, StoredEvent], None]:
    """What a follower does with an event, with a span around it; as it is when nobody listens."""
    if not on():
        return handle

    def step(transaction: T, stored: StoredEvent) -> None:
        told: Attributes = {"doorstep.stream": stored.stream_id, "doorstep.position": stored.position}
        with span(f"follow {follower}", Kind.INTERNAL, stored.traceparent, told) as traceparent:
            handle(transaction, replace(stored, traceparent=traceparent))

    return step
