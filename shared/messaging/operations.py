"""What operators did about parked messages, as events in the service's own store: evidence that nobody can change.

They are sequenced, hash-chained and exported like every event, and told to nobody: what an operator does inside one
service is that service's business. Error texts stay out of them, since they may quote what somebody wrote about
himself, and these events are kept for ever.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.codec import Codec, EventType


class RetryOutcome(StrEnum):
    """How trying again went."""

    HANDLED = "handled"
    FAILED = "failed"


class Standing(StrEnum):
    """What became of a parked message."""

    PARKED = "parked"
    HANDLED = "handled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SetAside:
    """Which message it was: its handler, its sequence, and its place in it. `cause` is why it was parked."""

    parked_id: int
    handler: str
    source: str
    stream_id: str
    partition_key: str
    sequence: int
    message_id: str
    type: str
    cause: str


@dataclass(frozen=True, slots=True)
class ParkedMessageRetried:
    """An operator had it tried again; `failure` is the code or the kind of the error, never its text."""

    message: SetAside
    outcome: RetryOutcome
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ParkedMessageSkipped:
    """An operator gave it up for good, and said why."""

    message: SetAside
    reason: str


ParkedEvent = ParkedMessageRetried | ParkedMessageSkipped

PARKED_CODEC: Codec[ParkedEvent] = Codec(
    (
        EventType("ParkedMessageRetried", ParkedMessageRetried),
        EventType("ParkedMessageSkipped", ParkedMessageSkipped),
    )
)
OPERATIONAL = frozenset(entry.name for entry in PARKED_CODEC.types)
"""Stored types that any service's log may hold, and that no read model or reaction acts on."""


@dataclass(frozen=True, slots=True)
class ParkedStory:
    """One parked message, as the operators' events tell of it."""

    message: SetAside | None = None
    standing: Standing = Standing.PARKED
    failed_retries: int = 0
    reason: str | None = None


def evolve(story: ParkedStory, event: ParkedEvent) -> ParkedStory:
    told = replace(story, message=event.message)
    match event:
        case ParkedMessageRetried(outcome=RetryOutcome.HANDLED):
            return replace(told, standing=Standing.HANDLED)
        case ParkedMessageRetried():
            return replace(told, failed_retries=story.failed_retries + 1)
        case ParkedMessageSkipped(reason=reason):
            return replace(told, standing=Standing.SKIPPED, reason=reason)


PARKED: Aggregate[ParkedStory, ParkedEvent] = Aggregate("parked", ParkedStory(), evolve, PARKED_CODEC)


def stream_of(parked_id: int) -> str:
    """The stream of one parked message; its number is the service's own."""
    return f"parked-{parked_id}"
