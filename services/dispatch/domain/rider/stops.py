"""Where a rider has to go next, and after that: the order of the stops of everything that he carries."""

from collections.abc import Mapping, Sequence
from itertools import chain

from services.dispatch.domain.delivery.state import AFTER_PICKUP, BEFORE_PICKUP, Delivery
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import Stop, StopKind
from shared.kernel.place import Place

InHand = tuple[str, Delivery]


def stops_of(rider: Rider, deliveries: Mapping[str, Delivery]) -> tuple[Stop, ...]:
    """The stops before him: those that a dispatcher has ordered, then the others in the order in which he took his
    deliveries, what one shop has for him picked up together before any of it is brought away. All the places of an
    errand are one pick-up. `deliveries` are those that he carries; others are left out."""
    left: list[InHand] = [
        (delivery_id, deliveries[delivery_id])
        for delivery_id in rider.carrying
        if delivery_id in deliveries and deliveries[delivery_id].carried_by(rider.rider_id)
    ]
    stops: list[Stop] = []
    while left:
        # What he has with him belongs to where he is on his round: it comes before any other shop.
        first = next((each for each in left if each[1].all_picked_up), left[0])
        together = [each for each in left if _brought_together(first[1], each[1])]
        left = [each for each in left if each not in together]
        stops += chain(_pickups(together), _dropoffs(together))
    ordered = [stop for stop in rider.stops_ordered if stop in stops]
    return (*ordered, *(stop for stop in stops if stop not in ordered))


def place_of(stop: Stop, delivery: Delivery) -> Place:
    """Where a stop begins, as far as everybody may know: of a drop-off the middle of its cell."""
    return delivery.pickup if stop.kind is StopKind.PICKUP else delivery.dropoff_area


def _pickups(deliveries: Sequence[InHand]) -> list[Stop]:
    return [Stop(each, StopKind.PICKUP) for each, delivery in deliveries if delivery.stage in BEFORE_PICKUP]


def _dropoffs(deliveries: Sequence[InHand]) -> list[Stop]:
    return [Stop(each, StopKind.DROPOFF) for each, _ in deliveries]


def _brought_together(one: Delivery, other: Delivery) -> bool:
    """Of the same shop; once one is picked up, only what was his by then: he does not turn round for later ones."""
    if (one.merchant_id, one.pickup) != (other.merchant_id, other.pickup):
        return False
    picked, waiting = (one, other) if one.stage in AFTER_PICKUP else (other, one)
    if picked.stage not in AFTER_PICKUP or waiting.stage in AFTER_PICKUP:
        return True
    if picked.picked_up_at is None or waiting.assigned_at is None:
        return False
    return waiting.assigned_at <= picked.picked_up_at
