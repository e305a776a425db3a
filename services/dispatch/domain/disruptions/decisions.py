"""What a disruption answers to each command: the events that follow, none, or a refusal."""

from datetime import datetime
from typing import assert_never

from services.dispatch.domain import errors
from services.dispatch.domain.disruptions import commands as c
from services.dispatch.domain.disruptions import events as e
from services.dispatch.domain.disruptions.reading import LONGEST
from services.dispatch.domain.disruptions.state import Disruption
from shared.kernel.errors import Fault, InvalidInput

BY_TIME = "time"


def decide(command: c.DisruptionCommand, disruption: Disruption) -> list[e.DisruptionEvent]:
    """One function per command."""
    match command:
        case c.ReportDisruption():
            return report(command, disruption)
        case c.ExtendDisruption():
            return extend(command, disruption)
        case c.LiftDisruption():
            return lift(command, disruption)
        case c.EndDisruption():
            return end(command, disruption)
        case _:
            assert_never(command)


def report(command: c.ReportDisruption, disruption: Disruption) -> list[e.DisruptionEvent]:
    """Once; the same again changes nothing, something else under the same id is refused."""
    disrupted = e.RoadDisrupted(
        kind=command.kind,
        ground=command.ground,
        factor=command.factor,
        weather=command.weather,
        starts_at=command.starts_at,
        until=command.until,
        reason=command.reason,
        seen_by=command.seen_by,
    )
    if disruption.kind is None:
        return [disrupted]
    told = (disruption.kind, disruption.ground, disruption.factor, disruption.weather, disruption.starts_at)
    if told == (command.kind, command.ground, command.factor, command.weather, command.starts_at):
        return []
    raise errors.DisruptionAlreadyReported(
        "another disruption was reported under this id", disruption_id=command.disruption_id
    )


def extend(command: c.ExtendDisruption, disruption: Disruption) -> list[e.DisruptionEvent]:
    """Another end, later or earlier, as long as it is not over."""
    _require_going_on(disruption)
    _require_ahead(command.until, command.now)
    if disruption.until == command.until:
        return []
    if disruption.starts_at is not None and command.until <= disruption.starts_at:
        raise InvalidInput([Fault("until", "before_it_starts", "it must end after it starts")])
    return [e.DisruptionExtended(until=command.until, reason=command.reason)]


def lift(command: c.LiftDisruption, disruption: Disruption) -> list[e.DisruptionEvent]:
    """It is over earlier than was said; lifting twice changes nothing."""
    _require_reported(disruption)
    if disruption.lifted_at is not None:
        return []
    return [e.DisruptionLifted(lifted_at=command.now, reason=command.reason)]


def end(command: c.EndDisruption, disruption: Disruption) -> list[e.DisruptionEvent]:
    """By itself, and not before its time."""
    if disruption.until is None or disruption.lifted_at is not None or command.now < disruption.until:
        return []
    return [e.DisruptionLifted(lifted_at=command.now, reason=BY_TIME)]


def _require_reported(disruption: Disruption) -> None:
    if disruption.kind is None:
        raise errors.DisruptionNotFound("there is no such disruption")


def _require_going_on(disruption: Disruption) -> None:
    _require_reported(disruption)
    if disruption.lifted_at is not None:
        raise errors.DisruptionOver("this disruption is over; report a new one", lifted_at=disruption.lifted_at)


def _require_ahead(until: datetime, now: datetime) -> None:
    if until <= now:
        raise InvalidInput([Fault("until", "in_the_past", "this time has passed; lift it instead")])
    if until > now + LONGEST:
        raise InvalidInput([Fault("until", "too_far_ahead", f"at most {LONGEST.days} days ahead")])
