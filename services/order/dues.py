"""What customers owe for orders that became dearer: the list that operators collect from, built from the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.order.books import decoded
from services.order.domain import payment as p
from shared.eventstore.batched import one_at_a_time
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Store, Transaction
from shared.eventstore.projection import Projection

_TYPES = frozenset({"DifferenceOwed", "DifferenceSettled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """`again_at` is None when it is not asked for by itself any more."""

    payment_id: str
    order_id: str
    customer_id: str
    currency: str
    due_cents: int
    reason: str
    since: datetime
    tries: int
    again_at: datetime | None


def _project(tx: Transaction, events: Sequence[StoredEvent]) -> None:
    for stored in events:
        event = decoded(stored) if stored.type in _TYPES else None
        if isinstance(event, p.DifferenceOwed):
            _owe(tx, stored.stream_id, event)
        elif isinstance(event, p.DifferenceSettled):
            tx.connection.execute("DELETE FROM payment_dues WHERE payment_id = %s", (stored.stream_id,))


def _owe(tx: Transaction, payment_id: str, event: p.DifferenceOwed) -> None:
    tx.connection.execute(
        "INSERT INTO payment_dues (payment_id, order_id, customer_id, currency, due_cents, reason, since, tries,"
        " again_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (payment_id) DO UPDATE SET"
        " due_cents = EXCLUDED.due_cents, reason = EXCLUDED.reason, tries = EXCLUDED.tries,"
        " again_at = EXCLUDED.again_at",
        (
            payment_id,
            event.order_id,
            event.customer_id,
            event.currency,
            event.due_cents,
            event.reason,
            event.at,
            event.tries,
            event.again_at,
        ),
    )


DUES = Projection("dues", 1, one_at_a_time(_project), tables=("payment_dues",), types=_TYPES, apply_many=_project)


def owed(store: Store, limit: int, after: str = "") -> list[Due]:
    """What is owed, by payment, at most `limit`, after a payment's id."""
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT payment_id, order_id, customer_id, currency, due_cents, reason, since, tries, again_at"
            " FROM payment_dues WHERE payment_id > %s ORDER BY payment_id LIMIT %s",
            (after, limit),
        )
        return [Due(**row) for row in rows]
