"""The private backends survive a crash, and the broker's permissions hold."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pika
import pika.exceptions
import psycopg
import pytest

from deploy.local import processes
from deploy.local.postgres import LocalPostgres, find_binaries
from deploy.local.processes import Identity, Ledger
from deploy.local.rabbit import LocalRabbit, find_server
from deploy.local.supervisor import BackendWatch
from shared.contracts.message import SERVICES
from tests.support.broker import VirtualHost
from tests.support.waiting import wait_until

needs_postgres = pytest.mark.skipif(find_binaries() is None, reason="PostgreSQL is not installed here")
needs_rabbit = pytest.mark.skipif(find_server() is None, reason="RabbitMQ is not installed here")


@pytest.fixture
def postgres(session_folder: Path) -> Iterator[LocalPostgres]:
    instance = LocalPostgres(session_folder / "crashing-postgres", durable=False)
    instance.start()
    yield instance
    instance.stop()


@pytest.fixture
def rabbit(session_folder: Path) -> Iterator[LocalRabbit]:
    instance = LocalRabbit(session_folder / "crashing-rabbitmq")
    instance.start()
    yield instance
    instance.stop()


@needs_postgres
def test_a_killed_postgres_starts_again_on_the_same_port_with_every_commit(postgres: LocalPostgres) -> None:
    url = postgres.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    killed = postgres.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    postgres.start()

    assert postgres.pid not in (None, killed)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT n FROM kept").fetchone()
    assert row == (7,)


@needs_rabbit
def test_a_killed_rabbit_starts_again_on_the_same_port_with_every_persistent_message(rabbit: LocalRabbit) -> None:
    url = rabbit.url
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "kept", b"still here", pika.BasicProperties(delivery_mode=2))
    # RabbitMQ 3.10 forgets a quorum queue when it is killed before Ra has written the queue's name to its own index,
    # half a second after the declaration. Nothing can be done about it but to know it.
    wait_until(lambda: rabbit.remembers_queue("kept"), 10, "the queue's name reaches the disk")
    killed = rabbit.pid
    assert killed is not None
    rabbit.kill()
    assert rabbit.pid is None

    rabbit.start()

    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        _, _, body = connection.channel().basic_get("kept", auto_ack=True)
    assert body == b"still here"


@needs_postgres
def test_stopping_leaves_no_process_and_the_ledger_stops_what_a_crash_left(session_folder: Path) -> None:
    ledger = Ledger(session_folder / "crash" / "ledger")
    instance = LocalPostgres(session_folder / "crash" / "postgres", durable=False, on_start=ledger.record)
    instance.start()
    entry = ledger.entries()[-1]
    process = Identity(entry.pid, entry.started)
    assert processes.is_running(process)

    assert ledger.stop_all() == ["postgres"]

    wait_until(lambda: not processes.is_running(process), message="the postmaster ends")
    assert ledger.stop_all() == []


def another_runs(instance: LocalPostgres, killed: int | None) -> bool:
    return instance.pid not in (None, killed)


@needs_postgres
def test_a_backend_killed_again_and_again_while_it_is_watched_is_never_lost_sight_of(session_folder: Path) -> None:
    ledger = Ledger(session_folder / "watched" / "ledger")
    instance = LocalPostgres(session_folder / "watched" / "postgres", durable=False, on_start=ledger.record)
    instance.start()
    watch = BackendWatch({"postgres": instance}, lambda _words: None)
    watch.start()
    try:
        for _ in range(5):
            killed = instance.pid
            instance.kill()
            wait_until(partial(another_runs, instance, killed), 30, "the watch starts it again")
    finally:
        watch.stop()
    running = [entry.pid for entry in ledger.entries() if processes.is_running(Identity(entry.pid, entry.started))]
    assert running == [instance.pid]
    instance.stop()
    assert ledger.stop_all() == []


def test_the_ledger_never_stops_a_process_that_only_has_the_same_pid(session_folder: Path) -> None:
    path = session_folder / "foreign-ledger"
    path.write_text(f'{{"name": "foreign", "pid": {os.getppid()}, "started": 1, "stop_signal": 15}}\n')

    assert Ledger(path).stop_all() == []


def refused(url: str, attempt: str, *arguments: str) -> bool:
    """Whether the broker refuses what `attempt` does on a fresh channel."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        try:
            if attempt == "bind":
                queue = channel.queue_declare("", exclusive=True).method.queue
                channel.queue_bind(queue, arguments[0], "#")
            elif attempt == "publish":
                channel.confirm_delivery()
                channel.basic_publish(arguments[0], "Test", b"{}")
            else:
                channel.queue_declare(arguments[0], durable=True)
        except pika.exceptions.ChannelClosedByBroker as closed:
            return int(closed.reply_code) == 403
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_only_notify_and_dispatch_may_bind_the_customers_contacts(broker: VirtualHost, service: str) -> None:
    assert refused(broker.url_for(service), "bind", "order.private") is (service not in ("notify", "dispatch"))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_publishes_to_its_own_events_alone(broker: VirtualHost, service: str) -> None:
    for owner in SERVICES:
        assert refused(broker.url_for(service), "publish", f"{owner}.events") is (owner != service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_may_hear_everybodys_public_events(broker: VirtualHost, service: str) -> None:
    for owner in SERVICES:
        assert not refused(broker.url_for(service), "bind", f"{owner}.events")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_declares_its_own_inbox_and_nobody_elses(broker: VirtualHost, service: str) -> None:
    for owner in SERVICES:
        assert refused(broker.url_for(service), "declare", f"{owner}.inbox.0") is (owner != service)


def test_an_auditor_hears_all_public_events_and_changes_nothing(broker: VirtualHost) -> None:
    url = broker.url_for("audit")
    for owner in SERVICES:
        assert not refused(url, "bind", f"{owner}.events")
        assert refused(url, "publish", f"{owner}.events")
    assert refused(url, "bind", "order.private")
    assert refused(url, "bind", "dispatch.telemetry")
