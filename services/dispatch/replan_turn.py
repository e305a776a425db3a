"""One turn of re-planning: what the engine's picture says is taken off riders, each in a transaction of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import taking
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.disruptions.hindrances import Hindrances
from services.dispatch.domain.policy import DispatchPolicy, PolicySource
from services.dispatch.engine.accepted import picture_of
from services.dispatch.engine.replanning import Seconds, TakeOff, replan, replan_policy
from services.dispatch.engine.world import Spot, World
from shared.eventstore import because
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import DomainError, StaleVersion
from shared.runtime.metrics import counter

ACTOR = "system:replanning"
_taken = counter("doorstep_replanned", "Accepted deliveries that were to be planned anew", ("cause", "outcome"))

Do = Callable[[c.DeliveryCommand], bool]
"""Performs a command in a transaction of its own; False when the streams have moved on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a turn looks at: the engine's world, by the same ids all deliveries that wait or are carried, how long
    ways take when nothing hinders, and what does."""

    world: World
    deliveries: Mapping[str, Delivery]
    usually_takes: Seconds
    hindrances: Hindrances


def replan_turn(seen: Seen, now: datetime, policies: PolicySource, do: Do) -> list[TakeOff]:
    """Takes off what must be planned anew; returns what was. The streams judge each, since the picture is a moment
    old: what was picked up meanwhile, or given to somebody by a person, stays."""
    done = []
    for each in wanted(seen, policies.at(None, now)):
        happened = do(command_of(each, now))
        _taken.labels(each.cause.value, "done" if happened else "overtaken").inc()
        if happened:
            done.append(each)
    return done


def wanted(seen: Seen, policy: DispatchPolicy) -> list[TakeOff]:
    """What should be taken off whom, by the picture alone."""
    picture = picture_of(seen.world, seen.deliveries)
    usually = _Remembered(seen.usually_takes)
    hindered = _Remembered(lambda a, b: usually(a, b) * seen.hindrances.factor(a, b))
    return replan(picture, replan_policy(policy), hindered if seen.hindrances.all else usually, usually)


def command_of(wanted_off: TakeOff, now: datetime) -> taking.TakeOff:
    """What is asked of the delivery's stream."""
    return taking.TakeOff(
        delivery_id=wanted_off.order_id,
        rider_id=wanted_off.rider_id,
        cause=wanted_off.cause.value,
        down=wanted_off.cause.is_about_the_rider,
        now=now,
    )


def doing(store: Store, now: datetime, policies: PolicySource, actor: str = ACTOR) -> Do:
    """Performs in a transaction of its own, as a consequence of the delivery's last event."""

    def do(command: c.DeliveryCommand) -> bool:
        def work(transaction: Transaction) -> bool:
            version = transaction.load(DELIVERY, command.delivery_id).version
            with because.of_state(transaction, "replan", command.delivery_id, version, actor, now) as context:
                return bool(perform(transaction, command, context, policies).delivery(command.delivery_id).events)

        try:
            return store.run(work)
        except (DomainError, StaleVersion):
            return False

    return do


@dataclass(slots=True)
class _Remembered:
    """Ways asked for once a turn."""

    takes: Seconds
    known: dict[tuple[Spot, Spot], float] = field(default_factory=dict)

    def __call__(self, origin: Spot, destination: Spot) -> float:
        key = (origin, destination)
        if key not in self.known:
            self.known[key] = self.takes(origin, destination)
        return self.known[key]
