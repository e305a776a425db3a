"""Surges as the engine sees and minds them: noticed in its picture, and minded in the figures that it decides by."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.dispatch.domain.policy import DispatchPolicy, PolicySource, Where
from services.dispatch.domain.surges.noticing import SurgeBegan, in_surge
from services.dispatch.domain.values import Stage
from services.dispatch.engine.picture import Picture
from services.dispatch.surge_turn import surge_turn, zones_in_surge
from shared.contracts.cells import cell_of
from shared.eventstore.ports import Store


@dataclass(frozen=True, slots=True)
class InSurge:
    """The figures of a policy while a surge lasts anywhere: one plan is made for all, so one set of figures holds."""

    policies: PolicySource

    def at(self, where: Where | None, moment: datetime) -> DispatchPolicy:
        return in_surge(self.policies.at(where, moment))


class Surging:
    """One an engine. What it knows of surges comes from the read model once, and from what it notices itself then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._zones: set[str] | None = None

    def look(self, picture: Picture, policies: PolicySource) -> None:
        """Notices what has begun and ended."""
        if self._zones is None:
            self._zones = set(zones_in_surge(self._store))
        now, ahead = picture.now, policies.at(None, picture.now).offer_ahead_seconds
        waiting = _waiting_cells(picture, now + timedelta(seconds=ahead))
        for event in surge_turn(self._store, waiting, _free_cells(picture), sorted(self._zones), now, policies):
            if isinstance(event, SurgeBegan):
                self._zones.add(event.zone)
            else:
                self._zones.discard(event.zone)

    @property
    def lasts(self) -> bool:
        """Whether there is a surge anywhere."""
        return bool(self._zones)

    def minded(self, policies: PolicySource) -> PolicySource:
        """The policy, or its figures for a surge while one lasts."""
        return InSurge(policies) if self._zones else policies


def _waiting_cells(picture: Picture, due_by: datetime) -> Iterator[str]:
    """Where somebody is looked for now; what is to be fetched much later waits for no rider yet."""
    for each in picture.deliveries:
        delivery = each.delivery
        due = delivery.ready_at is None or delivery.ready_at <= due_by
        if due and delivery.stage is Stage.WAITING and delivery.pickup_cell:
            yield delivery.pickup_cell


def _free_cells(picture: Picture) -> Iterator[str]:
    for each in picture.riders:
        place = each.place or each.rider.shift_place
        if each.rider.free and place is not None:
            yield cell_of(place)
