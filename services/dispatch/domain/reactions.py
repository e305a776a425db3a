"""What a fact about a delivery means for riders and the other way round, in the same transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from services.dispatch.domain.delivery import commands as dc
from services.dispatch.domain.delivery import deadlines as waits
from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery.by_hand import PINNED
from services.dispatch.domain.delivery.state import CARRIED, Delivery
from services.dispatch.domain.rider import commands as rc
from services.dispatch.domain.rider import deadlines as shifts
from services.dispatch.domain.rider import events as re
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import BY_HAND, RIDER_UNFIT, FailureReason, Stage
from shared.kernel.place import distance_m


def on_delivery(
    delivery_id: str, before: Delivery, event: de.DeliveryEvent, now: datetime
) -> Sequence[rc.RiderCommand]:
    """The riders' side of one more event of a delivery; `before` is the delivery just before it."""
    match event:
        case de.DeliveryOffered():
            return (_receive(delivery_id, before, event, now),)
        case de.OfferDeclined():
            how = PINNED if event.reason == PINNED else "declined"
            return (rc.CloseOffer(rider_id=event.rider_id, delivery_id=delivery_id, how=how),)
        case de.DeliveryPinned():
            return (rc.AgreeToPin(rider_id=event.rider_id, skills=before.skills),)
        case de.OfferExpired():
            return (rc.CloseOffer(rider_id=event.rider_id, delivery_id=delivery_id, how="expired"),)
        case de.RiderAssigned():
            return _assigned(delivery_id, before, event, now)
        case de.RiderUnassigned(silent=True):
            return (rc.LoseRider(rider_id=event.rider_id, delivery_id=delivery_id, now=now),)
        case de.RiderUnassigned():
            return (_release(event.rider_id, delivery_id, event.reason, now, unfit=event.unfit),)
        case de.ArrivedAtPickup() | de.StopCollected() | de.PickedUp() | de.ArrivedAtDropoff() | de.LateReportKept():
            return (rc.NoteSignOfLife(rider_id=event.rider_id),)
        case (
            de.Delivered()
            | de.DeliveryCorrected()
            | de.DeliveryFailed()
            | de.DeliveryUndeliverable()
            | de.DeliveryWithdrawn()
            | de.ReturnOpened()
            | de.GoodsReturned()
        ):
            return _ended(delivery_id, before, event, now)
        case _:
            return ()


def on_rider(event: re.RiderEvent, rider: Rider, now: datetime) -> Sequence[dc.DeliveryCommand]:
    """The deliveries' side of one more event of a rider, who is as it left him: an offer that he left for something
    else is void there, and when he is lost or cannot go on, that holds for everything that he has in hand."""
    match event:
        case re.OfferClosed(how="took_another" | "shift_ended" | "silent" | "on_break"):
            return (dc.DropOffer(delivery_id=event.delivery_id, rider_id=rider.rider_id, reason=event.how),)
        case re.RiderWentSilent():
            return _all_lost(rider, None, now)
        case re.ShiftEnded() if rider.carrying:
            return _all_lost(rider, FailureReason(event.reason), now)
        case _:
            return ()


def _all_lost(rider: Rider, reason: FailureReason | None, now: datetime) -> Sequence[dc.LoseCarrier]:
    return tuple(
        dc.LoseCarrier(delivery_id=delivery_id, rider_id=rider.rider_id, reason=reason, now=now)
        for delivery_id in rider.carrying
    )


def _receive(delivery_id: str, before: Delivery, event: de.DeliveryOffered, now: datetime) -> rc.ReceiveOffer:
    return rc.ReceiveOffer(
        rider_id=event.rider_id,
        delivery_id=delivery_id,
        skills=before.skills,
        weight_g=before.weight_g,
        volume_ml=before.volume_ml,
        answer_by=event.answer_by,
        bundle=event.bundle,
        pickup_cell=before.pickup_cell,
        now=now,
    )


def _assigned(
    delivery_id: str, before: Delivery, event: de.RiderAssigned, now: datetime
) -> Sequence[rc.RiderCommand]:
    take = rc.TakeDelivery(
        rider_id=event.rider_id,
        delivery_id=delivery_id,
        skills=before.skills,
        weight_g=before.weight_g,
        volume_ml=before.volume_ml,
        in_hand=event.rider_id in before.lost_riders and event.reasons == ("came_back_with_the_goods",),
        overruled=event.mode in BY_HAND and bool(event.reasons),
        pickup_cell=before.pickup_cell,
        now=now,
    )
    return (*_offer_over(delivery_id, before, but=event.rider_id, how="taken_by_another"), take)


def _ended(
    delivery_id: str,
    before: Delivery,
    event: de.Delivered
    | de.DeliveryCorrected
    | de.DeliveryFailed
    | de.DeliveryUndeliverable
    | de.DeliveryWithdrawn
    | de.ReturnOpened
    | de.GoodsReturned,
    now: datetime,
) -> Sequence[rc.RiderCommand]:
    carrier = before.rider_id if before.stage in CARRIED else None
    match event:
        case de.Delivered():
            alive = rc.NoteSignOfLife(rider_id=event.rider_id)
            return (
                _pay(event.rider_id, delivery_id, before),
                _release(event.rider_id, delivery_id, "delivered", now),
                alive,
            )
        case de.DeliveryCorrected():
            freed = () if carrier is None else (_release(carrier, delivery_id, "corrected", now),)
            returning = before.rider_id if before.stage is Stage.RETURNING else None
            home = () if returning is None else (rc.FinishReturn(rider_id=returning, delivery_id=delivery_id),)
            brought_by = before.rider_id if event.delivered else None
            paid = () if brought_by is None else (_pay(brought_by, delivery_id, before),)
            return (*_offer_over(delivery_id, before, but=None, how="corrected"), *freed, *home, *paid)
        case de.DeliveryFailed(silent=True):
            return (rc.LoseRider(rider_id=event.rider_id, delivery_id=delivery_id, now=now),)
        case de.DeliveryFailed():
            unfit = event.reason in RIDER_UNFIT
            alive = rc.NoteSignOfLife(rider_id=event.rider_id)
            over = _offer_over(delivery_id, before, but=None, how="withdrawn")
            return (*over, _release(event.rider_id, delivery_id, event.reason.value, now, unfit=unfit), alive)
        case de.DeliveryUndeliverable() | de.DeliveryWithdrawn():
            freed = () if carrier is None else (_release(carrier, delivery_id, "withdrawn", now),)
            return (*_offer_over(delivery_id, before, but=None, how="withdrawn"), *freed)
        case de.ReturnOpened():
            freed = () if carrier is None else (_release(carrier, delivery_id, "return", now),)
            return (
                *_offer_over(delivery_id, before, but=None, how="withdrawn"),
                *freed,
                rc.TakeReturn(rider_id=event.rider_id, delivery_id=delivery_id),
            )
        case de.GoodsReturned():
            done = rc.FinishReturn(rider_id=event.rider_id, delivery_id=delivery_id)
            return (done, rc.NoteSignOfLife(rider_id=event.rider_id))
        case _:
            assert_never(event)


def _pay(rider_id: str, delivery_id: str, before: Delivery) -> rc.AccruePay:
    way_m = distance_m(before.pickup, before.dropoff_area)
    return rc.AccruePay(rider_id=rider_id, delivery_id=delivery_id, attempt=before.attempt, way_m=way_m)


def _offer_over(delivery_id: str, before: Delivery, but: str | None, how: str) -> Sequence[rc.RiderCommand]:
    if before.offer is None or before.offer.rider_id == but:
        return ()
    return (rc.CloseOffer(rider_id=before.offer.rider_id, delivery_id=delivery_id, how=how),)


def _release(rider_id: str, delivery_id: str, how: str, now: datetime, unfit: bool = False) -> rc.ReleaseDelivery:
    return rc.ReleaseDelivery(rider_id=rider_id, delivery_id=delivery_id, how=how, unfit=unfit, now=now)


def on_deadline(stream_id: str, name: str, now: datetime) -> dc.DeliveryCommand | rc.RiderCommand:
    """What is asked of a stream whose wait ran out; raises KeyError for a wait that nobody sets."""
    match name:
        case waits.OFFER:
            return dc.ExpireOffer(delivery_id=stream_id, now=now)
        case waits.DISPATCHER | waits.RETURN:
            return dc.CallDispatcher(delivery_id=stream_id, now=now)
        case waits.UNDELIVERABLE:
            return dc.GiveUp(delivery_id=stream_id, now=now)
        case waits.REPORT:
            return dc.NoteSilence(delivery_id=stream_id, now=now)
        case shifts.SHIFT:
            return rc.CloseShift(rider_id=stream_id, now=now)
        case shifts.BREAK:
            return rc.EndBreak(rider_id=stream_id, by_time=True, now=now)
        case _:
            raise KeyError(name)
