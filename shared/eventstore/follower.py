"""Work that runs along the log, each event once: projections and reactors."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Store, Transaction
from shared.eventstore.spans import traced

logger = logging.getLogger(__name__)

T = TypeVar("T")
Handle = Callable[[Transaction, StoredEvent], None]
Needs = Callable[[StoredEvent], Sequence[tuple[Aggregate[Any, Any], str]]]
"""Which streams handling an event is known to load."""

BATCH = 200
"""How many events a turn takes at most."""


@dataclass(frozen=True, slots=True)
class Follower:
    """A named place in the log, and what is done with each event after it."""

    name: str
    handle: Handle
    needs: Needs | None = None

    def run(self, store: Store, limit: int = BATCH) -> int:
        """Handles the next events; returns how many (0: nothing new, or another process is at it)."""
        return store.follow_batches(self.name, self.handle_all, limit)

    def handle_all(self, transaction: Transaction, events: Sequence[StoredEvent]) -> None:
        """Handles events in their order, having read together what they need."""
        needs = self.needs or _nothing
        for event in events:
            for aggregate, stream_id in needs(event):
                transaction.foresee(aggregate, stream_id)
        handle = traced(self.name, self.handle)
        for event in events:
            handle(transaction, event)


def _nothing(_event: StoredEvent) -> Sequence[tuple[Aggregate[Any, Any], str]]:
    return ()


def behind(counts: Iterable[int], limit: int = BATCH) -> int:
    """Of what followers did in a turn: 1 when one of them took a whole batch and must go on at once, else 0.

    Not merely when there was something: while events keep coming there always is, and a follower that never rests
    spends a transaction on one or two of them at a time (a fifth of the CPU of an order's life).
    """
    return int(max(counts, default=0) >= limit)


def one_by_one(handle: Callable[[T, StoredEvent], None]) -> Callable[[T, Sequence[StoredEvent]], None]:
    """What handles one event, as what handles some."""

    def handle_all(transaction: T, events: Sequence[StoredEvent]) -> None:
        for event in events:
            handle(transaction, event)

    return handle_all


def follow_in_steps(batch: Callable[[int], int], limit: int) -> int:
    """Runs `batch(limit)`; when that fails, one event at a time, so that all before the failing one are done.

    The failing event raises only when it comes first: the follower then stands still there, and says why each time.
    """
    try:
        return batch(limit)
    except psycopg.OperationalError:
        raise
    except Exception:
        logger.warning("a batch failed and is taken one event at a time", exc_info=True)
    done = 0
    try:
        while done < limit and batch(1):
            done += 1
    except psycopg.OperationalError:
        raise
    except Exception:
        if not done:
            raise
        logger.exception("a follower stands still before an event that fails")
    return done
