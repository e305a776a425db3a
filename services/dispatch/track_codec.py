"""Tracks as text: Google's encoded polyline for the places, and again for the times; any client can read both.

A place is kept to 5 decimals of a degree, so that it is at most 0.8 m from what the device said, and no point is left
out. A time is kept to a tenth of a second, an accuracy to a metre (-1: not told).
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polyline

from services.dispatch.domain.positions import Position
from shared.kernel.place import Place

DECIMALS = 5
WORST_ERROR_M = 0.8
_TICK = timedelta(milliseconds=100)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(points: Sequence[Position]) -> list[str]:
    """The places, and the (time, accuracy) of each, as two polylines."""
    places = [(each.place.lat, each.place.lon) for each in points]
    times: list[tuple[float, float]] = [
        ((each.at - _EPOCH) // _TICK, -1 if each.accuracy_m is None else each.accuracy_m) for each in points
    ]
    return [polyline.encode(places, DECIMALS), polyline.encode(times, 0)]


def decode(kept: Any) -> list[Position]:
    """What `encode` was given, as exactly as it keeps it."""
    places, times = kept
    return [
        Position(Place(lat, lon), _EPOCH + round(ticks) * _TICK, None if accuracy_m < 0 else accuracy_m)
        for (lat, lon), (ticks, accuracy_m) in zip(
            polyline.decode(places, DECIMALS), polyline.decode(times, 0), strict=True
        )
    ]


def rounded(points: Iterable[Position]) -> list[Position]:
    """Points as they will be read again: what a digest is made of."""
    given = list(points)
    return decode(encode(given)) if given else []


def sha256(points: Iterable[Position]) -> str:
    """The digest of the points, one a line: time in UTC to the tenth of a second, latitude, longitude, accuracy."""
    return hashlib.sha256("".join(map(_line, points)).encode()).hexdigest()


def _line(point: Position) -> str:
    accuracy = "-" if point.accuracy_m is None else f"{point.accuracy_m:.0f}"
    time = point.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-5]
    return f"{time}Z {point.place.lat:.5f} {point.place.lon:.5f} {accuracy}\n"
