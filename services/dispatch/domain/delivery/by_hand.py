"""What dispatchers decide about a delivery beside who carries it: for whom alone it is, and by which way it goes."""

from itertools import pairwise

from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery.places import last_place
from services.dispatch.domain.delivery.state import AFTER_PICKUP, CARRIED, Delivery
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Stage
from shared.kernel.place import distance_m

PINNABLE = CARRIED | {Stage.ANNOUNCED, Stage.WAITING}
PINNED = "pinned"
"""Why an offer to somebody else is void."""


def pin(command: c.PinDelivery, delivery: Delivery) -> list[e.DeliveryEvent]:
    """For this rider alone until a dispatcher says otherwise; an open offer to anybody else is void. What somebody
    carries can be pinned to him only: who else is to have it must be assigned."""
    if delivery.stage not in PINNABLE:
        raise errors.DeliveryEnded("this delivery waits for no rider any more", stage=delivery.stage.value)
    if delivery.pinned_to == command.rider_id:
        return []
    if delivery.stage in CARRIED and delivery.rider_id != command.rider_id:
        raise errors.DeliveryAlreadyTaken("another rider already has this delivery", rider_id=delivery.rider_id)
    void: list[e.DeliveryEvent] = []
    if delivery.offer is not None and delivery.offer.rider_id != command.rider_id:
        void = [e.OfferDeclined(rider_id=delivery.offer.rider_id, reason=PINNED)]
    return [*void, e.DeliveryPinned(rider_id=command.rider_id, reason=command.reason)]


def unpin(command: c.UnpinDelivery, delivery: Delivery) -> list[e.DeliveryEvent]:
    """Anybody may have it again."""
    return unpinned(delivery, command.reason)


def unpinned(delivery: Delivery, reason: str) -> list[e.DeliveryEvent]:
    """What ends a pin, if there is one."""
    if delivery.pinned_to is None:
        return []
    return [e.DeliveryUnpinned(rider_id=delivery.pinned_to, reason=reason)]


def require_not_pinned_elsewhere(delivery: Delivery, rider_id: str) -> None:
    if delivery.pinned_to not in (None, rider_id):
        raise errors.PinnedToAnother("a dispatcher keeps this delivery for another rider", rider_id=rider_id)


def direct(command: c.DirectWay, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """By these points to the next door; none: by whatever way he likes. His next report may come later for it."""
    if delivery.stage not in CARRIED or delivery.rider_id is None:
        raise errors.DeliveryNotAssigned("no rider is bound to this delivery", stage=delivery.stage.value)
    if command.via == delivery.via:
        return []
    begins, ends = delivery.pickup, delivery.pickup
    if delivery.stage in AFTER_PICKUP:
        begins, ends = last_place(delivery), delivery.dropoff_area
    way_m = sum(distance_m(here, there) for here, there in pairwise((begins, *command.via, ends)))
    report_by = policy.report_by(command.now, way_m)
    longer = bool(command.via) and (delivery.report_by is None or report_by > delivery.report_by)
    directed = e.WayDirected(
        rider_id=delivery.rider_id,
        via=command.via,
        reason=command.reason,
        report_by=report_by if longer else None,
    )
    return [directed]
