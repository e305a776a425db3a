"""A range of the log goes again to a queue of the caller's: the same messages, marked, and heard by nobody else."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any

import pika
import pytest

from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.contracts.order import DeliveryContactWithdrawn
from shared.eventstore.model import StoredEvent
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.messaging import replay as replaying
from shared.messaging.outgoing import Outgoing, wires_of
from shared.messaging.replay import NotReplayable, ReplayInterrupted, replay
from shared.messaging.tail import TailSpec
from shared.messaging.topology import declare_platform
from tests.contract import publishing
from tests.contract.listening import ear
from tests.support.broker import VirtualHost
from tests.support.database import Database

ORDERS = 30
END = 2 * ORDERS


@dataclass
class Log:
    """Orders that were placed, each followed by an event that nobody is told of; the admin's broker login."""

    store: PostgresStore
    spec: TailSpec
    amqp_url: str
    channel: Any

    def queue(self, name: str) -> str:
        self.channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})
        return name

    def replay(self, queue: str, **limits: Any) -> replaying.Replayed:
        return replay(self.store, self.spec, self.amqp_url, queue, "rpl_1", **limits)

    def taken(self, queue: str) -> list[tuple[Any, dict[str, Any]]]:
        """What is in a queue: properties and body."""
        found: list[tuple[Any, dict[str, Any]]] = []
        while True:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            found.append((properties, json.loads(body)))


@pytest.fixture(scope="module")
def log(database: Database, broker: VirtualHost) -> Iterator[Log]:
    declare_platform(broker.url, {"order": (), "dispatch": ()})
    spec = publishing.spec("order", database.url("order"), broker.url_for("order"))
    with ExitStack() as stack:
        store = stack.enter_context(closing(publishing.store_of(database.url("order"))))
        sequencer = stack.enter_context(closing(Sequencer(database.url("order"))))
        for number in range(ORDERS):
            publishing.append(
                store, f"ord_{number}", publishing.Placed(f"ord_{number}"), publishing.Noticed(f"ord_{number}")
            )
        sequencer.tick()
        connection = stack.enter_context(pika.BlockingConnection(pika.URLParameters(broker.url)))
        yield Log(store, spec, broker.url, connection.channel())


def test_the_messages_are_those_of_the_relay_in_order_and_marked(log: Log) -> None:
    queue = log.queue("mine.all")
    told: list[tuple[int, int]] = []
    done = log.replay(queue, tell=lambda *progress: told.append(progress))
    assert (done.position, done.messages, told[-1]) == (END, ORDERS, (END, END))
    taken = log.taken(queue)
    with log.store.reading() as reader:
        published = [
            (wire.message_id, json.loads(wire.body))
            for stored in log.store.log_after(0)
            for wire in wires_of(
                stored,
                publishing.CODEC.decode(stored.type, stored.schema_version, stored.data, reader.vault),
                publishing.messages_for,
            )
        ]
    assert [(properties.message_id, body) for properties, body in taken] == [
        (message_id, body | {"replayid": "rpl_1"}) for message_id, body in published
    ]
    for properties, body in taken:
        marks = {"partitionkey": body["partitionkey"], "replayid": "rpl_1"}
        assert marks.items() <= properties.headers.items()
        assert properties.delivery_mode == 2
        Envelope.model_validate(body)


def test_a_range_is_what_was_asked_for(log: Log) -> None:
    queue = log.queue("mine.range")
    assert log.replay(queue, first=3, last=6).messages == 2
    assert [body["subject"] for _, body in log.taken(queue)] == ["ord_1", "ord_2"]


def test_nobody_else_hears_a_replay(log: Log) -> None:
    with ear(log.amqp_url, [("order.events", "#")]) as other:
        log.replay(log.queue("mine.alone"), first=1, last=10)
        assert other.nothing_more()


def test_more_than_a_page_and_a_window_of_unconfirmed_messages_arrives(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "PAGE", 20)
    monkeypatch.setattr(replaying, "UNCONFIRMED_LIMIT", 3)
    queue = log.queue("mine.pages")
    assert log.replay(queue).messages == ORDERS
    assert len(log.taken(queue)) == ORDERS


def test_private_messages_are_never_sent_again(log: Log) -> None:
    def with_private(stored: StoredEvent, event: Any) -> list[Outgoing]:
        public = list(publishing.messages_for(stored, event))
        return [*public, Outgoing(contact(), stored.stream_id)] if public else []

    queue = log.queue("mine.public")
    log.spec, before = replace(log.spec, outbound=with_private), log.spec
    try:
        assert log.replay(queue, last=2).messages == 1
    finally:
        log.spec = before
    assert {body["source"] for _, body in log.taken(queue)} == {"/doorstep/order"}


def contact() -> Message:
    return DeliveryContactWithdrawn(order_id="ord_0")


@pytest.mark.parametrize("queue", ["order.inbox.0", "dispatch.dead", "doorstep.log"])
def test_a_queue_of_the_platform_is_refused(log: Log, queue: str) -> None:
    with pytest.raises(NotReplayable, match="a queue of the platform"):
        log.replay(queue)


def test_a_queue_that_is_not_there_is_refused_before_anything_is_sent(log: Log) -> None:
    with pytest.raises(NotReplayable, match=r"there is no queue mine\.missing"):
        log.replay("mine.missing")


@pytest.mark.parametrize("limits", [{"first": 0}, {"first": END + 5}, {"first": 9, "last": 3}])
def test_a_range_that_is_none_is_refused(log: Log, limits: dict[str, int]) -> None:
    with pytest.raises(NotReplayable, match="there is no range"):
        log.replay(log.queue("mine.none"), **limits)


def test_a_replay_that_lost_its_queue_says_where_to_go_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "PAGE", 10)
    queue = log.queue("mine.lost")

    def remove(done: int, _total: int) -> None:
        if done == 20:
            log.channel.queue_delete(queue)

    with pytest.raises(ReplayInterrupted, match="go on with --from 21") as caught:
        log.replay(queue, tell=remove)
    assert caught.value.position == 20
    assert log.replay(log.queue(queue), first=21).messages == (END - 20) // 2
