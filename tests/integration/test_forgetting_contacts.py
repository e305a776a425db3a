"""A service that is told to forget somebody deletes their key and contact, and takes them out of parked messages."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from services.notify import views
from shared.contracts import order
from shared.contracts.cells import cell_of
from shared.contracts.message import Message
from shared.eventstore.postgres import PostgresStore
from shared.kernel.ids import new_id
from shared.kernel.place import Place
from shared.messaging.inbox import batch_of
from shared.messaging.sequences import read
from tests.support.database import Database
from tests.unit.notify.running import settings_of
from tests.unit.notify.wire import envelope, message

HEARING = ("dispatch", "notify", "support", "analytics")
PERSON = "Xiomara Quillfeather"
SEQUENCES = count(1)


@dataclass
class Listener:
    """A service's store and inbox, and a customer with an order."""

    store: PostgresStore
    consume: Callable[[Any], None]
    customer_id: str
    order_id: str

    def envelope(self, kind: type[Message], **changes: Any) -> dict[str, Any]:
        """A message of the customer, the next one of its sequence; `changes` spoil its data."""
        sent = envelope(message(kind)).model_dump(mode="json")
        told = json.dumps(sent["data"])
        told = told.replace(sent["data"]["customer_id"], self.customer_id).replace(FIRST_ORDER, self.order_id)
        place = {"subject": self.order_id, "partitionkey": self.order_id, "sequence": next(SEQUENCES)}
        return {**sent, **place, "data": json.loads(told) | changes}

    def hears(self, kind: type[Message], **changes: Any) -> None:
        self.consume(batch_of(json.dumps(self.envelope(kind, **changes)).encode()))

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.store.reading() as tx:
            return list(tx.connection.execute(query).fetchall())


FIRST_ORDER = str(message(order.OrderPlaced).model_dump()["order_id"])
CUSTOMER = {"name": PERSON, "phone": "+8613987654321", "email": None, "language": "en"}


@pytest.fixture
def listener(request: pytest.FixtureRequest, database: Database) -> Iterator[Listener]:
    service = request.param
    settings = settings_of(service, database.url(service))
    with closing(import_module(f"services.{service}.wiring").build(settings)) as parts:
        yield Listener(parts.store, parts.inbox.consume, new_id("cus"), new_id("ord"))


@pytest.mark.parametrize("listener", HEARING, indirect=True)
def test_every_service_deletes_the_key_of_a_forgotten_customer_and_may_be_told_twice(listener: Listener) -> None:
    customer_id = listener.customer_id
    with listener.store.transaction() as tx:
        kept = tx.vault.seal(customer_id, PERSON)
        assert tx.vault.open(customer_id, kept) == PERSON
    for _ in range(2):
        listener.hears(order.CustomerForgotten)
    with listener.store.transaction() as tx:
        assert tx.vault.open(customer_id, kept) is None
        # What comes late is sealed with a key that nobody keeps.
        assert tx.vault.open(customer_id, tx.vault.seal(customer_id, PERSON)) is None
    assert listener.rows("SELECT count(*) AS n FROM parked") == [{"n": 0}]


@pytest.mark.parametrize("listener", ["dispatch", "notify"], indirect=True)
def test_a_contact_is_sealed_while_it_is_kept_and_gone_when_its_customer_is(listener: Listener) -> None:
    mine = f"FROM contacts WHERE order_id = '{listener.order_id}'"
    cell = cell_of(Place(30.27, 120.15))
    listener.hears(order.OrderPlaced, pickup_cell=cell, dropoff_cell=cell)
    listener.hears(order.DeliveryContactShared, customer=CUSTOMER)
    [row] = listener.rows(f"SELECT contacts::text AS shown {mine}")
    assert PERSON not in row["shown"]
    listener.hears(order.CustomerForgotten)
    assert listener.rows(f"SELECT 1 {mine}") == []


@pytest.mark.parametrize("listener", ["notify"], indirect=True)
def test_a_parked_contact_is_blank_and_still_readable_and_one_that_nobody_could_read_is_empty(
    listener: Listener,
) -> None:
    listener.hears(order.DeliveryContactShared, customer=CUSTOMER, dropoff={"lat": "north of " + PERSON})
    listener.hears(order.DeliveryContactShared, customer=CUSTOMER)
    listener.consume(batch_of(f"{PERSON} of {listener.customer_id}, not JSON at all".encode()))
    before = listener.rows("SELECT cause, body, error FROM parked ORDER BY parked_id")
    assert [row["cause"] for row in before] == ["unreadable", "behind", "unreadable"]
    assert all(PERSON.encode() in bytes(row["body"]) for row in before)
    # An error says where and why, never with what value.
    assert [row for row in before if PERSON in row["error"]] == []
    listener.hears(order.CustomerForgotten)
    spoilt, behind, unreadable = listener.rows("SELECT body, error FROM parked ORDER BY parked_id")
    assert PERSON.encode() not in bytes(spoilt["body"])
    assert bytes(unreadable["body"]) == b""
    received = read(bytes(behind["body"]))
    assert received is not None
    assert isinstance(received.message, order.DeliveryContactShared)
    assert (received.message.customer.name, received.message.address) == ("", "")
    assert (received.message.merchant_name, received.message.pickup_address) == ("", "")


@pytest.mark.parametrize("listener", ["notify"], indirect=True)
def test_even_a_contact_whose_row_outlives_its_customer_opens_to_nothing(listener: Listener) -> None:
    with listener.store.transaction() as tx:
        names = {"order_id": listener.order_id, "customer_id": listener.customer_id, "source": "evt_1"}
        views.keep_contact(tx, **names, name=PERSON, email="x@example.org")
        found = views.lock_contact(tx, listener.order_id)
        assert found is not None
        assert found.name == PERSON
    listener.store.forget(listener.customer_id)
    with listener.store.transaction() as tx:
        assert views.lock_contact(tx, listener.order_id) is None
