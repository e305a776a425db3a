"""Builds a projection again from the log while the old one serves, and puts it in its place in one transaction.

The projection's `apply` runs as a role that may read the log and write to shadow tables, and nothing else: whatever
has effects elsewhere is refused by the database. Its position is kept beside the shadow tables, so a rebuild that was
killed goes on where it last committed. At the end the live follower is held for one transaction, in which the rest of
the log is applied, the rows that differ are changed in the live tables, and the live position is set.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from shared.eventstore import rows, shadow
from shared.eventstore.connecting import Connection, connect
from shared.eventstore.postgres import PostgresStore, PostgresTransaction, read
from shared.eventstore.projection import Projection
from shared.eventstore.shadow import Shadow, TableShape

BATCH = 2_000
MOST_AT_SWITCH = 2_000
SWITCH_ATTEMPTS = 20
RETIRED = 2**63 - 1
"""Where the followers of other versions of the same projection are put: they must not touch the new rows."""

_PAGE = f"""
SELECT {rows.EVENT_COLUMNS}, l.position
FROM log l JOIN events e ON e.stream_id = l.stream_id AND e.version = l.version
WHERE l.position > %s AND l.position <= %s AND (%s::text[] IS NULL OR e.type = ANY(%s::text[]))
ORDER BY l.position
"""


class RebuildRunning(Exception):
    """Another process is at this rebuild now."""


class RebuildFailed(Exception):
    """An event could not be applied; the old projection serves on, and the shadow waits for better code."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild has come: the last position applied, the end of the log, and events a second so far."""

    position: int
    end: int
    rate: float


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did. `differed` counts, by table, the rows that were not what the log says."""

    position: int
    resumed_from: int
    events: int
    seconds: float
    switch_seconds: float
    differed: dict[str, int]

    @property
    def rate(self) -> float:
        return self.events / self.seconds if self.seconds else 0.0


Tell = Callable[[Progress], None]


def rebuild(
    admin_dsn: str,
    service: str,
    projection: Projection,
    master_key: bytes | str,
    tell: Tell = lambda _progress: None,
    batch: int = BATCH,
) -> Rebuilt:
    """Rebuilds one projection, or goes on with a rebuild of it that was killed.

    `admin_dsn` logs in as the owner of the schemas, as migrations do. Raises RebuildRunning, RebuildFailed or
    NotRebuildable; in each case the old projection serves on.
    """
    with _alone(admin_dsn, service, projection) as (owner, place):
        tables = shadow.shapes(owner, place)
        shadow.prepare(owner, place, tables)
        with closing(PostgresStore(place.dsn(admin_dsn), master_key, pool_size=1)) as store:
            rebuilt = _Work(store, place, tables, tell, batch).run()
        shadow.drop(owner, place)
    return rebuilt


def abandon(admin_dsn: str, service: str, projection: Projection) -> None:
    """Forgets a rebuild that was killed; the next one starts at the beginning of the log."""
    with _alone(admin_dsn, service, projection) as (owner, place):
        shadow.drop(owner, place)


@contextmanager
def _alone(admin_dsn: str, service: str, projection: Projection) -> Iterator[tuple[Connection, Shadow]]:
    with closing(connect(admin_dsn)) as owner:
        place = Shadow(owner.info.dbname, service, projection)
        got = owner.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS mine", (place.schema,)
        ).fetchone()
        if got is None or not got["mine"]:
            raise RebuildRunning(f"{projection.name} of {service} is being rebuilt by another process")
        yield owner, place


class _Work:
    """One run of a rebuild."""

    def __init__(self, store: PostgresStore, place: Shadow, tables: list[TableShape], tell: Tell, batch: int) -> None:
        self._store = store
        self._place = place
        self._projection = place.projection
        self._follower = place.projection.follower.name
        self._tables = tables
        self._tell = tell
        self._batch = batch
        self._started = time.monotonic()
        self._resumed_from = store.follower_position(self._follower)

    def run(self) -> Rebuilt:
        for _ in range(SWITCH_ATTEMPTS):
            self._catch_up()
            began = time.monotonic()
            try:
                switched = self._switch()
            except psycopg.errors.LockNotAvailable:
                continue
            if switched is not None:
                position, differed = switched
                seconds = time.monotonic() - self._started
                events = position - self._resumed_from
                return Rebuilt(position, self._resumed_from, events, seconds, time.monotonic() - began, differed)
        raise RebuildFailed(f"the live follower could not be held in {SWITCH_ATTEMPTS} attempts; start it again")

    def _catch_up(self) -> None:
        while True:
            try:
                position, end = self._store.run(lambda tx: self._step(tx, self._batch))
            except psycopg.OperationalError:
                raise
            except Exception:
                self._find_failing()
                raise
            seconds = time.monotonic() - self._started
            self._tell(Progress(position, end, (position - self._resumed_from) / max(seconds, 0.001)))
            if position >= end:
                return

    def _find_failing(self) -> None:
        """A batch fails as a whole: applies it one event at a time, to say which it was."""
        while True:
            try:
                position, end = self._store.run(lambda tx: self._step(tx, 1))
            except psycopg.OperationalError:
                raise
            except Exception as error:
                at = self._store.follower_position(self._follower) + 1
                raise RebuildFailed(f"position {at} cannot be applied: {error}") from error
            if position >= end:
                return

    def _step(self, tx: PostgresTransaction, limit: int) -> tuple[int, int]:
        """Applies what comes next; the position after it and the end of the log."""
        connection = tx.connection
        place = connection.execute(
            "SELECT position, (SELECT coalesce(max(position), 0) FROM log) AS log_end"
            " FROM follower_positions WHERE name = %s FOR UPDATE",
            (self._follower,),
        ).fetchone()
        assert place is not None, "the shadow is made with its position"
        after, end = int(place["position"]), int(place["log_end"])
        until = min(after + limit, end)
        types = None if self._projection.types is None else sorted(self._projection.types)
        events = read(connection, _PAGE, (after, until, types, types)) if until > after else []
        # Statements whose answer nobody reads are sent without waiting for it.
        with connection.pipeline():
            if self._projection.apply_many is not None:
                self._projection.apply_many(tx, events)
            else:
                for event in events:
                    self._projection.apply(tx, event)
            connection.execute("UPDATE follower_positions SET position = %s WHERE name = %s", (until, self._follower))
        return until, end

    def _switch(self) -> tuple[int, dict[str, int]] | None:
        """The new for the old in one transaction; None when too much was left to do while the live one waits."""
        with self._store.transaction() as tx:
            connection = tx.connection
            self._as_owner(connection)
            for setting in ("statement_timeout = 0", "lock_timeout = '5s'", "synchronous_commit = on"):
                connection.execute(sql.SQL(f"SET LOCAL {setting}"))
            self._hold_live(connection)
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(self._place.role)))
            position, end = self._step(tx, MOST_AT_SWITCH)
            if position < end:
                return None
            self._as_owner(connection)
            differed = {table.name: shadow.merge(connection, self._place, table) for table in self._tables}
            self._set_live(connection, position)
        return position, differed

    def _as_owner(self, connection: Connection) -> None:
        connection.execute("SET LOCAL ROLE NONE")

    def _positions(self) -> sql.Identifier:
        return sql.Identifier(self._place.service, shadow.POSITIONS)

    def _hold_live(self, connection: Connection) -> None:
        """Waits for a batch of the live follower to end, and lets no other begin before this transaction does."""
        connection.execute(
            sql.SQL("INSERT INTO {} (name, position) VALUES (%s, 0) ON CONFLICT DO NOTHING").format(
                self._positions()
            ),
            (self._follower,),
        )
        connection.execute(
            sql.SQL("SELECT FROM {} WHERE starts_with(name, %s) ORDER BY name FOR UPDATE").format(self._positions()),
            (f"{self._projection.name}.v",),
        )

    def _set_live(self, connection: Connection, position: int) -> None:
        connection.execute(
            sql.SQL(
                "UPDATE {} SET position = CASE WHEN name = %s THEN %s::bigint ELSE %s::bigint END"
                " WHERE starts_with(name, %s)"
            ).format(self._positions()),
            (self._follower, position, RETIRED, f"{self._projection.name}.v"),
        )
