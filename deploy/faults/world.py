"""Starts private backends and the processes of a fault run, and deals them blows."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from kombu import Connection
from psycopg import sql

from deploy.faults.layout import Layout
from deploy.faults.shovel import declare_queue
from deploy.faults.synthetic import HEARD, PARTITIONS, PUBLISHERS, TABLES
from deploy.local import processes
from deploy.local.backends import Backends, private_backends
from deploy.local.postgres import LocalPostgres
from deploy.local.rabbit import LocalRabbit
from shared.eventstore.connecting import connect
from shared.eventstore.migrate import migrate
from shared.messaging.topology import declare_platform

COPIES = 2
CUT_PAUSE_SECONDS = 0.003
DATABASE = "faults"
ROOT = Path(__file__).resolve().parents[2]


def names(kind: str, service: str) -> list[str]:
    """The processes that take turns in one role."""
    return [f"{kind}.{service}.{number}" for number in range(COPIES)]


class World:
    """Backends, tails with stand-bys, consumers with stand-bys, and the shovel.

    A process may be played by another module than the usual one, which is how planted bugs come in.
    """

    def __init__(self, folder: Path, backends: Backends, layout: Layout) -> None:
        assert backends.local_postgres is not None
        assert backends.local_rabbit is not None
        self.folder = folder
        self.layout = layout
        self.postgres: LocalPostgres = backends.local_postgres
        self.rabbit: LocalRabbit = backends.local_rabbit
        self.died = Counter[str]()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._changing = threading.Lock()
        self._over = threading.Event()

    def start(self, name: str, program: str | None = None) -> None:
        """Starts a process by its name: `tail.order.0`, `consumer.support.1`, `shovel`."""
        kind, _, rest = name.partition(".")
        service = [rest.partition(".")[0], name] if rest else []
        command = [
            sys.executable,
            "-m",
            program or f"deploy.faults.{kind}",
            str(self.folder / "layout.json"),
            *service,
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
        with self._changing:
            if not self._over.is_set():
                log = self.folder / f"{name}.log"
                self._running[name] = processes.spawn(command, log=log, environment=environment, folder=ROOT)

    def start_all(self) -> None:
        for name in self.everybody():
            self.start(name)

    def everybody(self) -> list[str]:
        tails = [name for service in PUBLISHERS for name in names("tail", service)]
        consumers = [name for service in HEARD for name in names("consumer", service)]
        return ["shovel", *tails, *consumers]

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def revive(self) -> None:
        """Starts again what ended without having been killed, and counts it."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                self.died[name] += 1
                self.start(name)

    def close(self) -> None:
        with self._changing:
            self._over.set()
        for name in list(self._running):
            self.kill(name)

    def leader(self, service: str) -> str | None:
        """The tail that leads now; None while PostgreSQL is away or nobody does."""
        try:
            with connect(self.layout.admin_postgres) as connection:
                row = connection.execute(
                    "SELECT application_name AS name FROM pg_locks JOIN pg_stat_activity USING (pid)"
                    " WHERE locktype = 'advisory' AND granted AND application_name LIKE %s",
                    (f"tail.{service}.%",),
                ).fetchone()
        except psycopg.OperationalError:
            return None
        return None if row is None else str(row["name"])

    def active_consumer(self, service: str) -> str:
        """The consumer that did something last; the first one when none did or nobody can tell."""
        first = names("consumer", service)[0]
        try:
            with connect(self.layout.postgres[service]) as connection:
                row = connection.execute("SELECT done_by FROM effects ORDER BY seq DESC LIMIT 1").fetchone()
        except psycopg.OperationalError:
            return first
        return first if row is None else str(row["done_by"])

    def cut(self, services: Sequence[str], tries: int) -> int:
        """Ends the sessions of the first service that is found in the middle of a transaction; returns how many."""
        with connect(self.layout.admin_postgres) as connection:
            for number in range(tries):
                row = connection.execute(
                    "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity"
                    " WHERE usename = %s AND xact_start IS NOT NULL",
                    (f"{DATABASE}_{services[number % len(services)]}",),
                ).fetchone()
                assert row is not None
                if row["cut"]:
                    return int(row["cut"])
                self._over.wait(CUT_PAUSE_SECONDS)
        return 0

    def remember_queues(self) -> None:
        """RabbitMQ 3.10 writes the names of new quorum queues down within seconds; killed before, it forgets them."""
        self.rabbit.evaluate("[dets:sync(Table) || Table <- dets:all()].")


@contextmanager
def open_world(folder: Path, seed: int) -> Iterator[World]:
    """A world with all its stores, queues and addresses, in which nothing runs yet but the backends."""
    folder.mkdir(parents=True, exist_ok=True)
    # Without fsync a kill loses nothing that was committed: the pages are with the kernel. Only a power cut would.
    backends = private_backends(folder / "backends", durable=False)
    try:
        layout = _lay_out(folder, backends, seed)
        layout.write(folder / "layout.json")
        world = World(folder, backends, layout)
        declare_platform(layout.admin_amqp, HEARD, PARTITIONS)
        with Connection(layout.admin_amqp) as connection:
            declare_queue(connection)
        world.remember_queues()
        try:
            yield world
        finally:
            world.close()
    finally:
        backends.close()


def _lay_out(folder: Path, backends: Backends, seed: int) -> Layout:
    with psycopg.connect(backends.postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    admin = urlunsplit(urlsplit(backends.postgres_url)._replace(path=f"/{DATABASE}"))
    urls = {service: add_service(admin, DATABASE, service) for service in HEARD}
    return Layout(
        admin_postgres=admin,
        admin_amqp=backends.amqp_url,
        postgres=urls,
        amqp={service: backends.broker.url_for(service) for service in HEARD},
        wire=str(folder / "wire.jsonl"),
        seed=seed,
    )


def add_service(admin: str, database: str, service: str) -> str:
    """A migrated schema with the tables of a synthetic service; returns the DSN of its role."""
    password = secrets.token_urlsafe(12)
    migrate(admin, service, password)
    add_tables(admin, database, service)
    parts = urlsplit(admin)
    user = f"{quote(f'{database}_{service}')}:{quote(password)}"
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}"))


def add_tables(admin: str, database: str, service: str) -> None:
    """The tables in which a synthetic service shows what it did."""
    role, schema = sql.Identifier(f"{database}_{service}"), sql.Identifier(service)
    with psycopg.connect(admin) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(schema))
        connection.execute(TABLES)
        connection.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON effects, totals TO {}").format(role))
        connection.execute(sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, role))
