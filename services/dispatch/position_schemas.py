"""What devices send of their riders' places, and what is answered: positions and tracks."""

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from services.dispatch import track_codec
from services.dispatch.domain.positions import Position
from services.dispatch.inputs import Input
from services.dispatch.track_views import Leg
from services.dispatch.tracking import Tracked
from shared.kernel.place import Place, distance_m

MOST_POSITIONS = 500


class ReportedPosition(Input):
    """One fix of the device. Out-of-range figures are answered one by one, so that the good ones are not lost."""

    lat: float
    lon: float
    at: AwareDatetime
    accuracy_m: Annotated[float | None, Field(description="radius of 68 % confidence, as devices tell it")] = None

    def position(self) -> Position:
        return Position(Place(self.lat, self.lon), self.at, self.accuracy_m)


class PositionsBody(Input):
    positions: Annotated[tuple[ReportedPosition, ...], Field(min_length=1, max_length=MOST_POSITIONS)]
    sent_at: Annotated[
        AwareDatetime | None, Field(description="when it was sent, by the clock that measured `at`: sets it right")
    ] = None


class PositionsMessage(PositionsBody):
    """One message over the WebSocket; its `id` comes back with the answer."""

    id: Annotated[str, Field(max_length=64)] | int | None = None


class RefusedPosition(BaseModel):
    """A position that was not believed; `index` is its place in what was sent."""

    index: int
    code: str


class PositionsAnswer(BaseModel):
    """`skew_seconds`: by how much the device's clock was behind ours, when its times were set right by that."""

    accepted: int
    refused: list[RefusedPosition]
    skew_seconds: float = 0.0

    @classmethod
    def of(cls, tracked: Tracked, skew_seconds: float) -> "PositionsAnswer":
        refused = [
            RefusedPosition(index=index, code=verdict.refused)
            for index, verdict in enumerate(tracked.verdicts)
            if verdict.refused is not None
        ]
        accepted = len(tracked.verdicts) - len(refused)
        return cls(accepted=accepted, refused=refused, skew_seconds=skew_seconds)


class PositionsReply(BaseModel):
    """The answer to one message: what became of its positions, or the problem with it."""

    id: str | int | None = None
    answer: PositionsAnswer | None = None
    problem: dict[str, Any] | None = None


class TrackPoint(BaseModel):
    at: datetime
    lat: float
    lon: float
    accuracy_m: float | None = None

    @classmethod
    def of(cls, position: Position) -> "TrackPoint":
        place = position.place
        return cls(at=position.at, lat=place.lat, lon=place.lon, accuracy_m=position.accuracy_m)


class TrackLeg(BaseModel):
    """One rider's way with the delivery. `verified`: the points are those that `sha256` was made of when the leg was
    closed (None: not closed yet, or a part of it cannot be read any more, since its person was forgotten)."""

    leg: int | None
    rider_id: str
    opened_at: datetime
    closed_at: datetime | None
    sha256: str | None
    verified: bool | None
    lost: Annotated[int, Field(description="points that cannot be read any more")]
    length_m: int
    polyline: Annotated[str, Field(description="the points as Google's encoded polyline, precision 5")]
    points: list[TrackPoint]

    @classmethod
    def of(cls, leg: Leg) -> "TrackLeg":
        points = leg.points
        whole = leg.sha256 is not None and not leg.lost
        return cls(
            leg=leg.leg,
            rider_id=leg.rider_id,
            opened_at=leg.opened_at,
            closed_at=leg.closed_at,
            sha256=leg.sha256,
            verified=track_codec.sha256(points) == leg.sha256 if whole else None,
            lost=leg.lost,
            length_m=length_m(points),
            polyline=track_codec.encode(points)[0] if points else "",
            points=[TrackPoint.of(each) for each in points],
        )


class Track(BaseModel):
    """Where a delivery was carried."""

    delivery_id: str
    legs: list[TrackLeg]


class LineString(BaseModel):
    type: Literal["LineString"] = "LineString"
    coordinates: list[tuple[float, float]]


class LegProperties(BaseModel):
    """`coordTimes` as other tools write them: one time for each coordinate."""

    delivery_id: str
    leg: int | None
    rider_id: str
    closed_at: datetime | None
    sha256: str | None
    verified: bool | None
    coordTimes: list[datetime]  # noqa: N815 - the name that readers of GeoJSON know


class LegFeature(BaseModel):
    type: Literal["Feature"] = "Feature"
    geometry: LineString | None
    properties: LegProperties

    @classmethod
    def of(cls, delivery_id: str, leg: TrackLeg) -> "LegFeature":
        points = leg.points
        # A line has two points at least (RFC 7946, 3.1.4); a rider who stood still was at one place twice.
        line = [(each.lon, each.lat) for each in (points if len(points) > 1 else [*points, *points])]
        properties = LegProperties(
            delivery_id=delivery_id,
            leg=leg.leg,
            rider_id=leg.rider_id,
            closed_at=leg.closed_at,
            sha256=leg.sha256,
            verified=leg.verified,
            coordTimes=[each.at for each in points],
        )
        return cls(geometry=LineString(coordinates=line) if points else None, properties=properties)


class TrackGeoJson(BaseModel):
    """RFC 7946: a line for each leg."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[LegFeature]


def length_m(points: list[Position]) -> int:
    """How far the points are apart, one after the other."""
    return round(sum(distance_m(a.place, b.place) for a, b in pairwise(points)))
