"""The inbox on a real store: effects once, poison parked with what follows it, nothing parked in an outage."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.postgres import LocalPostgres
from shared.contracts.envelope import Envelope
from shared.contracts.message import Message
from shared.eventstore.model import Context, StoredEvent
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.kernel.errors import DomainError, InvalidInput
from shared.messaging.inbox import TRIES, Inbox, batch_of
from shared.messaging.outgoing import Outgoing, envelope_of
from shared.messaging.parked import NotFirstOfItsSequence, Parked, ParkedNotFound
from shared.messaging.sequences import REMEMBERED
from tests.contract.consuming import heard_stream, note
from tests.contract.publishing import MASTER_KEY, NOW, order_placed, store_of
from tests.support.database import Database, fresh_database

OLGA = Context(actor="operator:olga", now=NOW, occurred_at=NOW, correlation_id="cor_olga")


class Refused(DomainError):
    code = "test.refused"


class Handler:
    """Notes every message, and fails on those it is told to fail on."""

    def __init__(self) -> None:
        self.poison: set[tuple[str, int]] = set()
        self.refused: set[tuple[str, int]] = set()
        self.calls: list[tuple[str, int]] = []

    def __call__(self, tx: Transaction, envelope: Envelope, message: Message) -> None:
        place = (envelope.subject, envelope.sequence)
        self.calls.append(place)
        note(tx, envelope, message)
        if place in self.poison:
            raise ValueError(f"cannot digest {place}\0")
        if place in self.refused:
            raise Refused("the business says no", place=place)


class Bench:
    """One inbox, its store and its operator."""

    def __init__(self, store: PostgresStore, name: str) -> None:
        self.store = store
        self.handler = Handler()
        self.inbox = Inbox(store, name, self.handler)
        self.parked = Parked(store, [self.inbox])
        self.prefix = name

    def stream(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def body(self, name: str, sequence: int) -> bytes:
        stored = StoredEvent(
            stream_id=self.stream(name),
            version=sequence,
            event_id=f"evt_{self.prefix}_{name}_{sequence}",
            type="Placed",
            schema_version=1,
            data={},
            actor="customer:cus_1",
            occurred_at=NOW,
            recorded_at=NOW,
            correlation_id="cor_1",
        )
        return envelope_of(stored, Outgoing(order_placed(name), name)).to_bytes()

    def consume(self, *places: tuple[str, int]) -> None:
        self.inbox.consume(batch_of(*(self.body(name, sequence) for name, sequence in places)))

    def poison(self, name: str, sequence: int) -> None:
        self.handler.poison.add((self.stream(name), sequence))

    def heal(self) -> None:
        self.handler.poison.clear()
        self.handler.refused.clear()

    def effects(self, name: str) -> list[int]:
        return [int(event.data["order_id"]) for event in self.store.stream(heard_stream(self.stream(name)))]

    def waiting(self) -> dict[str, int]:
        """Parked messages by stream."""
        return {
            head.stream_id.removeprefix(f"{self.prefix}-"): head.waiting
            for head in self.parked.list()
            if head.handler == self.prefix
        }

    def head(self) -> int:
        return next(head.parked_id for head in self.parked.list() if head.handler == self.prefix)


@pytest.fixture(scope="module")
def store(database: Database) -> Iterator[PostgresStore]:
    opened = store_of(database.url("support"))
    yield opened
    opened.close()


@pytest.fixture
def bench(store: PostgresStore, request: pytest.FixtureRequest) -> Bench:
    return Bench(store, request.node.name[:60])


def test_the_same_batch_twice_has_its_effects_once(bench: Bench) -> None:
    for _ in range(2):
        bench.consume(("a", 1), ("b", 1), ("a", 2))
    assert bench.effects("a") == [1, 2]
    assert bench.effects("b") == [1]


def test_a_message_that_arrives_twice_in_one_batch_has_one_effect(bench: Bench) -> None:
    bench.consume(("a", 1), ("a", 1), ("a", 2), ("a", 2))
    assert bench.effects("a") == [1, 2]


def test_versions_with_gaps_are_in_order_because_not_every_event_is_public(bench: Bench) -> None:
    bench.consume(("a", 2), ("a", 7))
    bench.consume(("a", 9))
    assert bench.effects("a") == [2, 7, 9]


def test_messages_of_a_stream_that_come_in_the_wrong_order_in_one_batch_are_handled_in_the_right_one(
    bench: Bench,
) -> None:
    bench.consume(("a", 3), ("b", 1), ("a", 1), ("a", 2))
    assert bench.effects("a") == [1, 2, 3]
    assert bench.effects("b") == [1]


def test_a_message_that_comes_after_its_successor_is_late_and_not_lost(bench: Bench) -> None:
    bench.consume(("a", 1), ("a", 3))
    for _ in range(2):
        bench.consume(("a", 2), ("a", 3), ("a", 4))
    assert bench.effects("a") == [1, 3, 2, 4]


def test_only_the_last_versions_are_remembered_one_by_one(bench: Bench) -> None:
    bench.consume(*(("a", sequence) for sequence in range(2, 2 * REMEMBERED)))
    bench.consume(("a", 1), ("a", 2 * REMEMBERED - 1))
    assert bench.effects("a") == list(range(2, 2 * REMEMBERED))


def test_two_handlers_each_hear_everything(bench: Bench) -> None:
    other = Inbox(bench.store, f"{bench.prefix}-other", bench.handler)
    bench.consume(("a", 1))
    other.consume(batch_of(bench.body("a", 1)))
    assert bench.effects("a") == [1, 1]


def test_a_poison_message_parks_its_own_sequence_and_the_others_go_on(bench: Bench) -> None:
    bench.poison("bad", 2)
    bench.consume(("bad", 1), ("good", 1), ("bad", 2), ("good", 2), ("bad", 3), ("good", 3))
    bench.consume(("bad", 4), ("good", 4))
    assert bench.effects("good") == [1, 2, 3, 4]
    assert bench.effects("bad") == [1]
    assert bench.waiting() == {"bad": 3}


def test_a_poison_message_is_tried_a_bounded_number_of_times(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.consume(("bad", 1))
    whole_batch = 1
    assert len(bench.handler.calls) == whole_batch + TRIES


def test_a_refusal_parks_at_once(bench: Bench) -> None:
    bench.handler.refused.add((bench.stream("bad"), 1))
    bench.consume(("bad", 1))
    [shown] = bench.parked.show(bench.head())
    assert (shown.cause, shown.tries) == ("refused", 1)
    assert shown.error == "[test.refused] Refused: the business says no"


def test_a_parked_message_that_is_sent_again_is_not_parked_again(bench: Bench) -> None:
    bench.poison("bad", 1)
    for _ in range(3):
        bench.consume(("bad", 1), ("bad", 2))
    assert bench.waiting() == {"bad": 2}


def test_retrying_starts_with_the_first_and_drains_in_order(bench: Bench) -> None:
    bench.poison("bad", 2)
    bench.consume(*(("bad", sequence) for sequence in range(1, 6)))
    bench.heal()
    last = bench.parked.show(bench.head())[-1]
    retried = bench.parked.retry(last.parked_id, OLGA)
    assert (retried.handled, retried.left, retried.error) == (4, 0, None)
    assert bench.effects("bad") == [1, 2, 3, 4, 5]
    assert bench.waiting() == {}


def test_after_a_retry_the_sequence_flows_again(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.consume(("bad", 1))
    bench.heal()
    bench.parked.retry(bench.head(), OLGA)
    bench.consume(("bad", 2))
    assert bench.effects("bad") == [1, 2]


def test_a_retry_that_fails_stops_there_and_says_why(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.poison("bad", 3)
    bench.consume(*(("bad", sequence) for sequence in range(1, 5)))
    bench.handler.poison.discard((bench.stream("bad"), 1))
    retried = bench.parked.retry(bench.head(), OLGA)
    assert (retried.handled, retried.left) == (2, 2)
    assert "cannot digest" in (retried.error or "")
    assert bench.effects("bad") == [1, 2]
    assert bench.parked.show(bench.head())[0].sequence == 3


def test_skipping_needs_a_reason(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.consume(("bad", 1))
    with pytest.raises(InvalidInput):
        bench.parked.skip(bench.head(), OLGA, reason="  ")
    assert bench.waiting() == {"bad": 1}


def test_a_skipped_message_has_no_effect_and_its_successor_is_first(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.consume(("bad", 1), ("bad", 2), ("bad", 3))
    skipped = bench.head()
    bench.parked.skip(skipped, OLGA, reason="the merchant does not exist")
    bench.parked.retry(bench.head(), OLGA)
    assert bench.effects("bad") == [2, 3]
    with bench.store.transaction() as tx:
        row = tx.connection.execute(
            "SELECT state, settled_by, reason FROM parked WHERE parked_id = %s", (skipped,)
        ).fetchone()
    assert row == {"state": "skipped", "settled_by": "operator:olga", "reason": "the merchant does not exist"}


def test_only_the_first_of_a_sequence_can_be_skipped(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.consume(("bad", 1), ("bad", 2))
    behind = bench.parked.show(bench.head())[1]
    assert behind.cause == "behind"
    with pytest.raises(NotFirstOfItsSequence):
        bench.parked.skip(behind.parked_id, OLGA, reason="no")


def test_what_was_settled_cannot_be_settled_again(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.consume(("bad", 1))
    parked_id = bench.head()
    bench.parked.skip(parked_id, OLGA, reason="a test")
    settle: list[Callable[[], object]] = [
        lambda: bench.parked.skip(parked_id, OLGA, reason="again"),
        lambda: bench.parked.retry(parked_id, OLGA),
        lambda: bench.parked.show(parked_id),
    ]
    for again in settle:
        with pytest.raises(ParkedNotFound):
            again()


def test_bytes_that_cannot_be_read_are_parked_whole_and_block_nobody(bench: Bench) -> None:
    garbage = f"garbage {bench.prefix}".encode()
    bench.inbox.consume(batch_of(garbage, bench.body("a", 1), garbage))
    assert bench.effects("a") == [1]
    [shown] = bench.parked.show(bench.head())
    assert (shown.cause, shown.body) == ("unreadable", garbage.decode())


def test_counts_and_ages_are_told_per_handler(bench: Bench) -> None:
    bench.poison("bad", 1)
    bench.poison("worse", 1)
    bench.consume(("bad", 1), ("bad", 2), ("worse", 1))
    [summary] = [each for each in bench.parked.summary() if each.handler == bench.prefix]
    assert (summary.sequences, summary.messages) == (2, 3)
    assert summary.oldest_seconds >= 0


@pytest.fixture
def postgres(session_folder: Path) -> Iterator[LocalPostgres]:
    """A server of this test's own, so that it may be killed."""
    server = LocalPostgres(session_folder / "postgres-inbox", durable=False)
    server.start()
    yield server
    server.stop()


def test_while_the_database_is_away_nothing_is_parked_and_afterwards_all_goes_on(postgres: LocalPostgres) -> None:
    with fresh_database(postgres.url, ("support",)) as database:
        bench = Bench(PostgresStore(database.url("support"), MASTER_KEY), "outage")
        bench.consume(("a", 1))
        postgres.kill()
        for _ in range(TRIES + 1):
            with pytest.raises(psycopg.OperationalError):
                bench.consume(("a", 2), ("b", 1))
        postgres.start()
        bench.consume(("a", 2), ("b", 1))
        assert bench.effects("a") == [1, 2]
        assert bench.effects("b") == [1]
        assert bench.waiting() == {}
        bench.store.close()
