"""What the store must know of an aggregate to load it, fold it and watch its deadlines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic

from shared.eventstore.codec import Codec
from shared.eventstore.model import DeadlineChange, E, S
from shared.eventstore.snapshot import Snapshots


def no_deadlines(_event: object) -> Iterable[DeadlineChange]:
    """For aggregates that never wait."""
    return ()


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S, E]):
    """A kind of stream: its category, its empty state, its fold, its codec, and the deadlines each event sets or
    clears (a pure function, so that a stream's waits always follow from its events). `snapshots` are for kinds whose
    streams grow long."""

    category: str
    initial: S
    evolve: Callable[[S, E], S]
    codec: Codec[E]
    deadlines: Callable[[E], Iterable[DeadlineChange]] = no_deadlines
    snapshots: Snapshots[S] | None = None
