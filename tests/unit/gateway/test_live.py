"""Live pages: what is sent on the wire, and who gets which events of the log."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.eventstore.memory import MemoryStore
from shared.eventstore.model import Context, StoredEvent
from shared.gateway.live import MAX_WAITING_EVENTS, LogBroadcast, Subscription
from shared.gateway.sse import Event, Stream
from shared.kernel.clock import SystemClock
from tests.unit.gateway.probe_service import TAB, DrinkAdded


def add(store: MemoryStore, tab_id: str, *drinks: str) -> None:
    now = SystemClock().now()
    context = Context(actor="test:1", now=now, occurred_at=now, correlation_id="c")
    store.execute(TAB, tab_id, lambda _: [DrinkAdded(drink, 1) for drink in drinks], context)


def everything(_: StoredEvent) -> bool:
    return True


def take(events: Subscription, count: int) -> list[str]:
    """The drinks of the next events; fails when they don't come in time."""
    found: list[str] = []
    end = time.monotonic() + 30
    for event in events:
        if event is not None:
            found.append(event.data["drink"])
        if len(found) == count:
            return found
        assert time.monotonic() < end, f"only {len(found)} of {count} events came"
    return found


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(SystemClock())


@pytest.fixture
def broadcast(store: MemoryStore) -> Iterator[LogBroadcast]:
    live = LogBroadcast(store, poll_seconds=0.001)
    yield live
    live.close()


def test_a_subscriber_hears_what_comes_after_it_and_only_what_it_wants(
    store: MemoryStore, broadcast: LogBroadcast
) -> None:
    add(store, "tab-1", "before")
    with broadcast.subscribe(lambda event: event.stream_id == "tab-1") as events:
        assert events.position == 1
        add(store, "tab-2", "not mine")
        add(store, "tab-1", "tea", "milk")
        assert take(events, 2) == ["tea", "milk"]
        assert events.position == 4


def test_a_subscriber_that_comes_back_catches_up_without_gap_or_repetition(
    store: MemoryStore, broadcast: LogBroadcast
) -> None:
    add(store, "tab-1", *(str(number) for number in range(1_200)))
    with broadcast.subscribe(everything, after_position=100) as events:
        add(store, "tab-1", "live")
        assert take(events, 1_101) == [*(str(number) for number in range(100, 1_200)), "live"]


def test_a_position_ahead_of_the_log_means_from_now_on(store: MemoryStore, broadcast: LogBroadcast) -> None:
    add(store, "tab-1", "before")
    with broadcast.subscribe(everything, after_position=99) as events:
        add(store, "tab-1", "after")
        assert take(events, 1) == ["after"]


def test_a_subscriber_that_is_too_slow_is_let_go_and_the_others_go_on(
    store: MemoryStore, broadcast: LogBroadcast
) -> None:
    with broadcast.subscribe(everything) as slow, broadcast.subscribe(everything) as quick:
        for tab in range(MAX_WAITING_EVENTS // 100 + 1):
            add(store, f"tab-{tab}", *(str(number) for number in range(100)))
            assert len(take(quick, 100)) == 100
        assert list(slow) == []


def test_a_faulty_filter_ends_its_own_stream_alone(store: MemoryStore, broadcast: LogBroadcast) -> None:
    def faulty(event: StoredEvent) -> bool:
        raise KeyError(event.type)

    with broadcast.subscribe(faulty) as broken, broadcast.subscribe(everything) as whole:
        add(store, "tab-1", "tea")
        assert take(whole, 1) == ["tea"]
        assert list(broken) == []


class BreakingStore(MemoryStore):
    """A store whose database goes away and comes back."""

    broken = False

    def log_after(self, position: int, limit: int = 500) -> list[StoredEvent]:
        if self.broken:
            raise ConnectionError("the database is gone")
        return super().log_after(position, limit)


def test_pages_are_let_go_while_the_log_cannot_be_read_and_may_come_back() -> None:
    store = BreakingStore(SystemClock())
    broadcast = LogBroadcast(store, poll_seconds=0.001)
    with broadcast.subscribe(everything) as events:
        add(store, "tab-1", "tea")
        assert take(events, 1) == ["tea"]
        last = events.position
        store.broken = True
        assert [event for event in events if event is not None] == []
    store.broken = False
    add(store, "tab-1", "milk")
    with broadcast.subscribe(everything, last) as events:
        assert take(events, 1) == ["milk"]
    broadcast.close()


def test_closing_ends_every_stream(broadcast: LogBroadcast) -> None:
    with broadcast.subscribe(everything) as events:
        broadcast.close()
        assert list(events) == []


@dataclass
class Point:
    lat: float
    name: str


def test_an_event_is_one_line_of_json_whatever_it_holds() -> None:
    assert Event(7, "moved", Point(1.5, "a\nb\r\n\n中")).encode() == (
        'id: 7\nevent: moved\ndata: {"lat": 1.5, "name": "a\\nb\\r\\n\\n中"}\n\n'.encode()
    )
    assert Event("a\nevent: forged", "x\ny", None).encode() == b"id: a event: forged\nevent: x y\ndata: null\n\n"
    assert Event(None, "tick", {}).encode() == b"event: tick\ndata: {}\n\n"


def test_a_stream_starts_at_once_and_closes_its_events_when_the_reader_leaves() -> None:
    closed: list[bool] = []

    def events() -> Iterator[Event | None]:
        try:
            while True:
                yield None
                yield Event(1, "e", 1)
        finally:
            closed.append(True)

    chunks = Stream(events()).chunks()
    assert next(chunks).startswith(b": connected\nretry: ")
    assert next(chunks).startswith(b"id: 1\n")
    chunks.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_a_stream_that_fails_ends_without_harm() -> None:
    def events() -> Iterator[Event]:
        yield Event(1, "e", 1)
        raise RuntimeError("a bug")

    assert len(list(Stream(events()).chunks())) == 2


def test_a_stream_ends_when_the_process_stops() -> None:
    def events() -> Iterator[None]:
        while True:
            yield None

    assert len(list(Stream(events()).chunks(lambda: False))) == 1
