"""Changes the number of queues of a service's inbox while everything runs: nothing is lost, and order is kept.

A new generation of queues is filled while the old one is emptied, and is read only then:

1. planned    the service's schema says that another generation is coming
2. filled     the intake leads to both generations: whatever is published from now on is in the new one
3. cut        the intake leads to the new one alone: the old one gets no more
4. drained    the service's processes have read each old queue to a mark at its end, twice
              and nothing has come behind the marks
5. switched   the schema says that the new generation is the current one
6. removed    the old queues are gone, and with them their consumers, which come back to the new ones

What was in both generations between 2 and 3 is handled from the old one and dropped as seen from the new one. Every
step may be repeated, so a command that was interrupted is simply run again. A publisher looks its route up before it
hands a message to the queues: the pause between 2 and 3 lets those that looked before 2 come to their end before 3.

The second mark is for a broker that was killed on the way: it may deliver a mark before messages that it had
delivered before and must deliver again.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import amqp
from amqp.exceptions import InternalError, NotFound
from kombu import Connection

from shared.contracts.message import Message
from shared.eventstore.connecting import Connection as Database
from shared.eventstore.connecting import connect
from shared.messaging.generations import MAX_PARTITIONS, Generation, Layout, Mark, changing, read_layout
from shared.messaging.topology import DEFAULT_PARTITIONS, declare, inbox_exchange, inbox_topology, intake_of

ROUNDS = 2
OVERLAP_SECONDS = 1.0
BETWEEN_ROUNDS_SECONDS = 1.0
POLL_SECONDS = 0.3
_COMMAND_LOCK = "hashtextextended(current_schema() || '.repartition', 0)"

Tell = Callable[[str, int, int], None]
"""Called with the step, how many old queues are read to their end, and how many messages still wait in them."""


class NotRepartitioned(Exception):
    """Why the number of partitions was not changed; running the command again goes on where it stopped."""


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What the broker says of one queue; what a consumer has and has not acknowledged is not in `ready`."""

    generation: int
    state: str
    queue: str
    ready: int
    consumers: int


def figures(
    service: str, postgres_url: str, amqp_url: str, partitions: int = DEFAULT_PARTITIONS
) -> list[QueueFigures]:
    """The queues of every generation that is not gone; one that is not declared yet has none."""
    with connect(postgres_url) as database:
        layout = read_layout(database, partitions)
    with Connection(amqp_url, connect_timeout=5) as connection:
        return [
            QueueFigures(each.number, each.state, name, *found)
            for each in layout.generations
            for name in each.queues(service)
            if (found := _look(connection, name)) is not None
        ]


class Repartition:
    """One change of one service's inbox to `partitions` queues, or what is left to do of it."""

    def __init__(
        self,
        service: str,
        postgres_url: str,
        amqp_url: str,
        heard: Iterable[type[Message]],
        partitions: int,
        *,
        timeout_seconds: float = 600,
        present: int = DEFAULT_PARTITIONS,
        tell: Tell = lambda _step, _drained, _left: None,
    ) -> None:
        """`present` is how many queues there are when the service has never said so itself."""
        if not 1 <= partitions <= MAX_PARTITIONS:
            raise NotRepartitioned(f"an inbox has 1 to {MAX_PARTITIONS} partitions")
        self._service = service
        self._postgres_url = postgres_url
        self._amqp_url = amqp_url
        self._heard = tuple(heard)
        self._wanted = partitions
        self._timeout_seconds = timeout_seconds
        self._present = present
        self._tell = tell

    def run(self) -> Generation:
        """Does all that is left to do; returns the current generation. Raises NotRepartitioned."""
        with connect(self._postgres_url) as alone:
            row = alone.execute(f"SELECT pg_try_advisory_lock({_COMMAND_LOCK}) AS mine".encode()).fetchone()
            if row is None or not row["mine"]:
                raise NotRepartitioned(f"another command is changing the partitions of {self._service}")
            for _ in self.steps():
                pass
        return self._layout().current

    def steps(self) -> Iterator[str]:
        """Does one step after the other and names each when it is done."""
        self._remove_drained()
        layout = self._plan()
        old, new = layout.current, layout.filling
        if new is None:
            return
        yield "planned"
        self._fill(old, new)
        yield "filled"
        self._cut(old)
        yield "cut"
        for number in range(1, ROUNDS + 1):
            self._mark(old, number)
            self._await_drained(old, number)
            yield f"drained {number}"
        self._await_empty(old)
        self._switch(old, new)
        yield "switched"
        self._remove_drained()
        yield "removed"

    @cached_property
    def _deadline(self) -> float:
        return time.monotonic() + self._timeout_seconds

    def _layout(self) -> Layout:
        with connect(self._postgres_url) as connection:
            return read_layout(connection, self._present)

    def _plan(self) -> Layout:
        """Says what is coming; from now on no process of the service leads messages to the old generation again."""
        with changing(self._postgres_url, self._present) as (connection, layout):
            under_way = layout.filling
            if under_way is not None and under_way.partitions != self._wanted:
                raise NotRepartitioned(
                    f"a change to {under_way.partitions} partitions is under way: finish that one first"
                )
            if under_way is None and layout.current.partitions != self._wanted:
                connection.execute(
                    """INSERT INTO inbox_generations (generation, partitions, state)
                       SELECT max(generation) + 1, %s, 'filling' FROM inbox_generations""",
                    (self._wanted,),
                )
        return self._layout()

    def _fill(self, old: Generation, new: Generation) -> None:
        while True:
            try:
                self._declare(old, new)
                break
            except InternalError as error:
                # A crowded broker may not agree in time on who leads a new queue; declaring is safe to repeat.
                if time.monotonic() >= self._deadline:
                    raise NotRepartitioned(f"the broker cannot make the new queues: {error}") from error
                time.sleep(BETWEEN_ROUNDS_SECONDS)
        time.sleep(OVERLAP_SECONDS)

    def _declare(self, old: Generation, new: Generation) -> None:
        with Connection(self._amqp_url, connect_timeout=5) as connection:
            # The old one too: the broker may have been lost with all its queues, or no process ever run.
            for each in (old, new):
                joined = each is new
                declare(
                    connection,
                    inbox_topology(self._service, self._heard, each.partitions, each.number, joined=joined),
                )

    def _cut(self, old: Generation) -> None:
        with Connection(self._amqp_url, connect_timeout=5) as connection, connection.channel() as channel:
            inbox = old.exchange(self._service)
            # Releases before the intake led messages straight to the first generation.
            for each in self._heard if old.number == 1 else ():
                channel.exchange_unbind(destination=inbox, source=each.exchange(), routing_key=each.type_name())
            channel.exchange_unbind(destination=inbox, source=intake_of(self._service), routing_key="")

    def _mark(self, old: Generation, number: int) -> None:
        """Puts a mark behind all that is in each queue that was not read to its end yet, confirmed by the broker."""
        left = set(old.queues(self._service)) - self._drained(number)
        if left and number > 1:
            time.sleep(BETWEEN_ROUNDS_SECONDS)
        exchange = self._marks
        with Connection(self._amqp_url, connect_timeout=5) as connection, connection.channel() as channel:
            channel.exchange_declare(exchange=exchange, type="direct", durable=True, auto_delete=False)
            for queue in sorted(left):
                channel.queue_bind(queue=queue, exchange=exchange, routing_key=queue)
                message = amqp.Message(Mark(queue, number).to_bytes(), delivery_mode=2)
                channel.basic_publish_confirm(message, exchange=exchange, routing_key=queue)

    @property
    def _marks(self) -> str:
        return f"{inbox_exchange(self._service)}.marks"

    def _drained(self, number: int) -> set[str]:
        with connect(self._postgres_url) as connection:
            rows = connection.execute("SELECT queue FROM inbox_drained WHERE round = %s", (number,)).fetchall()
        return {row["queue"] for row in rows}

    def _await_drained(self, old: Generation, number: int) -> None:
        queues = old.queues(self._service)
        while left := set(queues) - self._drained(number):
            self._wait(f"draining, {number} of {ROUNDS}", len(queues) - len(left), self._ready(left))

    def _await_empty(self, old: Generation) -> None:
        """Copies of what the new generation has too may have come behind the marks; all of it must be read."""
        queues = old.queues(self._service)
        while left := self._ready(queues):
            self._wait("emptying", len(queues), left)

    def _ready(self, queues: Iterable[str]) -> int:
        """Messages that wait in some queues."""
        with Connection(self._amqp_url, connect_timeout=5) as connection:
            return sum(found[0] for name in queues if (found := _look(connection, name)) is not None)

    def _wait(self, step: str, drained: int, left: int) -> None:
        self._tell(step, drained, left)
        if time.monotonic() > self._deadline:
            raise NotRepartitioned(
                f"{step}: not done after {self._timeout_seconds:.0f} s, {left} messages wait in the old queues; do"
                f" the processes of {self._service} run? Nothing is lost: the same command goes on from here"
            )
        time.sleep(POLL_SECONDS)

    def _switch(self, old: Generation, new: Generation) -> None:
        with changing(self._postgres_url, self._present) as (connection, _layout):
            for generation, state in ((old, "drained"), (new, "current")):
                _move(connection, generation, state)

    def _remove_drained(self) -> None:
        """Removes the queues of the former generation; the broker tells their consumers, which move on."""
        old = self._layout().drained
        if old is None:
            return
        with Connection(self._amqp_url, connect_timeout=5) as connection, connection.channel() as channel:
            for name in old.queues(self._service):
                channel.queue_delete(queue=name)
            channel.exchange_delete(exchange=old.exchange(self._service))
            channel.exchange_delete(exchange=self._marks)
        with changing(self._postgres_url, self._present) as (database, _layout):
            database.execute("DELETE FROM inbox_drained")
            _move(database, old, "removed")


def _move(connection: Database, generation: Generation, state: str) -> None:
    """From the state in which it was found to another; not when it is in that one already, or past it."""
    connection.execute(
        """UPDATE inbox_generations SET state = %s, changed_at = clock_timestamp()
            WHERE generation = %s AND state = %s""",
        (state, generation.number, generation.state),
    )


def _look(connection: Connection, queue: str) -> tuple[int, int] | None:
    """Messages ready in a queue and its consumers; None when there is no such queue."""
    channel = connection.channel()
    try:
        found = channel.queue_declare(queue=queue, passive=True)
    except NotFound:
        return None
    channel.close()
    return found.message_count, found.consumer_count
