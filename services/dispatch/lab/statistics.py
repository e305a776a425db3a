"""What can be said of a policy from a few days: means, differences day by day, and how sure they are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over days with its interval; None for the ends where one day says nothing about others."""

    mean: float
    days: int
    low: float | None = None
    high: float | None = None

    @property
    def differs_from_zero(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def estimate(values: Sequence[float], confidence: float = CONFIDENCE, *, least: float = -math.inf) -> Estimate | None:
    """Student's t over days; None without any; no end lies below `least`.

    For a comparison of two policies give the differences day by day: both have had the same orders and the same luck,
    so that the differences are far surer than the means.
    """
    if not values:
        return None
    mean, count = fmean(values), len(values)
    if count < 2:
        return Estimate(mean=mean, days=count)
    half = t_quantile(count - 1, confidence) * stdev(values) / math.sqrt(count)
    return Estimate(mean=mean, days=count, low=max(least, mean - half), high=mean + half)


def differences(before: Sequence[float | None], after: Sequence[float | None]) -> list[float]:
    """Day by day, of the days on which both have the figure."""
    pairs = zip(before, after, strict=True)
    return [second - first for first, second in pairs if first is not None and second is not None]


def t_quantile(freedom: int, confidence: float) -> float:
    """The two-sided quantile of Student's t."""
    # Slow to import, and needed only here.
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))
