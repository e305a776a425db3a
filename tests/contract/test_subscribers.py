"""What other teams' services may rely on: stock nameko and a plain AMQP client hear the events, as CloudEvents."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.contracts.catalogue import message_class
from shared.messaging.topology import LOG_STREAM, declare_platform
from tests.contract import publishing
from tests.contract.listening import Ear, ear, read_stream
from tests.contract.processes import Speaking, speaking, tailing
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until

EVENTS = ("OrderPlaced", "RiderAssigned", "DeliveryFailed")
BINDINGS = (
    ("order.events", "OrderPlaced"),
    ("dispatch.events", "RiderAssigned"),
    ("dispatch.events", "DeliveryFailed"),
)


@dataclass
class Heard:
    """The same three events as two subscribers heard them."""

    nameko: Speaking
    ear: Ear
    amqp_url: str

    def by_pika(self) -> dict[str, dict[str, Any]]:
        return {message["type"]: message for message in self.ear.heard}

    def by_nameko(self, event: str) -> list[dict[str, Any]]:
        return [line["payload"] for line in self.nameko.said(heard=event)]


@pytest.fixture(scope="module")
def heard(database: Database, broker: VirtualHost) -> Iterator[Heard]:
    """Two subscribers, two services' real stores, the real relay; over once everything was heard."""
    declare_platform(broker.url, {"order": (), "dispatch": ()})
    with speaking("tests.contract.stock_nameko", broker.url) as nameko, ear(broker.url, BINDINGS) as listener:
        specs = [publishing.spec(name, database.url(name), broker.url_for(name)) for name in ("order", "dispatch")]
        with tailing(*specs):
            order = publishing.store_of(database.url("order"))
            dispatch = publishing.store_of(database.url("dispatch"))
            publishing.append(order, "ord_1", publishing.Placed("ord_1"), publishing.Noticed("ord_1"))
            publishing.append(dispatch, "dlv_1", publishing.Noticed("ord_1"), publishing.Assigned("ord_1"))
            publishing.append(dispatch, "dlv_1", publishing.Failed("ord_1"))
            listener.listen(3)
            wait_until(lambda: all(nameko.said(heard=event) for event in EVENTS), 20, "nameko heard all")
            yield Heard(nameko, listener, broker.url)


@pytest.mark.parametrize("event", EVENTS)
def test_a_stock_nameko_event_handler_hears_the_event_once(heard: Heard, event: str) -> None:
    assert [payload["type"] for payload in heard.by_nameko(event)] == [event]


@pytest.mark.parametrize("event", EVENTS)
def test_both_kinds_of_subscriber_hear_the_same(heard: Heard, event: str) -> None:
    assert heard.by_nameko(event) == [heard.by_pika()[event]]


@pytest.mark.parametrize("event", EVENTS)
def test_a_message_is_a_cloudevent(heard: Heard, event: str) -> None:
    check_cloudevent(heard.by_pika()[event])


@pytest.mark.parametrize("event", EVENTS)
def test_the_data_fits_the_published_contract(heard: Heard, event: str) -> None:
    message = heard.by_pika()[event]
    known = message_class(message["source"], message["type"])
    assert known is not None
    assert known.model_validate(message["data"]).model_dump(mode="json") == message["data"]
    assert message["dataschema"] == known.schema_urn()


def test_a_message_is_persistent_json_that_says_its_id_and_partition_key(heard: Heard) -> None:
    for message, properties in zip(heard.ear.heard, heard.ear.properties, strict=True):
        assert properties.content_type == "application/json"
        assert properties.delivery_mode == 2
        assert properties.message_id == message["id"]
        assert properties.headers["partitionkey"] == "ord_1"


def test_the_sequence_is_the_version_of_the_stream_in_the_store(heard: Heard) -> None:
    assert {event: message["sequence"] for event, message in heard.by_pika().items()} == {
        "OrderPlaced": 1,
        "RiderAssigned": 2,
        "DeliveryFailed": 3,
    }


def test_a_message_names_the_ones_that_its_stream_told_before(heard: Heard) -> None:
    assert {event: message.get("previous") for event, message in heard.by_pika().items()} == {
        "OrderPlaced": None,
        "RiderAssigned": None,
        "DeliveryFailed": "RiderAssigned=2",
    }


def test_an_event_that_concerns_nobody_else_is_not_published(heard: Heard) -> None:
    assert heard.ear.nothing_more()


def test_the_log_stream_keeps_every_public_message_for_later_readers(heard: Heard) -> None:
    kept = read_stream(heard.amqp_url, LOG_STREAM, lambda bodies: len(bodies) == 3)
    assert {json.loads(body)["id"] for body in kept} == {message["id"] for message in heard.ear.heard}


def test_whoever_has_read_enough_of_the_log_stream_leaves_the_rest_to_others(heard: Heard) -> None:
    first = read_stream(heard.amqp_url, LOG_STREAM, lambda bodies: len(bodies) == 1)
    assert read_stream(heard.amqp_url, LOG_STREAM, lambda bodies: len(bodies) == 2)[:1] == first


def check_cloudevent(event: dict[str, Any]) -> None:
    """The rules of https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md for a JSON event."""
    assert event["specversion"] == "1.0"
    for required in ("id", "source", "type"):
        assert isinstance(event[required], str)
        assert event[required]
    assert urlsplit(event["source"]).path
    assert urlsplit(event["dataschema"]).scheme, "dataschema is an absolute URI"
    assert event["datacontenttype"] == "application/json"
    assert event["subject"]
    assert datetime.fromisoformat(event["time"]).tzinfo is not None
    assert isinstance(event["data"], dict)
    for name, value in event.items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name), f"{name} is not a CloudEvents attribute name"
        if name != "data":
            assert isinstance(value, str | int), f"{name} has a type that CloudEvents does not know"
            assert not isinstance(value, int) or -(2**31) <= value < 2**31
