"""The ends of a delivery that a rider is near to: where he arrives, and whose door must not be read in his track."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from services.dispatch import views
from services.dispatch.domain.contacts import Contact
from services.dispatch.domain.position_policy import PositionPolicy
from services.dispatch.domain.positions import Position
from services.dispatch.domain.values import Stage
from services.dispatch.position_views import Carried
from shared.eventstore.ports import Transaction
from shared.kernel.place import Place, distance_m

CELL_M = 300.0
"""No place of an H3 cell of resolution 9 is farther from its middle."""
MOST_REMEMBERED = 4_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """The first position at an end of a delivery."""

    at_dropoff: bool
    position: Position
    distance_m: float


@dataclass(frozen=True, slots=True)
class Visited:
    """The exact ends of a delivery, as far as they are near; `pickup` is a private one, of an errand, as are the
    `further` places where it fetches something."""

    dropoff: Place | None = None
    pickup: Place | None = None
    further: tuple[Place, ...] = ()

    def private(self, place: Place, policy: PositionPolicy) -> bool:
        """Whether a place tells where somebody lives."""
        doors = (self.dropoff, self.pickup, *self.further)
        return any(door is not None and distance_m(place, door) <= policy.door_radius_m for door in doors)

    def arrival(self, carried: Carried, positions: Sequence[Position], policy: PositionPolicy) -> Arrival | None:
        """Whether one of the positions is at the end that the rider rides to; none that may be off by more than
        the zone is wide."""
        at_dropoff = carried.stage is Stage.PICKED_UP
        end = self._end(carried, at_dropoff)
        if end is None:
            return None
        for position in positions:
            off_m = distance_m(position.place, end)
            sure = position.accuracy_m is None or position.accuracy_m <= policy.geofence_radius_m
            if sure and off_m <= policy.geofence_radius_m:
                return Arrival(at_dropoff, position, round(off_m, 1))
        return None

    def _end(self, carried: Carried, at_dropoff: bool) -> Place | None:
        if at_dropoff:
            return None if carried.seen_at_dropoff else self.dropoff
        if carried.stage is not Stage.ASSIGNED or carried.seen_at_pickup:
            return None
        return self.pickup if carried.private_pickup else carried.pickup


class Doors:
    """Opens sealed contacts only of riders who are near, and each once: a sealed text never changes its meaning.

    Nothing is remembered of a contact whose row is gone: it is asked for by what the row says.
    """

    def __init__(self) -> None:
        self._opened: OrderedDict[str, Contact | None] = OrderedDict()

    def near(
        self, transaction: Transaction, carried: Carried, positions: Sequence[Position], policy: PositionPolicy
    ) -> Visited:
        """The ends of a delivery that one of the positions may be at."""
        near_m = CELL_M + policy.door_radius_m

        def is_near(area: Place) -> bool:
            return any(distance_m(each.place, area) <= near_m for each in positions)

        dropoff, pickup = is_near(carried.dropoff_area), carried.private_pickup and is_near(carried.pickup)
        further = [is_near(each.place) for each in carried.further_pickups]
        if not (dropoff or pickup or any(further)):
            return Visited()
        contact = self._open(transaction, carried)
        if contact is None:
            return Visited()
        # Told in the same order; of a contact that was kept before there were any, there are none.
        doors = zip(contact.further_pickups, further, strict=False)
        return Visited(
            contact.dropoff if dropoff else None,
            contact.pickup if pickup else None,
            tuple(door.place for door, near in doors if near),
        )

    def _open(self, transaction: Transaction, carried: Carried) -> Contact | None:
        sealed, customer_id = carried.sealed, carried.customer_id
        if sealed is None or not customer_id:
            return None
        if sealed not in self._opened:
            self._opened[sealed] = views.open_contact(transaction, customer_id, sealed)
            if len(self._opened) > MOST_REMEMBERED:
                self._opened.popitem(last=False)
        return self._opened[sealed]
