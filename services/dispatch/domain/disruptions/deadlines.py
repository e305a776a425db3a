"""What a disruption waits for: the end that was said of it."""

from collections.abc import Iterable
from typing import assert_never

from services.dispatch.domain.disruptions import events as e
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

END = "disruption"


def deadlines(event: e.DisruptionEvent) -> Iterable[DeadlineChange]:
    """The waits that an event opens and closes."""
    match event:
        case e.RoadDisrupted() | e.DisruptionExtended():
            return (SetDeadline(END, event.until),)
        case e.DisruptionLifted():
            return (ClearDeadline(END),)
        case _:
            assert_never(event)
