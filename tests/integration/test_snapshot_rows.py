"""Snapshots in PostgreSQL: nothing personal in plain, nothing lost with them, none from writers who come too late."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from deploy.local.backends import Backends
from shared.eventstore.postgres import PostgresStore
from tests.support.database import Database, fresh_database
from tests.unit.eventstore.suite_snapshots import drink, folded
from tests.unit.eventstore.tabs import MASTER_KEY, TABS, context, long_tabs, opened, tab_id, tea

STREAM = "tab_1"


@pytest.fixture
def database(backends: Backends) -> Iterator[Database]:
    with fresh_database(backends.postgres_url, ("order",)) as made:
        yield made


@pytest.fixture
def store(database: Database) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database.url("order"), MASTER_KEY)) as made:
        yield made


def test_no_row_shows_a_person(database: Database, store: PostgresStore) -> None:
    drink(store, long_tabs(), STREAM, 10)
    with psycopg.connect(database.url("order")) as connection:
        [(version, state)] = connection.execute("SELECT version, state::text FROM snapshots").fetchall()
    assert version == 10
    phone = opened().phone
    assert phone is not None
    assert phone not in state
    assert set(json.loads(state)["phone"]) == {"sealed"}


def test_deleting_all_of_them_loses_nothing(database: Database, store: PostgresStore) -> None:
    drink(store, long_tabs(), STREAM, 10)
    before = store.load(long_tabs(), STREAM)
    with psycopg.connect(database.url("order"), autocommit=True) as connection:
        connection.execute("DELETE FROM snapshots")
    assert store.load(long_tabs(), STREAM) == before
    assert folded(store, STREAM) == 11


def test_of_many_writers_the_last_snapshot_is_the_one_that_stays(store: PostgresStore) -> None:
    stream, tabs = tab_id(), long_tabs(every=3)
    store.append(TABS, stream, 0, [opened()], context())

    def write(_number: int) -> None:
        for _ in range(10):
            store.run(lambda tx: tx.execute(tabs, stream, lambda _: [tea()], context()), attempts=100)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert store.load(TABS, stream).version == 41
    assert folded(store, stream) < 3
