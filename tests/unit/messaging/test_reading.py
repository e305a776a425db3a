"""What an inbox makes of bytes: a message, something unreadable, or nothing that this release knows."""

import json
from typing import Any

import amqp.exceptions
import psycopg
import pytest
from psycopg import errors

from shared.contracts.envelope import Envelope
from shared.eventstore.model import StoredEvent
from shared.messaging.batch import batch_of
from shared.messaging.outages import is_outage
from shared.messaging.outgoing import Outgoing, envelope_of, wires_of
from shared.messaging.sequences import UNREADABLE, read
from tests.contract.publishing import NOW, Placed, order_placed

STORED = StoredEvent(
    stream_id="ord_1",
    version=3,
    event_id="evt_1",
    type="Placed",
    schema_version=1,
    data={"order_id": "ord_1"},
    actor="customer:cus_1",
    occurred_at=NOW,
    recorded_at=NOW,
    correlation_id="cor_1",
    position=9,
)


def envelope() -> Envelope:
    return envelope_of(STORED, Outgoing(order_placed("ord_1"), "ord_1"))


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(envelope().to_bytes()), **fields}).encode()


def test_a_message_is_read_with_its_sequence() -> None:
    received = read(envelope().to_bytes())
    assert received is not None
    assert received.key == ("/doorstep/order", "ord_1", "ord_1")
    assert received.sequence == 3
    assert received.message == order_placed("ord_1")


def test_a_type_that_this_release_does_not_know_is_no_message() -> None:
    assert read(changed(type="OrderTeleported")) is None


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{}", b"[]", b"not json"])
def test_bytes_that_are_no_envelope_are_a_sequence_of_their_own(body: bytes) -> None:
    received = read(body)
    assert received is not None
    assert received.key.source == UNREADABLE
    assert received.fault
    assert received.body == body


@pytest.mark.parametrize(
    "fields", [{"subject": "a\0b"}, {"subject": "x" * 600}, {"sequence": 2**63}, {"partitionkey": "\0"}]
)
def test_keys_that_the_database_cannot_hold_make_a_message_unreadable(fields: dict[str, Any]) -> None:
    received = read(changed(**fields))
    assert received is not None
    assert received.key.source == UNREADABLE


def test_data_that_breaks_the_contract_keeps_its_place_in_its_sequence() -> None:
    received = read(changed(data={"order_id": "ord_1"}))
    assert received is not None
    assert received.key.stream_id == "ord_1"
    assert received.message is None
    assert "OrderPlaced" in (received.fault or "")


def test_a_telemetry_reader_leaves_out_what_it_cannot_read() -> None:
    batch = batch_of(b"nonsense", envelope().to_bytes(), changed(data={}))
    assert [message for _, message in batch.messages()] == [order_placed("ord_1")]


def test_two_messages_of_one_event_on_one_channel_are_refused() -> None:
    twice = [Outgoing(order_placed("ord_1"), "ord_1")] * 2
    with pytest.raises(ValueError, match="one channel"):
        wires_of(STORED, Placed("ord_1"), lambda _stored, _event: twice)


def test_a_backend_that_is_away_is_an_outage() -> None:
    assert is_outage(psycopg.OperationalError("server closed the connection"))
    assert is_outage(psycopg.InterfaceError("the connection is closed"))
    assert is_outage(amqp.exceptions.ConnectionForced("shutdown"))
    assert is_outage(ConnectionRefusedError())


def test_an_outage_behind_another_error_is_still_an_outage() -> None:
    error = RuntimeError("the view failed")
    error.__cause__ = psycopg.OperationalError("away")
    assert is_outage(error)


def test_a_bad_message_is_no_outage() -> None:
    assert not is_outage(ValueError("bad"))
    assert not is_outage(errors.ProgramLimitExceeded("index row too large"))
    assert not is_outage(errors.UniqueViolation("twice"))
