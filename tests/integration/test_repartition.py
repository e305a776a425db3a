"""The number of an inbox's queues changes under load: every message is handled once, in the order of its stream."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from kombu import Connection

from deploy.local.backends import Backends
from shared.eventstore.connecting import connect
from shared.messaging.generations import agreed
from shared.messaging.repartition import NotRepartitioned, Repartition, Tell, figures
from shared.messaging.topology import declare_platform, inbox_exchange, inbox_queues, intake_of
from tests.contract import publishing
from tests.contract.consuming import HEARD, heard_stream
from tests.contract.processes import Speaking, tailing
from tests.contract.publishing import store_of
from tests.support.broker import VirtualHost, fresh_virtual_host
from tests.support.database import Database, fresh_database
from tests.support.waiting import wait_until

SERVICE = "tests.contract.nameko_subscriber"
STREAMS = [f"ord_{number}" for number in range(24)]
STEPS = ("planned", "filled", "cut", "drained 1", "drained 2", "switched")
QUIET = ("cut", "drained 1", "drained 2")
"""Until the old queues are read to their end, what is new waits in the new ones."""


class Town:
    """An order service that publishes without a rest, and what dispatch has heard of it."""

    def __init__(self, database: Database, broker: VirtualHost) -> None:
        self.postgres_url, self.amqp_url = database.url("dispatch"), broker.url_for("dispatch")
        self._orders = store_of(database.url("order"))
        self._heard = store_of(self.postgres_url)
        self.appended: Counter[str] = Counter()
        self._spec = publishing.spec("order", database.url("order"), broker.url_for("order"))
        self._tail = ExitStack()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def _publish(self) -> None:
        while not self._stop.wait(0.005):
            for stream_id in STREAMS[:: 1 + sum(self.appended.values()) % 3]:
                publishing.append(self._orders, stream_id, publishing.Placed(stream_id))
                self.appended[stream_id] += 1

    def start(self) -> None:
        self._tail.enter_context(tailing(self._spec))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(20)

    def close(self) -> None:
        self.stop()
        self._tail.close()
        self._orders.close()
        self._heard.close()

    def subscriber(self) -> Speaking:
        process = Speaking(SERVICE, "dispatch", self.postgres_url, self.amqp_url)
        process.wait_ready()
        return process

    def effects(self) -> int:
        with connect(self.postgres_url) as connection:
            row = connection.execute("SELECT count(*) AS effects FROM events").fetchone()
        assert row is not None
        return int(row["effects"])

    def wait_for_more(self, number: int) -> None:
        """Messages are published and heard on and on, at whatever step the change is."""
        target = self.effects() + number
        wait_until(lambda: self.effects() >= target, 60, f"{number} more messages are heard")

    def heard(self, stream_id: str) -> list[int]:
        return [int(event.data["order_id"]) for event in self._heard.stream(heard_stream(stream_id))]

    def check(self) -> None:
        """Everything that was appended was heard once and in order, and nothing is parked or late."""
        self.stop()
        total = sum(self.appended.values())
        wait_until(lambda: self.effects() >= total, 180, "all is heard")
        for stream_id in STREAMS:
            assert self.heard(stream_id) == list(range(1, self.appended[stream_id] + 1)), stream_id
        with connect(self.postgres_url) as connection:
            assert connection.execute("SELECT * FROM parked").fetchall() == []

    def change(self, partitions: int, timeout_seconds: float = 60, tell: Tell = lambda *_: None) -> Repartition:
        return Repartition(
            "dispatch",
            self.postgres_url,
            self.amqp_url,
            HEARD,
            partitions,
            timeout_seconds=timeout_seconds,
            tell=tell,
        )

    def wait_for_queues(self, names: Iterable[str]) -> None:
        """Until these are the only queues, and somebody is there to read each."""
        wait_until(lambda: set(self.queues()) == set(names), 20, "only the new queues are there")
        wait_until(lambda: all(self.queues().values()), 20, "all of them are read")

    def queues(self) -> dict[str, int]:
        """The queues there are, and how many processes read each."""
        return {each.queue: each.consumers for each in figures("dispatch", self.postgres_url, self.amqp_url)}


class Steps:
    """What a change says of itself."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, step: str, drained: int, left: int) -> None:
        self.seen.append(f"{step}: {drained} queues, {left} messages")


@pytest.fixture
def town(backends: Backends) -> Iterator[Town]:
    with (
        fresh_database(backends.postgres_url, ("order", "dispatch")) as database,
        fresh_virtual_host(backends.broker) as broker,
    ):
        declare_platform(broker.url, {"order": (), "dispatch": HEARD})
        made = Town(database, broker)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def reading(town: Town, processes: int = 2) -> Iterator[list[Speaking]]:
    """Some processes of the subscribing service, gone afterwards."""
    running = [town.subscriber() for _ in range(processes)]
    try:
        yield running
    finally:
        for each in running:
            each.kill()


def bind_as_former_releases_did(town: Town) -> None:
    """Before there was an intake, every type of message led straight to the one hash exchange."""
    with Connection(town.amqp_url) as connection, connection.channel() as channel:
        for each in HEARD:
            channel.exchange_bind(
                destination=inbox_exchange("dispatch"), source=each.exchange(), routing_key=each.type_name()
            )


def test_from_four_queues_to_eight_and_then_to_three_under_load(town: Town) -> None:
    bind_as_former_releases_did(town)
    with reading(town) as processes:
        town.start()
        town.wait_for_more(300)
        for partitions, generation in ((8, 2), (3, 3)):
            told = Steps()
            current = town.change(partitions, tell=told).run()
            assert (current.partitions, current.number) == (partitions, generation)
            assert told.seen, "it says how far it is"
            town.wait_for_queues(inbox_queues("dispatch", partitions, generation))
            town.wait_for_more(300)
        town.check()
        assert all(process.said() for process in processes)


def test_a_change_that_stops_after_any_step_goes_on_where_it_was_while_processes_are_killed(town: Town) -> None:
    with reading(town) as processes:
        town.start()
        town.wait_for_more(50)
        for number, last_step in enumerate(STEPS):
            partitions = 5 if number % 2 == 0 else 4
            for step in town.change(partitions).steps():
                if step == last_step:
                    break
            processes.pop(0).kill()
            processes.append(town.subscriber())
            if last_step not in QUIET:
                town.wait_for_more(50)
            assert town.change(partitions).run().number == number + 2
            town.wait_for_more(50)
        town.check()


def test_while_nobody_reads_the_old_queues_the_change_waits_and_says_so(town: Town) -> None:
    town.start()
    with reading(town, 1):
        town.wait_for_more(50)
    with pytest.raises(NotRepartitioned, match="do the processes of dispatch run"):
        town.change(6, timeout_seconds=1).run()
    with pytest.raises(NotRepartitioned, match="a change to 6 partitions is under way"):
        town.change(7).run()
    with reading(town, 1):
        assert town.change(6).run().partitions == 6
        town.wait_for_more(50)
        town.check()


def test_an_inbox_that_the_broker_has_lost_is_declared_again_on_the_way(town: Town) -> None:
    with Connection(town.amqp_url) as connection, connection.channel() as channel:
        for queue in inbox_queues("dispatch", 4):
            channel.queue_delete(queue=queue)
        for exchange in (inbox_exchange("dispatch"), intake_of("dispatch")):
            channel.exchange_delete(exchange=exchange)
    with reading(town, 1):
        assert town.change(6).run().partitions == 6
        town.wait_for_queues(inbox_queues("dispatch", 6, 2))


def test_the_number_that_there_is_already_changes_nothing(town: Town) -> None:
    with reading(town, 1):
        wait_until(lambda: len(town.queues()) == 4, 20, "the inbox is there")
        assert town.change(4).run().number == 1
        assert set(town.queues()) == set(inbox_queues("dispatch", 4))


def test_all_processes_read_what_was_agreed_first_whatever_their_settings_say(town: Town) -> None:
    for wish in (4, 9):
        with agreed(town.postgres_url, wish) as layout:
            assert layout.current.partitions == 4


def test_two_commands_at_once_do_not_get_in_each_others_way(town: Town) -> None:
    with connect(town.postgres_url) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended(current_schema() || '.repartition', 0))")
        with pytest.raises(NotRepartitioned, match="another command"):
            town.change(8).run()


@pytest.mark.parametrize("partitions", [0, -1, 257])
def test_a_number_out_of_bounds_is_refused(town: Town, partitions: int) -> None:
    with pytest.raises(NotRepartitioned, match="1 to 256"):
        town.change(partitions)
