"""A town with two areas and a policy for it, for the tests that need one."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from services.dispatch.domain.policies import events as e
from services.dispatch.domain.policies.checking import examine
from services.dispatch.domain.policies.document import Area, Day, PolicyDocument, Rule, Window
from services.dispatch.domain.policies.resolving import PolicyInForce
from services.dispatch.domain.policy import DispatchPolicy, Where
from shared.contracts.cells import cell_of, outline_of
from shared.kernel.errors import Fault
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

BASE = DispatchPolicy()
CAMPUS_CELL = "88309a553dfffff"
CAMPUS = Place(30.2741, 120.1551)
TOWN = Place(30.25, 120.172)
LAKE = Place(30.2, 120.1)
CORNERS = (Place(30.24, 120.15), Place(30.24, 120.18), Place(30.26, 120.18))
WEEKDAYS = (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI)
DOCUMENT = PolicyDocument(
    defaults={"offer_seconds": 25.0},
    areas=(Area(name="old town", polygon=CORNERS), Area(name="campus", cells=(CAMPUS_CELL,))),
    rules=(
        Rule(
            name="lunch",
            areas=("old town",),
            window=Window(days=WEEKDAYS, starts=time(11), ends=time(13, 30)),
            rank=10,
            values={"offer_seconds": 20.0},
        ),
    ),
)
EVENTS: list[Any] = [
    e.PolicyDrafted(version=1, document=DOCUMENT, reason="shorter offers at lunch", drafted_at=s.NOW),
    e.PolicyScheduled(version=1, activate_at=s.at(60), reason="from the afternoon on"),
    e.PolicyUnscheduled(version=1, reason="not today"),
    e.PolicyActivated(version=1, previous=0, reason="tried in the lab", activated_at=s.NOW),
    e.PolicyRolledBack(version=0, previous=1, reason="riders were late", activated_at=s.NOW),
]


def where(place: Place) -> Where:
    return Where(place, cell_of(place))


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of June 2026 by the town's clock; the 1st is a Monday."""
    return datetime(2026, 6, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))


def faults(raw: dict[str, Any], base: DispatchPolicy = BASE) -> list[Fault]:
    return examine(raw, base, outline_of, "document")[1]


def told(raw: dict[str, Any], base: DispatchPolicy = BASE) -> list[tuple[str, str]]:
    """Field and code of everything wrong, fields without their root."""
    return [(fault.field.removeprefix("document").lstrip("."), fault.code) for fault in faults(raw, base)]


def read(raw: dict[str, Any]) -> PolicyDocument:
    document, found = examine(raw, BASE, outline_of)
    assert found == []
    return document


def in_force(raw: dict[str, Any], label: str = "dispatch-1") -> PolicyInForce:
    return PolicyInForce(BASE, read(raw), label)
