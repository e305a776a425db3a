"""What a rider's stream answers to each command: the events that follow, none, or a refusal."""

from typing import assert_never

from services.dispatch.domain import errors
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider import hands, shifts
from services.dispatch.domain.rider.ordering import order_stops
from services.dispatch.domain.rider.requiring import require_registered, require_skills
from services.dispatch.domain.rider.state import Rider


def decide(command: c.RiderCommand, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """One function per command; `policy` is that of the delivery's pick-up where a delivery is meant."""
    match command:
        case c.RegisterRider():
            return register(command, rider)
        case c.ChangeZones():
            return change_zones(command, rider)
        case c.StartShift() | c.EndShift() | c.CloseShift() | c.TakeBreak() | c.EndBreak():
            return _work_time(command, rider, policy)
        case c.NoteSignOfLife():
            return note_sign_of_life(rider)
        case _:
            return _work(command, rider, policy)


WorkTime = c.StartShift | c.EndShift | c.CloseShift | c.TakeBreak | c.EndBreak


def _work_time(command: WorkTime, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    match command:
        case c.StartShift():
            return shifts.start_shift(command, rider)
        case c.EndShift():
            return shifts.end_shift(rider)
        case c.CloseShift():
            return shifts.close_shift(command, rider)
        case c.TakeBreak():
            return shifts.take_break(command, rider)
        case c.EndBreak():
            return shifts.end_break(command, rider, policy)
        case _:
            assert_never(command)


Work = (
    c.ReceiveOffer
    | c.CloseOffer
    | c.TakeDelivery
    | c.ReleaseDelivery
    | c.LoseRider
    | c.OrderStops
    | c.AgreeToPin
    | c.AccruePay
    | c.TakeReturn
    | c.FinishReturn
)


def _work(command: Work, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    match command:
        case c.ReceiveOffer():
            return hands.receive_offer(command, rider, policy)
        case c.CloseOffer():
            return hands.close_offer(command, rider)
        case c.TakeDelivery():
            return hands.take_delivery(command, rider, policy)
        case c.ReleaseDelivery():
            return hands.release_delivery(command, rider)
        case c.LoseRider():
            return hands.lose(command, rider)
        case c.OrderStops() | c.AgreeToPin():
            return order_stops(command, rider) if isinstance(command, c.OrderStops) else agree_to_pin(command, rider)
        case c.AccruePay():
            return hands.accrue_pay(command, rider, policy)
        case c.TakeReturn():
            return hands.take_return(command, rider)
        case c.FinishReturn():
            return hands.finish_return(command, rider)
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
        zones=command.zones,
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
    if same and command.zones in ((), rider.zones):
        return []
    raise errors.RiderAlreadyRegistered("another rider is registered under this id", rider_id=command.rider_id)


def change_zones(command: c.ChangeZones, rider: Rider) -> list[e.RiderEvent]:
    """Holds for what he is asked from now on; what he has in hand stays his."""
    require_registered(rider)
    if command.zones == rider.zones:
        return []
    return [e.RiderZonesChanged(zones=command.zones, reason=command.reason)]


def agree_to_pin(command: c.AgreeToPin, rider: Rider) -> list[e.RiderEvent]:
    """It must be somebody who could have it at all; whether he can have it now is asked when it is offered."""
    require_registered(rider)
    require_skills(command, rider)
    return []


def note_sign_of_life(rider: Rider) -> list[e.RiderEvent]:
    """Whatever he reports shows that he is there."""
    require_registered(rider)
    return [e.RiderCameBack()] if rider.silent else []
