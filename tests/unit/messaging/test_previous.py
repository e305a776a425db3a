"""Which earlier messages a message names, and that it names the same whenever it is made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from shared.contracts.message import Message
from shared.contracts.order import DeliveryContactWithdrawn
from shared.eventstore.model import StoredEvent
from shared.messaging.outgoing import Outgoing, envelope_of
from shared.messaging.previous import LOOKED_BACK, Earlier, Told
from tests.contract.publishing import delivery_failed, order_placed, rider_assigned
from tests.unit.messaging.test_reading import STORED

PLACED, ASSIGNED, FAILED = order_placed("ord_1"), rider_assigned("ord_1"), delivery_failed("ord_1")
PRIVATE = DeliveryContactWithdrawn(order_id="ord_1")


def said(told: Told, version: int, *messages: Message, key: str = "ord_1") -> list[str | None]:
    return told.take(version, [Outgoing(message, key) for message in messages])


def test_the_first_message_names_none() -> None:
    assert said(Told(), 1, PLACED) == [None]


def test_a_message_names_the_last_sequence_of_each_earlier_type_oldest_first() -> None:
    told = Told()
    said(told, 1, ASSIGNED)
    said(told, 2, FAILED)
    said(told, 4, ASSIGNED)
    assert said(told, 5, FAILED) == ["DeliveryFailed=2,RiderAssigned=4"]


def test_events_that_nobody_is_told_of_are_not_named() -> None:
    told = Told()
    said(told, 1, PLACED)
    said(told, 2)
    assert said(told, 3, PLACED) == ["OrderPlaced=1"]


def test_another_exchange_is_another_order() -> None:
    told = Told()
    assert said(told, 1, PLACED, PRIVATE) == [None, None]
    assert said(told, 2, PRIVATE, PLACED) == ["DeliveryContactWithdrawn=1", "OrderPlaced=1"]


def test_another_partition_key_is_another_order() -> None:
    told = Told()
    said(told, 1, PLACED)
    assert said(told, 2, PLACED, key="ord_2") == [None]


def test_what_was_told_long_ago_is_left_out() -> None:
    told = Told()
    said(told, 1, ASSIGNED)
    said(told, 2, FAILED)
    assert said(told, LOOKED_BACK + 2, FAILED) == ["DeliveryFailed=2"]


def test_a_long_stream_with_many_partition_keys_is_bounded() -> None:
    told = Told()
    for version in range(1, 10 * LOOKED_BACK):
        said(told, version, PLACED, key=f"ord_{version}")
    assert len(told._last) <= 2 * LOOKED_BACK + 1


@dataclass
class Stream:
    """A stream whose every version is told, by turns of two types."""

    looked_up: list[tuple[int, int]] = field(default_factory=list)

    def history(self, _stream_id: str, after: int, up_to: int) -> Iterator[tuple[int, Sequence[Outgoing]]]:
        self.looked_up.append((after, up_to))
        return ((version, self.led_to(version)) for version in range(after + 1, up_to + 1))

    def led_to(self, version: int) -> list[Outgoing]:
        return [Outgoing(ASSIGNED if version % 2 else FAILED, "ord_1")]

    def said(self, earlier: Earlier, version: int) -> list[str | None]:
        told = earlier.before(stored(version), self.history)
        return told.take(version, self.led_to(version))


def stored(version: int, stream_id: str = "ord_1") -> StoredEvent:
    return replace(STORED, stream_id=stream_id, version=version)


def test_after_a_restart_a_message_says_what_it_would_have_said_before() -> None:
    stream, running = Stream(), Earlier()
    for version in range(1, LOOKED_BACK + 20):
        before = stream.said(running, version)
        assert stream.said(Earlier(), version) == before


def test_a_relay_that_goes_on_looks_nothing_up() -> None:
    stream, running = Stream(), Earlier()
    for version in range(1, 10):
        stream.said(running, version)
    assert stream.looked_up == []


def test_looking_up_is_bounded() -> None:
    stream = Stream()
    stream.said(Earlier(), 5 * LOOKED_BACK)
    assert stream.looked_up == [(4 * LOOKED_BACK - 1, 5 * LOOKED_BACK - 1)]


def test_an_event_that_is_read_again_says_the_same_again() -> None:
    stream, running = Stream(), Earlier()
    first = [stream.said(running, version) for version in range(1, 6)]
    assert [stream.said(running, version) for version in range(1, 6)] == first


def test_the_streams_that_were_quiet_longest_are_forgotten_and_looked_up_again() -> None:
    stream, running = Stream(), Earlier(keep=2)
    for stream_id in ("a", "b", "a", "c"):
        running.before(stored(1, stream_id), stream.history).take(1, stream.led_to(1))
    running.before(stored(2, "a"), stream.history)
    assert stream.looked_up == []
    running.before(stored(2, "b"), stream.history)
    assert stream.looked_up == [(0, 1)]


@pytest.mark.parametrize(
    ("previous", "newest"),
    [
        (None, 0),
        ("OrderPlaced=1", 1),
        ("OrderPlaced=1,OrderAccepted=4,OrderReady=7", 4),
        ("OrderReady=7", 0),
        ("", 0),
        ("OrderPlaced", 0),
        ("OrderPlaced=x,=,,OrderAccepted=-3", 0),
    ],
)
def test_a_subscriber_finds_the_newest_of_its_types_and_ignores_what_it_cannot_read(
    previous: str | None, newest: int
) -> None:
    envelope = envelope_of(STORED, Outgoing(PLACED, "ord_1"), previous=previous)
    assert envelope.newest_before({"OrderPlaced", "OrderAccepted"}) == newest


def test_the_first_message_has_no_such_field() -> None:
    assert b"previous" not in envelope_of(STORED, Outgoing(PLACED, "ord_1")).to_bytes()
