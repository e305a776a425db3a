"""Messages that a broker delivers after their successors: whoever hears them waits for them, but not for ever."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kombu import Connection

from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.messaging import patience
from shared.messaging.batch import EarlierMissing
from shared.messaging.inbox import Inbox, batch_of
from shared.messaging.outgoing import Outgoing, envelope_of
from shared.messaging.parked import Parked
from shared.messaging.topology import PARTITION_HEADER, declare_platform
from tests.contract.consuming import HEARD, Subscriber, heard_stream, note, subscriber
from tests.contract.publishing import NOW, order_placed, store_of
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until


def body(stream_id: str, sequence: int, previous: str | None = None) -> bytes:
    stored = StoredEvent(
        stream_id=stream_id,
        version=sequence,
        event_id=f"evt_{stream_id}_{sequence}",
        type="Placed",
        schema_version=1,
        data={},
        actor="customer:cus_1",
        occurred_at=NOW,
        recorded_at=NOW,
        correlation_id="cor_1",
    )
    return envelope_of(stored, Outgoing(order_placed(stream_id), stream_id), previous=previous).to_bytes()


def told(stream_id: str, last: int) -> dict[int, bytes]:
    """A stream of messages, each of which names the one before."""
    return {
        sequence: body(stream_id, sequence, f"OrderPlaced={sequence - 1}" if sequence > 1 else None)
        for sequence in range(1, last + 1)
    }


@pytest.fixture(scope="module")
def store(database: Database) -> Iterator[PostgresStore]:
    opened = store_of(database.url("support"))
    yield opened
    opened.close()


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    return f"ord_{request.node.name[:60]}"


@pytest.fixture
def inbox(store: PostgresStore) -> Inbox:
    return Inbox(store, "support.order", note, heard=HEARD)


def effects(store: PostgresStore, stream_id: str) -> list[int]:
    return [int(event.data["order_id"]) for event in store.stream(heard_stream(stream_id))]


def held(inbox: Inbox, *bodies: bytes) -> list[bytes]:
    """What a patient batch leaves waiting."""
    try:
        inbox.consume(batch_of(*bodies, patient=True))
    except EarlierMissing as missing:
        return [arrived.body for arrived in missing.held]
    return []


def test_a_message_waits_for_the_one_that_it_names_and_holds_up_no_other_stream(
    store: PostgresStore, inbox: Inbox, stream: str
) -> None:
    one, other = told(stream, 3), told(f"{stream}_other", 2)
    waiting = held(inbox, one[2], other[1], one[3], other[2])
    assert waiting == [one[2], one[3]]
    assert effects(store, f"{stream}_other") == [1, 2]
    assert effects(store, stream) == []
    assert held(inbox, *waiting, one[1]) == []
    assert effects(store, stream) == [1, 2, 3]


def test_what_was_held_back_is_taken_in_once_though_it_is_delivered_again(
    store: PostgresStore, inbox: Inbox, stream: str
) -> None:
    messages = told(stream, 3)
    assert held(inbox, messages[2], messages[2]) == [messages[2], messages[2]]
    assert held(inbox, messages[3], messages[1], messages[2], messages[2]) == []
    assert held(inbox, *messages.values()) == []
    assert effects(store, stream) == [1, 2, 3]


def test_an_impatient_batch_is_taken_in_whole(store: PostgresStore, inbox: Inbox, stream: str) -> None:
    messages = told(stream, 3)
    inbox.consume(batch_of(messages[2], messages[3]))
    inbox.consume(batch_of(messages[1]))
    assert effects(store, stream) == [2, 3, 1]


def test_what_comes_after_a_gap_that_was_given_up_waits_for_nothing(
    store: PostgresStore, inbox: Inbox, stream: str
) -> None:
    messages = told(stream, 4)
    inbox.consume(batch_of(messages[2]))
    assert held(inbox, messages[3], messages[4]) == []
    assert effects(store, stream) == [2, 3, 4]


def test_types_that_are_not_subscribed_to_are_not_waited_for(store: PostgresStore, inbox: Inbox, stream: str) -> None:
    assert held(inbox, body(stream, 5, "OrderAccepted=4")) == []
    assert held(inbox, body(stream, 9, "OrderAccepted=4,OrderPlaced=5,OrderReady=8")) == []
    assert held(inbox, body(stream, 13, "OrderAccepted=4,OrderPlaced=11,OrderReady=12")) != []
    assert effects(store, stream) == [5, 9]


def test_a_message_that_names_none_is_handled_as_it_comes(store: PostgresStore, inbox: Inbox, stream: str) -> None:
    assert held(inbox, body(stream, 2)) == []
    assert held(inbox, body(stream, 1)) == []
    assert effects(store, stream) == [2, 1]


def test_an_inbox_that_was_not_told_what_it_hears_waits_for_nothing(store: PostgresStore, stream: str) -> None:
    unaware = Inbox(store, "support.unaware", note)
    assert held(unaware, told(stream, 2)[2]) == []


def test_a_parked_message_counts_as_come(store: PostgresStore, stream: str) -> None:
    def refuse(tx: Transaction, envelope: Envelope, message: Message) -> None:
        if envelope.sequence == 1:
            raise ValueError("cannot digest")
        note(tx, envelope, message)

    inbox = Inbox(store, f"support.{stream[:20]}", refuse, heard=HEARD)
    messages = told(stream, 2)
    assert held(inbox, messages[1], messages[2]) == []
    [head] = [each for each in Parked(store, [inbox]).list() if each.handler == inbox.name]
    assert head.waiting == 2


def test_a_message_that_fails_and_one_that_waits_do_not_mix(store: PostgresStore, stream: str) -> None:
    def refuse(tx: Transaction, envelope: Envelope, message: Message) -> None:
        if envelope.subject.endswith("bad"):
            raise ValueError("cannot digest")
        note(tx, envelope, message)

    inbox = Inbox(store, f"support.{stream[:20]}.mixed", refuse, heard=HEARD)
    bad, good = told(f"{stream}_bad", 2), told(stream, 3)
    assert held(inbox, bad[1], good[1], good[3], bad[2]) == [good[3]]
    assert effects(store, stream) == [1]
    assert held(inbox, good[3], good[2]) == []
    assert effects(store, stream) == [1, 2, 3]


@pytest.fixture(scope="module")
def hearing(database: Database, broker: VirtualHost) -> Iterator[Subscriber]:
    declare_platform(broker.url, {"order": (), "dispatch": ()})
    made = subscriber("dispatch", database.url("dispatch"), broker.url_for("dispatch"))
    yield made
    made.store.close()


@contextmanager
def publishing(broker: VirtualHost) -> Iterator["Sender"]:
    with Connection(broker.url) as connection:
        yield Sender(connection)


class Sender:
    """Publishes whatever it is told, in whatever order."""

    def __init__(self, connection: Connection) -> None:
        self._producer = connection.Producer(serializer=None)

    def send(self, stream_id: str, *bodies: bytes) -> None:
        for each in bodies:
            self._producer.publish(
                each,
                exchange="order.events",
                routing_key="OrderPlaced",
                headers={PARTITION_HEADER: stream_id},
                content_type="application/json",
                content_encoding="utf-8",
            )


def unacknowledged_or_waiting(hearing: Subscriber) -> int:
    """Messages in the queues once nobody holds any."""
    with Connection(hearing.amqp_url) as connection, connection.channel() as channel:
        queues = hearing.prepare(connection)
        return sum(channel.queue_declare(queue=name, passive=True).message_count for name in queues)


def test_two_before_one_has_the_effects_one_and_two(hearing: Subscriber, broker: VirtualHost, stream: str) -> None:
    messages, other = told(stream, 3), told(f"{stream}_other", 1)
    with publishing(broker) as sender, hearing.running():
        sender.send(stream, messages[2], messages[3])
        sender.send(f"{stream}_other", other[1])
        wait_until(lambda: hearing.heard(f"{stream}_other") == [1], 20, "the other stream goes on")
        assert hearing.heard(stream) == []
        sender.send(stream, messages[1])
        wait_until(lambda: len(hearing.heard(stream)) == 3, 20, "all were handled")
    assert hearing.heard(stream) == [1, 2, 3]
    wait_until(lambda: unacknowledged_or_waiting(hearing) == 0, 20, "each was acknowledged")


def test_one_that_never_comes_holds_its_stream_up_for_a_while_only(
    hearing: Subscriber, broker: VirtualHost, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 1.0)
    messages, later = told(stream, 3), told(f"{stream}_later", 2)
    with publishing(broker) as sender, hearing.running():
        sender.send(stream, messages[2], messages[3])
        wait_until(lambda: hearing.heard(stream) == [2, 3], 20, "they were handled without the first")
        sender.send(f"{stream}_later", later[2])
        wait_until(lambda: hearing.heard(f"{stream}_later") == [2], 0.9, "nobody waits again so soon")
        sender.send(stream, messages[1])
        wait_until(lambda: hearing.heard(stream) == [2, 3, 1], 20, "what comes late is not lost")
    wait_until(lambda: unacknowledged_or_waiting(hearing) == 0, 20, "each was acknowledged")


def test_what_is_held_back_when_a_subscriber_stops_is_delivered_again(
    hearing: Subscriber, broker: VirtualHost, stream: str
) -> None:
    messages, other = told(stream, 2), told(f"{stream}_other", 1)
    with publishing(broker) as sender:
        with hearing.running():
            sender.send(stream, messages[2])
            sender.send(f"{stream}_other", other[1])
            wait_until(lambda: hearing.heard(f"{stream}_other") == [1], 20, "it has come")
        wait_until(lambda: unacknowledged_or_waiting(hearing) == 1, 20, "the queue has it again")
        assert hearing.heard(stream) == []
        with hearing.running():
            sender.send(stream, messages[1])
            wait_until(lambda: hearing.heard(stream) == [1, 2], 20, "both were handled")
