"""The relay while its process, the broker or the database falls over: nothing lost, nothing done twice, in order."""

import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from deploy.local.rabbit import LocalRabbit
from shared.messaging import metrics
from shared.messaging.topology import declare_platform
from tests.contract import publishing
from tests.contract.consuming import Subscriber, subscriber
from tests.contract.listening import Ear, ear
from tests.contract.processes import speaking, tailing
from tests.support.broker import VirtualHost
from tests.support.database import Database
from tests.support.waiting import wait_until

TAIL = "tests.contract.tail_program"


@pytest.fixture(scope="module")
def rabbit(session_folder: Path) -> Iterator[LocalRabbit]:
    """A broker of this module's own, so that it may be killed."""
    node = LocalRabbit(session_folder / "rabbit-relay")
    node.start()
    try:
        declare_platform(node.url, {"order": (), "dispatch": ()})
        yield node
    finally:
        node.stop()


def place(database: Database, streams: int, events: int, name: str) -> list[str]:
    """Fills some streams of the order service's store; returns their ids."""
    store = publishing.store_of(database.url("order"))
    ids = [f"ord_{name}_{number}" for number in range(streams)]
    for _ in range(events // 5):
        for stream_id in ids:
            publishing.append(store, stream_id, *[publishing.Placed(stream_id)] * 5)
    store.close()
    return ids


def confirmed_position(database: Database) -> tuple[int, int]:
    """(where the log ends, how far it is confirmed)."""
    with psycopg.connect(database.url("order")) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM events), coalesce((SELECT position FROM relay_position), 0)"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def all_confirmed(database: Database) -> bool:
    end, confirmed = confirmed_position(database)
    return end == confirmed


def sequences(listener: Ear) -> dict[str, list[int]]:
    """What was heard of each stream, repeats included, in order of arrival."""
    heard: dict[str, list[int]] = defaultdict(list)
    for message in listener.heard:
        heard[message["subject"]].append(message["sequence"])
    return heard


def drain(listener: Ear) -> None:
    while True:
        method, _, body = listener.channel.basic_get(listener.queue, auto_ack=True)
        if method is None:
            return
        listener.heard.append(json.loads(body))


def test_messages_of_a_stream_arrive_in_the_order_of_its_versions(database: Database, broker: VirtualHost) -> None:
    with ear(broker.url, [("order.events", "#")]) as listener:
        with tailing(publishing.spec("order", database.url("order"), broker.url_for("order"))):
            ids = place(database, 20, 25, "ordered")
            listener.listen(500)
        assert {stream: heard for stream, heard in sequences(listener).items() if stream in ids} == {
            stream: list(range(1, 26)) for stream in ids
        }


def test_messages_that_nobody_is_bound_for_do_not_hold_up_the_others(database: Database, broker: VirtualHost) -> None:
    with tailing(publishing.spec("order", database.url("order"), broker.url_for("order"))):
        place(database, 2, 5, "unheard")
        wait_until(lambda: all_confirmed(database), 20, "all is confirmed though nobody listens")
    labels = {"service": "order", "type": "OrderPlaced"}
    assert (metrics.REGISTRY.get_sample_value("doorstep_relay_unroutable_total", labels) or 0) >= 10


def test_a_clean_stop_leaves_nothing_to_send_again(database: Database, broker: VirtualHost) -> None:
    with speaking(TAIL, "order", database.url("order"), broker.url_for("order")) as tail:
        place(database, 3, 10, "clean")
        wait_until(lambda: all_confirmed(database), 20, "all is confirmed")
        assert tail.stop() == 0
    assert all_confirmed(database)


def test_a_stand_by_takes_over_when_the_leader_dies(database: Database, broker: VirtualHost) -> None:
    arguments = ("order", database.url("order"), broker.url_for("order"))
    with speaking(TAIL, *arguments) as leader, tailing(publishing.spec(*arguments)):
        place(database, 1, 5, "first")
        wait_until(lambda: all_confirmed(database), 20, "the leader published")
        leader.kill()
        place(database, 1, 5, "second")
        wait_until(lambda: all_confirmed(database), 20, "the stand-by published")


CRASHES_AT_MOST = 4


def heard_whole(hearing: Subscriber, ids: list[str]) -> bool:
    return all(len(hearing.heard(stream)) == 5 for stream in ids)


def test_what_was_published_and_not_confirmed_is_sent_again_and_has_one_effect(
    database: Database, rabbit: LocalRabbit
) -> None:
    hearing = subscriber("dispatch", database.url("dispatch"), rabbit.url_for("dispatch"))
    before = hearing.total()
    arguments = ("order", database.url("order"), rabbit.url_for("order"))
    repeats: dict[str, list[int]] = {}
    with ear(rabbit.url, [("order.events", "#")]) as listener, hearing.running():
        # A broker that wakes to a dead connection may throw away what lay in its socket, and then nothing is doubled.
        for crash in range(CRASHES_AT_MOST):
            with speaking(TAIL, *arguments) as tail:
                place(database, 1, 5, f"warm{crash}")
                wait_until(lambda: all_confirmed(database), 20, "the relay is connected and publishes")
                freeze(rabbit, signal.SIGSTOP)
                ids = place(database, 8, 5, f"crash{crash}")
                # The broker stands still: what the relay sends lies in its socket, and no confirm can come.
                wait_until(lambda: unread_bytes(rabbit) > 2000, 20, "messages were sent")
                tail.kill()
                freeze(rabbit, signal.SIGCONT)
            with speaking(TAIL, *arguments):
                wait_until(lambda: all_confirmed(database), 30, "everything is confirmed")
            heard_all = partial(heard_whole, hearing, ids)
            wait_until(heard_all, 20, "everything had its effect")
            drain(listener)
            repeats = {stream: heard for stream, heard in sequences(listener).items() if stream in ids}
            assert all(heard == sorted(heard) for heard in repeats.values())
            assert [hearing.heard(stream) for stream in ids] == [[1, 2, 3, 4, 5]] * 8
            if any(len(heard) > 5 for heard in repeats.values()):
                break
    assert any(len(heard) > 5 for heard in repeats.values()), "something was sent twice"
    assert hearing.total() - before == end_of_log(database)


def test_a_broker_that_restarts_pauses_the_relay_and_the_subscriber_and_loses_nothing(
    database: Database, rabbit: LocalRabbit
) -> None:
    hearing = subscriber("dispatch", database.url("dispatch"), rabbit.url_for("dispatch"))
    remember_queues(rabbit)
    with (
        tailing(publishing.spec("order", database.url("order"), rabbit.url_for("order"))),
        hearing.running() as reader,
    ):
        first = place(database, 10, 20, "before")
        rabbit.kill()
        second = place(database, 10, 5, "during")
        assert not all_confirmed(database)
        wait_until(lambda: not reader.ready, 10, "the subscriber noticed")
        rabbit.start()
        wait_until(lambda: all_confirmed(database), 40, "everything is confirmed")
        wait_until(lambda: heard_all(hearing, first, 20) and heard_all(hearing, second, 5), 40, "all had its effect")
    assert [hearing.heard(stream) for stream in first] == [list(range(1, 21))] * 10
    assert [hearing.heard(stream) for stream in second] == [list(range(1, 6))] * 10


def heard_all(hearing: Subscriber, streams: list[str], number: int) -> bool:
    return all(len(hearing.heard(stream)) >= number for stream in streams)


def remember_queues(rabbit: LocalRabbit) -> None:
    """RabbitMQ 3.10 writes the names of new quorum queues down within seconds; killed before that it forgets them."""
    rabbit.evaluate("[dets:sync(Table) || Table <- dets:all()].")


def end_of_log(database: Database) -> int:
    """Events that were in the log when this broker began to hear of them."""
    with psycopg.connect(database.url("order")) as connection:
        row = connection.execute(
            "SELECT count(*) FROM log WHERE stream_id LIKE 'ord_warm%%' OR stream_id LIKE 'ord_crash%%'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def freeze(rabbit: LocalRabbit, how: signal.Signals) -> None:
    assert rabbit.pid is not None
    os.kill(rabbit.pid, how)


def unread_bytes(rabbit: LocalRabbit) -> int:
    """Bytes that lie in the broker's sockets, not read by it (the kernel's own table of connections)."""
    port = int(rabbit.url.rsplit(":", 1)[1].split("/")[0])
    total = 0
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        columns = line.split()
        if int(columns[1].split(":")[1], 16) == port:
            total += int(columns[4].split(":")[1], 16)
    return total
