"""What must hold of a rider before anything is asked of him, each with its refusal."""

from datetime import datetime

from services.dispatch.domain import errors
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import Load

Asking = c.ReceiveOffer | c.TakeDelivery


def require_registered(rider: Rider) -> None:
    if not rider.rider_id:
        raise errors.RiderNotFound("there is no such rider")


def require_on_shift(rider: Rider) -> None:
    require_registered(rider)
    if not rider.on_shift:
        raise errors.RiderOffShift("this rider is not on shift", rider_id=rider.rider_id)


def require_skills(command: Asking | c.AgreeToPin, rider: Rider) -> None:
    missing = sorted(set(command.skills) - set(rider.skills))
    if missing:
        raise errors.RiderLacksSkills("this rider lacks a skill that the order needs", missing=missing)


def require_room(command: Asking, rider: Rider, policy: DispatchPolicy) -> None:
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


def require_rested(rider: Rider, now: datetime, policy: DispatchPolicy) -> None:
    """Nobody on a break is asked, nor anybody who has worked for too long without one."""
    if rider.break_until is not None:
        raise errors.RiderOnBreak("this rider has a break", until=rider.break_until.isoformat())
    if rider.spell_seconds(now) >= policy.longest_spell_seconds:
        raise errors.RiderMustRest(
            "this rider has worked for too long without a break",
            rider_id=rider.rider_id,
            longest_spell_seconds=policy.longest_spell_seconds,
        )


def require_zone(command: Asking, rider: Rider) -> None:
    if not rider.works_at(command.pickup_cell):
        raise errors.RiderOutsideZones(
            "the pick-up is in none of the rider's zones; a dispatcher may say why he is to have it all the same",
            rider_id=rider.rider_id,
            pickup_cell=command.pickup_cell,
        )
