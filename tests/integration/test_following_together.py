"""Followers that share one reading of the log do what each would have done alone, whatever one of them does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from shared.eventstore.follower import Follower
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.eventstore.together import Together
from shared.kernel.ids import new_id
from tests.bench import workload
from tests.support.database import Database


@pytest.fixture
def store(database: Database) -> Iterator[PostgresStore]:
    with closing(workload.open_store(database.url("order"))) as opened:
        yield opened


def _write(database: Database, store: PostgresStore, events: int) -> None:
    for _ in range(events):
        stream_id = new_id("ord")
        store.append(workload.STEPS, stream_id, 0, [workload.noted(stream_id)], workload.context())
    with closing(Sequencer(database.url("order"))) as sequencer:
        sequencer.tick()


def _to_the_end(store: PostgresStore, followers: Together | Follower, limit: int = 200) -> None:
    while followers.run(store, limit):
        pass


def _noting(into: list[int]) -> Callable[[Transaction, StoredEvent], None]:
    return lambda _tx, stored: into.append(stored.position)


def _named(name: str, *seen: list[int]) -> Sequence[Follower]:
    return [Follower(f"{name}_{number}", _noting(into)) for number, into in enumerate(seen)]


def test_all_of_them_get_every_event_once_and_in_order(database: Database, store: PostgresStore) -> None:
    first: list[int] = []
    second: list[int] = []
    together = Together(_named("even", first, second))
    for _ in range(3):
        _write(database, store, 5)
        _to_the_end(store, together, limit=2)
    assert first == second == list(range(1, store.log_position() + 1))
    assert together.run(store) == 0


def test_one_that_lags_catches_up_and_goes_on_with_the_others(database: Database, store: PostgresStore) -> None:
    first: list[int] = []
    second: list[int] = []
    ahead, late = _named("lag", first, second)
    _write(database, store, 5)
    _to_the_end(store, ahead)
    together = Together([ahead, late])
    _write(database, store, 5)
    _to_the_end(store, together)
    _to_the_end(store, together)
    assert first == second == list(range(1, store.log_position() + 1))


def test_one_that_fails_stops_at_its_event_and_holds_up_nobody_else(database: Database, store: PostgresStore) -> None:
    seen: list[int] = []
    _write(database, store, 3)
    bad = store.log_position()

    def refuse(_tx: Transaction, stored: StoredEvent) -> None:
        if stored.position == bad:
            raise ValueError("this one is too much")

    well, ill = Follower("well", _noting(seen)), Follower("ill", refuse)
    together = Together([well, ill])
    together.run(store)
    _write(database, store, 2)
    with pytest.raises(ValueError, match="too much"):
        together.run(store)
    assert store.follower_position("ill") == bad - 1
    assert store.follower_position("well") == store.log_position()
    assert sorted(set(seen)) == list(range(1, store.log_position() + 1))
