"""What a delivery waits for after each event, and for how long."""

from collections.abc import Iterable
from typing import assert_never

from services.dispatch.domain.delivery import events as e
from shared.kernel.deadlines import ClearDeadline, DeadlineChange, SetDeadline

OFFER = "offer"
DISPATCHER = "dispatcher"
UNDELIVERABLE = "undeliverable"
REPORT = "report"
RETURN = "return"

_NOBODY_YET = (ClearDeadline(OFFER), ClearDeadline(DISPATCHER), ClearDeadline(UNDELIVERABLE))
_ALL = (*_NOBODY_YET, ClearDeadline(REPORT), ClearDeadline(RETURN))


def deadlines(event: e.DeliveryEvent) -> Iterable[DeadlineChange]:
    """The waits that an event opens and closes."""
    match event:
        case e.DeliveryRequested():
            return (
                ClearDeadline(REPORT),
                SetDeadline(DISPATCHER, event.dispatcher_at),
                SetDeadline(UNDELIVERABLE, event.wanted_by),
            )
        case e.DeliveryOffered():
            return (SetDeadline(OFFER, event.answer_by),)
        case e.OfferDeclined() | e.OfferExpired():
            return (ClearDeadline(OFFER),)
        case e.RiderAssigned():
            return (*_NOBODY_YET, SetDeadline(REPORT, event.report_by))
        case e.RiderUnassigned():
            return (ClearDeadline(REPORT),)
        case e.ReportExtended() | e.ArrivedAtPickup() | e.StopCollected() | e.ArrivedAtDropoff():
            return (SetDeadline(REPORT, event.report_by),)
        case e.WayDirected() | e.RouteChanged() | e.PickedUp() | e.GoodsReady() | e.ReadyTimeMoved():
            return _moved(event)
        case e.ReturnOpened():
            return (*_ALL, SetDeadline(RETURN, event.return_by))
        case (
            e.DeliveryCorrected()
            | e.Delivered()
            | e.DeliveryFailed()
            | e.DeliveryUndeliverable()
            | e.DeliveryWithdrawn()
            | e.GoodsReturned()
        ):
            return _ALL
        case (
            e.DeliveryAnnounced()
            | e.DeliveryOpenedForGrab()
            | e.DispatcherNeeded()
            | e.GoodsToBeFetched()
            | e.NoRiderFitted()
            | e.DeliveryGrabbed()
            | e.DeliveryPinned()
            | e.DeliveryUnpinned()
            | e.WithdrawalRefused()
            | e.LoadChanged()
            | e.LateReportKept()
            | e.PickupZoneEntered()
            | e.DropoffZoneEntered()
            | e.TrackKept()
        ):
            return ()
        case _:
            assert_never(event)


def _moved(
    event: e.WayDirected | e.RouteChanged | e.PickedUp | e.GoodsReady | e.ReadyTimeMoved,
) -> Iterable[DeadlineChange]:
    """The next report, and while there is no rider the waits for one, as far as they are others now."""
    waits = [(REPORT, event.report_by)]
    if isinstance(event, e.ReadyTimeMoved):
        waits += [(DISPATCHER, event.dispatcher_at), (UNDELIVERABLE, event.wanted_by)]
    return tuple(SetDeadline(name, at) for name, at in waits if at is not None)
