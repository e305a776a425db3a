"""How every route of this service turns a call into a command, and its outcome into a view."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from services.dispatch import views
from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain import errors
from services.dispatch.domain.delivery.commands import DeliveryCommand
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.rider.commands import RiderCommand
from services.dispatch.domain.values import Proof
from services.dispatch.rider_schemas import RiderView
from services.dispatch.schemas import DeliveryView, HandOverBody
from services.dispatch.wiring import DispatchParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.kernel.errors import NotAllowed, NotFound
from shared.kernel.ids import prefix_of
from shared.kernel.place import distance_m

RIDER_ROLE = frozenset({"rider"})
DISPATCHER = frozenset({"dispatcher"})
OFFICE = frozenset({"dispatcher", "operations", "support"})
RIDER_OR_OFFICE = RIDER_ROLE | OFFICE

MakeCommand = Callable[[Transaction, Delivery], DeliveryCommand]
MakeRiderCommand = Callable[[Transaction], RiderCommand]


class Commanding:
    """Runs commands in the caller's name."""

    parts: DispatchParts

    def command(self, call: Call[Any], command: DeliveryCommand) -> DeliveryView:
        """Does one thing to a delivery, once per idempotency key."""
        return self.command_from(call, command.delivery_id, lambda _transaction, _delivery: command)

    def command_from(self, call: Call[Any], delivery_id: str, make: MakeCommand) -> DeliveryView:
        """The same with a command that depends on what is known in its transaction."""
        if prefix_of(delivery_id) != "dlv":
            raise errors.DeliveryNotFound("there is no such delivery")

        def work(transaction: Transaction) -> DeliveryView:
            loaded = transaction.load(DELIVERY, delivery_id)
            call.expect(loaded.version)
            command = make(transaction, loaded.state)
            draft = perform(transaction, command, call.context, self.parts.policy).delivery(delivery_id)
            return DeliveryView.of(delivery_id, draft.version, draft.state)

        return call.once(self.parts.store, work)

    def rider_command(self, call: Call[Any], command: RiderCommand) -> RiderView:
        """Does one thing to a rider, once per idempotency key."""
        return self.rider_command_from(call, command.rider_id, lambda _transaction: command)

    def rider_command_from(self, call: Call[Any], rider_id: str, make: MakeRiderCommand) -> RiderView:
        """The same with a command that depends on what is known in its transaction."""

        def work(transaction: Transaction) -> RiderView:
            call.expect(transaction.load(RIDER, rider_id).version)
            draft = perform(transaction, make(transaction), call.context, self.parts.policy).rider(rider_id)
            return RiderView.of(draft.version, draft.state)

        return call.once(self.parts.store, work)


class Told(TypedDict):
    """What every report from the street says."""

    delivery_id: str
    rider_id: str
    occurred_at: datetime
    now: datetime


def told(call: Call[Any], delivery_id: str) -> Told:
    """A report by the calling rider, with the device's time beside ours."""
    return Told(
        delivery_id=delivery_id,
        rider_id=acting_rider(call),
        occurred_at=call.context.occurred_at,
        now=call.now,
    )


def proof_of(body: HandOverBody) -> Proof:
    proof = body.proof
    return Proof(kind=proof.kind, reference=proof.reference, sha256=proof.sha256, received_by=proof.received_by)


def acting_rider(call: Call[Any]) -> str:
    """The one rider that the caller is."""
    mine = [identifier for identifier in call.principal.ids if prefix_of(identifier) == "rid"]
    if len(mine) != 1:
        raise NotAllowed("this token does not name exactly one rider")
    return mine[0]


def is_rider(call: Call[Any], rider_id: str) -> None:
    """Riders act for themselves; strangers don't learn who exists."""
    call.principal.require(rider_id)
    if prefix_of(rider_id) != "rid":
        raise errors.RiderNotFound("there is no such rider")


def may_act_for(call: Call[Any], rider_id: str) -> None:
    """A dispatcher acts for every rider, a rider for himself."""
    if call.principal.roles & DISPATCHER:
        may_see_rider(call, rider_id)
    else:
        is_rider(call, rider_id)


def may_see_rider(call: Call[Any], rider_id: str) -> None:
    """The office sees every rider, a rider himself."""
    if not call.principal.roles & OFFICE:
        call.principal.require(rider_id)
    if prefix_of(rider_id) != "rid":
        raise errors.RiderNotFound("there is no such rider")


def may_see_delivery(call: Call[Any], delivery: Delivery) -> None:
    """The office sees every delivery; a rider what he carries or carried, is asked about, or may claim."""
    if call.principal.roles & OFFICE:
        return
    rider_id = acting_rider(call)
    asked = delivery.offer is not None and delivery.offer.rider_id == rider_id
    if not (asked or delivery.in_grab_pool or delivery.ever_carried_by(rider_id)):
        raise NotFound("there is no such delivery, or it is not yours")


def approach_m(transaction: Transaction, rider_id: str, delivery: Delivery) -> float | None:
    """How far a rider is from the pick-up; None when nobody knows where he is."""
    position = views.position_of(transaction.connection, rider_id)
    return None if position is None else round(distance_m(position.place, delivery.pickup), 1)
