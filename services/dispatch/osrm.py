"""Travel times from any server that speaks OSRM's HTTP interface (version 1), with the built-in model behind it.

Contract: https://project-osrm.org/docs/v5.24.0/api/ (`/route`, `/table`). Longitude comes first. A server knows its
streets but neither the hour, the weather nor how much riders differ: those come from the built-in model.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from statistics import median
from typing import Any, TypeVar

import httpx

from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.domain.travel.ways import Span, Way
from shared.kernel.place import Place
from shared.runtime.logging import get_logger
from shared.runtime.metrics import counter, histogram

T = TypeVar("T")
PROFILES: Mapping[str, str] = {"foot": "foot", "bicycle": "bike"}
ANY_PROFILE = "driving"
PLACES_AT_ONCE = 100
"""What a server with its defaults takes in one table."""
TIMEOUT_SECONDS = 1.0
WAYS_REMEMBERED = 500
FEWEST_WAYS = 30
SHORTEST_M = 150.0
"""Shorter ways tell of corners, not of streets."""
LEFT_ALONE_SECONDS = 30.0
"""A server that failed is not asked again for so long: one time-out, not one for every turn."""

_log = get_logger(__name__)
_ways = counter("doorstep_travel_times", "Ways whose time was asked for, by who answered", ("source",))
_failures = counter("doorstep_travel_times_failures", "Requests to the server of routes that failed", ("reason",))
_seconds = histogram("doorstep_travel_times_seconds", "Time one request to the server of routes took")


class RoutesUnavailable(Exception):
    """The server did not answer, or with something that is no answer; `reason` is a word for the metric."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OsrmServer:
    """One server's tables and routes. Never inside a transaction; bounded by a time-out, and left alone for a while
    after a failure: then, and where it knows no way, it says None."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = httpx.Client(base_url=base_url.rstrip("/"), timeout=timeout_seconds, trust_env=False)
        self._monotonic = monotonic
        self._ask_again_at = 0.0

    @property
    def is_left_alone(self) -> bool:
        """Whether it failed a moment ago."""
        return self._monotonic() < self._ask_again_at

    def durations(self, profile: str, ways: Sequence[Way]) -> list[float | None]:
        """Seconds on empty streets, way by way."""
        if len(ways) == 1:
            return self._asked(lambda: [self._route(profile, ways[0])], [None])
        rows = list(dict.fromkeys(way.origin for way in ways))
        columns = list(dict.fromkeys(way.destination for way in ways))
        table = self.table(profile, rows, columns)
        if table is None:
            return [None] * len(ways)
        row_of = {place: index for index, place in enumerate(rows)}
        column_of = {place: index for index, place in enumerate(columns)}
        return [table[row_of[way.origin]][column_of[way.destination]] for way in ways]

    def table(self, profile: str, rows: Sequence[Place], columns: Sequence[Place]) -> list[list[float | None]] | None:
        """Seconds from each row to each column, of at most PLACES_AT_ONCE places in all."""
        return self._asked(lambda: self._table(profile, rows, columns), None)

    def close(self) -> None:
        self._client.close()

    def _asked(self, ask: Callable[[], T], otherwise: T) -> T:
        if self.is_left_alone:
            return otherwise
        try:
            with _seconds.time():
                return ask()
        except RoutesUnavailable as failure:
            self._ask_again_at = self._monotonic() + LEFT_ALONE_SECONDS
            _failures.labels(failure.reason).inc()
            _log.warning("routes_unavailable", reason=failure.reason)
            return otherwise

    def _route(self, profile: str, way: Way) -> float | None:
        places = _coordinates([way.origin, way.destination])
        answer = self._get(f"/route/v1/{profile}/{places}", {"overview": "false"})
        if answer["code"] != "Ok":
            return None
        try:
            return _duration(answer["routes"][0]["duration"])
        except (KeyError, IndexError, TypeError) as error:
            raise RoutesUnavailable("malformed") from error

    def _table(
        self, profile: str, rows: Sequence[Place], columns: Sequence[Place]
    ) -> list[list[float | None]] | None:
        """One table of all rows by all columns; each place is sent once."""
        wanted = {
            "sources": _numbers(0, len(rows)),
            "destinations": _numbers(len(rows), len(rows) + len(columns)),
            "annotations": "duration",
        }
        answer = self._get(f"/table/v1/{profile}/{_coordinates([*rows, *columns])}", wanted)
        if answer["code"] != "Ok":
            return None
        try:
            table = answer["durations"]
            return [[_duration(table[row][column]) for column in range(len(columns))] for row in range(len(rows))]
        except (KeyError, IndexError, TypeError) as error:
            raise RoutesUnavailable("malformed") from error

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """An answer with a `code`. A place that lies on no street is one (400, `NoRoute`), an outage is not."""
        try:
            response = self._client.get(path, params=query)
            answer = response.json()
        except httpx.TimeoutException as error:
            raise RoutesUnavailable("timeout") from error
        except httpx.HTTPError as error:
            raise RoutesUnavailable("unreachable") from error
        except ValueError as error:
            raise RoutesUnavailable("malformed") from error
        if not isinstance(answer, dict) or not isinstance(answer.get("code"), str):
            raise RoutesUnavailable("malformed")
        if response.status_code != httpx.codes.OK and answer["code"] not in _NO_WAY:
            raise RoutesUnavailable("refused")
        return answer


class OsrmTravelTimes:
    """The port of travel times over HTTP. Never inside a transaction; bounded by a time-out; it always answers."""

    def __init__(
        self,
        base_url: str,
        model: Callable[[], TravelModel],
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = OsrmServer(base_url, timeout_seconds=timeout_seconds, monotonic=monotonic)
        self._model = model
        self._slower: deque[float] = deque(maxlen=WAYS_REMEMBERED)

    def spans(self, ways: Sequence[Way]) -> list[Span]:
        """One range for each way; those that the server cannot tell are the built-in model's."""
        model = self._model()
        answers = model.spans(ways)
        level = self._level(model)
        by_profile: dict[str, list[int]] = {}
        for index, way in enumerate(ways):
            by_profile.setdefault(profile_of(way.vehicle), []).append(index)
        told = 0
        for profile, indexes in by_profile.items():
            for part in parts_of(indexes, PLACES_AT_ONCE // 2):
                durations = self._server.durations(profile, [ways[index] for index in part])
                for index, duration in zip(part, durations, strict=True):
                    if duration is not None:
                        self._compare(duration, ways[index], answers[index], model)
                        answers[index] = _ranged(duration * level, ways[index], answers[index], model)
                        told += 1
        _ways.labels("osrm").inc(told)
        _ways.labels("model").inc(len(ways) - told)
        return answers

    def close(self) -> None:
        self._server.close()

    def _compare(self, duration: float, way: Way, built_in: Span, model: TravelModel) -> None:
        if duration > 0 and way.straight_m >= SHORTEST_M:
            self._slower.append(built_in.p50_seconds / (duration * model.hold_up(way)))

    def _level(self, model: TravelModel) -> float:
        """How much slower the operation's riders are than the server thinks: it tells which way is long, their
        own rides how fast. 1 until rides have been learned from and enough ways compared."""
        if not model.corrections or len(self._slower) < FEWEST_WAYS:
            return 1.0
        return median(self._slower)


def profile_of(vehicle: str) -> str:
    """The name of a vehicle's streets."""
    return PROFILES.get(vehicle, ANY_PROFILE)


_NO_WAY = frozenset({"NoRoute", "NoSegment", "NoTable"})


def _ranged(duration: float, way: Way, built_in: Span, model: TravelModel) -> Span:
    """The streets' own time, held up by hour and weather, and spread as riders are known to differ."""
    p50 = max(model.prior.least_seconds, duration * model.hold_up(way))
    return Span(p50, p50 * built_in.p90_seconds / built_in.p50_seconds)


def _duration(raw: Any) -> float | None:
    """None is OSRM's own word for two places that no street joins."""
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not isfinite(raw) or raw < 0:
        raise RoutesUnavailable("malformed")
    return float(raw)


def _coordinates(places: Sequence[Place]) -> str:
    return ";".join(f"{place.lon:.6f},{place.lat:.6f}" for place in places)


def _numbers(start: int, stop: int) -> str:
    return ";".join(map(str, range(start, stop)))


def parts_of(things: Sequence[T], most: int) -> list[Sequence[T]]:
    """In their order, at most so many at once."""
    return [things[start : start + most] for start in range(0, len(things), most)]
