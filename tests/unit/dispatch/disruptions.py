"""A jam, a closed road and rain, for the tests that need one."""

from datetime import timedelta
from typing import Any

from services.dispatch.domain.disruptions import commands as c
from services.dispatch.domain.disruptions import events as e
from services.dispatch.domain.disruptions.reading import Said, examine
from services.dispatch.domain.disruptions.state import UNREPORTED, Disruption, evolve
from services.dispatch.domain.disruptions.values import Circle, Ground, Kind, Weather
from shared.contracts.cells import outline_of
from shared.kernel.errors import Fault
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

MIDDLE = Place(31.2350, 121.4750)
"""Half-way between the shop and the home of the scenes."""
JAMMED = Ground(circle=Circle(MIDDLE, 400.0))
CLOSED = Ground(
    polygon=(Place(31.2340, 121.4740), Place(31.2340, 121.4760), Place(31.2360, 121.4760), Place(31.2360, 121.4740))
)

jam = e.RoadDisrupted(
    kind=Kind.JAM, ground=JAMMED, factor=2.5, starts_at=s.NOW, until=s.at(30), reason="accident", seen_by="rid_9"
)
rain = e.RoadDisrupted(
    kind=Kind.WEATHER, ground=Ground(), weather=Weather.RAIN, starts_at=s.NOW, until=s.at(60), reason=""
)
extended = e.DisruptionExtended(until=s.at(45), reason="still_there")
lifted = e.DisruptionLifted(lifted_at=s.at(30), reason="time")
EVENTS: list[Any] = [jam, extended, lifted]


def after(*events: e.DisruptionEvent) -> Disruption:
    state = UNREPORTED
    for event in events:
        state = evolve(state, event)
    return state


def report_command(**changes: Any) -> c.ReportDisruption:
    fields: dict[str, Any] = {
        "disruption_id": "dis_1",
        "kind": Kind.JAM,
        "ground": JAMMED,
        "factor": 2.5,
        "weather": None,
        "starts_at": s.NOW,
        "until": s.at(30),
        "reason": "accident",
        "seen_by": "rid_9",
        "now": s.NOW,
    }
    return c.ReportDisruption(**(fields | changes))


def said(**raw: Any) -> tuple[Said, list[Fault]]:
    """What was understood of a report, which lasts for half an hour when it does not say otherwise."""
    return examine({"until": s.NOW + timedelta(minutes=30)} | raw, s.NOW, outline_of)


def circle(radius_m: float | None = 200.0, centre: Place = MIDDLE) -> dict[str, Any]:
    raw: dict[str, Any] = {"centre": {"lat": centre.lat, "lon": centre.lon}}
    return raw | ({} if radius_m is None else {"radius_m": radius_m})
