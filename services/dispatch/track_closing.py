"""Closes the tracks of deliveries that are over for their riders, and drops those that have been kept long enough."""

from datetime import datetime, timedelta

from services.dispatch import track_views
from services.dispatch.application import perform
from services.dispatch.codec import DELIVERY
from services.dispatch.domain.delivery.commands import NoteTrackKept
from services.dispatch.domain.policy import PolicySource
from shared.eventstore import because
from shared.eventstore.ports import Store, Transaction

AT_ONCE = 20


def close_tracks(store: Store, actor: str, now: datetime, policy: PolicySource) -> int:
    """Closes some of the tracks that have ended; returns how many. Two processes may try at once."""
    with store.transaction() as reading:
        ended = track_views.ended(reading.connection, AT_ONCE)
    return sum(_close(store, delivery_id, rider_id, actor, now, policy) for delivery_id, rider_id in ended)


def drop_old_tracks(store: Store, now: datetime, policy: PolicySource) -> int:
    """Deletes what has been kept for longer than the policy wants; returns how many."""
    limit = now - timedelta(days=policy.at(None, now).positions.tracks_kept_days)
    return store.run(lambda tx: track_views.drop_older(tx.connection, limit))


def _close(store: Store, delivery_id: str, rider_id: str, actor: str, now: datetime, policy: PolicySource) -> bool:
    def work(transaction: Transaction) -> bool:
        way = track_views.take_open(transaction, delivery_id, rider_id)
        if way is None or not way.points:
            return way is not None
        loaded = transaction.load(DELIVERY, delivery_id)
        leg = loaded.state.tracks_kept + 1
        sha256 = track_views.keep(transaction, delivery_id, leg, way, now)
        command = NoteTrackKept(
            delivery_id=delivery_id, rider_id=rider_id, leg=leg, points=len(way.points), sha256=sha256
        )
        with because.of_state(transaction, "track", delivery_id, loaded.version, actor, now) as context:
            perform(transaction, command, context, policy)
        return True

    return store.run(work)
