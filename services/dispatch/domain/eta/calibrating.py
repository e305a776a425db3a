"""Learns how far forecasts are off, stage by stage: split-conformal quantiles of what it took over what was forecast.

The quantile of n draws at share q is that of the share q (n + 1) / n (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005), so that a new delivery like the others is within it with a chance of about q (at
least q, if each draw gave one ratio only). What one rider does on one day is one draw: he is as quick, and his day as
busy, on each of his journeys. Stages and lengths are calibrated apart (a Mondrian taxonomy). Travel times must have
been learned from other journeys than these.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from math import ceil

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

LOOK_EVERY = timedelta(minutes=2)
FEWEST = 40
"""A stage of which fewer journeys tell keeps what is assumed."""


def calibrate(trips: Iterable[Trip], past: Past, travel: TravelTimes) -> Calibration:
    """The calibration that these trips, in any order, and travel times lead to; `past` holds all that their riders
    did."""
    ratios: dict[str, list[float]] = {}
    draws: dict[str, set[tuple[str, date]]] = {}
    for trip in trips:
        for key, ratio in _off(trip, past, travel):
            ratios.setdefault(key, []).append(ratio)
            draws.setdefault(key, set()).add((trip.rider_id, trip.whole.requested_at.date()))
    kept = {
        key: _quantiles(sorted(found), len(draws[key]))
        for key, found in sorted(ratios.items())
        if len(found) >= FEWEST
    }
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


def _quantiles(ordered: Sequence[float], draws: int) -> tuple[float, ...]:
    """Each share is raised to where it stands among the draws and the new one."""
    last = len(ordered) - 1
    shares = (min(1.0, share * (draws + 1) / draws) for share in SHARES)
    return tuple(round(ordered[min(last, ceil(len(ordered) * share) - 1)], 4) for share in shares)


def _version(kept: Mapping[str, Sequence[float]], ratios: Mapping[str, Sequence[float]]) -> str:
    told = ";".join(f"{key}={quantiles}" for key, quantiles in kept.items())
    looks = sum(len(found) for found in ratios.values())
    return f"looks-{looks}-{sha256(told.encode()).hexdigest()[:8]}"
