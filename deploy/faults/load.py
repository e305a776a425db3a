"""Several writers over many streams, who remember what the store promised them."""

import random
import threading
from dataclasses import dataclass, field

import psycopg
import structlog

from deploy.faults.layout import Layout
from deploy.faults.synthetic import MASTER_KEY, THINGS, Confirmed, Happening, Noticed, context
from shared.eventstore.postgres import PostgresStore
from shared.kernel.errors import StaleVersion

WRITERS = 6
QUIET_SHARE = 0.1
MOST_AT_ONCE = 3
PAUSE_SECONDS = 0.1

_log = structlog.get_logger(__name__)


@dataclass
class Promises:
    """What writers were told. A number in `unanswered` may or may not be in the store: the connection fell while it
    was asked for."""

    kept: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)


class Load:
    """Appends `events` events as fast as `allow` lets it."""

    def __init__(self, layout: Layout, events: int, seed: int) -> None:
        self.promises = Promises()
        self.events = events
        self.streams = 20 + events // 50
        self._layout = layout
        self._seed = seed
        self._allowed = 0
        self._number = 0
        self._versions: dict[str, int] = {}
        self._changing = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._write, args=(writer,), name=f"writer.{writer}", daemon=True)
            for writer in range(WRITERS)
        ]

    @property
    def appended(self) -> int:
        """Events that the store said it has."""
        return len(self.promises.kept)

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def allow(self, appended: int) -> None:
        """Lets writers go on until so many events are in the store."""
        with self._changing:
            self._allowed = appended
            self._changing.notify_all()

    def stop(self) -> None:
        with self._changing:
            self._stopped = True
            self._changing.notify_all()
        for thread in self._threads:
            thread.join(30)

    def _take(self, count: int) -> list[int] | None:
        """Numbers for the next events; None when enough were appended."""
        with self._changing:
            while self.appended >= self._allowed and self.appended < self.events and not self._stopped:
                self._changing.wait(1)
            if self.appended >= self.events or self._stopped:
                return None
            self._number += count
            return list(range(self._number - count, self._number))

    def _write(self, writer: int) -> None:
        dice, never = random.Random(f"{self._seed}/{writer}"), threading.Event()
        store = PostgresStore(self._layout.named_postgres("order", f"writer.{writer}"), MASTER_KEY, pool_size=1)
        while (numbers := self._take(dice.choice((1, 1, 1, MOST_AT_ONCE)))) is not None:
            stream = f"ord_{dice.randrange(self.streams)}"
            events: list[Happening] = [
                Noticed(stream, number) if dice.random() < QUIET_SHARE else Confirmed(stream, number)
                for number in numbers
            ]
            try:
                self._append(store, stream, events)
            except StaleVersion:
                continue
            except psycopg.OperationalError as error:
                _log.info("append_unanswered", writer=writer, error=repr(error))
                self._note(self.promises.unanswered, numbers)
                never.wait(PAUSE_SECONDS)
            else:
                self._note(self.promises.kept, numbers)
        store.close()

    def _append(self, store: PostgresStore, stream: str, events: list[Happening]) -> None:
        """Appends behind the version that the writers believe the stream to have; looks it up when they are wrong."""
        expected = self._versions.pop(stream, None)
        if expected is None:
            expected = store.load(THINGS, stream).version
        self._versions[stream] = store.append(THINGS, stream, expected, events, context())[-1].version

    def _note(self, where: set[int], numbers: list[int]) -> None:
        with self._changing:
            where.update(numbers)
