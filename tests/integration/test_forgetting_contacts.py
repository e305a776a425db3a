"""A service that is told to forget somebody drops the contact, and blanks the one that it had to set aside."""

import json
from collections.abc import Iterator

import pytest

from services.notify.wiring import NotifyParts, build, hear
from shared.contracts import order
from shared.messaging.sequences import read
from tests.support.database import Database
from tests.unit.notify.running import settings_of
from tests.unit.notify.wire import envelope, message


@pytest.fixture
def parts(database: Database) -> Iterator[NotifyParts]:
    made = build(settings_of("notify", database.url("notify")))
    try:
        yield made
    finally:
        made.close()


def test_a_forgotten_customers_contact_is_dropped_and_a_parked_one_is_blank_and_still_readable(
    parts: NotifyParts,
) -> None:
    shared, forgotten = message(order.DeliveryContactShared), message(order.CustomerForgotten)
    assert isinstance(shared, order.DeliveryContactShared)
    body = json.dumps(envelope(shared).model_dump(mode="json")).encode()
    with parts.store.transaction() as tx:
        hear(parts.clock, parts.policy, tx, envelope(shared), shared)
        tx.connection.execute(
            "INSERT INTO parked (handler, source, stream_id, partition_key, sequence, message_id, type, body, cause,"
            " error, tries) VALUES ('notify', %s, 'x', 'x', 1, 'x', 'DeliveryContactShared', %s, 'failed', 'x', 3)",
            (order.DeliveryContactShared.source(), body),
        )
    for _ in range(2):
        with parts.store.transaction() as tx:
            hear(parts.clock, parts.policy, tx, envelope(forgotten), forgotten)
    with parts.store.reading() as tx:
        assert tx.connection.execute("SELECT count(*) AS n FROM contacts").fetchone() == {"n": 0}
        row = tx.connection.execute("SELECT body FROM parked").fetchone()
    assert row is not None
    kept = bytes(row["body"])
    assert shared.customer.name.encode() not in kept
    received = read(kept)
    assert received is not None
    assert isinstance(received.message, order.DeliveryContactShared)
    assert (received.message.customer.name, received.message.address) == ("", "")
