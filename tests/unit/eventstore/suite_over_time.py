"""What every event store promises about later: deadlines, followers, and people who want to be forgotten."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from shared.eventstore.because import of_deadline
from shared.eventstore.follower import Follower
from shared.eventstore.model import DueDeadline, StoredEvent
from shared.eventstore.ports import Store, Transaction
from shared.eventstore.projection import Projection
from shared.kernel.errors import StaleVersion
from tests.unit.eventstore.suite import World, append, undone
from tests.unit.eventstore.tabs import (
    CLOSE_AFTER,
    CODEC,
    NOON,
    REMIND_AFTER,
    TABS,
    Tab,
    TabClosed,
    TabEvent,
    TabIsClosed,
    context,
    opened,
    tab_id,
    tea,
)


class Deadlines:
    LATE = NOON + timedelta(days=1)

    def fired(self, store: Store, now: datetime = LATE) -> list[DueDeadline]:
        found: list[DueDeadline] = []
        store.take_due(now, lambda _, due: found.append(due))
        return found

    def test_a_deadline_fires_once_when_it_is_due_and_survives_a_restart(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened())
        store = world.another_store()
        assert self.fired(store, NOON + REMIND_AFTER - timedelta(seconds=1)) == []
        remind = DueDeadline(stream, "remind", NOON + REMIND_AFTER)
        assert self.fired(store, NOON + REMIND_AFTER) == [remind]
        assert self.fired(world.another_store()) == [DueDeadline(stream, "close", NOON + CLOSE_AFTER)]
        assert self.fired(store) == []

    def test_a_deadline_that_was_cleared_does_not_fire(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened())
        append(world.store, stream, 1, tea(), TabClosed("paid"))
        assert self.fired(world.store) == []

    def test_a_deadline_set_and_cleared_in_one_append_does_not_fire(self, world: World) -> None:
        append(world.store, tab_id(), 0, opened(), TabClosed("mistake"))
        assert self.fired(world.store) == []

    def test_a_deadline_set_again_moves(self, world: World) -> None:
        stream, later = tab_id(), NOON + timedelta(hours=2)
        append(world.store, stream, 0, opened())
        append(world.store, stream, 1, opened(at=later))
        assert self.fired(world.store, NOON + CLOSE_AFTER) == []
        assert [due.due_at for due in self.fired(world.store)] == [later + REMIND_AFTER, later + CLOSE_AFTER]

    def test_a_deadline_knows_which_append_set_it(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, tea())
        append(world.store, stream, 1, opened(), tea())
        assert [due.set_by for due in self.fired(world.store)] == [3, 3]

    def test_what_a_deadline_leads_to_follows_from_the_event_that_set_it(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened())
        append(world.store, stream, 1, tea())
        [set_by, _] = world.store.stream(stream)

        def act(transaction: Transaction, due: DueDeadline) -> None:
            with of_deadline(transaction, due, "system:deadline", self.LATE) as because:
                transaction.execute(TABS, stream, lambda _: [tea()], because)

        world.store.take_due(self.LATE, act, limit=1)
        followed = world.store.stream(stream)[-1]
        assert (followed.causation_id, followed.actor) == (set_by.event_id, "system:deadline")
        assert (followed.correlation_id, followed.traceparent) == (set_by.correlation_id, set_by.traceparent)

    def test_a_refused_append_sets_no_deadline(self, world: World) -> None:
        stream = tab_id()
        with pytest.raises(StaleVersion):
            append(world.store, stream, 4, opened())
        assert self.fired(world.store) == []

    def test_what_a_deadline_does_commits_with_its_removal(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened())

        def close(transaction: Transaction, due: DueDeadline) -> None:
            transaction.execute(TABS, due.stream_id, lambda tab: [TabClosed(due.name)] * (not tab.closed), context())

        assert world.store.take_due(self.LATE, close, limit=1) == 1
        assert world.store.take_due(self.LATE, close) == 0
        assert world.store.load(TABS, stream).state.closed == "remind"

    def test_a_failing_deadline_blocks_no_other_and_is_tried_again_later(self, world: World) -> None:
        bad, good = sorted((tab_id(), tab_id()))
        append(world.store, bad, 0, opened())
        append(world.store, good, 0, opened())
        tried: list[str] = []

        def fail_for_bad(transaction: Transaction, due: DueDeadline) -> None:
            tried.append(due.stream_id)
            if due.stream_id == bad:
                transaction.append(TABS, bad, 1, [tea()], context())
                raise TabIsClosed("no")

        now = NOON + REMIND_AFTER
        assert world.store.take_due(now, fail_for_bad) == 1
        assert tried == [bad, good]
        assert world.store.take_due(now, fail_for_bad) == 0
        assert tried == [bad, good]
        assert world.store.load(TABS, bad).version == 1
        assert [due.stream_id for due in self.fired(world.store, now + timedelta(seconds=1))] == [bad]

    def test_a_stale_deadline_is_tried_again_at_once(self, world: World) -> None:
        stream, tries = tab_id(), []
        append(world.store, stream, 0, opened())

        def stale_once(transaction: Transaction, due: DueDeadline) -> None:
            tries.append(due)
            transaction.append(TABS, stream, len(tries) - 1, [tea()], context())

        assert world.store.take_due(NOON + REMIND_AFTER, stale_once) == 1
        assert len(tries) == 2

    def test_several_processes_fire_each_deadline_once_between_them(self, world: World) -> None:
        for _ in range(20):
            append(world.store, tab_id(), 0, opened())

        def act(transaction: Transaction, due: DueDeadline) -> None:
            transaction.execute(TABS, due.stream_id, lambda _: [tea(1)], context())

        def process(_number: int) -> int:
            store, total = world.another_store(), 0
            while fired := store.take_due(self.LATE, act, limit=7):
                total += fired
            return total

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(process, range(4))) == 40


class Following:
    def test_a_follower_is_handed_each_event_once_in_order_across_restarts(self, world: World) -> None:
        first, second = tab_id(), tab_id()
        append(world.store, first, 0, opened(), tea())
        append(world.store, second, 0, opened())
        append(world.store, first, 2, tea())
        world.sequence()
        seen: list[StoredEvent] = []
        name = tab_id()
        assert world.store.follow(name, lambda _, event: seen.append(event), limit=3) == 3
        assert world.another_store().follow(name, lambda _, event: seen.append(event)) == 1
        assert world.store.follow(name, lambda _, event: seen.append(event)) == 0
        assert [event.position for event in seen] == [1, 2, 3, 4]
        assert [(event.stream_id, event.version) for event in seen if event.stream_id == first] == [
            (first, 1),
            (first, 2),
            (first, 3),
        ]
        assert seen == world.store.log_after(0)
        assert world.store.follower_position(name) == world.store.log_position() == 4

    def test_a_follower_may_take_many_events_at_once_and_none_twice(self, world: World) -> None:
        source = tab_id()
        append(world.store, source, 0, opened(), *[tea()] * 4)
        world.sequence()
        batches: list[list[int]] = []
        name = tab_id()

        def take(_transaction: Transaction, events: Sequence[StoredEvent]) -> None:
            batches.append([event.position for event in events])

        assert [world.store.follow_batches(name, take, limit=3) for _ in range(3)] == [3, 2, 0]
        assert batches == [[1, 2, 3], [4, 5]]

    def test_events_before_one_that_fails_are_done_when_taken_many_at_once(self, world: World) -> None:
        source = tab_id()
        append(world.store, source, 0, opened(), tea(1), tea(2))
        world.sequence()
        name = tab_id()
        done: list[int] = []

        def refuse_the_third(_transaction: Transaction, events: Sequence[StoredEvent]) -> None:
            if any(event.version == 3 for event in events):
                raise TabIsClosed("no")
            done.extend(event.version for event in events)

        assert world.store.follow_batches(name, refuse_the_third) == 2
        assert (done, world.store.follower_position(name)) == ([1, 2], 2)

    def test_effects_and_position_of_a_follower_commit_together(self, world: World) -> None:
        source, target = tab_id(), tab_id()
        append(world.store, source, 0, opened(), tea(1), tea(2))
        world.sequence()

        def stop_at_2(transaction: Transaction, event: StoredEvent) -> None:
            transaction.execute(TABS, target, lambda _: [tea(1)], context())
            if event.data.get("cents") == 2:
                raise TabIsClosed("no")

        name = tab_id()
        assert world.store.follow(name, stop_at_2) == 2
        assert (world.store.follower_position(name), world.store.load(TABS, target).state.cents) == (2, 2)
        with pytest.raises(TabIsClosed):
            world.store.follow(name, stop_at_2)
        assert (world.store.follower_position(name), world.store.load(TABS, target).state.cents) == (2, 2)

    def test_one_follower_runs_in_one_place_at_a_time(self, world: World) -> None:
        append(world.store, tab_id(), 0, opened())
        world.sequence()
        name, inner = tab_id(), []

        def handle(_transaction: Transaction, _event: StoredEvent) -> None:
            inner.append(world.another_store().follow(name, lambda *_: inner.append(99)))

        assert world.store.follow(name, lambda *_: None, limit=1) == 1
        append(world.store, tab_id(), 0, opened())
        world.sequence()
        assert world.store.follow(name, handle) == 1
        assert inner == [0]

    def test_racing_followers_of_one_name_do_each_event_once(self, world: World) -> None:
        source, target, name = tab_id(), tab_id(), tab_id()
        append(world.store, source, 0, *[tea(1) for _ in range(120)])
        world.sequence()

        def copy(transaction: Transaction, event: StoredEvent) -> None:
            # The copies are in the log too, and a racer may be handed them after the last original.
            if event.stream_id == source:
                transaction.execute(TABS, target, lambda _: [tea(event.data["cents"])], context())

        def process(_number: int) -> None:
            store = world.another_store()
            while store.follower_position(name) < 120:
                store.follow(name, copy, limit=10)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(process, range(3)))
        assert world.store.load(TABS, target).state.cents == 120

    def test_a_new_version_of_a_projection_starts_at_the_beginning(self, world: World) -> None:
        append(world.store, tab_id(), 0, opened(), tea())
        world.sequence()
        seen: list[int] = []
        name = tab_id()
        old = Projection(name, 1, lambda _, event: seen.append(event.position))
        assert (old.run(world.store), old.run(world.store)) == (2, 0)
        assert Projection(name, 2, old.apply).run(world.store) == 2
        assert Follower(f"{name}.v2", old.apply).run(world.store) == 0
        assert seen == [1, 2, 1, 2]

    def test_the_log_is_paged_by_position(self, world: World) -> None:
        append(world.store, tab_id(), 0, *[tea() for _ in range(5)])
        world.sequence()
        assert [event.position for event in world.store.log_after(1, limit=2)] == [2, 3]
        assert world.store.log_after(5) == []


class PersonalData:
    def test_personal_data_is_sealed_in_the_store_and_open_in_the_state(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened(phone="+86 139 9876 5432"))
        [stored] = world.store.stream(stream)
        assert "9876" not in str(stored.data)
        assert world.another_store().load(TABS, stream).state.phone == "+86 139 9876 5432"

    def test_a_follower_can_open_what_is_sealed(self, world: World) -> None:
        append(world.store, tab_id(), 0, opened(phone="+1"))
        world.sequence()
        seen: list[TabEvent] = []

        def decode(transaction: Transaction, event: StoredEvent) -> None:
            seen.append(CODEC.decode(event.type, event.schema_version, event.data, transaction.vault))

        world.store.follow(tab_id(), decode)
        assert seen == [opened(phone="+1")]

    def test_a_forgotten_person_is_gone_from_every_stream_in_every_process(self, world: World) -> None:
        first, second, other, witness = tab_id(), tab_id(), tab_id(), world.another_store()
        append(world.store, first, 0, opened("cus_gone"), tea())
        append(world.store, second, 0, opened("cus_gone"))
        append(world.store, other, 0, opened("cus_stays"))
        assert witness.load(TABS, first).state.phone is not None
        world.store.forget("cus_gone")
        for store in (world.store, witness, world.another_store()):
            assert [store.load(TABS, stream).state.phone for stream in (first, second)] == [None, None]
            assert store.load(TABS, first).state.cents == 300
            assert store.load(TABS, other).state.phone is not None

    def test_what_is_said_of_a_forgotten_person_later_is_stored_and_unreadable(self, world: World) -> None:
        stream = tab_id()
        world.store.forget("cus_late")
        append(world.store, stream, 0, opened("cus_late"))
        append(world.another_store(), stream, 1, opened("cus_late"))
        assert world.store.load(TABS, stream).state == Tab("cus_late", None)

    def test_forgetting_is_undone_with_its_transaction(self, world: World) -> None:
        stream = tab_id()
        append(world.store, stream, 0, opened("cus_back"))

        def forget(transaction: Transaction) -> None:
            transaction.vault.forget("cus_back")
            assert transaction.load(TABS, stream).state.phone is None

        undone(world.store, forget)
        assert world.store.load(TABS, stream).state.phone is not None

    def test_a_key_made_in_a_transaction_that_fails_leaves_the_person_readable(self, world: World) -> None:
        stream = tab_id()
        undone(world.store, lambda transaction: transaction.append(TABS, stream, 0, [opened("cus_retry")], context()))
        append(world.store, stream, 0, opened("cus_retry"))
        assert world.another_store().load(TABS, stream).state.phone is not None

    def test_concurrent_first_mentions_of_a_person_share_one_key(self, world: World) -> None:
        streams, together = [tab_id() for _ in range(4)], Barrier(4)

        def mention(stream: str) -> None:
            together.wait(10)
            append(world.another_store(), stream, 0, opened("cus_new"))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(mention, streams))
        assert {world.store.load(TABS, stream).state.phone for stream in streams} == {"+86 138 0000 0000"}


class LaterSuite(Deadlines, Following, PersonalData):
    """What becomes true in time."""
