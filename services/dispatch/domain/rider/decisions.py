"""What a rider's stream answers to each command: the events that follow, none, or a refusal."""

from typing import assert_never

from services.dispatch.domain import errors
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.state import Rider


def decide(command: c.RiderCommand, rider: Rider) -> list[e.RiderEvent]:
    """One function per command."""
    match command:
        case c.RegisterRider():
            return register(command, rider)
        case c.StartShift():
            return start_shift(command, rider)
        case c.EndShift():
            return end_shift(rider)
        case c.CloseShift():
            return close_shift(command, rider)
        case c.NoteSignOfLife():
            return note_sign_of_life(rider)
        case _:
            return _work(command, rider)


Work = (
    c.ReceiveOffer | c.CloseOffer | c.TakeDelivery | c.ReleaseDelivery | c.LoseRider | c.TakeReturn | c.FinishReturn
)


def _work(command: Work, rider: Rider) -> list[e.RiderEvent]:
    match command:
        case c.ReceiveOffer():
            return receive_offer(command, rider)
        case c.CloseOffer():
            return close_offer(command, rider)
        case c.TakeDelivery():
            return take_delivery(command, rider)
        case c.ReleaseDelivery():
            return release_delivery(command, rider)
        case c.LoseRider():
            return lose(command, rider)
        case c.TakeReturn():
            return take_return(command, rider)
        case c.FinishReturn():
            return finish_return(command, rider)
        case _:
            assert_never(command)


def register(command: c.RegisterRider, rider: Rider) -> list[e.RiderEvent]:
    """Once; the same again changes nothing, something else under the same id is refused."""
    registered = e.RiderRegistered(
        rider_id=command.rider_id,
        name=command.name,
        phone=command.phone,
        skills=command.skills,
        vehicle=command.vehicle,
        capacity_g=command.capacity_g,
        capacity_ml=command.capacity_ml,
    )
    if not rider.rider_id:
        return [registered]
    same = (rider.name, rider.phone, rider.skills, rider.vehicle, rider.capacity_g, rider.capacity_ml) == (
        command.name,
        command.phone,
        command.skills,
        command.vehicle,
        command.capacity_g,
        command.capacity_ml,
    )
    if same:
        return []
    raise errors.RiderAlreadyRegistered("another rider is registered under this id", rider_id=command.rider_id)


def start_shift(command: c.StartShift, rider: Rider) -> list[e.RiderEvent]:
    """From now until a time; again with another end moves the end."""
    _require_registered(rider)
    if command.until <= command.now:
        raise errors.ShiftEndsTooSoon("a shift must end after it starts", until=command.until.isoformat())
    if rider.on_shift and rider.shift_until == command.until:
        return [e.RiderCameBack()] if rider.silent else []
    return [e.ShiftStarted(place=command.place, cell=command.cell, until=command.until)]


def end_shift(rider: Rider) -> list[e.RiderEvent]:
    """Not with a delivery in hand; an open offer is void."""
    _require_registered(rider)
    if not rider.on_shift:
        return []
    if rider.carrying is not None:
        raise errors.RiderBusy("finish the delivery in hand first", delivery_id=rider.carrying)
    return [*_without_offer(rider, "shift_ended"), e.ShiftEnded()]


def close_shift(command: c.CloseShift, rider: Rider) -> list[e.RiderEvent]:
    """The time is over; whoever carries something finishes it first."""
    over = rider.on_shift and rider.shift_until is not None and command.now >= rider.shift_until
    if not over or rider.carrying is not None:
        return []
    return [*_without_offer(rider, "shift_ended"), e.ShiftEnded(reason="time")]


def receive_offer(command: c.ReceiveOffer, rider: Rider) -> list[e.RiderEvent]:
    """One open offer at a time, to a fitting rider who is free."""
    if rider.offered == command.delivery_id:
        return []
    _require_on_shift(rider)
    if rider.silent:
        raise errors.RiderSilent("this rider has not reported for too long", rider_id=rider.rider_id)
    if rider.shift_until is not None and rider.shift_until <= command.now:
        raise errors.RiderOffShift("the rider's shift is over", rider_id=rider.rider_id)
    if rider.carrying is not None:
        raise errors.RiderBusy("this rider carries another delivery", rider_id=rider.rider_id)
    if rider.offered is not None:
        raise errors.RiderHasOffer("this rider is being asked about another delivery", rider_id=rider.rider_id)
    _require_fit(command, rider)
    return [e.OfferReceived(delivery_id=command.delivery_id, answer_by=command.answer_by)]


def close_offer(command: c.CloseOffer, rider: Rider) -> list[e.RiderEvent]:
    """The delivery's side of it is over."""
    if rider.offered != command.delivery_id:
        return []
    return [e.OfferClosed(delivery_id=command.delivery_id, how=command.how)]


def take_delivery(command: c.TakeDelivery, rider: Rider) -> list[e.RiderEvent]:
    """One delivery at a time; an open offer of another one is void."""
    if rider.carrying == command.delivery_id:
        return []
    _require_registered(rider)
    if rider.carrying is not None:
        raise errors.RiderBusy("this rider carries another delivery", rider_id=rider.rider_id)
    if not command.in_hand:
        _require_on_shift(rider)
        _require_fit(command, rider)
    how = "taken" if rider.offered == command.delivery_id else "took_another"
    back: list[e.RiderEvent] = [e.RiderCameBack()] if rider.silent and command.in_hand else []
    return [*back, *_without_offer(rider, how), e.DeliveryTaken(delivery_id=command.delivery_id)]


def release_delivery(command: c.ReleaseDelivery, rider: Rider) -> list[e.RiderEvent]:
    """Free again; a shift whose time came meanwhile ends now."""
    if rider.carrying != command.delivery_id:
        return []
    released = e.DeliveryReleased(delivery_id=command.delivery_id, how=command.how)
    if command.unfit and rider.on_shift:
        return [released, *_without_offer(rider, command.how), e.ShiftEnded(reason=command.how)]
    if rider.on_shift and rider.shift_until is not None and command.now >= rider.shift_until:
        return [released, e.ShiftEnded(reason="time")]
    return [released]


def lose(command: c.LoseRider, rider: Rider) -> list[e.RiderEvent]:
    """He did not report: the delivery is no more his, and he gets no other before he does."""
    if rider.carrying != command.delivery_id:
        return []
    released = e.DeliveryReleased(delivery_id=command.delivery_id, how="silent")
    return [released, e.RiderWentSilent(delivery_id=command.delivery_id)]


def note_sign_of_life(rider: Rider) -> list[e.RiderEvent]:
    """Whatever he reports shows that he is there."""
    _require_registered(rider)
    return [e.RiderCameBack()] if rider.silent else []


def take_return(command: c.TakeReturn, rider: Rider) -> list[e.RiderEvent]:
    """Goods to bring back."""
    return [] if command.delivery_id in rider.returns else [e.ReturnTaken(delivery_id=command.delivery_id)]


def finish_return(command: c.FinishReturn, rider: Rider) -> list[e.RiderEvent]:
    """Goods brought back."""
    return [e.ReturnDone(delivery_id=command.delivery_id)] if command.delivery_id in rider.returns else []


def _without_offer(rider: Rider, how: str) -> list[e.RiderEvent]:
    return [] if rider.offered is None else [e.OfferClosed(delivery_id=rider.offered, how=how)]


def _require_registered(rider: Rider) -> None:
    if not rider.rider_id:
        raise errors.RiderNotFound("there is no such rider")


def _require_on_shift(rider: Rider) -> None:
    _require_registered(rider)
    if not rider.on_shift:
        raise errors.RiderOffShift("this rider is not on shift", rider_id=rider.rider_id)


def _require_fit(command: c.ReceiveOffer | c.TakeDelivery, rider: Rider) -> None:
    missing = sorted(set(command.skills) - set(rider.skills))
    if missing:
        raise errors.RiderLacksSkills("this rider lacks a skill that the order needs", missing=missing)
    if command.weight_g > rider.capacity_g or command.volume_ml > rider.capacity_ml:
        raise errors.RiderLacksCapacity("this is more than the rider can carry", rider_id=rider.rider_id)
