"""The shapes that pass between a service and its event store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

__all__ = ["ClearDeadline", "DeadlineChange", "SetDeadline"]

S = TypeVar("S")
E = TypeVar("E")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who does something, when, and because of what; becomes the metadata of the events that follow.

    `now` is the server's time, `occurred_at` the device's or actor's (the same when none was given). Both are the
    platform's virtual time, timezone-aware. `actor` is `<role>:<id>`.
    """

    actor: str
    now: datetime
    occurred_at: datetime
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One row of the store. `data` is the stored JSON (personal fields still sealed); `position` is the dense place
    in the service's log, 0 when the sequencer has not seen it yet."""

    stream_id: str
    version: int
    event_id: str
    type: str
    schema_version: int
    data: Json
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """An aggregate's state and the version of its stream (0: no events yet)."""

    state: S
    version: int


@dataclass(frozen=True, slots=True)
class Decided(Generic[S, E]):
    """What a decision led to: the state and version after it, and the new events (none: nothing changed)."""

    state: S
    version: int
    events: tuple[E, ...]


@dataclass(frozen=True, slots=True)
class DueDeadline:
    """A wait that ran out, handed to the service in the transaction that removes it.

    `set_by` is the version of the last event of the append that set it; 0 when a former release did.
    """

    stream_id: str
    name: str
    due_at: datetime
    set_by: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What a command with an idempotency key was answered the first time.

    Of an answer about a person `body` leaves them out, and `sealed` is the whole of it under the key of `subject_id`.
    """

    request_hash: str
    status: int
    body: str
    headers: Mapping[str, str]
    subject_id: str | None = None
    sealed: str | None = None
