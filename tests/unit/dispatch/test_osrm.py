"""Travel times over OSRM's HTTP contract, against a local stand-in; the built-in model is behind every failure."""

from collections.abc import Iterator

import pytest
from prometheus_client import Counter

from services.dispatch import osrm
from services.dispatch.domain.travel.learning import learn
from services.dispatch.domain.travel.model import TravelModel
from services.dispatch.osrm import OsrmTravelTimes
from shared.kernel.place import Place
from tests.support.osrm_stand_in import Streets, streets
from tests.unit.dispatch.test_travel_times import MODEL, NOON, gone, way


class Watch:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def town() -> Iterator[Streets]:
    with streets() as town:
        yield town


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def times(town: Streets, watch: Watch) -> Iterator[OsrmTravelTimes]:
    asked = OsrmTravelTimes(town.url + "/", lambda: MODEL, timeout_seconds=0.5, monotonic=watch)
    yield asked
    asked.close()


def count(metric: Counter, label: str) -> float:
    return float(metric.labels(label)._value.get())


def test_one_way_is_a_route_longitude_first(town: Streets, times: OsrmTravelTimes) -> None:
    (span,) = times.spans([way(1_000)])
    assert town.requests == ["/route/v1/driving/121.470000,31.230000;121.470000,31.238993?overview=false"]
    assert span.p50_seconds == pytest.approx(200, abs=0.2)
    assert span.p90_seconds == pytest.approx(span.p50_seconds * MODEL.prior.spread)


def test_many_ways_are_one_table_in_which_each_place_stands_once(town: Streets, times: OsrmTravelTimes) -> None:
    ways = [way(1_000), way(2_000), way(1_000)]
    assert [round(span.p50_seconds) for span in times.spans(ways)] == [200, 400, 200]
    (request,) = town.requests
    assert "sources=0&destinations=1%3B2&annotations=duration" in request


def test_each_kind_of_vehicle_has_its_own_streets(town: Streets, times: OsrmTravelTimes) -> None:
    times.spans([way(1_000, "foot"), way(1_000, "bicycle"), way(1_000, "car")])
    assert [request.split("/")[3] for request in town.requests] == ["foot", "bike", "driving"]


def test_a_table_never_holds_more_places_than_a_server_takes(town: Streets, times: OsrmTravelTimes) -> None:
    ways = [way(500 + metres) for metres in range(0, 1_200, 10)]
    spans = times.spans(ways)
    assert len(town.requests) == 3
    assert [round(span.p50_seconds) for span in spans] == [round(each.straight_m / 5) for each in ways]


def test_the_hour_and_the_weather_hold_up_on_streets_as_well(times: OsrmTravelTimes) -> None:
    (span,) = times.spans([way(1_000, departs_at=NOON, weather="rain")])
    assert span.p50_seconds == pytest.approx(200 * 1.1 * 1.15, abs=0.5)


def test_the_operations_own_rides_say_how_fast_streets_are(town: Streets) -> None:
    learned = learn(gone(1_000, 2.0), MODEL)
    times = OsrmTravelTimes(town.url, lambda: learned)
    ways = [way(500 + 50 * number) for number in range(40)]
    assert times.spans(ways)[0].p50_seconds == pytest.approx(ways[0].straight_m / 5, rel=0.01)
    assert times.spans(ways)[0].p50_seconds == pytest.approx(learned.spans(ways)[0].p50_seconds, rel=0.01)
    times.close()


def test_a_place_on_no_street_is_left_to_the_model_and_the_others_are_not(
    town: Streets, times: OsrmTravelTimes
) -> None:
    island = way(2_000)
    town.cut_off.add(Place(round(island.destination.lat, 6), round(island.destination.lon, 6)))
    alone, *_ = times.spans([island])
    near, far = times.spans([way(1_000), island])
    assert [alone, far] == MODEL.spans([island, island])
    assert near.p50_seconds == pytest.approx(200, abs=0.2)
    assert len(town.requests) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("hang", "timeout"), ("html", "malformed"), ("no_durations", "malformed"), ("refuse", "refused")],
)
def test_a_server_that_fails_is_replaced_by_the_model_counted_and_left_alone(
    town: Streets, times: OsrmTravelTimes, watch: Watch, fault: str, reason: str
) -> None:
    town.faults.append(fault)
    failures, answered = count(osrm._failures, reason), count(osrm._ways, "model")
    assert times.spans([way(1_000), way(2_000)]) == MODEL.spans([way(1_000), way(2_000)])
    assert count(osrm._failures, reason) == failures + 1
    assert count(osrm._ways, "model") == answered + 2
    assert times.spans([way(1_000)]) == MODEL.spans([way(1_000)])
    assert len(town.requests) == 1
    watch.now += osrm.LEFT_ALONE_SECONDS
    assert times.spans([way(1_000)])[0].p50_seconds == pytest.approx(200, abs=0.2)


def test_a_server_that_is_not_there_is_replaced_by_the_model(watch: Watch) -> None:
    with streets() as gone:
        url = gone.url
    times = OsrmTravelTimes(url, TravelModel, timeout_seconds=0.5, monotonic=watch)
    assert times.spans([way(1_000)]) == MODEL.spans([way(1_000)])
    times.close()


def test_no_ways_ask_nobody(town: Streets, times: OsrmTravelTimes) -> None:
    assert times.spans([]) == []
    assert town.requests == []
