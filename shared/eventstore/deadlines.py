"""Waits that survive restarts: rows that end in the very transaction that acts on them."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import psycopg

from shared.eventstore.connecting import Connection
from shared.eventstore.direct import transaction
from shared.eventstore.model import DueDeadline
from shared.eventstore.transaction import run_until_fresh

X = TypeVar("X")

FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=5)

logger = logging.getLogger(__name__)


class KeepsDeadlines(Protocol[X]):
    """What firing deadlines needs of a store."""

    def transaction(self) -> AbstractContextManager[X]: ...

    def claim_deadline(self, transaction: X, due: DueDeadline, now: datetime) -> bool: ...

    def postpone_deadline(self, due: DueDeadline, now: datetime, error: str) -> None: ...


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after the given number of failed tries: doubling from a second to five minutes."""
    return min(FIRST_RETRY * (1 << min(attempts - 1, 16)), LONGEST_RETRY)


def fire_due(
    store: KeepsDeadlines[X], due: Sequence[DueDeadline], now: datetime, handle: Callable[[X, DueDeadline], None]
) -> int:
    """Fires each deadline in a transaction of its own; one that fails is postponed and blocks no other.

    A broken database connection is no deadline's fault: it passes through, and everything is still there next time.
    """
    return sum(_fire(store, deadline, now, handle) for deadline in due)


def _fire(
    store: KeepsDeadlines[X], due: DueDeadline, now: datetime, handle: Callable[[X, DueDeadline], None]
) -> bool:
    def work(transaction: X) -> bool:
        claimed = store.claim_deadline(transaction, due, now)
        if claimed:
            handle(transaction, due)
        return claimed

    try:
        return run_until_fresh(store.transaction, work, attempts=5)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        logger.exception("deadline %s of %s failed and will be tried again", due.name, due.stream_id)
        store.postpone_deadline(due, now, f"{type(error).__name__}: {error}")
        return False


class PostgresDeadlines:
    """The table `deadlines` through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, now: datetime, limit: int) -> list[DueDeadline]:
        """The deadlines to fire now, longest waiting first."""
        found = self._connection.execute(
            "SELECT stream_id, name, due_at, set_by FROM deadlines WHERE next_try_at <= %s"
            " ORDER BY next_try_at, stream_id, name LIMIT %s",
            (now, limit),
        )
        return [DueDeadline(**row) for row in found]

    def claim(self, due: DueDeadline, now: datetime) -> bool:
        """Removes a deadline unless it is gone, was set anew, or is in another transaction's hands."""
        removed = self._connection.execute(
            "DELETE FROM deadlines WHERE (stream_id, name) IN ("
            "SELECT stream_id, name FROM deadlines"
            " WHERE stream_id = %s AND name = %s AND due_at = %s AND next_try_at <= %s FOR UPDATE SKIP LOCKED)",
            (due.stream_id, due.name, due.due_at, now),
        )
        return bool(removed.rowcount)

    def postpone(self, due: DueDeadline, now: datetime, error: str) -> None:
        """Counts a failed try and moves the next one, later each time."""
        with transaction(self._connection):
            row = self._connection.execute(
                "UPDATE deadlines SET attempts = attempts + 1, last_error = %s"
                " WHERE stream_id = %s AND name = %s AND due_at = %s RETURNING attempts",
                (error, due.stream_id, due.name, due.due_at),
            ).fetchone()
            if row is not None:
                self._connection.execute(
                    "UPDATE deadlines SET next_try_at = %s WHERE stream_id = %s AND name = %s",
                    (now + retry_delay(row["attempts"]), due.stream_id, due.name),
                )
