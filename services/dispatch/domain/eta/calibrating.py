"""Learns how far forecasts are off, stage by stage: split-conformal quantiles of what it took over what was forecast.

The quantile of n ratios at share q is the ceil((n + 1) q)-th smallest (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005), so that a new delivery like the others is within it with a chance of about q (at
least q, if each journey gave one ratio only). Stages and lengths are calibrated apart (a Mondrian taxonomy).
Travel times must have been learned from other journeys than these.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
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
from services.dispatch.domain.eta.journeys import Whole, approach_of, carry_of
from services.dispatch.domain.eta.remaining import APPROACH_SECONDS, Standing, remaining
from services.dispatch.domain.travel.ways import TravelTimes
from services.dispatch.domain.values import Stage

LOOK_EVERY = timedelta(minutes=2)
FEWEST = 40
"""A stage of which fewer journeys tell keeps what is assumed."""


def calibrate(journeys: Iterable[tuple[Whole, str]], travel: TravelTimes) -> Calibration:
    """The calibration that these journeys (each with its vehicle) and travel times lead to, in any order."""
    ratios: dict[str, list[float]] = {}
    for journey, vehicle in journeys:
        for key, ratio in _off(journey, vehicle, travel):
            ratios.setdefault(key, []).append(ratio)
    kept = {key: _quantiles(sorted(found)) for key, found in sorted(ratios.items()) if len(found) >= FEWEST}
    return Calibration(version=_version(kept, ratios), ratios=kept) if kept else Calibration()


def points(
    journey: Whole, vehicle: str, travel: TravelTimes, every: timedelta = LOOK_EVERY
) -> Iterator[tuple[Standing, datetime]]:
    """Where a journey stood when it reached each stage and `every` so often within it, as it could be known then.

    Whoever looks at a delivery is more likely to see a long stage than a short one, so the moments within count too.
    Riders say where they are while they ride: that much of the way as of the time is behind them.
    """
    approach, carry = travel.spans([approach_of(journey, vehicle), carry_of(journey, vehicle)])
    for stage, since, until in _stages(journey):
        at = since
        while at < until:
            left = 1 - (at - since) / (until - since)
            yield (
                Standing(
                    stage=stage,
                    ready_at=journey.ready_at,
                    goods_ready=journey.goods_ready_at is not None and journey.goods_ready_at <= at,
                    approach_seconds=(APPROACH_SECONDS if stage is Stage.WAITING else approach.p50_seconds * left),
                    carry_seconds=(carry.p50_seconds * left if stage is Stage.PICKED_UP else carry.p50_seconds),
                ),
                at,
            )
            at += every


def _stages(journey: Whole) -> Iterator[tuple[Stage, datetime, datetime]]:
    yield Stage.WAITING, journey.requested_at, journey.assigned_at
    if journey.approach_m is not None:
        yield Stage.ASSIGNED, journey.assigned_at, journey.at_pickup_at
    yield Stage.AT_PICKUP, journey.at_pickup_at, journey.picked_up_at
    yield Stage.PICKED_UP, journey.picked_up_at, journey.at_dropoff_at
    yield Stage.AT_DROPOFF, journey.at_dropoff_at, journey.delivered_at


def _off(journey: Whole, vehicle: str, travel: TravelTimes) -> Iterable[tuple[str, float]]:
    for standing, at in points(journey, vehicle, travel):
        left = remaining(standing, at)
        took = (journey.delivered_at - at).total_seconds()
        for key in keys_of(standing.stage, DROPOFF, left.dropoff_seconds):
            yield key, took / max(left.dropoff_seconds, LEAST_SECONDS)
        if standing.stage in BEFORE_PICKUP:
            took = (journey.picked_up_at - at).total_seconds()
            for key in keys_of(standing.stage, PICKUP, left.pickup_seconds):
                yield key, took / max(left.pickup_seconds, LEAST_SECONDS)


def _quantiles(ordered: Sequence[float]) -> tuple[float, ...]:
    count = len(ordered)
    return tuple(round(ordered[min(count, ceil((count + 1) * share)) - 1], 4) for share in SHARES)


def _version(kept: Mapping[str, Sequence[float]], ratios: Mapping[str, Sequence[float]]) -> str:
    told = ";".join(f"{key}={quantiles}" for key, quantiles in kept.items())
    looks = sum(len(found) for found in ratios.values())
    return f"looks-{looks}-{sha256(told.encode()).hexdigest()[:8]}"
