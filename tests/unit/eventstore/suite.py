"""What every event store promises: run against memory in the unit tier and against PostgreSQL in integration."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Protocol

import pytest

from shared.eventstore.model import RecordedAnswer, StoredEvent
from shared.eventstore.ports import Store, Transaction
from shared.kernel.errors import StaleVersion
from tests.unit.eventstore.tabs import (
    NOON,
    TABS,
    Tab,
    TabEvent,
    TabIsClosed,
    context,
    opened,
    tab_id,
    tea,
)


class World(Protocol):
    """A store under test."""

    store: Store

    def another_store(self) -> Store:
        """A second store over the same records, as another process or a restart would make it."""

    def sequence(self) -> None:
        """Brings the log up to date."""


def append(store: Store, stream_id: str, expected_version: int, *events: TabEvent) -> tuple[StoredEvent, ...]:
    with store.transaction() as transaction:
        return transaction.append(TABS, stream_id, expected_version, events, context())


def undone(store: Store, work: Callable[[Transaction], object]) -> None:
    """Does something in a transaction that fails afterwards."""

    def work_and_fail(transaction: Transaction) -> None:
        work(transaction)
        raise TabIsClosed("too late")

    with pytest.raises(TabIsClosed):
        store.run(work_and_fail)


class AppendAndLoad:
    def test_what_was_appended_is_loaded_in_order(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened(), tea(300))
        append(world.store, stream, 2, tea(450))
        loaded = world.another_store().load(TABS, stream)
        assert loaded.version == 3
        assert loaded.state == Tab("cus_1", "+86 138 0000 0000", 750)

    def test_a_stream_without_events_is_at_version_0_in_its_initial_state(self, world: World) -> None:
        loaded = world.store.load(TABS, tab_id())
        assert (loaded.version, loaded.state) == (0, Tab())

    def test_a_stored_event_keeps_who_when_and_because_of_what(self, world: World) -> None:
        stream = tab_id()
        given = context(causation_id="evt_before", traceparent="00-abc-def-01")
        with world.store.transaction() as transaction:
            returned = transaction.append(TABS, stream, 0, [tea()], given)
        [stored] = world.store.stream(stream)
        assert (stored,) == returned
        assert (stored.type, stored.schema_version, stored.version) == ("DrinkAdded", 1, 1)
        assert stored.event_id.startswith("evt_")
        assert (stored.actor, stored.correlation_id) == (given.actor, given.correlation_id)
        assert (stored.causation_id, stored.traceparent) == (given.causation_id, given.traceparent)
        assert (stored.recorded_at, stored.occurred_at) == (given.now, given.occurred_at)
        assert stored.data == {"name": tea().name, "cents": 300}

    def test_a_stream_can_be_read_after_a_version(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened(), tea(), tea())
        assert [event.version for event in world.store.stream(stream, after_version=1)] == [2, 3]

    def test_a_stale_append_is_refused_and_leaves_nothing(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened())
        for stale in (0, 2):
            with pytest.raises(StaleVersion) as refusal:
                append(world.store, stream, stale, tea(), tea())
            assert refusal.value.expected_version == stale
        assert world.store.load(TABS, stream).version == 1

    def test_appending_no_events_changes_nothing(self, world: World) -> None:
        stream = tab_id()
        assert append(world.store, stream, 0) == ()
        assert world.store.stream(stream) == []

    def test_of_two_streams_in_one_transaction_both_are_written_or_none(self, world: World) -> None:
        first, second = tab_id(), tab_id()
        append(world.store, second, 0, opened())

        def both(transaction: Transaction) -> None:
            transaction.append(TABS, first, 0, [opened()], context())
            transaction.append(TABS, second, 0, [opened()], context())

        with pytest.raises(StaleVersion):
            world.store.run(both)
        assert world.store.stream(first) == []

    def test_a_transaction_sees_what_it_appended(self, world: World) -> None:
        stream = tab_id()
        with world.store.transaction() as transaction:
            transaction.append(TABS, stream, 0, [opened()], context())
            transaction.append(TABS, stream, 1, [tea()], context())
            assert transaction.load(TABS, stream).version == 2
            assert world.store.load(TABS, stream).version == 0
        assert world.store.load(TABS, stream).version == 2

    def test_who_checks_a_stream_and_then_decides_about_it_sees_one_version(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened(), tea(300))

        def check_and_decide() -> None:
            with world.store.transaction() as transaction:
                checked = transaction.load(TABS, stream)
                append(world.another_store(), stream, 2, tea(450))
                assert transaction.load(TABS, stream) == checked
                transaction.execute(TABS, stream, lambda _: [tea(100)], context())

        with pytest.raises(StaleVersion):
            check_and_decide()
        assert world.store.load(TABS, stream).state.cents == 750

    def test_of_many_concurrent_appends_at_one_version_exactly_one_wins(self, world: World) -> None:
        stream, together = tab_id(), Barrier(6)
        append(world.store, stream, 0, opened())

        def attempt(_number: int) -> bool:
            together.wait(10)
            try:
                append(world.store, stream, 1, tea())
            except StaleVersion:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(attempt, range(6))) == [False] * 5 + [True]
        assert world.store.load(TABS, stream).version == 2

    def test_concurrent_commands_on_one_stream_all_take_effect(self, world: World) -> None:
        stream = tab_id()

        def order(number: int) -> None:
            world.store.run(
                lambda transaction: transaction.execute(TABS, stream, lambda _: [tea(1)], context()), attempts=50
            )

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(order, range(30)))
        loaded = world.store.load(TABS, stream)
        assert (loaded.version, loaded.state.cents) == (30, 30)

    def test_a_stream_can_be_loaded_as_of_a_version_or_a_time(self, world: World) -> None:
        stream = tab_id()
        for version in range(3):
            at = context(NOON + timedelta(minutes=version))
            world.store.execute(TABS, stream, lambda _: [tea(100)], at)
        assert world.store.load(TABS, stream, version=2).state.cents == 200
        assert world.store.load(TABS, stream, at=NOON + timedelta(minutes=1)).version == 2
        assert world.store.load(TABS, stream, at=NOON - timedelta(minutes=1)).version == 0


class Decisions:
    def test_execute_tells_the_state_after_the_new_events(self, world: World) -> None:
        stream = tab_id()
        world.store.execute(TABS, stream, lambda _: [opened()], context())
        decided = world.store.execute(TABS, stream, lambda tab: [tea(tab.cents + 5)], context())
        assert (decided.version, decided.events, decided.state.cents) == (2, (tea(5),), 5)

    def test_a_decision_for_nothing_appends_nothing(self, world: World) -> None:
        decided = world.store.execute(TABS, tab_id(), lambda _: [], context())
        assert (decided.version, decided.events, decided.state) == (0, (), Tab())

    def test_a_refusal_passes_through_and_nothing_of_its_transaction_stays(self, world: World) -> None:
        stream, tries = tab_id(), []

        def refuse(_: Tab) -> list[TabEvent]:
            tries.append(1)
            raise TabIsClosed("the tab is closed")

        def work(transaction: Transaction) -> None:
            transaction.append(TABS, stream, 0, [opened()], context())
            transaction.execute(TABS, stream, refuse, context())

        with pytest.raises(TabIsClosed):
            world.store.run(work)
        assert (tries, world.store.stream(stream)) == ([1], [])

    def test_stale_work_is_tried_again_from_the_start_and_at_most_so_often(self, world: World) -> None:
        tries = []

        def work(transaction: Transaction) -> None:
            tries.append(1)
            transaction.append(TABS, tab_id(), 7, [tea()], context())

        with pytest.raises(StaleVersion):
            world.store.run(work, attempts=3)
        assert len(tries) == 3


class Idempotency:
    ANSWER = RecordedAnswer("sha", 201, '{"ok":true}', {"ETag": '"1"'})

    def test_an_answer_is_recalled_as_it_was_remembered(self, world: World) -> None:
        key = tab_id()
        with world.store.transaction() as transaction:
            assert transaction.recall(key) is None
            transaction.remember(key, self.ANSWER)
            assert transaction.recall(key) == self.ANSWER
        with world.another_store().transaction() as transaction:
            assert transaction.recall(key) == self.ANSWER

    def test_an_answer_is_forgotten_with_its_transaction(self, world: World) -> None:
        key = tab_id()
        undone(world.store, lambda transaction: transaction.remember(key, self.ANSWER))
        with world.store.transaction() as transaction:
            assert transaction.recall(key) is None

    def test_of_two_requests_with_one_key_one_acts_and_the_other_gets_its_answer(self, world: World) -> None:
        key, together = tab_id(), Barrier(2)

        def request(number: int) -> str:
            tries: list[int] = []

            def work(transaction: Transaction) -> str:
                tries.append(1)
                recorded = transaction.recall(key)
                if len(tries) == 1:
                    together.wait(10)
                if recorded is not None:
                    return recorded.body
                transaction.append(TABS, tab_id(), 0, [tea()], context())
                transaction.remember(key, RecordedAnswer("sha", 200, str(number), {}))
                return str(number)

            return world.store.run(work)

        with ThreadPoolExecutor(2) as pool:
            answers = set(pool.map(request, range(2)))
        assert len(answers) == 1


class WritingSuite(AppendAndLoad, Decisions, Idempotency):
    """What is true as soon as a transaction has committed."""
