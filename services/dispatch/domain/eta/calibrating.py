"""Learns how far forecasts are off, stage by stage: split-conformal quantiles of what it took over what was forecast.

The quantile of n ratios at share q is the ceil((n + 1) q)-th smallest (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005), so that a new delivery like the others is within it with a chance of about q (at
least q, if each journey gave one ratio only). Stages and lengths are calibrated apart (a Mondrian taxonomy).
Travel times must have been learned from other journeys than these.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import accumulate

from services.dispatch.domain.eta.forecasting import (
    BEFORE_PICKUP,
    DROPOFF,
    LEAST_SECONDS,
    PICKUP,
    SHARES,
    Calibration,
    keys_of,
)
from services.dispatch.domain.eta.journeys import Whole
from services.dispatch.domain.eta.past import Past, Trip, round_at, waiting
from services.dispatch.domain.eta.remaining import Standing, remaining
from services.dispatch.domain.eta.rounds import legs, standings
from services.dispatch.domain.travel.ways import TravelTimes
from services.dispatch.domain.values import Stage

Weighed = tuple[float, float]
"""A ratio, and how much it counts."""
LOOK_EVERY = timedelta(minutes=2)
HALF_LIFE_TRIPS = 400
"""A journey so many journeys ago counts half: rain and rush hours are over by then."""
FEWEST = 40
"""A stage of which fewer journeys tell keeps what is assumed."""


def calibrate(trips: Iterable[Trip], past: Past, travel: TravelTimes) -> Calibration:
    """The calibration that these trips, in any order, and travel times lead to; `past` holds all that their riders
    did."""
    ratios: dict[str, list[Weighed]] = {}
    for age, trip in enumerate(sorted(trips, key=_newest_first)):
        weight = 0.5 ** (age / HALF_LIFE_TRIPS)
        for key, ratio in _off(trip, past, travel):
            ratios.setdefault(key, []).append((ratio, weight))
    kept = {key: _quantiles(sorted(found)) for key, found in sorted(ratios.items()) if len(found) >= FEWEST}
    return Calibration(version=_version(kept, ratios), ratios=kept) if kept else Calibration()


def points(
    trip: Trip, past: Past, travel: TravelTimes, every: timedelta = LOOK_EVERY
) -> Iterator[tuple[Standing, datetime]]:
    """Where a journey stood when it reached each stage and `every` so often within it, as it could be known then.

    Whoever looks at a delivery is more likely to see a long stage than a short one, so the moments within count too.
    """
    for stage, since, until in _stages(trip.whole):
        at = since
        while at < until:
            round_ = waiting(trip, at) if stage is Stage.WAITING else round_at(trip, stage, past, at)
            if round_ is not None:
                ways = legs(round_, at)
                spans = travel.spans([leg.way for leg in ways if leg.way is not None])
                yield standings(round_, ways, spans, at)[trip.delivery_id], at
            at += every


def _stages(journey: Whole) -> Iterator[tuple[Stage, datetime, datetime]]:
    yield Stage.WAITING, journey.requested_at, journey.assigned_at
    yield Stage.ASSIGNED, journey.assigned_at, journey.at_pickup_at
    yield Stage.AT_PICKUP, journey.at_pickup_at, journey.picked_up_at
    yield Stage.PICKED_UP, journey.picked_up_at, journey.at_dropoff_at
    yield Stage.AT_DROPOFF, journey.at_dropoff_at, journey.delivered_at


def _off(trip: Trip, past: Past, travel: TravelTimes) -> Iterable[tuple[str, float]]:
    whole = trip.whole
    for standing, at in points(trip, past, travel):
        left = remaining(standing, at)
        took = (whole.delivered_at - at).total_seconds()
        for key in keys_of(standing.stage, DROPOFF, left.dropoff_seconds):
            yield key, took / max(left.dropoff_seconds, LEAST_SECONDS)
        if standing.stage in BEFORE_PICKUP:
            took = (whole.picked_up_at - at).total_seconds()
            for key in keys_of(standing.stage, PICKUP, left.pickup_seconds):
                yield key, took / max(left.pickup_seconds, LEAST_SECONDS)


def _newest_first(trip: Trip) -> tuple[float, str]:
    return -trip.whole.requested_at.timestamp(), trip.delivery_id


def _quantiles(ordered: Sequence[Weighed]) -> tuple[float, ...]:
    """The first ratio with so much of the weight up to it, the new delivery's own counted as if it were worst."""
    reached = list(accumulate(weight for _, weight in ordered))
    whole = reached[-1] + 1
    last = len(ordered) - 1
    return tuple(round(ordered[min(last, bisect_left(reached, whole * share))][0], 4) for share in SHARES)


def _version(kept: Mapping[str, Sequence[float]], ratios: Mapping[str, Sequence[Weighed]]) -> str:
    told = ";".join(f"{key}={quantiles}" for key, quantiles in kept.items())
    looks = sum(len(found) for found in ratios.values())
    return f"looks-{looks}-{sha256(told.encode()).hexdigest()[:8]}"
