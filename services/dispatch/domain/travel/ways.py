"""A way that somebody is to go, how long it takes as a range, and the port that answers for many ways at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.kernel.place import Place, distance_m

FAIR = "fair"
"""The weather while nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From where to where, by which vehicle, starting when, in which weather."""

    origin: Place
    destination: Place
    vehicle: str
    departs_at: datetime
    weather: str = FAIR

    @property
    def straight_m(self) -> float:
        """As the crow flies."""
        return distance_m(self.origin, self.destination)


@dataclass(frozen=True, slots=True)
class Span:
    """Half of the riders need at most `p50_seconds`, nine of ten at most `p90_seconds`."""

    p50_seconds: float
    p90_seconds: float


class TravelTimes(Protocol):
    """Whatever knows how long ways take. It may ask over a network, so it is never called inside a transaction."""

    def spans(self, ways: Sequence[Way]) -> list[Span]:
        """One range for each way, in their order; it always has an answer."""
