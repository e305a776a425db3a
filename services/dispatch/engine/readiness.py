"""When an order that is still in preparation will be ready: what is left of a normal distribution after waiting."""

import math
from statistics import NormalDist

_STANDARD = NormalDist()
_FAR = 6.0


def expected(mean: float, spread: float, now: float) -> float:
    """The mean of what is left, knowing that it is not ready by `now` (truncated normal)."""
    if spread <= 0:
        return max(mean, now) if mean < now else mean
    gone = min(_FAR, (now - mean) / spread)
    left = 1.0 - _STANDARD.cdf(gone)
    return mean + spread * _STANDARD.pdf(gone) / max(left, 1e-9)


def left_spread(mean: float, spread: float, now: float) -> float:
    """The standard deviation of what is left, knowing that it is not ready by `now` (truncated normal)."""
    if spread <= 0:
        return 0.0
    gone = min(_FAR, (now - mean) / spread)
    hazard = _STANDARD.pdf(gone) / max(1.0 - _STANDARD.cdf(gone), 1e-9)
    return spread * math.sqrt(max(0.0, 1.0 - hazard * (hazard - gone)))


def quantile(mean: float, spread: float, now: float, share: float) -> float:
    """The moment by which it is ready with this probability, knowing that it is not ready by `now`."""
    if spread <= 0:
        return mean
    gone = _STANDARD.cdf(min(_FAR, (now - mean) / spread))
    return max(now, mean + spread * _STANDARD.inv_cdf(min(1 - 1e-9, max(1e-9, gone + share * (1 - gone)))))


def certain(spread: float) -> bool:
    return math.isclose(spread, 0.0)
