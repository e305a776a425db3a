"""Looks for somebody's personal data everywhere that the platform keeps anything, however it is spelled there."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pika
import psycopg
from psycopg import sql
from pyarrow import parquet

from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from shared.eventstore.model import StoredEvent
from shared.eventstore.postgres import PostgresStore
from shared.messaging.topology import LOG_STREAM, inbox_queues
from tests.contract.listening import read_stream

COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE NOT (table_schema IN ('pg_catalog', 'information_schema') OR starts_with(table_schema, 'pg_toast'))
  AND table_type = 'BASE TABLE' ORDER BY 1, 2, 3
"""


def spellings(text: str) -> set[str]:
    """A text as it is, as JSON, URLs and SQL write it, in hexadecimal, and in base64 wherever it begins there."""
    raw = text.encode()
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(json.dumps(text))[2:-2],
        quote(text),
        quote(text, safe="").replace("%20", "+"),
        raw.hex(),
        raw.hex().upper(),
        *(_inside_base64(raw, before) for before in range(3)),
    }


def _inside_base64(raw: bytes, before: int) -> str:
    """What base64 shows of some bytes behind `before` others, without the digits that hold neighbours' bits too."""
    first = (0, 2, 3)[before]
    whole = (before + len(raw)) * 8 // 6
    return base64.b64encode(bytes(before) + raw).decode()[first:whole]


class Search:
    """Where any of some texts is."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._needles = sorted({spelled for text in texts for spelled in spellings(text)})
        self._raw = [needle.encode() for needle in self._needles]

    def in_bytes(self, content: bytes) -> bool:
        return any(needle in content for needle in self._raw)

    def in_tables(self, admin_url: str) -> list[str]:
        """The columns of any schema, of whatever type, of which a row shows one of them; as text, which is the
        hexadecimal digits of bytes."""
        found = []
        with psycopg.connect(admin_url) as connection:
            for schema, table, column in connection.execute(COLUMNS).fetchall():
                query = sql.SQL(
                    "SELECT count(*) FROM {} WHERE EXISTS (SELECT FROM unnest(%s::text[]) needle"
                    " WHERE strpos({}::text, needle) > 0)"
                ).format(sql.Identifier(schema, table), sql.Identifier(column))
                row = connection.execute(query, (self._needles,)).fetchone()
                if row is not None and row[0]:
                    found.append(f"{schema}.{table}.{column}: {row[0]} rows")
        return found

    def in_files(self, folder: Path, *without: Path) -> list[str]:
        """The files under a folder that show one of them, but for those under `without`."""
        return [
            str(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not any(path.is_relative_to(other) for other in without)
            if self.in_bytes(contents(path))
        ]

    def in_messages(self, bodies: Iterable[bytes]) -> list[bytes]:
        return [body for body in bodies if self.in_bytes(body)]


def contents(path: Path) -> bytes:
    """The bytes of a file; of Parquet, which is compressed, those of its values."""
    if path.suffix == ".parquet":
        return "\n".join(map(str, parquet.read_table(path).to_pylist())).encode()
    try:
        return path.read_bytes()
    except FileNotFoundError:  # A log or a segment that was just rotated away.
        return b""


@dataclass(frozen=True, slots=True)
class Drained:
    """True when no message waits in any queue; shows which do."""

    waiting: dict[str, int]

    def __bool__(self) -> bool:
        return not self.waiting


def drained(platform: Platform) -> Drained:
    """Looks into the queues of the platform, inboxes and those for what the broker set aside."""
    partitions = platform.settings["order"].partitions
    queues = [name for service in SERVICES for name in (*inbox_queues(service, partitions), f"{service}.dead")]
    with pika.BlockingConnection(pika.URLParameters(platform.environment.amqp_urls["admin"])) as connection:
        channel = connection.channel()
        counts = {queue: channel.queue_declare(queue, passive=True).method.message_count for queue in queues}
    return Drained({queue: count for queue, count in counts.items() if count})


def streamed(platform: Platform, until: bytes) -> list[bytes]:
    """All of the log stream, from its first offset to the message that holds `until`."""
    return read_stream(platform.environment.amqp_urls["admin"], LOG_STREAM, lambda bodies: until in bodies[-1])


def whole_log(platform: Platform, service: str) -> Iterator[tuple[PostgresStore, Sequence[StoredEvent]]]:
    """Every event of a service from the first on, as a follower reads them."""
    settings = platform.settings[service]
    store = PostgresStore(settings.postgres_url, settings.master_key)
    try:
        position = 0
        while events := store.log_after(position):
            yield store, events
            position = events[-1].position
    finally:
        store.close()
