"""Notices riders whose devices have fallen silent: asks them first, and takes over what they have not fetched then.

What a rider has in hand is left to his overdue report as long as that is all he has: who rides with a dead phone
brings it all the same.
"""

from datetime import datetime, timedelta

from services.dispatch import silence_views
from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY, RIDER, WELLBEING
from services.dispatch.domain.delivery.commands import LoseCarrier
from services.dispatch.domain.delivery.state import BEFORE_PICKUP, Delivery
from services.dispatch.domain.policy import DispatchPolicy, PolicySource
from services.dispatch.domain.values import Stage
from services.dispatch.domain.wellbeing import AskRider, ask, gone_silent, last_heard, stream_of, to_be_asked
from shared.eventstore import because
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import DomainError, StaleVersion

ACTOR = "system:silence"


def watch_riders(store: Store, now: datetime, policies: PolicySource) -> int:
    """One look; returns how many riders were asked or taken over."""
    policy = policies.at(None, now)
    before = now - timedelta(seconds=policy.silent_after_seconds)
    with store.reading() as reading:
        found = silence_views.quiet(reading.connection, before)
        if not found or len(found) > silence_views.MOST_AT_ONCE:
            return 0
        if not silence_views.devices_heard(reading.connection, before):
            return 0
    return sum(watch_rider(store, each.rider_id, each.heard_at, now, policies) for each in found)


def watch_rider(store: Store, rider_id: str, position_at: datetime, now: datetime, policies: PolicySource) -> bool:
    """Judges one rider by the streams, in a transaction of its own; whether he was asked or taken over. His reports
    are signs of life as well as his positions."""
    policy = policies.at(None, now)

    def work(transaction: Transaction) -> bool:
        rider = transaction.load(RIDER, rider_id).state
        if not rider.on_shift or rider.silent:
            return False
        carried = {each: transaction.load(DELIVERY, each).state for each in rider.carrying}
        to_fetch = [each for each, delivery in carried.items() if _missed(delivery)]
        heard_at = last_heard(position_at, *(_reported_at(transaction, each, rider_id) for each in carried))
        if not to_fetch or heard_at is None:
            return False
        asked_at = transaction.load(WELLBEING, stream_of(rider_id)).state.asked_at
        if gone_silent(heard_at, asked_at, now, policy):
            return _take_over(transaction, to_fetch[0], rider_id, now, policies)
        if to_be_asked(heard_at, asked_at, now, policy):
            return _ask(
                transaction, AskRider(rider_id=rider_id, delivery_id=to_fetch[0], heard_at=heard_at, now=now), policy
            )
        return False

    try:
        return store.run(work)
    except (DomainError, StaleVersion):
        # Something was heard of him, or happened to what he carries, at this very moment.
        return False


def _missed(delivery: Delivery) -> bool:
    """Whether anybody misses him: who waits at a counter for late goods may sit in a cellar without satellites."""
    waits = delivery.stage is Stage.AT_PICKUP and not delivery.goods_ready
    return delivery.stage in BEFORE_PICKUP and not waits


def _reported_at(transaction: Transaction, delivery_id: str, rider_id: str) -> datetime | None:
    """When he said something of a delivery last: an answer or a report."""
    own = f"rider:{rider_id}"
    return max((event.recorded_at for event in transaction.stream(delivery_id) if event.actor == own), default=None)


def _take_over(
    transaction: Transaction, delivery_id: str, rider_id: str, now: datetime, policies: PolicySource
) -> bool:
    """One delivery is enough: what follows from a silence concerns all that he has."""
    version = transaction.load(DELIVERY, delivery_id).version
    command = LoseCarrier(delivery_id=delivery_id, rider_id=rider_id, reason=None, now=now)
    with because.of_state(transaction, "silence", delivery_id, version, ACTOR, now) as context:
        return bool(perform(transaction, command, context, policies).delivery(delivery_id).events)


def _ask(transaction: Transaction, command: AskRider, policy: DispatchPolicy) -> bool:
    delivery_id, stream = command.delivery_id, stream_of(command.rider_id)
    version = transaction.load(DELIVERY, delivery_id).version
    cause = because.not_told_of(transaction, delivery_id, version, stream)
    with because.of_state(transaction, "silence", *cause, ACTOR, command.now) as context:
        done = transaction.execute(WELLBEING, stream, lambda wellbeing: ask(command, wellbeing, policy), context)
    return bool(done.events)
