"""What the gateway takes and answers about disruptions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.dispatch.domain.disruptions.reading import RADIUS_M, SLOWEST
from services.dispatch.domain.disruptions.state import Disruption
from services.dispatch.domain.disruptions.values import Kind, Weather
from services.dispatch.domain.policies.reading import CELLS_MAX, CORNERS_MAX
from services.dispatch.inputs import Input, Point
from shared.gateway.cursor import PageQuery
from shared.gateway.words import Code
from shared.kernel.area import CORNERS_MIN

DisruptionId = Annotated[str, StringConstraints(pattern=r"^dis_[A-Za-z0-9-]{1,60}$")]
EXAMPLE: dict[str, Any] = {
    "kind": "jam",
    "area": {"centre": {"lat": 30.25, "lon": 120.165}, "radius_m": 400},
    "factor": 2.5,
    "until": "2026-03-02T12:30:00Z",
    "reason": "accident",
}


class AreaBody(Input):
    """A polygon, a circle (`centre` and `radius_m`) or H3 cells: one of the three."""

    polygon: Annotated[list[Point] | None, Field(min_length=CORNERS_MIN, max_length=CORNERS_MAX)] = None
    centre: Point | None = None
    radius_m: Annotated[float | None, Field(description=f"{RADIUS_M[0]:g} to {RADIUS_M[1]:g}")] = None
    cells: Annotated[
        list[Annotated[str, StringConstraints(max_length=20)]] | None,
        Field(min_length=1, max_length=CELLS_MAX, description="H3 cells of resolution 4 to 9"),
    ] = None


class DisruptionBody(Input):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]})

    disruption_id: Annotated[DisruptionId | None, Field(description="made here when absent")] = None
    kind: Kind
    area: Annotated[AreaBody | None, Field(description="absent: the whole town, for weather only")] = None
    factor: Annotated[
        float | None,
        Field(description=f"of a jam: how many times as long its ways take, above 1, at most {SLOWEST:g}"),
    ] = None
    weather: Annotated[Weather | None, Field(description="of weather: which")] = None
    starts_at: Annotated[AwareDatetime | None, Field(description="absent: now")] = None
    until: AwareDatetime
    reason: Code | Literal[""] = ""

    def said(self) -> dict[str, Any]:
        """What the domain examines."""
        area = None if self.area is None else self.area.model_dump(exclude_none=True)
        return {
            "kind": self.kind,
            "area": area,
            "factor": self.factor,
            "weather": self.weather,
            "starts_at": self.starts_at,
            "until": self.until,
        }


class ExtendBody(Input):
    until: AwareDatetime
    reason: Code | Literal[""] = ""


class LiftBody(Input):
    reason: Code = "over"


class DisruptionsQuery(PageQuery):
    over: Annotated[bool, Field(description="those that are over as well")] = False


class AreaView(BaseModel):
    polygon: list[Point] = []
    centre: Point | None = None
    radius_m: float | None = None
    cells: list[str] = []


class DisruptionView(BaseModel):
    """A disruption; `area` null is the whole town, `seen_by` the rider who reported it (null: the office did)."""

    disruption_id: str
    version: int
    kind: Kind
    area: AreaView | None
    factor: float
    weather: Weather | None
    starts_at: datetime
    until: datetime
    reason: str
    seen_by: str | None
    lifted_at: datetime | None
    in_force: bool

    @classmethod
    def of(cls, disruption_id: str, version: int, disruption: Disruption, now: datetime) -> "DisruptionView":
        return cls.model_validate(
            {
                "disruption_id": disruption_id,
                "version": version,
                "kind": disruption.kind,
                "area": _area(disruption),
                "factor": disruption.factor,
                "weather": disruption.weather,
                "starts_at": disruption.starts_at,
                "until": disruption.until,
                "reason": disruption.reason,
                "seen_by": disruption.seen_by,
                "lifted_at": disruption.lifted_at,
                "in_force": disruption.in_force(now),
            }
        )


def _area(disruption: Disruption) -> AreaView | None:
    ground = disruption.ground
    if ground.everywhere:
        return None
    return AreaView(
        polygon=[Point.of(corner) for corner in ground.polygon],
        centre=None if ground.circle is None else Point.of(ground.circle.centre),
        radius_m=None if ground.circle is None else ground.circle.radius_m,
        cells=list(ground.cells),
    )
