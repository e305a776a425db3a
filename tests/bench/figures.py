"""Collects what was measured and says it twice: in words as it comes, as JSON lines at the end."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One case: the median of several rounds and, where there is one, the peer's in the same rounds."""

    bench: str
    case: str
    value: float
    unit: str
    rounds: int
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None


class Report:
    """All figures of one run, in the order in which they were taken."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def add(
        self,
        bench: str,
        case: str,
        unit: str,
        ours: Sequence[float],
        peer: str | None = None,
        theirs: Sequence[float] = (),
    ) -> Figure:
        """Keeps the medians; the ratio is of the medians, ours over theirs."""
        value = median(ours)
        peer_value = median(theirs) if theirs else None
        figure = Figure(
            bench,
            case,
            round(value, 2),
            unit,
            len(ours),
            peer,
            None if peer_value is None else round(peer_value, 2),
            None if not peer_value else round(value / peer_value, 2),
        )
        self.figures.append(figure)
        beside = "" if figure.ratio is None else f"  {peer} {figure.peer_value:,.0f}, ratio {figure.ratio:.2f}"
        say(f"{bench:<12} {case:<34} {value:>12,.1f} {unit}{beside}")
        return figure

    def lines(self) -> list[str]:
        """One JSON object a case."""
        return [json.dumps(asdict(figure)) for figure in self.figures]


def in_turn(rounds: int, *cases: Callable[[], float]) -> list[list[float]]:
    """Runs the cases one after the other, `rounds` times, so that a slow moment of the machine meets them all."""
    taken: list[list[float]] = [[] for _ in cases]
    for _ in range(rounds):
        for case, figures in zip(cases, taken, strict=True):
            figures.append(case())
    return taken


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of values that are sorted."""
    rank = max(0, -(-len(sorted_values) * percent // 100) - 1)
    return sorted_values[int(rank)]


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
