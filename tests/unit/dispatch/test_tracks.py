"""How a way is kept: no point left out, none moved by more than is said, and any change shows."""

from datetime import UTC, datetime, timedelta

import polyline
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch import track_codec
from services.dispatch.domain.positions import Position
from services.dispatch.position_schemas import TrackLeg
from services.dispatch.track_views import Leg
from shared.kernel.place import Place, distance_m
from tests.unit.dispatch.scenes import NOW, SHOP

points = st.lists(
    st.builds(
        Position,
        st.builds(Place, st.floats(-90, 90), st.floats(-180, 180)),
        st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
        st.none() | st.floats(0, 150),
    ),
    min_size=1,
    max_size=50,
)


@given(points)
def test_every_point_comes_back_within_the_error_that_is_stated(given_points: list[Position]) -> None:
    back = track_codec.decode(track_codec.encode(given_points))
    assert len(back) == len(given_points)
    for was, now in zip(given_points, back, strict=True):
        assert distance_m(was.place, now.place) <= track_codec.WORST_ERROR_M
        assert timedelta(0) <= was.at - now.at < timedelta(milliseconds=100)
        if was.accuracy_m is None or now.accuracy_m is None:
            assert was.accuracy_m is now.accuracy_m is None
        else:
            assert abs(was.accuracy_m - now.accuracy_m) <= 0.5


@given(points)
def test_a_digest_is_the_same_however_often_a_way_is_kept(given_points: list[Position]) -> None:
    once = track_codec.rounded(given_points)
    assert track_codec.rounded(once) == once
    assert track_codec.sha256(once) == track_codec.sha256(track_codec.rounded(once))


def test_a_digest_is_of_lines_that_anybody_can_write() -> None:
    point = Position(Place(31.23, 121.47), datetime(2026, 3, 2, 11, 0, 0, 250_000, UTC), 12.4)
    [kept] = track_codec.rounded([point])
    line = b"2026-03-02T11:00:00.2Z 31.23000 121.47000 12\n"
    import hashlib

    assert track_codec.sha256([kept]) == hashlib.sha256(line).hexdigest()


def test_any_reader_of_polylines_can_read_the_places() -> None:
    places, _ = track_codec.encode([Position(SHOP, NOW)])
    assert polyline.decode(places, 5) == [(SHOP.lat, SHOP.lon)]


def test_an_hour_of_riding_takes_a_few_kilobytes() -> None:
    way = [
        Position(Place(31.23 + n * 2e-4, 121.47 + n * 1e-4), NOW + timedelta(seconds=5 * n), 8) for n in range(720)
    ]
    assert sum(map(len, track_codec.encode(way))) < 720 * 10


def leg(way: list[Position], sha256: str | None, lost: int = 0) -> TrackLeg:
    return TrackLeg.of(Leg(1, "rid_1", NOW, NOW, sha256, tuple(way), (), None, lost))


def test_a_changed_point_is_seen_and_a_forgotten_one_is_no_change() -> None:
    way = track_codec.rounded(
        [Position(Place(31.23 + n * 1e-3, 121.47), NOW + timedelta(seconds=n)) for n in range(3)]
    )
    sha256 = track_codec.sha256(way)
    assert leg(way, sha256).verified is True
    assert leg([*way[:2], Position(Place(31.3, 121.47), way[2].at)], sha256).verified is False
    assert leg(way[:2], sha256, lost=1).verified is None
    assert leg(way, None).verified is None
