"""Looks how far everything is, over connections that it keeps, so that looking costs the run next to nothing."""

from dataclasses import dataclass
from typing import Any

import psycopg
from kombu import Connection

from deploy.faults.layout import Layout
from deploy.faults.shovel import QUEUE
from deploy.faults.synthetic import HEARD, PARTITIONS, PUBLISHERS
from shared.eventstore import connecting
from shared.messaging.consumer import CONNECTION_ERRORS
from shared.messaging.topology import inbox_queues

AWAY: tuple[type[BaseException], ...] = (psycopg.OperationalError, *CONNECTION_ERRORS)
QUEUES = (QUEUE, *(queue for service in HEARD for queue in inbox_queues(service, PARTITIONS)))
_KINDS = ("events", "logged", "relayed", "followed")
_PUBLISHER = """
(SELECT coalesce(sum(version), 0)::bigint FROM "{0}".streams) AS "{0} events",
(SELECT coalesce(max(position), 0) FROM "{0}".log) AS "{0} logged",
coalesce((SELECT position FROM "{0}".relay_position), 0) AS "{0} relayed",
coalesce((SELECT position FROM "{0}".follower_positions WHERE name = 'totals.v1'), 0) AS "{0} followed"
"""
_SUBSCRIBER = '(SELECT coalesce(max(seq), 0) FROM "{0}".effects) AS "{0} effects"'
_LOOK = "SELECT " + ",".join(
    [_PUBLISHER.format(service) for service in PUBLISHERS] + [_SUBSCRIBER.format(service) for service in HEARD]
)
# Every message has an effect at each of its two subscribers; `Noticed` is told to nobody.
_OWED = "SELECT 2 * ({}) - ({}) AS owed".format(
    " + ".join(f"(SELECT count(*) FROM \"{service}\".events WHERE type <> 'Noticed')" for service in PUBLISHERS),
    " + ".join(f'(SELECT count(*) FROM "{service}".effects)' for service in HEARD),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far everything is, for the backlog and for the end."""

    events: tuple[int, ...]
    logged: tuple[int, ...]
    relayed: tuple[int, ...]
    followed: tuple[int, ...]
    effects: tuple[int, ...]
    waiting: int

    @property
    def caught_up(self) -> bool:
        return self.events == self.logged == self.relayed == self.followed and self.waiting == 0


class Watch:
    """One pair of eyes, with a connection to each backend."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._store: connecting.Connection | None = None
        self._broker: Connection | None = None
        self._channel: Any = None

    def look(self) -> Progress | None:
        """How far everything is; None while a backend is away."""
        try:
            row = self._row(_LOOK)
            waiting = self._waiting()
        except AWAY:
            self.close()
            return None
        of = {kind: tuple(row[f"{service} {kind}"] for service in PUBLISHERS) for kind in _KINDS}
        effects = tuple(row[f"{service} effects"] for service in HEARD)
        return Progress(of["events"], of["logged"], of["relayed"], of["followed"], effects, waiting)

    def owes(self) -> bool:
        """Whether messages must still have effects: a subscriber may hold some that lie in no queue."""
        try:
            return int(self._row(_OWED)["owed"]) > 0
        except AWAY:
            self.close()
            return True

    def close(self) -> None:
        store, self._store = self._store, None
        broker, self._broker, self._channel = self._broker, None, None
        if store is not None:
            store.close()
        if broker is not None:
            broker.collect()

    def _row(self, query: str) -> dict[str, Any]:
        if self._store is None:
            self._store = connecting.connect(self._layout.admin_postgres)
        row = self._store.execute(query.encode()).fetchone()
        assert row is not None
        return row

    def _waiting(self) -> int:
        """Messages that lie in queues and are with nobody."""
        if self._channel is None:
            self._broker = Connection(self._layout.admin_amqp, connect_timeout=5)
            self._channel = self._broker.channel()
        return sum(self._channel.queue_declare(queue=queue, passive=True).message_count for queue in QUEUES)
