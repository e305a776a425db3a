"""What every event store promises about snapshots: a shorter way to the same state, and never another state."""

from dataclasses import replace

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.ports import Store, Transaction
from tests.unit.eventstore.suite import World, undone
from tests.unit.eventstore.tabs import TABS, Tab, TabEvent, context, long_tabs, opened, tab_id, tea


def drink(store: Store, tabs: Aggregate[Tab, TabEvent], stream: str, drinks: int) -> None:
    """One command a drink; the first opens the tab."""
    for _ in range(drinks):
        store.execute(tabs, stream, lambda tab: [tea()] if tab.owner_id else [opened(), tea()], context())


def folded(store: Store, stream: str, fold_version: int = 1) -> int:
    """How many events it takes to load the tab, which is the same as without snapshots."""
    told: list[TabEvent] = []
    assert store.load(long_tabs(fold_version, told=told), stream) == store.load(TABS, stream)
    return len(told)


class SnapshotSuite:
    def test_a_long_stream_is_folded_from_its_last_snapshot(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, long_tabs(), stream, 11)
        store = world.another_store()
        assert store.load(TABS, stream).version == 12
        assert folded(store, stream) == 2

    def test_a_short_stream_has_none(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, long_tabs(), stream, 3)
        assert folded(world.store, stream) == 4

    def test_a_kind_that_asks_for_none_gets_none(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, TABS, stream, 20)
        assert folded(world.store, stream) == 21

    def test_a_stream_may_be_loaded_first_and_appended_to_afterwards(self, world: World) -> None:
        stream, tabs = tab_id(), long_tabs()
        with world.store.transaction() as tx:
            served: list[TabEvent] = [opened(), tea(), tea(), tea(), tea()]
            tx.append(tabs, stream, tx.load(tabs, stream).version, served, context())
            assert tx.load(tabs, stream).state.cents == 1200
        assert folded(world.store, stream) == 0

    def test_a_changed_fold_ignores_the_snapshots_of_the_old_one_and_takes_its_own(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, long_tabs(), stream, 9)
        assert folded(world.store, stream, fold_version=2) == 10
        drink(world.store, long_tabs(fold_version=2), stream, 1)
        assert folded(world.store, stream, fold_version=2) == 0

    def test_an_older_release_leaves_the_snapshot_of_a_newer_one_alone(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, long_tabs(fold_version=2), stream, 9)
        drink(world.store, long_tabs(fold_version=1), stream, 9)
        assert folded(world.store, stream, fold_version=2) == 9

    def test_what_is_not_committed_leaves_no_snapshot(self, world: World) -> None:
        stream, tabs = tab_id(), long_tabs()
        drink(world.store, tabs, stream, 1)

        def much(tx: Transaction) -> None:
            tx.execute(tabs, stream, lambda _: [tea()] * 10, context())

        undone(world.store, much)
        assert folded(world.store, stream) == 2

    def test_the_past_is_folded_from_events_alone(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, long_tabs(), stream, 11)
        told: list[TabEvent] = []
        then = world.store.load(long_tabs(told=told), stream, version=11)
        assert (len(told), then.state.cents) == (11, 3000)

    def test_who_is_forgotten_is_gone_from_snapshots_too(self, world: World) -> None:
        stream = tab_id()
        drink(world.store, long_tabs(), stream, 10)
        known = world.store.load(long_tabs(), stream).state
        assert known.phone is not None
        world.store.forget("cus_1")
        assert world.another_store().load(long_tabs(), stream).state == replace(known, phone=None)
        drink(world.store, long_tabs(), stream, 10)
        assert world.store.load(long_tabs(), stream).state.phone is None
