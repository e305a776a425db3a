"""Takes a forgotten person out of the messages that were set aside: a parked contact must not outlive them."""

import json
from typing import Any

from shared.contracts.message import Message
from shared.contracts.order import CustomerForgotten, DeliveryContactShared
from shared.eventstore.ports import Transaction

BLANK: dict[str, Any] = {
    "customer": {"name": "", "phone": "", "email": None, "language": "en"},
    "address": "",
    "dropoff": {"lat": 0.0, "lon": 0.0},
}


def blank_if_forgotten(tx: Transaction, message: Message) -> None:
    """Blanks the parked contacts of the customer whom the message says to forget; the sequences stay whole."""
    if not isinstance(message, CustomerForgotten):
        return
    rows = tx.connection.execute(
        "SELECT parked_id, body FROM parked WHERE source = %s AND type = %s AND body IS NOT NULL"
        " AND position(%s::bytea IN body) > 0 FOR UPDATE",
        (DeliveryContactShared.source(), DeliveryContactShared.type_name(), message.customer_id.encode()),
    ).fetchall()
    for row in rows:
        body = json.loads(bytes(row["body"]))
        body["data"] |= BLANK
        tx.connection.execute(
            "UPDATE parked SET body = %s WHERE parked_id = %s", (json.dumps(body).encode(), row["parked_id"])
        )
