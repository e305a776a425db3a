"""What a delivery answers to each command: the events that follow, none, or a refusal."""

from typing import assert_never

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import by_hand, finding, handing_over, reporting, seeing, taking, watching
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.places import last_place
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.delivery.watching import Watching
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Goods, Stage
from shared.kernel.place import distance_m


def decide(command: c.DeliveryCommand, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """One function per command."""
    match command:
        case c.AnnounceDelivery():
            return announce(command, delivery)
        case c.RequestDelivery():
            return finding.request(command, delivery, policy)
        case c.RequestAgain():
            return finding.request_again(command, delivery, policy)
        case c.MoveReadyTime():
            return reporting.move_ready_time(command, delivery, policy)
        case c.NoteGoodsReady():
            return reporting.goods_ready(command, delivery, policy)
        case c.AskWithdrawal():
            return ask_withdrawal(command, delivery, policy)
        case c.EndOrder():
            return end_order(command, delivery, policy)
        case c.CorrectDelivery() | c.MoveDropoff() | c.ChangeLoad():
            return _follow_the_order(command, delivery, policy)
        case (
            c.ReportArrivalAtPickup()
            | c.ReportCollected()
            | c.ReportPickUp()
            | c.ReportArrivalAtDropoff()
            | c.ReportDelivered()
            | c.ReportFailure()
            | c.ReportReturn()
            | c.NoteSilence()
            | c.LoseCarrier()
            | c.ExpectReport()
            | c.NoteArrival()
            | c.NoteTrackKept()
        ):
            return _report(command, delivery, policy)
        case _:
            _must_exist(delivery)
            return _find(command, delivery, policy)


ByHand = c.AssignRider | c.PinDelivery | c.UnpinDelivery | c.DirectWay
Finding = (
    c.OfferDelivery
    | c.NoteNobodyFits
    | c.AcceptOffer
    | c.DeclineOffer
    | c.DropOffer
    | c.ExpireOffer
    | c.GrabDelivery
    | c.UnassignRider
    | taking.TakeOff
    | taking.HandOver
    | c.CallDispatcher
    | c.GiveUp
    | ByHand
)


def _find(command: Finding, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    match command:
        case c.OfferDelivery() | c.NoteNobodyFits():
            return finding.follow_the_engine(command, delivery, policy)
        case c.AcceptOffer():
            return finding.accept(command, delivery, policy)
        case c.DeclineOffer():
            return finding.decline(command, delivery, policy)
        case c.DropOffer():
            return finding.drop_offer(command, delivery, policy)
        case c.ExpireOffer():
            return finding.expire_offer(command, delivery, policy)
        case c.GrabDelivery():
            return finding.grab(command, delivery, policy)
        case c.UnassignRider() | taking.TakeOff() | taking.HandOver():
            return handing_over.take_from_rider(command, delivery, policy)
        case c.CallDispatcher():
            return finding.call_dispatcher(command, delivery)
        case c.GiveUp():
            return finding.give_up(command, delivery)
        case c.AssignRider() | c.PinDelivery() | c.UnpinDelivery() | c.DirectWay():
            return _by_hand(command, delivery, policy)
        case _:
            assert_never(command)


def _by_hand(command: ByHand, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    match command:
        case c.AssignRider():
            return finding.assign(command, delivery, policy)
        case c.PinDelivery():
            return by_hand.pin(command, delivery)
        case c.UnpinDelivery():
            return by_hand.unpin(command, delivery)
        case c.DirectWay():
            return by_hand.direct(command, delivery, policy)
        case _:
            assert_never(command)


def _report(
    command: reporting.Report | Watching | seeing.Seeing, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    match command:
        case c.ReportArrivalAtPickup():
            return reporting.arrive_at_pickup(command, delivery, policy)
        case c.ReportCollected():
            return reporting.collect(command, delivery, policy)
        case c.ReportPickUp():
            return reporting.pick_up(command, delivery, policy)
        case c.ReportArrivalAtDropoff():
            return reporting.arrive_at_dropoff(command, delivery, policy)
        case c.ReportDelivered():
            return reporting.deliver(command, delivery, policy)
        case c.ReportFailure():
            return reporting.fail(command, delivery, policy)
        case c.ReportReturn():
            return reporting.give_back(command, delivery, policy)
        case c.NoteSilence() | c.LoseCarrier() | c.ExpectReport():
            return _watch(command, delivery, policy)
        case c.NoteArrival() | c.NoteTrackKept():
            return seeing.see(command, delivery)
        case _:
            assert_never(command)


def _watch(command: Watching, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    match command:
        case c.NoteSilence():
            return watching.note_silence(command, delivery, policy)
        case c.LoseCarrier():
            return watching.lose_carrier(command, delivery, policy)
        case c.ExpectReport():
            return watching.expect_report(command, delivery, policy)
        case _:
            assert_never(command)


def announce(command: c.AnnounceDelivery, delivery: Delivery) -> list[e.DeliveryEvent]:
    """An order was placed: remember where from and where to."""
    if delivery.stage is not Stage.UNHEARD:
        return []
    return [
        e.DeliveryAnnounced(
            order_id=command.order_id,
            merchant_id=command.merchant_id,
            pickup=command.pickup,
            dropoff_area=command.dropoff_area,
            pickup_cell=command.pickup_cell,
            dropoff_cell=command.dropoff_cell,
            skills=command.skills,
            priority=command.priority,
            weight_g=command.weight_g,
            volume_ml=command.volume_ml,
            promised_at=command.promised_at,
            kind=command.kind,
            scheduled_for=command.scheduled_for,
            further_pickups=command.further_pickups,
        )
    ]


def ask_withdrawal(command: c.AskWithdrawal, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Yes until the rider has the goods. Every question gets its answer, so a refusal may be given twice."""
    match delivery.stage:
        case Stage.UNHEARD | Stage.WITHDRAWN | Stage.RETURNING | Stage.RETURNED:
            return []
        case Stage.WAITING | Stage.ASSIGNED | Stage.AT_PICKUP if delivery.goods_fetched:
            return [e.WithdrawalRefused(reason="picked_up")]
        case Stage.PICKED_UP | Stage.AT_DROPOFF | Stage.DELIVERED:
            stage = "delivered" if delivery.stage is Stage.DELIVERED else "picked_up"
            return [e.WithdrawalRefused(reason=stage)]
        case Stage.FAILED if delivery.goods is Goods.WITH_RIDER:
            return [e.DeliveryWithdrawn(reason=command.reason), *_goods_back(command, delivery, policy)]
        case Stage.ANNOUNCED | Stage.WAITING | Stage.ASSIGNED | Stage.AT_PICKUP | Stage.FAILED | Stage.UNDELIVERABLE:
            return [e.DeliveryWithdrawn(reason=command.reason)]
        case _:
            assert_never(delivery.stage)


def end_order(command: c.EndOrder, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """There is no order any more: nothing is carried, and goods on the way go back."""
    match delivery.stage:
        case Stage.UNHEARD | Stage.DELIVERED | Stage.WITHDRAWN | Stage.RETURNING | Stage.RETURNED:
            return []
        case Stage.PICKED_UP | Stage.AT_DROPOFF:
            return _goods_back(command, delivery, policy)
        case Stage.WAITING | Stage.ASSIGNED | Stage.AT_PICKUP if delivery.goods_fetched:
            return _goods_back(command, delivery, policy)
        case Stage.FAILED if delivery.goods is Goods.WITH_RIDER:
            return _goods_back(command, delivery, policy)
        case Stage.ANNOUNCED | Stage.WAITING | Stage.ASSIGNED | Stage.AT_PICKUP | Stage.FAILED | Stage.UNDELIVERABLE:
            return [e.DeliveryWithdrawn(reason=command.reason)]
        case _:
            assert_never(delivery.stage)


def _follow_the_order(
    command: c.CorrectDelivery | c.MoveDropoff | c.ChangeLoad, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    match command:
        case c.CorrectDelivery():
            return correct(command, delivery)
        case c.MoveDropoff():
            return move_dropoff(command, delivery, policy)
        case c.ChangeLoad():
            return change_load(command, delivery)
        case _:
            assert_never(command)


def move_dropoff(command: c.MoveDropoff, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """Whoever carries it goes there instead, and has the time for that."""
    over = (Stage.UNHEARD, Stage.DELIVERED, Stage.WITHDRAWN, Stage.RETURNING, Stage.RETURNED)
    if delivery.stage in over or (delivery.dropoff_cell, delivery.promised_at) == (
        command.dropoff_cell,
        command.promised_at,
    ):
        return []
    carried = delivery.stage in (Stage.PICKED_UP, Stage.AT_DROPOFF)
    report_by = delivery.report_by
    if carried and report_by is not None:
        way_m = distance_m(last_place(delivery), command.dropoff_area)
        report_by = max(report_by, policy.report_by(command.now, way_m))
    return [
        e.RouteChanged(
            rider_id=delivery.rider_id,
            dropoff_area=command.dropoff_area,
            dropoff_cell=command.dropoff_cell,
            promised_at=command.promised_at,
            report_by=report_by if carried else None,
        )
    ]


def change_load(command: c.ChangeLoad, delivery: Delivery) -> list[e.DeliveryEvent]:
    """Only before anybody was asked to carry it: items change before the merchant has accepted."""
    now = (command.skills, command.weight_g, command.volume_ml)
    if delivery.stage is not Stage.ANNOUNCED or now == (delivery.skills, delivery.weight_g, delivery.volume_ml):
        return []
    changed = e.LoadChanged(
        skills=command.skills,
        weight_g=command.weight_g,
        volume_ml=command.volume_ml,
        promised_at=command.promised_at,
    )
    return [changed]


def correct(command: c.CorrectDelivery, delivery: Delivery) -> list[e.DeliveryEvent]:
    """Follows the order's correction: nothing more is carried, or a new attempt may be asked for."""
    corrected = e.DeliveryCorrected(delivered=command.delivered, goods=command.goods, reason=command.reason)
    match delivery.stage:
        case Stage.UNHEARD | Stage.ANNOUNCED | Stage.WITHDRAWN | Stage.RETURNED:
            return []
        case Stage.DELIVERED:
            return [] if command.delivered else [corrected]
        case (
            Stage.WAITING
            | Stage.ASSIGNED
            | Stage.AT_PICKUP
            | Stage.PICKED_UP
            | Stage.AT_DROPOFF
            | Stage.FAILED
            | Stage.UNDELIVERABLE
            | Stage.RETURNING
        ):
            return [corrected] if command.delivered else []
        case _:
            assert_never(delivery.stage)


def _goods_back(
    command: c.AskWithdrawal | c.EndOrder, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    holder = delivery.goods_with or delivery.rider_id
    if holder is None:
        return []
    return [reporting.return_opened(holder, delivery, command.now, policy)]


def _must_exist(delivery: Delivery) -> None:
    if delivery.stage is Stage.UNHEARD:
        raise errors.DeliveryNotFound("there is no such delivery")
