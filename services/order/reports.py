"""Keeps what dispatch and support reported about an order, for those who will ask how it went.

A record, not a read model: this service's own log does not hold these reports, so no rebuild builds them again, and
the database refuses to change them. The originals are in the reporters' logs.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`occurred_at` by the reporter's own clock, `recorded_at` by the server that took it in."""

    message_id: str
    order_id: str
    source: str
    type: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    heard_at: datetime
    facts: dict[str, Any]


def keep(tx: Transaction, envelope: Envelope, message: Message, now: datetime) -> None:
    """In the transaction that acts on the message; told twice, it is kept once."""
    order_id = getattr(message, "order_id", None)
    if order_id is None:
        return
    facts = message.model_dump(mode="json", exclude={"order_id", "delivery_id"}, exclude_none=True)
    tx.connection.execute(
        "INSERT INTO order_reports (message_id, order_id, source, type, actor, occurred_at, recorded_at, heard_at,"
        " facts) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            envelope.id,
            order_id,
            envelope.service,
            message.type_name(),
            envelope.actor,
            envelope.time,
            envelope.recordedat,
            now,
            Jsonb(facts),
        ),
    )


def of_order(tx: Transaction, order_id: str) -> list[Report]:
    rows = tx.connection.execute(
        "SELECT * FROM order_reports WHERE order_id = %s ORDER BY recorded_at, message_id", (order_id,)
    )
    return [Report(**row) for row in rows]
