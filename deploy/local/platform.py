"""The whole platform on one machine: backends, schemas, services, tail and mail, started, watched and stopped."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from deploy.local import broker_users, down
from deploy.local.backends import Backends, Say, open_backends
from deploy.local.brokers import GivenBroker, virtual_host_of, with_virtual_host
from deploy.local.environment import ISSUER, PlatformEnvironment, fresh_environment
from deploy.local.processes import DidNotStart
from deploy.local.supervisor import BackendWatch, Supervised, explain
from shared.contracts.message import SERVICES, Message
from shared.eventstore.migrate import migrate, role_of
from shared.gateway.tokens import issue
from shared.kernel.clock import VirtualClock
from shared.messaging.topology import declare_platform
from shared.runtime.settings import Settings

READY_SECONDS = 180.0
READY_POLL_SECONDS = 0.05
MOST_RESTARTS = 5
TOKEN_SECONDS = 24 * 3600.0
NAME = "doorstep"


def say_at_once(words: str) -> None:
    print(words, flush=True)


class AlreadyRunning(RuntimeError):
    """Another process runs a platform in this folder."""


@dataclass(frozen=True)
class _Home:
    """Where this run keeps its facts and its messages."""

    admin_url: str
    virtual_host: str


class Platform:
    """A context manager: inside it, every process runs and is started again when it ends.

    `policies` overrides deadlines by service and name. With `backends` the platform lives on servers of somebody
    else, in a database and a virtual host of its own that go with it; without, they are found or started.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        clock_speed: float = 1.0,
        clock_epoch: datetime | None = None,
        policies: Mapping[str, Mapping[str, Any]] | None = None,
        services: Sequence[str] = SERVICES,
        backends: Backends | None = None,
        durable: bool = True,
        log_level: str = "info",
        say: Say = say_at_once,
    ) -> None:
        self.run_dir = run_dir.resolve()
        self.mail_dir = self.run_dir / "mail"
        self._clock = (clock_speed, clock_epoch)
        self._policies = dict(policies or {})
        self._services = tuple(services)
        self._backends = backends
        self._durable = durable
        self._log_level = log_level
        self._say = say
        self._ledger = down.ledger_of(self.run_dir)
        self._undo = ExitStack()
        self._programs: dict[str, Supervised] = {}
        self._environment: PlatformEnvironment | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops everything that was started, services first, backends last."""
        with _undisturbed():
            self._undo.close()
        self._programs.clear()

    @property
    def environment(self) -> PlatformEnvironment:
        """Every figure and secret of the running platform."""
        if self._environment is None:
            raise RuntimeError("the platform has not been started")
        return self._environment

    @property
    def clock(self) -> VirtualClock:
        """The time that every process tells."""
        told = self.environment
        return VirtualClock(speed=told.clock_speed, started_unix=told.clock_started, epoch=told.clock_epoch)

    @property
    def admin_url(self) -> str:
        """The DSN of the platform's database for a superuser."""
        return self.environment.admin_url

    @property
    def audit_url(self) -> str:
        """The AMQP address of the user who may hear every public event and change nothing."""
        return self.environment.amqp_urls[broker_users.AUDIT]

    @property
    def settings(self) -> dict[str, Settings]:
        """What each service was told, by its name."""
        told = self.environment
        return {name: Settings.from_environment(name, told.of_service(name)) for name in self._services}

    @property
    def processes(self) -> dict[str, int | None]:
        """The pids by name; None for one that ended and is not back yet."""
        pids = {name: program.pid for name, program in self._programs.items()}
        return pids | {name: instance.pid for name, instance in self._instances().items()}

    def url(self, service: str) -> str:
        """Where the service's gateway is."""
        return f"http://{self.environment.http[service]}"

    def token(self, roles: Iterable[str], ids: Iterable[str] = ()) -> str:
        """A development token for somebody of these roles who may act for these ids."""
        roles, ids = tuple(roles), tuple(ids)
        subject = ids[0] if ids else "-".join(roles)
        key = self.environment.signing_key
        return issue(key, subject=subject, roles=roles, ids=ids, issuer=ISSUER, lifetime_seconds=TOKEN_SECONDS)

    def kill(self, name: str) -> None:
        """`kill -9` of a process or of a private backend; it is started again by itself."""
        instance = self._instances().get(name)
        if instance is not None:
            instance.kill()
        else:
            self._programs[name].kill()

    def restarts(self, name: str) -> int:
        """How often a process was started again."""
        return self._programs[name].restarts

    def wait_ready(self, timeout: float = READY_SECONDS) -> None:
        """Waits until every gateway is ready and the tail leads; raises DidNotStart with the log of what does not."""
        end = time.monotonic() + timeout
        with httpx.Client(timeout=5) as client:
            checks = {name: partial(_is_ready, client, f"{self.url(name)}/health/ready") for name in self._services}
            checks["tail"] = partial(_leads, client, self.environment.tail_metrics, self._services)
            if "engine" in self._programs:
                leads = "\ndoorstep_engine_leader 1.0\n"
                checks["engine"] = partial(_says, client, self.environment.engine_metrics, leads)
            for name, is_ready in checks.items():
                while not is_ready():
                    program = self._programs[name]
                    if time.monotonic() > end or program.restarts > MOST_RESTARTS:
                        raise DidNotStart(explain(program.program))
                    time.sleep(READY_POLL_SECONDS)

    def _instances(self) -> dict[str, Any]:
        """The backends that are ours alone."""
        found = self._backends
        if found is None or not self._owns_backends:
            return {}
        instances = {"postgres": found.local_postgres, "rabbitmq": found.local_rabbit}
        return {name: instance for name, instance in instances.items() if instance is not None}

    _owns_backends = False

    def _start(self) -> None:
        started = time.monotonic()
        if down.supervisor_of(self.run_dir) is not None:
            raise AlreadyRunning(f"a platform runs in {self.run_dir} already; `make down` stops it")
        for name in down.down(self.run_dir):
            self._say(f"stopped {name}, which a former run had left behind")
        down.clear(self.run_dir)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self._undo.callback(lambda: self._ledger.path.unlink(missing_ok=True))
        self._ledger.record(down.PLATFORM, os.getpid())
        home = self._prepare_backends()
        self._environment = self._tell(home)
        self._environment.write(self._policies)
        self._migrate(home)
        self._watch_backends()
        self._start_programs()
        self.wait_ready()
        self._say(f"the platform is ready after {time.monotonic() - started:.1f} s; logs are in {self.run_dir}/log")

    def _prepare_backends(self) -> _Home:
        if self._backends is None:
            self._backends = open_backends(
                self.run_dir / "backends", say=self._say, durable=self._durable, on_start=self._ledger.record
            )
            self._owns_backends = True
            self._undo.callback(down.forget_data, self.run_dir)
            self._undo.callback(self._backends.close)
        backends = self._backends
        mark = "" if self._owns_backends and backends.is_private else f"_{secrets.token_hex(4)}"
        self._create_database(f"{NAME}{mark}", drop=bool(mark))
        virtual_host = virtual_host_of(backends.amqp_url)
        if mark and not isinstance(backends.broker, GivenBroker):
            virtual_host = f"{NAME}{mark}"
            backends.broker.add_virtual_host(virtual_host)
            self._undo.callback(backends.broker.remove_virtual_host, virtual_host)
        self._say(f"PostgreSQL and RabbitMQ answer ({backends.origin})")
        return _Home(urlunsplit(urlsplit(backends.postgres_url)._replace(path=f"/{NAME}{mark}")), virtual_host)

    def _create_database(self, name: str, *, drop: bool) -> None:
        url = self._need_backends().postgres_url
        _execute(url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        if drop:
            for service in self._services:
                role = sql.Identifier(role_of(name, service))
                self._undo.callback(_execute, url, sql.SQL("DROP ROLE IF EXISTS {}").format(role))
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            self._undo.callback(_execute, url, statement)

    def _need_backends(self) -> Backends:
        if self._backends is None:
            raise RuntimeError("the platform has no backends yet")
        return self._backends

    def _tell(self, home: _Home) -> PlatformEnvironment:
        broker = self._need_backends().broker
        users = (*self._services, broker_users.AUDIT)
        amqp_urls = {user: broker.url_for(user, home.virtual_host) for user in users}
        speed, epoch = self._clock
        return fresh_environment(
            self.run_dir,
            self._services,
            admin_url=home.admin_url,
            amqp_urls={**amqp_urls, broker_users.ADMIN: with_virtual_host(broker.url, home.virtual_host)},
            clock_speed=speed,
            clock_epoch=epoch,
            log_level=self._log_level,
            has_policies=bool(self._policies),
        )

    def _migrate(self, home: _Home) -> None:
        told = self.environment
        for service in self._services:
            migrate(home.admin_url, service, told.passwords[service])
        declare_platform(told.amqp_urls[broker_users.ADMIN], subscriptions(self._services))
        self._say(f"schemas are migrated: {', '.join(self._services)}")

    def _watch_backends(self) -> None:
        watch = BackendWatch(self._instances(), self._say)
        watch.start()
        self._undo.callback(watch.stop)

    def _start_programs(self) -> None:
        programs = self.environment.programs()
        self._say(f"starting {', '.join(program.name for program in programs)}")
        self._undo.callback(self._stop_programs)
        for program in programs:
            supervised = Supervised(program, self._ledger, self._say)
            self._programs[program.name] = supervised
            supervised.start()

    def _stop_programs(self) -> None:
        """All are asked at once; they need not wait for each other."""
        programs = list(self._programs.values())
        for program in programs:
            program.ask_to_stop()
        with ThreadPoolExecutor(max(1, len(programs))) as threads:
            list(threads.map(Supervised.wait_stopped, programs))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave half of the processes behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def subscriptions(services: Iterable[str]) -> dict[str, tuple[type[Message], ...]]:
    """What each service hears, as its own `inbound.py` says."""
    return {service: tuple(import_module(f"services.{service}.inbound").SUBSCRIBED) for service in services}


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _leads(client: httpx.Client, address: str, services: Sequence[str]) -> bool:
    """Whether the tail sequences and publishes for all services."""
    return _says(client, address, *(f'doorstep_tail_leader{{service="{service}"}} 1' for service in services))


def _says(client: httpx.Client, address: str, *lines: str) -> bool:
    """Whether a process that has no gateway shows all of this among its measurements."""
    try:
        page = client.get(f"http://{address}/metrics").text
    except httpx.HTTPError:
        return False
    return all(line in page for line in lines)


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
