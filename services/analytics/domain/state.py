"""What the archive knows of one stream of another service: which of its facts it has."""

from dataclasses import dataclass

from services.analytics.domain.events import FactRecorded


@dataclass(frozen=True, slots=True)
class Heard:
    """Versions of the facts kept. A set, since a rider's facts come by two ways: its own and its orders'."""

    sequences: frozenset[int] = frozenset()


def evolve(heard: Heard, event: FactRecorded) -> Heard:
    return Heard(heard.sequences | {event.sequence})
