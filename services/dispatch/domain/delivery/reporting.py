"""What riders report from the street: facts of the physical world, kept even when they come late."""

from datetime import datetime, timedelta

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.by_hand import unpinned
from services.dispatch.domain.delivery.finding import come_back, requested, wanted_again
from services.dispatch.domain.delivery.places import last_place, left_stops, next_way_m, receipts_cents
from services.dispatch.domain.delivery.state import BEFORE_PICKUP, CARRIED, Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import BUY, RIDER_UNFIT, Goods, Proof, Stage
from shared.kernel.errors import DomainError
from shared.kernel.place import distance_m

Report = (
    c.ReportArrivalAtPickup
    | c.ReportCollected
    | c.ReportPickUp
    | c.ReportArrivalAtDropoff
    | c.ReportDelivered
    | c.ReportFailure
    | c.ReportReturn
)


def arrive_at_pickup(
    command: c.ReportArrivalAtPickup, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    """He stands at the counter; the wait for the goods counts from when they are ready."""
    if not delivery.carried_by(command.rider_id):
        return _former_rider(command, delivery, "arrived_at_pickup")
    if delivery.stage is not Stage.ASSIGNED:
        return []
    report_by = policy.report_by(command.now, next_way_m(delivery), delivery.ready_at)
    skewed = _skewed(command, delivery, policy)
    return [e.ArrivedAtPickup(rider_id=command.rider_id, report_by=report_by, clock_skewed=skewed)]


def collect(command: c.ReportCollected, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """He is done at one of an errand's places: each once, and in whatever order it went. Reported after a withdrawal
    what he has must come back."""
    if not delivery.ever_carried_by(command.rider_id):
        raise _not_his(delivery)
    if not delivery.further_pickups or command.stop > len(delivery.further_pickups):
        raise errors.NoSuchStop("this delivery has no such place", stops=len(delivery.further_pickups))
    if delivery.stage is Stage.WITHDRAWN and not command.empty_handed:
        return _late_with_goods(command, Proof(), command.receipt_cents, delivery, policy)
    back: list[e.DeliveryEvent] = []
    if delivery.stage is Stage.WAITING and command.rider_id in delivery.lost_riders and not command.empty_handed:
        back = [come_back(command, delivery, delivery.past_riders[command.rider_id], policy)]
    elif not delivery.carried_by(command.rider_id):
        return _former_rider(command, delivery, f"collected_{command.stop}")
    elif delivery.stage not in BEFORE_PICKUP or any(each.stop == command.stop for each in delivery.collected):
        return []
    return [*back, _stop_collected(command, delivery, policy)]


def _stop_collected(command: c.ReportCollected, delivery: Delivery, policy: DispatchPolicy) -> e.StopCollected:
    """The next report is due after the way to the next place that is left."""
    return e.StopCollected(
        rider_id=command.rider_id,
        stop=command.stop,
        at=command.occurred_at,
        report_by=policy.report_by(command.now, next_way_m(delivery, command.stop)),
        receipt_cents=command.receipt_cents,
        empty_handed=command.empty_handed,
        clock_skewed=_skewed(command, delivery, policy),
    )


def _late_with_goods(
    command: c.ReportCollected | c.ReportPickUp,
    proof: Proof,
    receipt_cents: int | None,
    delivery: Delivery,
    policy: DispatchPolicy,
) -> list[e.DeliveryEvent]:
    late = e.PickedUp(
        rider_id=command.rider_id,
        proof=proof,
        after_withdrawal=True,
        clock_skewed=_skewed(command, delivery, policy),
        receipt_cents=receipt_cents,
        picked_up_at=command.now,
    )
    return [late, return_opened(command.rider_id, delivery, command.now, policy)]


def pick_up(command: c.ReportPickUp, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """He has the goods. Reported after a withdrawal it still happened: the goods must come back."""
    receipt_cents = receipts_cents(delivery, command.receipt_cents)
    bought = delivery.kind == BUY and delivery.goods_with is None
    if bought and receipt_cents is None and delivery.ever_carried_by(command.rider_id):
        raise errors.ReceiptMissing("say what was paid for the things that were bought", kind=delivery.kind)
    if delivery.carried_by(command.rider_id):
        return [_picked_up(command, delivery, policy)] if delivery.stage in BEFORE_PICKUP else []
    if not delivery.ever_carried_by(command.rider_id):
        raise _not_his(delivery)
    if delivery.stage is Stage.WITHDRAWN:
        return _late_with_goods(command, command.proof, receipt_cents, delivery, policy)
    if delivery.stage is Stage.WAITING and command.rider_id in delivery.lost_riders:
        again = come_back(command, delivery, delivery.past_riders[command.rider_id], policy)
        return [again, _picked_up(command, delivery, policy)]
    return _former_rider(command, delivery, "picked_up")


def arrive_at_dropoff(
    command: c.ReportArrivalAtDropoff, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    """He stands at the customer's door."""
    if not delivery.carried_by(command.rider_id):
        return _former_rider(command, delivery, "arrived_at_dropoff")
    if delivery.stage in BEFORE_PICKUP:
        raise errors.DeliveryNotPickedUp("the goods have not been picked up yet", stage=delivery.stage.value)
    if delivery.stage is Stage.AT_DROPOFF:
        return []
    report_by = policy.report_by(command.now, 0)
    skewed = _skewed(command, delivery, policy)
    return [e.ArrivedAtDropoff(rider_id=command.rider_id, report_by=report_by, clock_skewed=skewed)]


def deliver(command: c.ReportDelivered, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The customer has it; true as well when its rider had been taken for lost with the goods."""
    if delivery.stage is Stage.DELIVERED and delivery.rider_id == command.rider_id:
        return []
    if delivery.stage is Stage.FAILED and delivery.lost_with_rider and delivery.rider_id == command.rider_id:
        return [_delivered(command, delivery, policy)]
    if not delivery.carried_by(command.rider_id):
        return _former_rider(command, delivery, "delivered")
    if delivery.stage in BEFORE_PICKUP:
        raise errors.DeliveryNotPickedUp("the goods have not been picked up yet", stage=delivery.stage.value)
    return [_delivered(command, delivery, policy)]


def fail(command: c.ReportFailure, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """It does not work out. When it is only the rider who cannot go on, and the goods are still at the merchant's,
    another rider is looked for instead."""
    if not delivery.carried_by(command.rider_id):
        return _former_rider(command, delivery, "failed")
    goods = _goods_told(command, delivery)
    if not delivery.has_goods and command.reason in RIDER_UNFIT:
        off = e.RiderUnassigned(rider_id=command.rider_id, reason=command.reason.value, unfit=True)
        return [*unpinned(delivery, command.reason.value), off, wanted_again(delivery, command.now, policy)]
    return [
        *(unpinned(delivery, command.reason.value) if command.reason in RIDER_UNFIT else ()),
        e.DeliveryFailed(
            rider_id=command.rider_id,
            reason=command.reason,
            evidence=command.evidence,
            goods=goods,
            clock_skewed=_skewed(command, delivery, policy),
        ),
    ]


def give_back(command: c.ReportReturn, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The goods are back at the merchant's."""
    if not delivery.ever_carried_by(command.rider_id):
        raise _not_his(delivery)
    if delivery.goods is Goods.RETURNED:
        return []
    ended = delivery.stage in {Stage.FAILED, Stage.RETURNING}
    if not ended or delivery.goods is not Goods.WITH_RIDER or delivery.rider_id != command.rider_id:
        raise errors.NothingToReturn("you hold no goods of this delivery to bring back", stage=delivery.stage.value)
    return [e.GoodsReturned(rider_id=command.rider_id, clock_skewed=_skewed(command, delivery, policy))]


def return_opened(rider_id: str, delivery: Delivery, now: datetime, policy: DispatchPolicy) -> e.ReturnOpened:
    """The way back is due in the time of the way there, a hand-over and the grace."""
    way_m = distance_m(delivery.pickup, delivery.dropoff_area)
    return e.ReturnOpened(rider_id=rider_id, return_by=policy.report_by(now, way_m))


def _picked_up(command: c.ReportPickUp, delivery: Delivery, policy: DispatchPolicy) -> e.PickedUp:
    """He has all of it; raises StopsNotCollected while he has not been at every further place of an errand."""
    left = left_stops(delivery)
    if left:
        raise errors.StopsNotCollected("the errand has places where you have not been yet", stops=left)
    way_m = distance_m(last_place(delivery), delivery.dropoff_area)
    return e.PickedUp(
        rider_id=command.rider_id,
        proof=command.proof,
        report_by=policy.report_by(command.now, way_m),
        clock_skewed=_skewed(command, delivery, policy),
        receipt_cents=receipts_cents(delivery, command.receipt_cents),
        picked_up_at=command.now,
    )


def _delivered(command: c.ReportDelivered, delivery: Delivery, policy: DispatchPolicy) -> e.Delivered:
    skewed = _skewed(command, delivery, policy)
    return e.Delivered(rider_id=command.rider_id, proof=command.proof, clock_skewed=skewed)


def _goods_told(command: c.ReportFailure, delivery: Delivery) -> Goods:
    collected = delivery.has_goods
    goods = command.goods or (Goods.WITH_RIDER if collected else Goods.NOT_COLLECTED)
    if collected == (goods is Goods.NOT_COLLECTED):
        raise errors.GoodsContradiction(
            "what is said of the goods does not fit the delivery", stage=delivery.stage.value, goods=goods.value
        )
    return goods


def _former_rider(command: Report, delivery: Delivery, report: str) -> list[e.DeliveryEvent]:
    """A late report of a former rider is evidence; of anybody else, it is none of his business."""
    if not delivery.ever_carried_by(command.rider_id):
        raise _not_his(delivery)
    if (command.rider_id, report) in delivery.late_reports:
        return []
    if delivery.rider_id == command.rider_id and delivery.stage in _ENDED_BY_HIM and report != "picked_up":
        return []
    return [e.LateReportKept(rider_id=command.rider_id, report=report)]


_ENDED_BY_HIM = frozenset({Stage.DELIVERED, Stage.FAILED})


def _not_his(delivery: Delivery) -> DomainError:
    if delivery.stage is Stage.UNHEARD:
        return errors.DeliveryNotFound("there is no such delivery")
    if delivery.stage in CARRIED:
        return errors.NotYourDelivery("another rider carries this delivery")
    return errors.NotYourDelivery("this delivery was never yours")


def _skewed(command: Report, delivery: Delivery, policy: DispatchPolicy) -> bool:
    return policy.skewed(command.occurred_at, command.now, delivery.assigned_at)


def goods_ready(command: c.NoteGoodsReady, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The merchant is done; told early or late, it is a fact."""
    if delivery.stage is Stage.UNHEARD or delivery.goods_ready:
        return []
    waiting = delivery.stage in BEFORE_PICKUP
    report_by = None
    if waiting and delivery.report_by is not None:
        report_by = max(delivery.report_by, policy.report_by(command.now, 0))
    return [e.GoodsReady(ready_at=command.ready_at, report_by=report_by)]


def move_ready_time(command: c.MoveReadyTime, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The merchant needs longer: so does the rider's next report, and so does the search for one."""
    if delivery.stage is Stage.UNHEARD or delivery.ready_at == command.ready_at or delivery.goods_ready:
        return []
    report_by = None
    if delivery.stage in BEFORE_PICKUP and delivery.report_by is not None:
        later = command.ready_at + timedelta(seconds=policy.handover_seconds + policy.report_grace_seconds)
        report_by = max(delivery.report_by, later)
    if delivery.stage is not Stage.WAITING or delivery.wanted_by is None:
        return [e.ReadyTimeMoved(ready_at=command.ready_at, report_by=report_by)]
    again = requested(delivery.attempt, command.ready_at, command.now, policy)
    wanted_by = max(delivery.wanted_by, again.wanted_by)
    return [e.ReadyTimeMoved(ready_at=command.ready_at, dispatcher_at=again.dispatcher_at, wanted_by=wanted_by)]
