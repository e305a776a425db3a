"""Parks what the broker gave up delivering, so that an operator finds every message that failed in one place.

A message dies when it was delivered too often without an end: most likely it stops the process that handles it. So it
is not handled here, only written down, with cause `dead`; an operator retries or skips it like any other.
"""

from functools import partial

import structlog

from shared.eventstore.ports import Store, Transaction
from shared.messaging import metrics
from shared.messaging.batch import Batch
from shared.messaging.sequences import Position, Received, lock_positions, park, read, save_positions

DEAD = "dead"
GIVEN_UP = "the broker gave up: it was delivered again and again, and no delivery came to an end"
PERHAPS_HANDLED = f"{GIVEN_UP}; later messages of its stream were handled, and perhaps this one was too"

_log = structlog.get_logger(__name__)


def park_dead(store: Store, handler: str, batch: Batch) -> int:
    """Parks each message, in a transaction of its own; returns how many. Safe to repeat; raises an outage."""
    parked = 0
    for each in batch:
        received = read(each.body)
        if received is None:
            metrics.UNKNOWN.labels(handler).inc()
        elif store.run(partial(_park, handler=handler, received=received)):
            parked += 1
            metrics.PARKED.labels(handler, DEAD).inc()
            _log.error("message_died", handler=handler, message_id=received.message_id, type=received.type)
        else:
            metrics.DUPLICATES.labels(handler).inc()
    return parked


def _park(tx: Transaction, handler: str, received: Received) -> bool:
    position = lock_positions(tx.connection, handler, [received.key])[received.key]
    if received.sequence in position.recent or _is_on_record(tx, handler, received):
        return False
    old = received.sequence <= position.floor
    park(tx.connection, handler, received, Position(), DEAD, PERHAPS_HANDLED if old else GIVEN_UP, 0)
    # Below the floor single versions are not remembered, and the floor must not sink.
    if not old:
        position.take(received.sequence)
    position.parked += 1
    save_positions(tx.connection, handler, {received.key: position})
    return True


def _is_on_record(tx: Transaction, handler: str, received: Received) -> bool:
    """Whether it was parked before, whatever became of it."""
    row = tx.connection.execute(
        """SELECT 1 FROM parked
            WHERE (handler, source, stream_id, partition_key, sequence, message_id) = (%s, %s, %s, %s, %s, %s)""",
        (handler, *received.key, received.sequence, received.message_id),
    ).fetchone()
    return row is not None
