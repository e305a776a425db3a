"""Fills an order service's store with past orders: history, chain, log, keys and read models, by COPY.

The store's own API writes about a thousand events a second, so that a million orders would take hours. What is copied
is what it would have written: the stories come from it, the chain is computed by `chain.link`, and afterwards
`doorstep log verify` and a rebuild of the read models find nothing to object to. Nobody else may write meanwhile.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import Queue

from services.order.wiring import PROJECTIONS
from shared.eventstore.chain import link
from shared.eventstore.connecting import Connection, connect
from shared.eventstore.sequencer import try_lead
from shared.eventstore.vault import master_key_from, new_key, wrap
from shared.kernel.ids import uuid7_text
from shared.messaging.outbox import RELAY
from tests.bench.scale.printing import Order, Press, fresh_uuid, sealer
from tests.bench.scale.stories import READ_MODELS, Told
from tests.unit.order.facts import NOON

CHUNK = 10_000
MOST_WAITING = 200
ORDERS_PER_CUSTOMER = 20
MERCHANTS = 200
SPAN = timedelta(days=330)
_EVENTS = "events (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)"
_FOLLOWERS = ("reactions", "payments", *(projection.follower.name for projection in PROJECTIONS))
_BALANCES = """
INSERT INTO account_balances (account, currency, cents)
SELECT account, currency, sum(cents) FROM (
    SELECT debit AS account, currency, cents FROM ledger_lines
    UNION ALL SELECT credit, currency, -cents FROM ledger_lines) moved
GROUP BY account, currency
"""


@dataclass(slots=True)
class Head:
    """The end of the log."""

    position: int
    hash: bytes


class Seeding:
    """`merchant_ids` are registered already, and their events have their place in the log."""

    def __init__(self, dsn: str, master_key: str, told: list[Told], merchant_ids: list[str], count: int) -> None:
        self._dsn = dsn
        self._presses = [Press(each) for each in told]
        self._shares = [press.share for press in self._presses]
        self._merchants = merchant_ids
        self._count = count
        self._dice = random.Random(count)
        master = master_key_from(master_key)
        self._customers = [
            f"cus_{fresh_uuid(1_700_000_000_000)}" for _ in range(max(1, count // ORDERS_PER_CUSTOMER))
        ]
        keys = [new_key() for _ in self._customers]
        self._sealers = [sealer(key, who) for who, key in zip(self._customers, keys, strict=True)]
        self._wrapped = [wrap(master, key, who) for who, key in zip(self._customers, keys, strict=True)]
        ends = datetime.now(UTC).replace(microsecond=0) - timedelta(days=62)
        self._first = ends - SPAN
        self.events = 0

    def run(self, tell: Callable[[str], None]) -> None:
        """Everything, or an exception and a store that is of no use."""
        with connect(self._dsn) as connection:
            assert try_lead(connection, "order"), "somebody sequences this store: stop its tail first"
            connection.execute("SET statement_timeout = 0")
            began = time.monotonic()
            self._keys(connection)
            [row] = connection.execute("SELECT position, hash FROM sequencer_state").fetchall()
            head = Head(row["position"], row["hash"])
            for first in range(0, self._count, CHUNK):
                self._chunk(first, min(CHUNK, self._count - first), head)
                seconds = time.monotonic() - began
                done = min(first + CHUNK, self._count)
                tell(f"{done:,} orders, {self.events:,} events, {self.events / seconds:,.0f} events/s")
            self._finish(connection, head)

    def _keys(self, connection: Connection) -> None:
        with connection.cursor().copy("COPY subjects (subject_id, wrapped_key) FROM STDIN") as copy:
            for who, wrapped in zip(self._customers, self._wrapped, strict=True):
                copy.write_row((who, wrapped))

    def _chunk(self, first: int, count: int, head: Head) -> None:
        """One connection a table, so that PostgreSQL writes some of them at once."""
        with ExitStack() as undo:
            tables = {"events": _EVENTS, "log": "log", "streams": "streams"}
            write = {name: undo.enter_context(_copying(self._dsn, into)) for name, into in tables.items()}
            rows: dict[str, list[str]] = {table: [] for table in READ_MODELS}
            for order in self._orders(first, count):
                press = self._dice.choices(self._presses, self._shares)[0]
                values = press.values(order)
                events, log = [], []
                for fields in press.events(values, order):
                    head.position += 1
                    head.hash = link(head.hash, head.position, fields)
                    stream_id, version, event_id, type_name, schema, data, metadata, recorded_at = fields
                    events.append(
                        f"{stream_id}\t{version}\t{event_id}\t{type_name}\t{schema}\t{_escaped(data)}"
                        f"\t{_escaped(metadata)}\t{recorded_at}\n"
                    )
                    log.append(f"{head.position}\t{stream_id}\t{version}\t\\\\x{head.hash.hex()}\n")
                self.events += len(events)
                write["events"]("".join(events))
                write["log"]("".join(log))
                write["streams"](
                    "".join(
                        [f"{text.filled(values)}\t{category}\t{last}\n" for text, category, last in press.streams]
                    )
                )
                for table, texts in press.rows.items():
                    rows[table] += [text.filled(values) for text in texts]
        with connect(self._dsn) as connection:
            connection.execute("SET statement_timeout = 0")
            for table, made in rows.items():
                connection.execute(
                    f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s::json)",
                    (f"[{','.join(made)}]",),
                )

    def _orders(self, first: int, count: int) -> Iterator[Order]:
        """In the order of their time, so that ids, streams and log run together as in a store that grew."""
        step = SPAN / self._count
        for number in range(first, first + count):
            placed = (self._first + number * step).replace(microsecond=0)
            unix_ms = int(placed.timestamp() * 1000)
            who = self._dice.randrange(len(self._customers))
            yield Order(
                uuid=uuid7_text(unix_ms + number % 1000, random.randbytes(10)),
                customer_id=self._customers[who],
                merchant_id=self._dice.choice(self._merchants),
                later=placed - NOON,
                unix_ms=unix_ms,
                seal=self._sealers[who],
            )

    def _finish(self, connection: Connection, head: Head) -> None:
        """The sequencer has seen it all, the followers have been past it, and it has been told long ago."""
        connection.execute(_BALANCES)
        with connection.transaction():
            connection.execute(
                "UPDATE sequencer_state SET position = %s, hash = %s, snapshot = pg_current_snapshot()",
                (head.position, head.hash),
            )
            for name in _FOLLOWERS:
                connection.execute(
                    "INSERT INTO follower_positions (name, position) VALUES (%s, %s)"
                    " ON CONFLICT (name) DO UPDATE SET position = EXCLUDED.position",
                    (name, head.position),
                )
            connection.execute(
                "INSERT INTO relay_position (relay, position) VALUES (%s, %s)"
                " ON CONFLICT (relay) DO UPDATE SET position = EXCLUDED.position",
                (RELAY, head.position),
            )


@contextmanager
def _copying(dsn: str, into: str) -> Iterator[Callable[[str], None]]:
    """Copies what it is given in a thread of its own, so that printing goes on while PostgreSQL writes."""
    waiting: Queue[str | None] = Queue(MOST_WAITING)
    with ThreadPoolExecutor(1) as threads:
        copied = threads.submit(_copy, dsn, into, waiting)
        try:
            yield waiting.put
        finally:
            waiting.put(None)
        copied.result()


def _copy(dsn: str, into: str, waiting: "Queue[str | None]") -> None:
    broken: Exception | None = None
    try:
        with connect(dsn) as connection:
            connection.execute("SET statement_timeout = 0; SET synchronous_commit = off")
            with connection.cursor().copy(f"COPY {into} FROM STDIN") as copy:
                while (text := waiting.get()) is not None:
                    copy.write(text)
    except Exception as error:  # noqa: BLE001 - whoever prints must not wait for ever for room in the queue
        broken = error
        while waiting.get() is not None:
            pass
    if broken is not None:
        raise broken


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\") if "\\" in text else text
