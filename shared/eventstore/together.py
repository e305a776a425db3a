"""Followers that keep pace with each other read the log once, in one transaction, instead of each for itself.

A service has half a dozen of them, and events come one or two at a time while it is busy: the transactions, not the
work in them, were what following cost.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from shared.eventstore import rows
from shared.eventstore.arrays import text_array
from shared.eventstore.follower import BATCH, Follower, one_by_one
from shared.eventstore.model import StoredEvent
from shared.eventstore.postgres import PostgresStore, PostgresTransaction, log_after
from shared.eventstore.projection import Projection
from shared.eventstore.spans import traced

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """One of a group: its place in the log, what it does with events, and how it goes on by itself."""

    name: str
    handle: Callable[[Any, Sequence[StoredEvent]], None]
    alone: Callable[[PostgresStore], int]


class Together:
    """A group of followers. One that lags, that fails, or that another process holds sends all of them on alone."""

    def __init__(self, members: Sequence[Follower | Projection]) -> None:
        self._members = tuple(map(_member, members))
        self._names = text_array(member.name for member in self._members)

    def run(self, store: PostgresStore, limit: int = BATCH) -> int:
        """Handles the next events; 1 when a whole batch was taken and there may be more, else 0."""
        with store.reading() as reader:
            [(behind,)] = rows.ANY_BEHIND.rows(reader.connection, {"names": self._names})
            if behind == b"f":
                return 0
        try:
            done = store.run(lambda tx: self._batch(tx, limit))
        except psycopg.OperationalError:
            raise
        except Exception:
            logger.warning("followers failed together and go on one by one", exc_info=True)
            done = None
        if done is None:
            done = max(member.alone(store) for member in self._members)
        return int(done >= limit)

    def _batch(self, tx: PostgresTransaction, limit: int) -> int | None:
        """How many events all of them have handled; None when they are not at one place."""
        found = tx.talk.ask(rows.LOCK_POSITIONS, {"names": self._names})
        places = {position for (position,) in found}
        if len(found) < len(self._members) or len(places) > 1:
            return None
        events = log_after(tx.connection, int(places.pop() or 0), limit)
        if events:
            for member in self._members:
                member.handle(tx, events)
            position = str(events[-1].position)
            tx.talk.say_at_the_end(rows.MOVE_POSITIONS, {"names": self._names, "position": position})
        return len(events)


def _member(each: Follower | Projection) -> Member:
    if isinstance(each, Follower):
        return Member(each.name, each.handle_all, each.run)
    follower = each.follower
    handle = each.apply_many or one_by_one(traced(follower.name, follower.handle))
    return Member(follower.name, handle, each.run)
