"""What only the database knows, measured when somebody asks for `/metrics`: what waits, and for how long."""

from datetime import datetime
from typing import Any

import psycopg

from shared.eventstore.postgres import PostgresStore
from shared.kernel.clock import Clock, VirtualClock
from shared.messaging.parked import Parked
from shared.runtime.logging import get_logger
from shared.runtime.metrics import gauge

_log = get_logger(__name__)
_up = gauge("doorstep_store_up", "1 when the service's store answered the last measurement")
_late = gauge("doorstep_deadlines_late", "Waits that have run out and have not been acted on")
_late_seconds = gauge("doorstep_deadlines_late_seconds", "How late the latest of them is, in seconds on the wall")
_failing = gauge("doorstep_deadlines_failing", "Waits whose act has failed and will be tried again")
_behind = gauge("doorstep_follower_behind", "Events in the log that a follower has not handled", ("follower",))

_DEADLINES = """
SELECT count(*) FILTER (WHERE due_at <= %(now)s) AS late,
       min(due_at) FILTER (WHERE due_at <= %(now)s) AS oldest,
       count(*) FILTER (WHERE attempts > 0) AS failing
FROM deadlines WHERE due_at <= %(now)s OR attempts > 0
"""
_FOLLOWERS = """
SELECT name, (SELECT coalesce(max(position), 0) FROM log) - position AS behind FROM follower_positions
"""


def measure(store: Any, clock: Clock) -> None:
    """Sets the gauges from the store; while it is away they keep their last values and `doorstep_store_up` is 0."""
    if not isinstance(store, PostgresStore):
        return
    try:
        _measure_deadlines(store, clock)
        _measure_followers(store)
        Parked(store).summary()
    except psycopg.Error as error:
        _up.set(0)
        _log.warning("not_measured", error=type(error).__name__)
        return
    _up.set(1)


def _measure_deadlines(store: PostgresStore, clock: Clock) -> None:
    now = clock.now()
    with store.reading() as reading:
        row = reading.connection.execute(_DEADLINES, {"now": now}).fetchone()
    assert row is not None, "an aggregate always has a row"
    _late.set(row["late"])
    _failing.set(row["failing"])
    _late_seconds.set(_seconds(clock, row["oldest"], now) if row["oldest"] else 0)


def _seconds(clock: Clock, since: datetime, now: datetime) -> float:
    span = now - since
    return clock.real_seconds(span) if isinstance(clock, VirtualClock) else span.total_seconds()


def _measure_followers(store: PostgresStore) -> None:
    with store.reading() as reading:
        rows = reading.connection.execute(_FOLLOWERS).fetchall()
    _behind.clear()
    for row in rows:
        _behind.labels(row["name"]).set(row["behind"])
