"""The store in memory keeps the promises of every store."""

import pytest

from shared.eventstore.memory import MemoryStore, Records
from shared.eventstore.ports import Store
from tests.unit.eventstore.suite import WritingSuite
from tests.unit.eventstore.suite_over_time import LaterSuite
from tests.unit.eventstore.suite_snapshots import SnapshotSuite


class MemoryWorld:
    def __init__(self) -> None:
        self.records = Records()
        self.store: Store = self.another_store()

    def another_store(self) -> Store:
        return MemoryStore(records=self.records)

    def sequence(self) -> None:
        """The log is always up to date."""


class TestMemoryStore(WritingSuite, LaterSuite, SnapshotSuite):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()

    def test_it_has_no_database_connection(self, world: MemoryWorld) -> None:
        with pytest.raises(RuntimeError), world.store.transaction() as transaction:
            transaction.connection.execute("SELECT 1")
