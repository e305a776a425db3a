"""One trace from a person's request through every event it causes (W3C Trace Context, level 1)."""

import os
import re
from dataclasses import dataclass

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
