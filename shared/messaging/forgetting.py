"""What every service does when it hears that a customer is to be forgotten, whatever else it does about it."""

import json
from typing import Any

from shared.contracts.message import Channel, Message, source_name
from shared.contracts.order import CustomerForgotten, DeliveryContactShared
from shared.eventstore.ports import Transaction

BLANK: dict[str, Any] = {
    "customer": {"name": "", "phone": "", "email": None, "language": "en"},
    "address": "",
    "dropoff": {"lat": 0.0, "lon": 0.0},
    # Of an errand these are the door where it begins, and whoever waits there.
    "merchant_name": "",
    "merchant_phone": "",
    "pickup_address": "",
    "pickup": None,
    "task": "",
    "further_pickups": [],
}
FORGOTTEN = "the person whom this was about has been forgotten"
_PRIVATE = source_name("order", Channel.PRIVATE)

# Of public messages only ids are known. What could not be read may be anything: if it names the person it goes whole.
_PARKED = """
SELECT parked_id, type, body FROM parked
WHERE body IS NOT NULL AND position(%s::bytea IN body) > 0 AND (source IN (%s, 'unreadable') OR cause = 'unreadable')
FOR UPDATE
"""


def forget_if_told(tx: Transaction, message: Message) -> None:
    """Deletes the key of the customer whom the message says to forget, and takes them out of parked messages.

    All that this service sealed under the key is gone with it; what is still to come is sealed with a key that nobody
    keeps. The parked sequences stay whole: a contact is blanked, and what nobody can read is emptied.
    """
    if not isinstance(message, CustomerForgotten):
        return
    tx.vault.forget(message.customer_id)
    rows = tx.connection.execute(_PARKED, (message.customer_id.encode(), _PRIVATE)).fetchall()
    for row in rows:
        tx.connection.execute(
            "UPDATE parked SET body = %s, error = %s WHERE parked_id = %s",
            (_without_person(row["type"], bytes(row["body"])), FORGOTTEN, row["parked_id"]),
        )


def _without_person(type_name: str, body: bytes) -> bytes:
    try:
        message = json.loads(body)
        if type_name == DeliveryContactShared.type_name():
            message["data"] |= BLANK
            return json.dumps(message).encode()
    except (TypeError, ValueError, KeyError):
        pass
    return b""
