"""When a rider works: shifts, and breaks in them."""

from services.dispatch.domain import errors
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.requiring import require_on_shift, require_registered
from services.dispatch.domain.rider.state import Rider


def start_shift(command: c.StartShift, rider: Rider) -> list[e.RiderEvent]:
    """From now until a time; again with another end moves the end."""
    require_registered(rider)
    if command.until <= command.now:
        raise errors.ShiftEndsTooSoon("a shift must end after it starts", until=command.until.isoformat())
    if rider.on_shift and rider.shift_until == command.until:
        return [e.RiderCameBack()] if rider.silent else []
    started = e.ShiftStarted(place=command.place, cell=command.cell, until=command.until, started_at=command.now)
    return [started]


def end_shift(rider: Rider) -> list[e.RiderEvent]:
    """Not with a delivery in hand; open offers are void."""
    require_registered(rider)
    if not rider.on_shift:
        return []
    if rider.carrying:
        raise errors.RiderBusy("finish the deliveries in hand first", delivery_ids=list(rider.carrying))
    return [*without_offers(rider, "shift_ended"), e.ShiftEnded()]


def close_shift(command: c.CloseShift, rider: Rider) -> list[e.RiderEvent]:
    """The time is over; whoever carries something finishes all of it first."""
    over = rider.on_shift and rider.shift_until is not None and command.now >= rider.shift_until
    if not over or rider.carrying:
        return []
    return [*without_offers(rider, "shift_ended"), e.ShiftEnded(reason="time")]


def take_break(command: c.TakeBreak, rider: Rider) -> list[e.RiderEvent]:
    """No offers until then; open ones are void. What he has in hand he finishes first, and rests from then on."""
    require_on_shift(rider)
    if command.until <= command.now:
        raise errors.BreakEndsTooSoon("a break must end after it starts", until=command.until.isoformat())
    if rider.break_until == command.until:
        return []
    started_at = rider.break_started_at or command.now
    return [*without_offers(rider, "on_break"), e.BreakStarted(started_at=started_at, until=command.until)]


def end_break(command: c.EndBreak, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """Back at work; whether he is rested depends on how long his hands were empty."""
    require_registered(rider)
    if rider.break_until is None or rider.break_started_at is None:
        return []
    if command.by_time and command.now < rider.break_until:
        return []
    since = max(rider.break_started_at, rider.idle_since or rider.break_started_at)
    rest_seconds = 0.0 if rider.carrying else (command.now - since).total_seconds()
    ended = e.BreakEnded(
        ended_at=command.now,
        rested=rest_seconds >= policy.shortest_break_seconds,
        reason="time" if command.by_time else "asked",
    )
    return [ended]


def without_offers(rider: Rider, how: str) -> list[e.RiderEvent]:
    return [e.OfferClosed(delivery_id=delivery_id, how=how) for delivery_id in rider.offers]
