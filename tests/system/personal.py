"""Looks for somebody's personal data everywhere that the platform keeps anything."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pika
import psycopg
from psycopg import sql

from deploy.local.platform import Platform
from shared.contracts.message import SERVICES
from shared.eventstore.model import StoredEvent
from shared.eventstore.postgres import PostgresStore
from shared.messaging.topology import inbox_queues

COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = ANY(%s) AND table_type = 'BASE TABLE' ORDER BY 1, 2, 3
"""


def spellings(secret: str) -> Iterator[str]:
    """A text as it is, and as JSON and bytea would write it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield secret.encode().hex()


def in_tables(platform: Platform, secrets: Sequence[str]) -> list[str]:
    """The columns of any schema, of whatever type, in which a row shows one of the secrets."""
    needles = [spelling for secret in secrets for spelling in spellings(secret)]
    found = []
    with psycopg.connect(platform.admin_url) as connection:
        for schema, table, column in connection.execute(COLUMNS, (list(SERVICES),)).fetchall():
            query = sql.SQL(
                "SELECT count(*) FROM {} WHERE EXISTS (SELECT 1 FROM unnest(%s::text[]) needle"
                " WHERE strpos({}::text, needle) > 0)"
            ).format(sql.Identifier(schema, table), sql.Identifier(column))
            row = connection.execute(query, (needles,)).fetchone()
            if row is not None and row[0]:
                found.append(f"{schema}.{table}.{column}: {row[0]} rows")
    return found


def in_files(folder: Path, secrets: Iterable[str], without: Path) -> list[str]:
    """The files under a folder that show one of the secrets, but for those under `without`."""
    needles = [spelling.encode() for secret in secrets for spelling in spellings(secret)]
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(without)]
    return [str(path) for path in files if any(needle in path.read_bytes() for needle in needles)]


def waiting_messages(platform: Platform, service: str) -> int:
    """How many messages wait for a service, in its inbox or set aside by the broker."""
    settings = platform.settings[service]
    with pika.BlockingConnection(pika.URLParameters(settings.amqp_url)) as connection:
        channel = connection.channel()
        queues = [*inbox_queues(service, settings.partitions), f"{service}.dead"]
        return sum(channel.queue_declare(queue, passive=True).method.message_count for queue in queues)


def whole_log(platform: Platform, service: str) -> Iterator[tuple[PostgresStore, StoredEvent]]:
    """Every event of a service from the first on, as a replay reads them."""
    settings = platform.settings[service]
    store = PostgresStore(settings.postgres_url, settings.master_key)
    try:
        position = 0
        while events := store.log_after(position):
            for event in events:
                yield store, event
            position = events[-1].position
    finally:
        store.close()
