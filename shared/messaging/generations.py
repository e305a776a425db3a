"""Which queues a service's inbox has now: agreed in the service's own schema, so that all its processes read them.

Who declares queues at the broker holds the agreement still meanwhile; who changes it waits for them.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from shared.eventstore.connecting import Connection, connect
from shared.messaging.batch import Arrived
from shared.messaging.topology import inbox_exchange, inbox_queues

MAX_PARTITIONS = 256
_LOCK = "hashtextextended(current_schema() || '.inbox_generations', 0)"


@dataclass(frozen=True, slots=True)
class Generation:
    """One set of queues. `state`: filling, current, drained (its queues are to be removed) or removed."""

    number: int
    partitions: int
    state: str = "current"

    def queues(self, service: str) -> tuple[str, ...]:
        return inbox_queues(service, self.partitions, self.number)

    def exchange(self, service: str) -> str:
        return inbox_exchange(service, self.number)


@dataclass(frozen=True, slots=True)
class Layout:
    """The generations of one inbox, oldest first, without those that are gone."""

    generations: tuple[Generation, ...]

    @property
    def current(self) -> Generation:
        """The one that the service's processes read."""
        return next(each for each in self.generations if each.state == "current")

    @property
    def filling(self) -> Generation | None:
        """The next one, while a change is under way: messages go there already, and the current one gets no more."""
        return next((each for each in self.generations if each.state == "filling"), None)

    @property
    def drained(self) -> Generation | None:
        """The former one, while its queues are still there."""
        return next((each for each in self.generations if each.state == "drained"), None)


def read_layout(connection: Connection, partitions: int) -> Layout:
    """The layout as agreed; the first to ask agrees on one generation of `partitions` queues."""
    connection.execute(
        """INSERT INTO inbox_generations (generation, partitions, state)
           SELECT 1, %s, 'current' WHERE NOT EXISTS (SELECT 1 FROM inbox_generations)
           ON CONFLICT DO NOTHING""",
        (partitions,),
    )
    rows = connection.execute(
        "SELECT generation, partitions, state FROM inbox_generations WHERE state <> 'removed' ORDER BY generation"
    ).fetchall()
    return Layout(tuple(Generation(row["generation"], row["partitions"], row["state"]) for row in rows))


@contextmanager
def agreed(postgres_url: str, partitions: int) -> Iterator[Layout]:
    """The layout, which nobody changes within the block: for declaring it at the broker."""
    with connect(postgres_url) as connection, connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock_shared({_LOCK})".encode())
        yield read_layout(connection, partitions)


@contextmanager
def changing(postgres_url: str, partitions: int) -> Iterator[tuple[Connection, Layout]]:
    """The layout and the transaction to change it in, once nobody declares the former one any more."""
    with connect(postgres_url) as connection, connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})".encode())
        yield connection, read_layout(connection, partitions)


@dataclass(frozen=True, slots=True)
class Mark:
    """The last message of a queue: when it has come, all that came before it in that queue is committed."""

    queue: str
    round: int

    def to_bytes(self) -> bytes:
        return json.dumps({"queue": self.queue, "round": self.round}).encode()


def parted(service: str, arrived: Sequence[Arrived]) -> tuple[tuple[Arrived, ...], tuple[Arrived, ...]]:
    """Messages of other services, and marks: their routing key is a queue's name, which no type of message is."""
    inbox = f"{service}.inbox"
    marks = tuple(each for each in arrived if each.routing_key.startswith(inbox))
    return tuple(each for each in arrived if not each.routing_key.startswith(inbox)), marks


def note_marks(postgres_url: str, marks: Sequence[Arrived]) -> None:
    """Writes down which queues were read to their marks. Call it when all that came before is committed."""
    told = [Mark(**json.loads(each.body)) for each in marks]
    with connect(postgres_url) as connection, connection.transaction():
        for mark in told:
            connection.execute(
                "INSERT INTO inbox_drained (queue, round) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (mark.queue, mark.round),
            )
