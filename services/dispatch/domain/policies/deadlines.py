"""What a policy waits for: the time of its scheduled version."""

from collections.abc import Iterable
from typing import assert_never

from services.dispatch.domain.policies import events as e
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

ACTIVATION = "activation"


def deadlines(event: e.PolicyEvent) -> Iterable[DeadlineChange]:
    """The wait that an event opens or closes."""
    match event:
        case e.PolicyScheduled():
            return (SetDeadline(ACTIVATION, event.activate_at),)
        case e.PolicyUnscheduled() | e.PolicyActivated() | e.PolicyRolledBack():
            return (ClearDeadline(ACTIVATION),)
        case e.PolicyDrafted():
            return ()
        case _:
            assert_never(event)
