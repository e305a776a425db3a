"""Rows of a read model are read once, folded in memory and written once, whatever types their columns have."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.local.backends import Backends
from shared.eventstore.batched import BatchedRows
from shared.eventstore.connecting import Connection, connect
from tests.support.database import fresh_database

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
FULL: dict[str, Any] = {
    "id": "茶 \"'\\,{}",
    "count": 2**53 + 1,
    "share": 0.1 + 0.2,
    "at": NOON,
    "state": {"deep": [1, None, "x\n"]},
    "tags": ["a", 'b,"c"'],
    "yes": True,
    "note": None,
}


@pytest.fixture
def connection(backends: Backends) -> Iterator[Connection]:
    with fresh_database(backends.postgres_url, ("order",)) as database, closing(connect(database.admin_url)) as made:
        made.execute(
            "CREATE TABLE kept (id text PRIMARY KEY, count bigint, share double precision, at timestamptz,"
            " state jsonb, tags text[], yes boolean, note text)"
        )
        yield made


def rows(connection: Connection, *keys: str) -> BatchedRows:
    return BatchedRows(connection, "kept", "id", keys)


def stored(connection: Connection) -> list[dict[str, Any]]:
    return connection.execute("SELECT * FROM kept ORDER BY id").fetchall()


def test_a_row_comes_back_as_it_was_put(connection: Connection) -> None:
    batch = rows(connection, FULL["id"])
    batch.put(FULL)
    batch.write()
    assert stored(connection) == [FULL]
    assert rows(connection, FULL["id"]).get(FULL["id"]) == FULL


def test_a_part_of_a_row_leaves_the_rest_as_it_is(connection: Connection) -> None:
    first = rows(connection, "a")
    first.put({**FULL, "id": "a"})
    first.put({"id": "a", "note": "once"})
    first.write()
    second = rows(connection, "a", "b")
    second.put({"id": "a", "count": 7})
    second.put({"id": "b", "tags": []})
    second.write()
    assert stored(connection)[0] == {**FULL, "id": "a", "note": "once", "count": 7}
    assert stored(connection)[1] == {**dict.fromkeys(FULL), "id": "b", "tags": []}


def test_a_row_that_is_dropped_is_gone_and_one_that_comes_back_stays(connection: Connection) -> None:
    batch = rows(connection)
    for key in ("a", "b"):
        batch.put({"id": key})
    batch.write()
    batch = rows(connection, "a", "b")
    for key in ("a", "b"):
        batch.drop(key)
    batch.put({"id": "b", "count": 1})
    batch.write()
    assert [(row["id"], row["count"]) for row in stored(connection)] == [("b", 1)]


def test_a_batch_takes_one_read_and_one_write_and_nothing_when_nothing_changed(connection: Connection) -> None:
    counted = Counting(connection)
    batch = BatchedRows(counted, "kept", "id", [f"id {number}" for number in range(500)])
    for number in range(500):
        batch.put({"id": f"id {number}", "count": number})
    batch.write()
    batch.write()
    BatchedRows(counted, "kept", "id", ()).write()
    assert (counted.statements, len(stored(connection))) == (2, 500)


class Counting:
    """The real connection, and how many statements it was given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements = 0

    def execute(self, *statement: Any) -> Any:
        self.statements += 1
        return self._connection.execute(*statement)
