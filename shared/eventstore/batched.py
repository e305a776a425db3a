"""Rows of a read model, read once and written once however many events of a batch touch them.

A statement an event makes the round trip the price of a projection. With this a projection folds its events into rows
in memory, in order, one way for one event and for a thousand.
"""

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any

from psycopg import sql
from pydantic_core import to_json

from shared.eventstore.follower import Handle
from shared.eventstore.model import StoredEvent
from shared.eventstore.ports import Transaction

Row = dict[str, Any]


class BatchedRows:
    """Rows of one table whose primary key is one text column. What was not asked for counts as missing.

    Values are what psycopg reads: what JSON can say, and times. A column that a new row leaves out is NULL.
    """

    def __init__(self, connection: Any, table: str, key: str, keys: Collection[str]) -> None:
        self._connection = connection
        self._table = table
        self._key = key
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, None] = {}
        if keys:
            found = connection.execute(_statements(table, key, ())[0], (sorted(set(keys)),))
            self._rows = {row[key]: row for row in found}

    def get(self, key: str) -> Row | None:
        """The row as it is by now; changes must be `put`."""
        return self._rows.get(key)

    def put(self, row: Row) -> None:
        """The whole row, or the columns that change of a row that is there."""
        key = row[self._key]
        self._rows[key] = {**self._rows.get(key, {}), **row}
        self._changed[key] = None

    def drop(self, key: str) -> None:
        self._rows.pop(key, None)
        self._changed[key] = None

    def write(self) -> None:
        """Writes what has changed: one statement for rows that are there, one for rows that are gone."""
        kept = [self._rows[key] for key in self._changed if key in self._rows]
        gone = [key for key in self._changed if key not in self._rows]
        self._changed.clear()
        if kept:
            columns = tuple(sorted({name for row in kept for name in row}))
            _, upsert, _ = _statements(self._table, self._key, columns)
            self._connection.execute(upsert, (to_json(kept).decode(),))
        if gone:
            self._connection.execute(_statements(self._table, self._key, ())[2], (gone,))


def one_at_a_time(apply_many: Callable[[Transaction, Sequence[StoredEvent]], None]) -> Handle:
    """What folds a batch, as what folds one event."""

    def apply(transaction: Transaction, stored: StoredEvent) -> None:
        apply_many(transaction, (stored,))

    return apply


@lru_cache(maxsize=256)
def _statements(table: str, key: str, columns: tuple[str, ...]) -> tuple[sql.Composed, sql.Composed, sql.Composed]:
    """Reads rows, inserts or updates them, deletes them. The table's own row type says what JSON becomes."""
    names = {
        "table": sql.Identifier(table),
        "key": sql.Identifier(key),
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "changes": _changes([name for name in columns if name != key]),
    }
    return (
        sql.SQL("SELECT * FROM {table} WHERE {key} = ANY(%s)").format(**names),
        sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)"
            " ON CONFLICT ({key}) DO {changes}"
        ).format(**names),
        sql.SQL("DELETE FROM {table} WHERE {key} = ANY(%s)").format(**names),
    )


def _changes(columns: Sequence[str]) -> sql.Composable:
    if not columns:
        return sql.SQL("NOTHING")
    changes = [sql.SQL("{name} = EXCLUDED.{name}").format(name=sql.Identifier(name)) for name in columns]
    return sql.SQL("UPDATE SET {}").format(sql.SQL(", ").join(changes))
