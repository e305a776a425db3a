"""Where domain meets store: one command, all the streams it concerns, one transaction."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic

from services.dispatch.codec import DELIVERY, DISRUPTION, POLICY, RIDER
from services.dispatch.domain import pacing, reactions
from services.dispatch.domain.delivery import decisions as delivery_decisions
from services.dispatch.domain.delivery.commands import DeliveryCommand, NoteSilence
from services.dispatch.domain.delivery.events import DeliveryEvent
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.disruptions.commands import DisruptionCommand, EndDisruption
from services.dispatch.domain.disruptions.deadlines import END
from services.dispatch.domain.disruptions.decisions import decide as decide_disruption
from services.dispatch.domain.disruptions.events import DisruptionEvent
from services.dispatch.domain.disruptions.state import Disruption
from services.dispatch.domain.policies.commands import ActivateScheduled, PolicyCommand
from services.dispatch.domain.policies.deadlines import ACTIVATION
from services.dispatch.domain.policies.decisions import decide as decide_policy
from services.dispatch.domain.policies.events import PolicyEvent
from services.dispatch.domain.policies.state import SCOPE, Policy, scope_of, stream_of
from services.dispatch.domain.policy import DispatchPolicy, PolicySource, Where
from services.dispatch.domain.rider import decisions as rider_decisions
from services.dispatch.domain.rider.commands import AccruePay, ReceiveOffer, RiderCommand, TakeDelivery
from services.dispatch.domain.rider.events import RiderEvent
from services.dispatch.domain.rider.state import Rider
from shared.eventstore import because
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import Context, Decided, DueDeadline, E, S
from shared.eventstore.ports import Store, Transaction
from shared.kernel.place import Place

Command = DeliveryCommand | RiderCommand

ABOUT_A_DELIVERY = (ReceiveOffer, TakeDelivery, AccruePay)
"""Commands to riders that are decided by the policy of a place."""

MAX_STEPS = 200
"""A command concerns a rider with everything that he has in hand; more steps than this are a circle: a bug."""


@dataclass(slots=True)
class Draft(Generic[S, E]):
    """One stream as this transaction sees it: where it stood, what it is now, and what is to be appended."""

    aggregate: Aggregate[S, E]
    state: S
    loaded_version: int
    events: list[E] = field(default_factory=list)

    @property
    def version(self) -> int:
        return self.loaded_version + len(self.events)


class Changes:
    """All streams that one command touches. Each is loaded once and appended once, deliveries before riders and each
    kind by its id, so that two commands on the same streams queue up instead of locking each other out."""

    def __init__(self, transaction: Transaction, policy: PolicySource, context: Context) -> None:
        self._transaction = transaction
        self._policy = policy
        self._context = context
        self._deliveries: dict[str, Draft[Delivery, DeliveryEvent]] = {}
        self._riders: dict[str, Draft[Rider, RiderEvent]] = {}
        self._left: dict[str, Place] = {}

    def delivery(self, delivery_id: str) -> Draft[Delivery, DeliveryEvent]:
        return self._draft(DELIVERY, delivery_id, self._deliveries)

    def rider(self, rider_id: str) -> Draft[Rider, RiderEvent]:
        return self._draft(RIDER, rider_id, self._riders)

    def follow(self, command: Command) -> Iterable[Command]:
        """Decides one command; answers the commands that follow from its events."""
        if isinstance(command, DeliveryCommand):
            return self._ask_delivery(command)
        return self._ask_rider(command)

    def write(self) -> None:
        """Appends every stream that changed; raises StaleVersion when one moved on since it was loaded."""
        drafts: list[tuple[str, Draft[Any, Any]]] = [*sorted(self._deliveries.items()), *sorted(self._riders.items())]
        for stream_id, draft in drafts:
            self._transaction.append(draft.aggregate, stream_id, draft.loaded_version, draft.events, self._context)

    def _ask_delivery(self, command: DeliveryCommand) -> Iterable[Command]:
        draft = self.delivery(command.delivery_id)
        if isinstance(command, NoteSilence):
            command = replace(command, busy_until=self._busy_until(command.delivery_id))
        following: list[Command] = []
        for event in delivery_decisions.decide(command, draft.state, self._policy_for(draft.state)):
            before, draft.state = draft.state, DELIVERY.evolve(draft.state, event)
            draft.events.append(event)
            following += reactions.on_delivery(command.delivery_id, before, event, self._context.now)
            if (left := pacing.left(before, event)) is not None:
                self._left[left[0]] = left[1]
        return following

    def go_on(self) -> Iterable[Command]:
        """What follows for riders who have done a stop, once everything else is decided."""
        following: list[Command] = []
        for rider_id, place in self._left.items():
            rider = self.rider(rider_id).state
            following += pacing.on_to(rider, self._in_hand(rider), place, self._context.now)
        self._left.clear()
        return following

    def _busy_until(self, delivery_id: str) -> datetime | None:
        delivery = self.delivery(delivery_id).state
        if delivery.rider_id is None:
            return None
        rider = self.rider(delivery.rider_id).state
        policy = self._policy_for(delivery)
        return pacing.busy_until(delivery_id, rider, self._in_hand(rider), self._context.now, policy)

    def _in_hand(self, rider: Rider) -> dict[str, Delivery]:
        return {delivery_id: self.delivery(delivery_id).state for delivery_id in rider.carrying}

    def _policy_for(self, delivery: Delivery) -> DispatchPolicy:
        """What holds where the rider is wanted."""
        return self._policy.at(Where(delivery.pickup, delivery.pickup_cell), self._context.now)

    def _ask_rider(self, command: RiderCommand) -> Iterable[Command]:
        draft = self.rider(command.rider_id)
        following: list[Command] = []
        for event in rider_decisions.decide(command, draft.state, self._policy_of(command)):
            draft.state = RIDER.evolve(draft.state, event)
            draft.events.append(event)
            following += reactions.on_rider(event, draft.state, self._context.now)
        return following

    def _policy_of(self, command: RiderCommand) -> DispatchPolicy:
        """What holds where the delivery that is meant is picked up; else for the whole service."""
        if isinstance(command, ABOUT_A_DELIVERY):
            return self._policy_for(self.delivery(command.delivery_id).state)
        return self._policy.at(None, self._context.now)

    def _draft(self, aggregate: Aggregate[S, E], stream_id: str, drafts: dict[str, Draft[S, E]]) -> Draft[S, E]:
        if stream_id not in drafts:
            loaded = self._transaction.load(aggregate, stream_id)
            drafts[stream_id] = Draft(aggregate, loaded.state, loaded.version)
        return drafts[stream_id]


def perform(transaction: Transaction, command: Command, context: Context, policy: PolicySource) -> Changes:
    """Decides a command and all that follows from it, and appends to every stream concerned.

    A DomainError of any of them passes through and nothing is written. The streams as they are afterwards can be
    read from the answer.
    """
    changes = Changes(transaction, policy, context)
    waiting = deque([command])
    for _ in range(MAX_STEPS):
        waiting.extend(changes.follow(waiting.popleft()))
        if not waiting:
            waiting.extend(changes.go_on())
        if not waiting:
            changes.write()
            return changes
    raise RuntimeError(f"{type(command).__name__} does not come to an end")


def perform_policy(
    transaction: Transaction, command: PolicyCommand, context: Context, scope: str = SCOPE
) -> Decided[Policy, PolicyEvent]:
    """Decides and appends what is asked of a policy."""
    return transaction.execute(POLICY, stream_of(scope), lambda policy: decide_policy(command, policy), context)


def perform_disruption(
    transaction: Transaction, command: DisruptionCommand, context: Context
) -> Decided[Disruption, DisruptionEvent]:
    """Decides and appends what is asked of a disruption."""
    return transaction.execute(
        DISRUPTION, command.disruption_id, lambda disruption: decide_disruption(command, disruption), context
    )


def fire_deadlines(store: Store, actor: str, now: datetime, policy: PolicySource) -> int:
    """Acts on every wait that has run out by now; returns how many."""

    def fire(transaction: Transaction, due: DueDeadline) -> None:
        with because.of_deadline(transaction, due, actor, now) as context:
            if due.name == ACTIVATION:
                perform_policy(transaction, ActivateScheduled(now=now), context, scope_of(due.stream_id))
            elif due.name == END:
                perform_disruption(transaction, EndDisruption(disruption_id=due.stream_id, now=now), context)
            else:
                perform(transaction, reactions.on_deadline(due.stream_id, due.name, now), context, policy)

    return store.take_due(now, fire)
