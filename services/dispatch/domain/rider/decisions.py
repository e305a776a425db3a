"""What a rider's stream answers to each command: the events that follow, none, or a refusal."""

from typing import assert_never

from services.dispatch.domain import errors
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.state import Rider, evolve
from services.dispatch.domain.values import Load


def decide(command: c.RiderCommand, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """One function per command; `policy` is that of the delivery's pick-up where a delivery is meant."""
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
            return _work(command, rider, policy)


Work = (
    c.ReceiveOffer | c.CloseOffer | c.TakeDelivery | c.ReleaseDelivery | c.LoseRider | c.TakeReturn | c.FinishReturn
)


def _work(command: Work, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    match command:
        case c.ReceiveOffer():
            return receive_offer(command, rider, policy)
        case c.CloseOffer():
            return close_offer(command, rider)
        case c.TakeDelivery():
            return take_delivery(command, rider, policy)
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
    """Not with a delivery in hand; open offers are void."""
    _require_registered(rider)
    if not rider.on_shift:
        return []
    if rider.carrying:
        raise errors.RiderBusy("finish the deliveries in hand first", delivery_ids=list(rider.carrying))
    return [*_without_offers(rider, "shift_ended"), e.ShiftEnded()]


def close_shift(command: c.CloseShift, rider: Rider) -> list[e.RiderEvent]:
    """The time is over; whoever carries something finishes all of it first."""
    over = rider.on_shift and rider.shift_until is not None and command.now >= rider.shift_until
    if not over or rider.carrying:
        return []
    return [*_without_offers(rider, "shift_ended"), e.ShiftEnded(reason="time")]


def receive_offer(command: c.ReceiveOffer, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """One question at a time, which may be about a bundle, to a fitting rider who has room for it beside everything
    that he carries and is asked about."""
    if command.delivery_id in rider.offers:
        return []
    _require_on_shift(rider)
    if rider.silent:
        raise errors.RiderSilent("this rider has not reported for too long", rider_id=rider.rider_id)
    if rider.shift_until is not None and rider.shift_until <= command.now:
        raise errors.RiderOffShift("the rider's shift is over", rider_id=rider.rider_id)
    if not set(rider.offers) <= set(command.bundle):
        raise errors.RiderHasOffer("this rider is being asked about another delivery", rider_id=rider.rider_id)
    _require_skills(command, rider)
    _require_room(command, rider, policy)
    received = e.OfferReceived(
        delivery_id=command.delivery_id,
        answer_by=command.answer_by,
        weight_g=command.weight_g,
        volume_ml=command.volume_ml,
    )
    return [received]


def close_offer(command: c.CloseOffer, rider: Rider) -> list[e.RiderEvent]:
    """The delivery's side of it is over."""
    if command.delivery_id not in rider.offers:
        return []
    return [e.OfferClosed(delivery_id=command.delivery_id, how=command.how)]


def take_delivery(command: c.TakeDelivery, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """One more in hand; open offers for which there is no room beside it are void, the last one first."""
    if command.delivery_id in rider.carrying:
        return []
    _require_registered(rider)
    answered: list[e.RiderEvent] = []
    if command.delivery_id in rider.offers:
        answered = [e.OfferClosed(delivery_id=command.delivery_id, how="taken")]
    if not command.in_hand:
        _require_on_shift(rider)
        _require_skills(command, rider)
        _require_room(command, _after(rider, *_without_offers(rider, "")), policy)
    taken = e.DeliveryTaken(delivery_id=command.delivery_id, weight_g=command.weight_g, volume_ml=command.volume_ml)
    back: list[e.RiderEvent] = [e.RiderCameBack()] if rider.silent and command.in_hand else []
    return [*back, *answered, *_crowded_out(_after(rider, *answered, taken), policy), taken]


def release_delivery(command: c.ReleaseDelivery, rider: Rider) -> list[e.RiderEvent]:
    """One less in hand; with the last one a shift whose time came meanwhile ends. It ends at once for a rider who
    cannot go on, whatever else he has in hand: that is taken off him by what follows."""
    if command.delivery_id not in rider.carrying:
        return []
    released = e.DeliveryReleased(delivery_id=command.delivery_id, how=command.how)
    if command.unfit and rider.on_shift:
        return [released, *_without_offers(rider, "shift_ended"), e.ShiftEnded(reason=command.how)]
    over = rider.on_shift and rider.shift_until is not None and command.now >= rider.shift_until
    if over and len(rider.carrying) == 1:
        return [released, *_without_offers(rider, "shift_ended"), e.ShiftEnded(reason="time")]
    return [released]


def lose(command: c.LoseRider, rider: Rider) -> list[e.RiderEvent]:
    """He did not report: the delivery is no more his, and he gets no other before he does. What else he has in hand
    is taken off him by what follows; he goes silent once."""
    if command.delivery_id not in rider.carrying:
        return []
    released = e.DeliveryReleased(delivery_id=command.delivery_id, how="silent")
    if rider.silent:
        return [released]
    return [released, *_without_offers(rider, "silent"), e.RiderWentSilent(delivery_id=command.delivery_id)]


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


def _without_offers(rider: Rider, how: str) -> list[e.RiderEvent]:
    return [e.OfferClosed(delivery_id=delivery_id, how=how) for delivery_id in rider.offers]


def _crowded_out(rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """Offers that have no room beside what he has taken."""
    closed: list[e.RiderEvent] = []
    while rider.offers and not (
        len(rider.carrying) + len(rider.offers) <= policy.deliveries_per_rider and rider.has_room_for(Load())
    ):
        event = e.OfferClosed(delivery_id=rider.offers[-1], how="took_another")
        closed.append(event)
        rider = evolve(rider, event)
    return closed


def _after(rider: Rider, *events: e.RiderEvent) -> Rider:
    for event in events:
        rider = evolve(rider, event)
    return rider


def _require_registered(rider: Rider) -> None:
    if not rider.rider_id:
        raise errors.RiderNotFound("there is no such rider")


def _require_on_shift(rider: Rider) -> None:
    _require_registered(rider)
    if not rider.on_shift:
        raise errors.RiderOffShift("this rider is not on shift", rider_id=rider.rider_id)


def _require_skills(command: c.ReceiveOffer | c.TakeDelivery, rider: Rider) -> None:
    missing = sorted(set(command.skills) - set(rider.skills))
    if missing:
        raise errors.RiderLacksSkills("this rider lacks a skill that the order needs", missing=missing)


def _require_room(command: c.ReceiveOffer | c.TakeDelivery, rider: Rider, policy: DispatchPolicy) -> None:
    if len(rider.carrying) + len(rider.offers) >= policy.deliveries_per_rider:
        raise errors.RiderBusy(
            "this rider has as many deliveries as he may have",
            rider_id=rider.rider_id,
            deliveries_per_rider=policy.deliveries_per_rider,
        )
    if not rider.has_room_for(Load(command.weight_g, command.volume_ml)):
        raise errors.RiderLacksCapacity(
            "this is more than the rider can carry beside what he has", rider_id=rider.rider_id
        )
