"""How a delivery finds its rider: asked, offered, accepted, grabbed, assigned, taken off, or nobody at all."""

from datetime import datetime, timedelta

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery import taking
from services.dispatch.domain.delivery.by_hand import require_not_pinned_elsewhere, unpinned
from services.dispatch.domain.delivery.state import BEFORE_PICKUP, CARRIED, Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import BY_HAND, AssignmentMode, FailureReason, Goods, Stage


def requested(attempt: int, ready_at: datetime, now: datetime, policy: DispatchPolicy) -> e.DeliveryRequested:
    """A rider is wanted from now on. Nobody is asked long before the goods are ready, so that the waits for a rider
    begin when somebody is asked at the latest."""
    asked_by = max(now, ready_at - timedelta(seconds=policy.offer_ahead_seconds))
    return e.DeliveryRequested(
        attempt=attempt,
        ready_at=ready_at,
        requested_at=now,
        dispatcher_at=asked_by + timedelta(seconds=policy.dispatcher_needed_seconds),
        wanted_by=asked_by + timedelta(seconds=policy.undeliverable_seconds),
        policy_version=policy.version,
    )


def request(command: c.RequestDelivery, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The first attempt; a late or repeated acceptance changes nothing."""
    if delivery.stage is not Stage.ANNOUNCED:
        return []
    return [requested(1, command.ready_at, command.now, policy)]


def request_again(command: c.RequestAgain, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """One more attempt of the same delivery, once the last one has ended."""
    match delivery.stage:
        case Stage.FAILED | Stage.UNDELIVERABLE:
            ready_at = delivery.ready_at or command.now
            return [requested(delivery.attempt + 1, ready_at, command.now, policy)]
        case _:
            return []


def follow_the_engine(
    command: c.OfferDelivery | c.NoteNobodyFits, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    """It found a rider to ask, or nobody."""
    if isinstance(command, c.OfferDelivery):
        return offer(command, delivery, policy)
    return note_nobody_fits(command, delivery, policy)


def offer(command: c.OfferDelivery, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Propose it to one rider; one open offer at a time, and nobody twice by mistake."""
    _require_waiting(delivery)
    if delivery.offer is not None:
        if delivery.offer.rider_id == command.rider_id:
            return []
        raise errors.DeliveryHasOffer("another rider is being asked", rider_id=delivery.offer.rider_id)
    require_not_pinned_elsewhere(delivery, command.rider_id)
    barred = command.rider_id in delivery.barred
    if barred or (command.rider_id in delivery.tried and not command.again):
        raise errors.AlreadyOfferedToRider("this rider was asked before", rider_id=command.rider_id)
    answer_by = command.now + timedelta(seconds=policy.offer_seconds)
    return [
        e.DeliveryOffered(
            rider_id=command.rider_id,
            distance_m=command.distance_m,
            offered_at=command.now,
            answer_by=answer_by,
            reasons=command.reasons,
            policy_version=policy.version,
            bundle=command.bundle,
            explanation=command.explanation,
        )
    ]


def note_nobody_fits(command: c.NoteNobodyFits, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Kept while it waits and nobody is asked, whenever the kinds of reasons are others than they were last."""
    waits = delivery.stage is Stage.WAITING and delivery.offer is None
    if not waits or delivery.nobody_because == frozenset(command.explanation.barred):
        return []
    return [e.NoRiderFitted(explanation=command.explanation, policy_version=policy.version, looked_at=command.now)]


def accept(command: c.AcceptOffer, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The asked rider says yes."""
    if delivery.carried_by(command.rider_id):
        return []
    _require_waiting(delivery)
    if delivery.offer is None or delivery.offer.rider_id != command.rider_id:
        raise errors.OfferNotOpen("there is no open offer of this delivery to you", rider_id=command.rider_id)
    reasons = delivery.offer.reasons
    return [_assigned(command, AssignmentMode.ENGINE, reasons, delivery.offer.distance_m, delivery, policy)]


def decline(command: c.DeclineOffer, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The asked rider says no; saying it again, or after the time, changes nothing."""
    if delivery.offer is not None and delivery.offer.rider_id == command.rider_id:
        declined = e.OfferDeclined(rider_id=command.rider_id, reason=command.reason)
        return [declined, *_opened_for_grab(delivery, policy)]
    if command.rider_id in delivery.tried and not delivery.carried_by(command.rider_id):
        return []
    raise errors.OfferNotOpen("there is no open offer of this delivery to you", rider_id=command.rider_id)


def drop_offer(command: c.DropOffer, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The offer is void because of what the rider did elsewhere."""
    if delivery.offer is None or delivery.offer.rider_id != command.rider_id:
        return []
    return [e.OfferDeclined(rider_id=command.rider_id, reason=command.reason), *_opened_for_grab(delivery, policy)]


def expire_offer(command: c.ExpireOffer, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """No answer in time."""
    if delivery.offer is None or command.now < delivery.offer.answer_by:
        return []
    return [e.OfferExpired(rider_id=delivery.offer.rider_id), *_opened_for_grab(delivery, policy)]


def grab(command: c.GrabDelivery, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Claim it from the pool: the first one within the radius wins; whose place nobody knows may be near."""
    if delivery.carried_by(command.rider_id):
        return []
    _require_waiting(delivery)
    require_not_pinned_elsewhere(delivery, command.rider_id)
    if not delivery.in_grab_pool:
        raise errors.NotInGrabPool("this delivery is not in the grab pool")
    if command.distance_m is not None and command.distance_m > policy.grab_radius_m:
        raise errors.TooFarToGrab("you are too far from the pick-up", radius_m=policy.grab_radius_m)
    grabbed = e.DeliveryGrabbed(rider_id=command.rider_id)
    assigned = _assigned(command, AssignmentMode.GRAB, ("grabbed",), command.distance_m, delivery, policy)
    return [grabbed, assigned]


def assign(command: c.AssignRider, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """A dispatcher decides; from one rider to another only before the pick-up. That ends a pin to another."""
    if delivery.carried_by(command.rider_id):
        return []
    reasons = (command.reason,) if command.reason else ()
    free = unpinned(delivery, "assigned_to_another") if delivery.pinned_to != command.rider_id else []
    if delivery.has_goods and delivery.stage in CARRIED:
        raise errors.DeliveryAlreadyPickedUp("the rider already has the goods", rider_id=delivery.rider_id)
    if delivery.stage in BEFORE_PICKUP and delivery.rider_id is not None:
        moved = e.RiderUnassigned(rider_id=delivery.rider_id, reason="transferred", barred=True)
        mode = AssignmentMode.TRANSFER
        return [*free, moved, _assigned(command, mode, reasons, command.distance_m, delivery, policy)]
    _require_waiting(delivery)
    return [*free, _assigned(command, AssignmentMode.MANUAL, reasons, command.distance_m, delivery, policy)]


def unassign(command: c.UnassignRider, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """A dispatcher takes the rider off before the pick-up, with his pin; another one is looked for."""
    if delivery.stage is Stage.WAITING:
        return []
    if delivery.has_goods and delivery.stage in CARRIED:
        raise errors.DeliveryAlreadyPickedUp("the rider already has the goods", rider_id=delivery.rider_id)
    if delivery.stage not in BEFORE_PICKUP or delivery.rider_id is None:
        raise errors.DeliveryNotAssigned("no rider is bound to this delivery", stage=delivery.stage.value)
    off = e.RiderUnassigned(rider_id=delivery.rider_id, reason=command.reason or "dispatcher", barred=True)
    return [*unpinned(delivery, "taken_off"), off, wanted_again(delivery, command.now, policy)]


REPLANNED = "replanned"
FROM_A_RIDER = "goods_from_a_rider"
"""Said of an assignment whose goods are with a rider who cannot go on: their merchant has nothing to do with it."""


def take_off(command: taking.TakeOff, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Plans it anew, judged by how it stands now: not once it is picked up or somebody else's, not against a person's
    decision, and not twice within a span. A rider who is down loses it whatever was decided."""
    if not delivery.carried_by(command.rider_id) or delivery.stage not in BEFORE_PICKUP or delivery.has_goods:
        return []
    if not command.down and (_by_a_person(delivery) or _just_replanned(delivery, command.now, policy)):
        return []
    off = e.RiderUnassigned(rider_id=command.rider_id, reason=REPLANNED, cause=command.cause, at=command.now)
    return [*unpinned(delivery, REPLANNED), off, wanted_again(delivery, command.now, policy)]


def _by_a_person(delivery: Delivery) -> bool:
    return delivery.pinned_to is not None or delivery.mode in BY_HAND


def _just_replanned(delivery: Delivery, now: datetime, policy: DispatchPolicy) -> bool:
    last = delivery.replanned_at
    return last is not None and now < last + timedelta(seconds=policy.replan_span_seconds)


def wanted_again(delivery: Delivery, now: datetime, policy: DispatchPolicy) -> e.DeliveryRequested:
    """The same attempt without its rider."""
    return requested(delivery.attempt, delivery.ready_at or now, now, policy)


def call_dispatcher(command: c.CallDispatcher, delivery: Delivery) -> list[e.DeliveryEvent]:
    """Nobody took it (or brought the goods back) for too long: a person must look."""
    if delivery.urgent or delivery.stage not in {Stage.WAITING, Stage.RETURNING}:
        return []
    since = delivery.requested_at or command.now
    return [e.DispatcherNeeded(waiting_seconds=int((command.now - since).total_seconds()))]


def give_up(command: c.GiveUp, delivery: Delivery) -> list[e.DeliveryEvent]:
    """No rider was found in time."""
    overdue = delivery.wanted_by is not None and command.now >= delivery.wanted_by
    if delivery.stage is not Stage.WAITING or not overdue:
        return []
    if delivery.goods_with is not None:
        # Somebody stands in the street with the goods: that is a case for support, as if nobody had been looked for.
        reason, goods = delivery.fetched_because or FailureReason.RIDER_VEHICLE, Goods.WITH_RIDER
        return [e.DeliveryFailed(rider_id=delivery.goods_with, reason=reason, goods=goods)]
    return [e.DeliveryUndeliverable(attempt=delivery.attempt)]


def come_back(
    command: c.ReportCollected | c.ReportPickUp, delivery: Delivery, mode: AssignmentMode, policy: DispatchPolicy
) -> e.RiderAssigned:
    """A rider who was taken for lost has had the goods all along: the delivery is his again."""
    return _assigned(command, mode, ("came_back_with_the_goods",), 0.0, delivery, policy)


def _assigned(
    command: c.AcceptOffer | c.GrabDelivery | c.AssignRider | c.ReportCollected | c.ReportPickUp,
    mode: AssignmentMode,
    reasons: tuple[str, ...],
    distance_m: float | None,
    delivery: Delivery,
    policy: DispatchPolicy,
) -> e.RiderAssigned:
    reasons = reasons if delivery.goods_with is None else (*reasons, FROM_A_RIDER)
    approach_m = policy.unknown_approach_m if distance_m is None else distance_m
    return e.RiderAssigned(
        rider_id=command.rider_id,
        mode=mode,
        reasons=reasons,
        policy_version=policy.version,
        assigned_at=command.now,
        report_by=policy.report_by(command.now, approach_m, delivery.ready_at),
    )


def _opened_for_grab(delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    if delivery.pinned_to is not None or delivery.in_grab_pool or delivery.offers_made < policy.offers_before_grab:
        return []
    return [e.DeliveryOpenedForGrab(attempt=delivery.attempt, policy_version=policy.version)]


def _require_waiting(delivery: Delivery) -> None:
    match delivery.stage:
        case Stage.WAITING:
            return
        case Stage.UNHEARD:
            raise errors.DeliveryNotFound("there is no such delivery")
        case Stage.ANNOUNCED:
            raise errors.DeliveryNotWaiting("the merchant has not accepted the order yet")
        case stage if stage in CARRIED or stage is Stage.DELIVERED:
            raise errors.DeliveryAlreadyTaken("another rider already has this delivery")
        case stage:
            raise errors.DeliveryEnded("this delivery waits for no rider any more", stage=stage.value)
