"""Learns travel times from ways that were gone: robust quantiles, each drawn to that of the coarser condition.

A group of n ways moves its quantile by n / (n + 30) of the way from its parent's, on the scale of logarithms
(a James-Stein shrinkage with a fixed weight), so that three odd rides on a rainy night say little.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from math import exp, floor, log
from zoneinfo import ZoneInfo

from services.dispatch.domain.travel.model import Correction, TravelModel, hour_of, keys_of
from services.dispatch.domain.travel.ways import Way

WEIGHT_OF_PARENT = 30
SHORTEST_M = 150.0
"""Shorter ways tell of parking and stairs, not of streets."""
SLOWEST, FASTEST = 8.0, 0.125
"""A way that took more or less than this times what was assumed was no ride: a forgotten report, a pressed button."""


@dataclass(frozen=True, slots=True)
class WayGone:
    """A way, and what it took."""

    way: Way
    took: timedelta


def learn(gone: Iterable[WayGone], model: TravelModel) -> TravelModel:
    """A model with the prior of `model` and corrections from these ways alone; the same ways in any order give the
    same model under the same version."""
    zone = ZoneInfo(model.time_zone)
    chains: dict[str, tuple[str, ...]] = {}
    groups: dict[str, list[float]] = {}
    for each in gone:
        ratio = _ratio(each, model, zone)
        if ratio is None:
            continue
        keys = keys_of(each.way.vehicle, hour_of(each.way.departs_at, zone), each.way.weather)
        for place, key in enumerate(keys):
            chains[key] = keys[place + 1 :]
            groups.setdefault(key, []).append(log(ratio))
    corrections = _shrunk(groups, chains, model.prior.spread)
    return replace(model, version=_version(corrections), corrections=corrections)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in order, with linear interpolation between neighbours."""
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _ratio(gone: WayGone, model: TravelModel, zone: ZoneInfo) -> float | None:
    way = gone.way
    if way.straight_m < SHORTEST_M:
        return None
    assumed = model.prior.seconds(way.straight_m, way.vehicle, hour_of(way.departs_at, zone), way.weather)
    ratio = gone.took.total_seconds() / assumed
    return ratio if FASTEST <= ratio <= SLOWEST else None


def _shrunk(
    groups: Mapping[str, list[float]], chains: Mapping[str, tuple[str, ...]], spread: float
) -> dict[str, Correction]:
    corrections: dict[str, Correction] = {}
    for key in sorted(groups, key=lambda each: (len(chains[each]), each)):
        ordered = sorted(groups[key])
        parent = corrections[chains[key][0]] if chains[key] else Correction(1.0, spread)
        weight = len(ordered) / (len(ordered) + WEIGHT_OF_PARENT)
        p50, p90 = (
            exp(weight * quantile(ordered, share) + (1 - weight) * log(above))
            for share, above in ((0.5, parent.p50), (0.9, parent.p90))
        )
        corrections[key] = Correction(round(p50, 4), round(max(p50, p90), 4), len(ordered))
    return corrections


def _version(corrections: Mapping[str, Correction]) -> str:
    """Says how much was learned, and is another one whenever a figure is."""
    if not corrections:
        return TravelModel().version
    ways = max(each.ways for each in corrections.values())
    told = ";".join(f"{key}={each.p50}/{each.p90}/{each.ways}" for key, each in sorted(corrections.items()))
    return f"ways-{ways}-{sha256(told.encode()).hexdigest()[:8]}"
