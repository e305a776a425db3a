"""A rider who cannot go on waits with the goods, and another one fetches them from where he is."""

from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.delivery import finding, taking
from services.dispatch.domain.delivery.by_hand import unpinned
from services.dispatch.domain.delivery.state import AFTER_PICKUP, Delivery
from services.dispatch.domain.policy import DispatchPolicy

HAND_OVER = "hand_over"
"""The cause of a re-plan after which the former rider still has the goods."""


def take_from_rider(
    command: c.UnassignRider | taking.TakeOff | taking.HandOver, delivery: Delivery, policy: DispatchPolicy
) -> list[e.DeliveryEvent]:
    """By a person, by re-planning, or because he cannot go on."""
    if isinstance(command, c.UnassignRider):
        return finding.unassign(command, delivery, policy)
    if isinstance(command, taking.TakeOff):
        return finding.take_off(command, delivery, policy)
    return hand_over(command, delivery, policy)


def hand_over(command: taking.HandOver, delivery: Delivery, policy: DispatchPolicy) -> list[e.DeliveryEvent]:
    """The same attempt goes on from where he stands; only what has been picked up altogether can be handed over."""
    if not delivery.carried_by(command.rider_id) or delivery.stage not in AFTER_PICKUP:
        return []
    off = e.RiderUnassigned(rider_id=command.rider_id, reason=finding.REPLANNED, cause=HAND_OVER, at=command.now)
    waits = e.GoodsToBeFetched(
        rider_id=command.rider_id, place=command.place, cell=command.cell, reason=command.reason
    )
    return [
        *unpinned(delivery, finding.REPLANNED),
        off,
        waits,
        finding.requested(delivery.attempt, command.now, command.now, policy),
    ]
