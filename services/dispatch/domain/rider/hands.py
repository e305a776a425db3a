"""What a rider is asked about, carries, brings back, and gets for it."""

from services.dispatch.domain import errors
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.rider import commands as c
from services.dispatch.domain.rider import events as e
from services.dispatch.domain.rider.requiring import (
    require_on_shift,
    require_registered,
    require_rested,
    require_room,
    require_skills,
    require_zone,
)
from services.dispatch.domain.rider.shifts import without_offers
from services.dispatch.domain.rider.state import Rider, evolve
from services.dispatch.domain.values import Load


def receive_offer(command: c.ReceiveOffer, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """One question at a time, which may be about a bundle, to a fitting rider who has room for it beside everything
    that he carries and is asked about."""
    if command.delivery_id in rider.offers:
        return []
    require_on_shift(rider)
    if rider.silent:
        raise errors.RiderSilent("this rider has not reported for too long", rider_id=rider.rider_id)
    if rider.shift_until is not None and rider.shift_until <= command.now:
        raise errors.RiderOffShift("the rider's shift is over", rider_id=rider.rider_id)
    if not set(rider.offers) <= set(command.bundle):
        raise errors.RiderHasOffer("this rider is being asked about another delivery", rider_id=rider.rider_id)
    require_rested(rider, command.now, policy)
    require_skills(command, rider)
    require_zone(command, rider)
    require_room(command, rider, policy)
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
    require_registered(rider)
    answered: list[e.RiderEvent] = []
    if command.delivery_id in rider.offers:
        answered = [e.OfferClosed(delivery_id=command.delivery_id, how="taken")]
    if not command.in_hand:
        require_on_shift(rider)
        if not answered:
            require_rested(rider, command.now, policy)
        if not (answered or command.overruled):
            require_zone(command, rider)
        require_skills(command, rider)
        require_room(command, _after(rider, *without_offers(rider, "")), policy)
    taken = e.DeliveryTaken(delivery_id=command.delivery_id, weight_g=command.weight_g, volume_ml=command.volume_ml)
    back: list[e.RiderEvent] = [e.RiderCameBack()] if rider.silent and command.in_hand else []
    return [*back, *answered, *_crowded_out(_after(rider, *answered, taken), policy), taken]


def release_delivery(command: c.ReleaseDelivery, rider: Rider) -> list[e.RiderEvent]:
    """One less in hand; with the last one a shift whose time came meanwhile ends. It ends at once for a rider who
    cannot go on, whatever else he has in hand: that is taken off him by what follows."""
    if command.delivery_id not in rider.carrying:
        return []
    released = e.DeliveryReleased(delivery_id=command.delivery_id, how=command.how, released_at=command.now)
    if command.unfit and rider.on_shift:
        return [released, *without_offers(rider, "shift_ended"), e.ShiftEnded(reason=command.how)]
    over = rider.on_shift and rider.shift_until is not None and command.now >= rider.shift_until
    if over and len(rider.carrying) == 1:
        return [released, *without_offers(rider, "shift_ended"), e.ShiftEnded(reason="time")]
    return [released]


def lose(command: c.LoseRider, rider: Rider) -> list[e.RiderEvent]:
    """He did not report: the delivery is no more his, and he gets no other before he does. What else he has in hand
    is taken off him by what follows; he goes silent once."""
    if command.delivery_id not in rider.carrying:
        return []
    released = e.DeliveryReleased(delivery_id=command.delivery_id, how="silent", released_at=command.now)
    if rider.silent:
        return [released]
    return [released, *without_offers(rider, "silent"), e.RiderWentSilent(delivery_id=command.delivery_id)]


def accrue_pay(command: c.AccruePay, rider: Rider, policy: DispatchPolicy) -> list[e.RiderEvent]:
    """By the policy of the pick-up: so much for a delivery, and so much for its way. Once for each attempt."""
    if (command.delivery_id, command.attempt) in rider.paid:
        return []
    way_cents = round(policy.pay_per_km_cents * command.way_m / 1000)
    accrued = e.PayAccrued(
        delivery_id=command.delivery_id,
        attempt=command.attempt,
        amount_cents=policy.pay_per_delivery_cents + way_cents,
        currency=policy.currency,
        parts={"delivery": policy.pay_per_delivery_cents, "way": way_cents},
        policy_version=policy.version,
    )
    return [accrued]


def take_return(command: c.TakeReturn, rider: Rider) -> list[e.RiderEvent]:
    """Goods to bring back."""
    return [] if command.delivery_id in rider.returns else [e.ReturnTaken(delivery_id=command.delivery_id)]


def finish_return(command: c.FinishReturn, rider: Rider) -> list[e.RiderEvent]:
    """Goods brought back."""
    return [e.ReturnDone(delivery_id=command.delivery_id)] if command.delivery_id in rider.returns else []


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
