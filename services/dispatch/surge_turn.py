"""Looks for surges: counts zone by zone, and writes only where one begins or ends."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.dispatch import replanning_views
from services.dispatch.codec import SURGE
from services.dispatch.domain.policy import DispatchPolicy, PolicySource
from services.dispatch.domain.surges.noticing import Demand, SurgeEvent, demands, notice, stream_of
from shared.eventstore.model import Context
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import StaleVersion

ACTOR = "system:surges"


def surge_turn(
    store: Store,
    waiting_cells: Iterable[str],
    free_cells: Iterable[str],
    going_on: Iterable[str],
    now: datetime,
    policies: PolicySource,
) -> list[SurgeEvent]:
    """What began and ended; `going_on` are the zones of which the read model says that a surge lasts. Each zone is
    judged by its stream in a transaction of its own, so that a surge is told once however many look."""
    counted = demands(waiting_cells, free_cells)
    policy = policies.at(None, now)
    looked_at = {zone for zone, demand in counted.items() if demand.ratio >= policy.surge_begins_ratio}
    happened: list[SurgeEvent] = []
    for zone in sorted(looked_at | set(going_on)):
        happened += _note(store, counted.get(zone, Demand(zone=zone)), now, policy)
    return happened


def _note(store: Store, demand: Demand, now: datetime, policy: DispatchPolicy) -> Sequence[SurgeEvent]:
    stream_id = stream_of(demand.zone)
    context = Context(actor=ACTOR, now=now, occurred_at=now, correlation_id=f"{stream_id}@{now.isoformat()}")

    def work(transaction: Transaction) -> Sequence[SurgeEvent]:
        return transaction.execute(SURGE, stream_id, lambda surge: notice(demand, surge, now, policy), context).events

    try:
        return store.run(work)
    except StaleVersion:
        # Somebody else looked at the same moment.
        return ()


def zones_in_surge(store: Store) -> list[str]:
    """Where one lasts, by the read model."""
    with store.reading() as reading:
        return [row.zone for row in replanning_views.surges(reading.connection)]
