"""Writes a service's log to a file that others can read without the database: Parquet, or one JSON object a line.

Rows are read from one snapshot and written as they come, so memory does not grow with the log. Events leave as they
are stored: personal fields stay sealed, and whoever is forgotten is forgotten in every export too.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from psycopg.rows import tuple_row

from shared.eventstore.connecting import connect

CHUNK = 5_000
LINE = (
    '{"position":%d,"hash":"%s","stream_id":%s,"version":%d,"event_id":%s,"type":%s,"schema_version":%d,'
    '"recorded_at":"%s","metadata":%s,"data":%s}\n'
)

_LOG = """
SELECT l.position, encode(l.hash, 'hex'), e.stream_id, e.version, e.event_id, e.type, e.schema_version,
       e.recorded_at, e.metadata::text, e.data::text
FROM log l JOIN events e ON e.stream_id = l.stream_id AND e.version = l.version
WHERE l.position > %s AND l.position <= %s
ORDER BY l.position
"""

Row = tuple[Any, ...]
Tell = Callable[[int, int], None]


class Format(StrEnum):
    """What can be written."""

    PARQUET = "parquet"
    JSON_LINES = "jsonl"


class Sink(Protocol):
    """Takes rows of the log, in order, until it is closed."""

    def write(self, rows: Sequence[Row]) -> None:
        """One chunk."""

    def close(self) -> None:
        """What was written is whole."""


def export_log(
    dsn: str,
    path: Path,
    form: Format,
    after: int = 0,
    until: int | None = None,
    tell: Tell = lambda _done, _total: None,
) -> int:
    """Writes the positions after `after`, up to and with `until` (None: the end of the log); returns how many.

    The file appears under its name only when it is whole.
    """
    part = path.with_name(f"{path.name}.part")
    written = 0
    try:
        with _rows(dsn, after, until) as (total, chunks), _sink(part, form) as sink:
            for chunk in chunks:
                sink.write(chunk)
                written += len(chunk)
                tell(written, total)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return written


@contextmanager
def _rows(dsn: str, after: int, until: int | None) -> Iterator[tuple[int, Iterator[list[Row]]]]:
    """How many rows there are, and the rows in chunks, all as of one moment."""
    with connect(dsn) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(f"SET LOCAL {setting} = 0".encode())
        end = connection.execute("SELECT coalesce(max(position), 0) AS log_end FROM log").fetchone()
        assert end is not None, "an aggregate always has a row"
        last = int(end["log_end"]) if until is None else min(until, int(end["log_end"]))
        with connection.cursor("export", row_factory=tuple_row) as cursor:
            cursor.execute(_LOG, (after, last))
            yield max(last - after, 0), iter(lambda: cursor.fetchmany(CHUNK), [])


@contextmanager
def _sink(path: Path, form: Format) -> Iterator[Sink]:
    sink: Sink = JsonLines(path) if form is Format.JSON_LINES else Parquet(path)
    try:
        yield sink
    finally:
        sink.close()


class JsonLines:
    """One object a line; `data` and `metadata` are the very text that the store keeps."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, rows: Sequence[Row]) -> None:
        self._file.writelines(map(_line, rows))

    def close(self) -> None:
        self._file.close()


def _line(row: Row) -> str:
    position, digest, stream_id, version, event_id, type_name, schema_version, recorded_at, metadata, data = row
    texts = (json.dumps(text, ensure_ascii=False) for text in (stream_id, event_id, type_name))
    quoted_stream, quoted_event, quoted_type = texts
    return LINE % (
        position,
        digest,
        quoted_stream,
        version,
        quoted_event,
        quoted_type,
        schema_version,
        recorded_at.isoformat(),
        metadata,
        data,
    )


class Parquet:
    """Columns with a row group a chunk; `data` and `metadata` are the exact text, so the hashes can be checked."""

    def __init__(self, path: Path) -> None:
        # Heavy, and needed by nobody but whoever exports.
        import pyarrow as pa
        from pyarrow import parquet

        self._new_table = pa.Table.from_arrays
        self._array = pa.array
        self._schema = pa.schema(
            [
                ("position", pa.int64()),
                ("hash", pa.string()),
                ("stream_id", pa.string()),
                ("version", pa.int64()),
                ("event_id", pa.string()),
                ("type", pa.dictionary(pa.int32(), pa.string())),
                ("schema_version", pa.int32()),
                ("recorded_at", pa.timestamp("us", tz="UTC")),
                ("metadata", pa.string()),
                ("data", pa.string()),
            ]
        )
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        columns = zip(*rows, strict=True)
        arrays = [self._array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._new_table(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()
