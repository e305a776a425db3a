"""Proves, from the stores and an independent ear on the wire, that nothing was lost and nothing was done twice.

It reads every service's schema with the administrator's connection and changes nothing. What it checks:

- appended = sequenced: every event is in `log` once, positions are dense, streams in order, the hash chain whole;
- outbound = published: every public message that a logged event leads to was heard on the wire, in stream order;
- published = taken in: every subscriber's inbox is at the last message of each of its streams, nothing is parked;
- effects once: each message led to exactly one fact in analytics, and to no event twice anywhere;
- followers and relays are at the end of their logs, and no deadline that is due was left lying.
"""

import importlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from deploy.city.audit import Heard
from shared.contracts.envelope import Envelope
from shared.contracts.message import SERVICES, Channel, Message, source_name
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.verify import verify_log
from shared.messaging.outbox import Outbox
from shared.messaging.outgoing import Wire
from shared.messaging.tail import TailSpec

_LATE = timedelta(minutes=10)
"""A deadline this long past due (virtual time) was forgotten, not merely waiting for its turn."""

_READ_LIMIT = 1000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Service:
    """What the checker must know of a service: how it turns events into messages, and what it listens to."""

    tail: TailSpec
    subscribed: tuple[type[Message], ...]

    @property
    def name(self) -> str:
        return self.tail.service


@dataclass(frozen=True, slots=True)
class Published:
    """A message that a stored event must have led to."""

    message_id: str
    source: str
    type: str
    subject: str
    partition_key: str
    sequence: int


@dataclass
class Verdict:
    """`lost` and `duplicated` name each thing found; `broken` is whatever else is not as it must be."""

    events: int = 0
    messages: int = 0
    heard_again: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.broken)


def services_of(settings: Mapping[str, Any]) -> list[Service]:
    """The five services as their own wiring describes them; `settings` by service name."""
    known = []
    for name in SERVICES:
        wiring = importlib.import_module(f"services.{name}.wiring")
        inbound = importlib.import_module(f"services.{name}.inbound")
        known.append(Service(wiring.tail_spec(settings[name]), tuple(inbound.SUBSCRIBED)))
    return known


class History:
    """One look at the whole platform, through a superuser's connection."""

    def __init__(self, admin_url: str, services: Sequence[Service]) -> None:
        self._url = admin_url
        self._services = services

    def check(self, heard: Heard, now: datetime) -> Verdict:
        """Looks at everything; call it when the platform has come to rest, or what is under way counts as lost."""
        verdict = Verdict()
        with psycopg.connect(self._url, row_factory=dict_row, autocommit=True) as connection:
            published: list[Published] = []
            for service in self._services:
                rows = _events(connection, service.name)
                verdict.events += len(rows)
                _check_store(connection, service.name, rows, verdict)
                _check_chain(service.tail, verdict)
                _check_positions(connection, service.name, now, verdict)
                published += _published(service.tail)
            _check_wire(published, heard, verdict)
            for service in self._services:
                _check_inbox(connection, service, published, verdict)
                _check_effects(connection, service.name, verdict)
            _check_facts(connection, published, verdict)
        return verdict


def _query(connection: psycopg.Connection[Row], schema: str, text: str) -> list[Row]:
    names = {table: sql.Identifier(schema, table) for table in _TABLES}
    return connection.execute(sql.SQL(text).format(**names)).fetchall()


_TABLES = ("events", "log", "inbox_position", "parked", "relay_position", "follower_positions", "deadlines")


def _events(connection: psycopg.Connection[Row], schema: str) -> list[Row]:
    return _query(
        connection,
        schema,
        """SELECT e.stream_id, e.version, e.event_id, l.position
             FROM {events} e LEFT JOIN {log} l USING (stream_id, version)
            ORDER BY l.position, e.stream_id, e.version""",
    )


def _check_store(connection: psycopg.Connection[Row], schema: str, rows: Sequence[Row], verdict: Verdict) -> None:
    positions = [row["position"] for row in rows if row["position"] is not None]
    verdict.lost += [f"{schema}: {row['event_id']} is not in the log" for row in rows if row["position"] is None]
    logged = _query(connection, schema, "SELECT count(*) AS count FROM {log}")[0]["count"]
    if positions != list(range(1, len(positions) + 1)) or logged != len(positions):
        verdict.broken.append(f"{schema}: positions are not dense")
    last: dict[str, int] = {}
    for row in rows:
        if row["version"] != last.get(row["stream_id"], 0) + 1:
            verdict.broken.append(f"{schema}: {row['stream_id']} is out of order at version {row['version']}")
        last[row["stream_id"]] = row["version"]
    seen = Counter(row["event_id"] for row in rows)
    verdict.duplicated += [f"{schema}: event id {identity} twice" for identity, times in seen.items() if times > 1]


def _check_positions(connection: psycopg.Connection[Row], schema: str, now: datetime, verdict: Verdict) -> None:
    end = _query(connection, schema, "SELECT coalesce(max(position), 0) AS end FROM {log}")[0]["end"]
    for row in _query(connection, schema, "SELECT name, position FROM {follower_positions}"):
        if row["position"] != end:
            verdict.lost.append(f"{schema}: follower {row['name']} is at {row['position']} of {end}")
    for row in _query(connection, schema, "SELECT relay, position FROM {relay_position}"):
        if row["position"] != end:
            verdict.lost.append(f"{schema}: relay {row['relay']} is at {row['position']} of {end}")
    for row in _query(connection, schema, "SELECT stream_id, name, due_at FROM {deadlines}"):
        if row["due_at"] < now - _LATE:
            verdict.broken.append(f"{schema}: deadline {row['name']} of {row['stream_id']} was due {row['due_at']}")
    for row in _query(connection, schema, "SELECT stream_id, type, error FROM {parked} WHERE state = 'parked'"):
        verdict.broken.append(f"{schema}: {row['type']} of {row['stream_id']} is parked: {row['error']}")


def _check_chain(tail: TailSpec, verdict: Verdict) -> None:
    for problem in verify_log(tail.postgres_url).problems:
        verdict.broken.append(f"{tail.service}: {problem.where}: {problem.reason}")


def _published(tail: TailSpec) -> Iterator[Published]:
    """What the relay has to have said: the service's own log through its own outbound mapping."""
    store = PostgresStore(tail.postgres_url, tail.master_key or os.environ["DOORSTEP_MASTER_KEY"], pool_size=2)
    try:
        outbox, position = Outbox(store, tail.codecs, tail.outbound), 0
        while publications := outbox.read(position, _READ_LIMIT):
            for publication in publications:
                yield from map(_message, publication.wires)
            position = publications[-1].position
    finally:
        store.close()


def _message(wire: Wire) -> Published:
    envelope = Envelope.from_bytes(wire.body)
    return Published(
        message_id=wire.message_id,
        source=envelope.source,
        type=envelope.type,
        subject=wire.stream_id,
        partition_key=wire.partition_key,
        sequence=envelope.sequence,
    )


def _public(published: Sequence[Published]) -> list[Published]:
    sources = {source_name(name, Channel.PUBLIC) for name in SERVICES}
    return [message for message in published if message.source in sources]


def _check_wire(published: Sequence[Published], heard: Heard, verdict: Verdict) -> None:
    expected = {message.message_id: message for message in _public(published)}
    verdict.messages = len(expected)
    verdict.heard_again = sum(times - 1 for times in heard.times.values())
    for identity, message in expected.items():
        if identity not in heard.times:
            verdict.lost.append(f"{message.type} {identity} was never heard on the wire")
    for identity in heard.times:
        if identity not in expected:
            verdict.broken.append(f"message {identity} was heard, and no event leads to it")
    verdict.broken += [f"on the wire: {fault}" for fault in heard.out_of_order]


def _check_inbox(
    connection: psycopg.Connection[Row], service: Service, published: Sequence[Published], verdict: Verdict
) -> None:
    wanted = {(message.source(), message.type_name()) for message in service.subscribed}
    last: dict[tuple[str, str, str], Published] = {}
    for message in published:
        if (message.source, message.type) in wanted:
            last[message.source, message.subject, message.partition_key] = message
    rows = _query(connection, service.name, "SELECT source, stream_id, partition_key, version FROM {inbox_position}")
    reached = {(row["source"], row["stream_id"], row["partition_key"]): row["version"] for row in rows}
    for key, message in last.items():
        if reached.get(key, 0) < message.sequence:
            verdict.lost.append(
                f"{service.name} heard {message.subject} up to {reached.get(key, 0)}, not {message.type} "
                f"({message.sequence})"
            )


def _check_effects(connection: psycopg.Connection[Row], schema: str, verdict: Verdict) -> None:
    """One cause has one effect of a kind on a stream, whatever was sent or tried again.

    What a book's `entry` says is its kind: one capture may be posted and pass a tip on. A rider who is lost loses
    everything that he has in hand, each delivery once.
    """
    rows = _query(
        connection,
        schema,
        """SELECT metadata->>'causation_id' AS cause, stream_id, type, count(*) AS times
             FROM {events} WHERE metadata->>'causation_id' IS NOT NULL
            GROUP BY 1, 2, 3, data->>'entry', data->>'delivery_id' HAVING count(*) > 1""",
    )
    verdict.duplicated += [
        f"{schema}: {row['cause']} led to {row['type']} on {row['stream_id']} {row['times']} times" for row in rows
    ]


def _check_facts(connection: psycopg.Connection[Row], published: Sequence[Published], verdict: Verdict) -> None:
    """Analytics hears everything public: each message is one fact there, no more and no less."""
    rows = _query(connection, "analytics", "SELECT metadata->>'causation_id' AS cause FROM {events}")
    facts = Counter(row["cause"] for row in rows)
    for message in _public(published):
        if message.source == source_name("analytics", Channel.PUBLIC):
            continue
        times = facts[message.message_id]
        if times == 0:
            verdict.lost.append(f"analytics has no fact of {message.type} {message.message_id}")
        elif times > 1:
            verdict.duplicated.append(f"analytics has {times} facts of {message.type} {message.message_id}")


def summarise(verdict: Verdict, limit: int = 20) -> str:
    """The findings as a few lines of JSON for a person to read."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind in ("lost", "duplicated", "broken"):
        found[kind] = getattr(verdict, kind)[:limit]
    return json.dumps({key: value for key, value in found.items() if value}, indent=2)
