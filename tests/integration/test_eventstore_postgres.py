"""The store on PostgreSQL keeps the promises of every store, and those that only a database can keep."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.backends import Backends
from shared.eventstore.ports import Store
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from tests.support.database import fresh_database
from tests.unit.eventstore.suite import WritingSuite
from tests.unit.eventstore.suite_over_time import LaterSuite
from tests.unit.eventstore.suite_snapshots import SnapshotSuite
from tests.unit.eventstore.tabs import MASTER_KEY


class PostgresWorld:
    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self.dsn = dsn
        self._stack = stack
        self._sequencer = Sequencer(dsn)
        stack.callback(self._sequencer.close)
        self.store: Store = self.another_store()

    def another_store(self) -> Store:
        store = PostgresStore(self.dsn, MASTER_KEY)
        self._stack.callback(store.close)
        return store

    def sequence(self) -> None:
        self._sequencer.tick()


class TestPostgresStore(WritingSuite, LaterSuite, SnapshotSuite):
    @pytest.fixture
    def world(self, backends: Backends) -> Iterator[PostgresWorld]:
        with fresh_database(backends.postgres_url, ("order",)) as database, ExitStack() as stack:
            yield PostgresWorld(database.url("order"), stack)
