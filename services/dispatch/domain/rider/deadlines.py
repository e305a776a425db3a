"""What a rider's stream waits for: the end of the shift, and of a break."""

from collections.abc import Iterable

from services.dispatch.domain.rider import events as e
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

SHIFT = "shift"
BREAK = "break"


def deadlines(event: e.RiderEvent) -> Iterable[DeadlineChange]:
    """The waits that an event opens and closes."""
    match event:
        case e.ShiftStarted():
            return (SetDeadline(SHIFT, event.until),)
        case e.ShiftEnded():
            return (ClearDeadline(SHIFT), ClearDeadline(BREAK))
        case e.BreakStarted():
            return (SetDeadline(BREAK, event.until),)
        case e.BreakEnded():
            return (ClearDeadline(BREAK),)
        case _:
            return ()
