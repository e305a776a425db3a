"""Confirmed publishing: our relay, from the store, beside nameko's event dispatcher, from memory."""

import json
import threading
import time
from multiprocessing import get_context
from typing import Any

from kombu import Connection

from deploy.local.backends import Backends
from shared.eventstore.sequencer import Sequencer
from shared.messaging import metrics
from shared.messaging.outgoing import wires_of
from shared.messaging.tail import run_tail
from shared.messaging.topology import declare_outgoing
from tests.bench import workload
from tests.bench.figures import Report, in_turn
from tests.bench.samples import stored
from tests.support.broker import VirtualHost, fresh_virtual_host
from tests.support.database import Database, fresh_database
from tests.support.waiting import wait_until

LISTENER = "bench.listener"
LIMIT_SECONDS = 90


def run(report: Report, backends: Backends, rounds: int, messages: int) -> None:
    ours, theirs = in_turn(
        rounds, lambda: ours_rate(backends, messages), lambda: nameko_rate(backends, max(500, messages // 6))
    )
    report.add("publish", "confirmed, one process", "messages/s", ours, "nameko EventDispatcher", theirs)


def ours_rate(backends: Backends, messages: int) -> float:
    """From a log that is there already to the last confirm: reading, mapping and sending are in it."""
    with (
        fresh_database(backends.postgres_url, ("order",)) as database,
        fresh_virtual_host(backends.broker) as broker,
    ):
        workload.fill(database, messages)
        sequencer = Sequencer(database.url("order"))
        sequencer.tick()
        sequencer.close()
        declare_outgoing(broker.url_for("order"), "order")
        listen(broker, "order")
        return _in_a_process(_relay, database, broker, messages)


def nameko_rate(backends: Backends, messages: int) -> float:
    """The same payloads, handed over one after the other, each confirmed: what `EventDispatcher` does."""
    with fresh_virtual_host(backends.broker) as broker:
        declare_outgoing(broker.url_for("order"), "order")
        listen(broker, "order")
        return _in_a_process(_dispatch, None, broker, messages)


def listen(broker: VirtualHost, service: str) -> None:
    """A durable quorum queue hears everything, so that a confirm means that a message is kept."""
    with Connection(broker.url) as connection, connection.channel() as channel:
        channel.queue_declare(LISTENER, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(LISTENER, f"{service}.events", "#")


def _in_a_process(work: Any, database: Database | None, broker: VirtualHost, messages: int) -> float:
    context = get_context("spawn")
    answers = context.SimpleQueue()
    dsn = database.url("order") if database else ""
    process = context.Process(target=work, args=(answers, dsn, broker.url_for("order"), messages), daemon=True)
    process.start()
    process.join(LIMIT_SECONDS)
    if process.exitcode != 0:
        process.kill()
        raise RuntimeError(f"publishing {messages} messages ended with {process.exitcode}")
    return float(answers.get())


def _relay(answers: Any, dsn: str, amqp_url: str, messages: int) -> None:
    stop = threading.Event()
    spec = workload.tail_spec("order", dsn, amqp_url)
    tail = threading.Thread(target=run_tail, args=([spec], stop), daemon=True)
    tail.start()
    wait_until(lambda: confirmed() > 0, 30, "the relay publishes")
    started, before = time.perf_counter(), confirmed()
    wait_until(lambda: confirmed() >= messages, LIMIT_SECONDS, "all is confirmed")
    answers.put((confirmed() - before) / (time.perf_counter() - started))
    stop.set()
    tail.join(10)


def confirmed() -> float:
    return metrics.REGISTRY.get_sample_value("doorstep_relay_confirmed_total", {"service": "order"}) or 0.0


def _dispatch(answers: Any, _dsn: str, amqp_url: str, messages: int) -> None:
    from nameko.standalone.events import event_dispatcher

    dispatch = event_dispatcher({"AMQP_URI": amqp_url})
    payload = json.loads(sample_body())
    for _ in range(20):
        dispatch("order", "OrderPlaced", payload)
    started = time.perf_counter()
    for _ in range(messages):
        dispatch("order", "OrderPlaced", payload)
    answers.put(messages / (time.perf_counter() - started))


def sample_body() -> bytes:
    """A message as the relay would send it."""
    return wires_of(stored("ord_1", 1), workload.noted("ord_0123456789"), workload.messages_for)[0].body
