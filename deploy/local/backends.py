"""Chooses where PostgreSQL and RabbitMQ come from, in a fixed order, and says which and why."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import accounts, packages
from deploy.local.brokers import Broker, GivenBroker, ManagedBroker
from deploy.local.postgres import LocalPostgres, OnStart
from deploy.local.postgres import find_binaries as find_postgres
from deploy.local.rabbit import LocalRabbit
from deploy.local.rabbit import find_server as find_rabbit

Say = Callable[[str], None]


@dataclass
class Backends:
    """A running PostgreSQL and a running RabbitMQ, and how to let go of them."""

    postgres_url: str
    """A DSN that may create databases and roles."""
    broker: Broker
    origin: str
    """Where they came from, in words."""
    local_postgres: LocalPostgres | None = None
    """The private instance, for whoever wants to kill it; None when it is not ours."""
    local_rabbit: LocalRabbit | None = None
    cleanup: ExitStack = field(default_factory=ExitStack)

    @property
    def amqp_url(self) -> str:
        """The administrator's AMQP address."""
        return self.broker.url

    @property
    def is_private(self) -> bool:
        """Whether nobody else uses them, so that they may be killed and filled at will."""
        return self.local_postgres is not None

    def close(self) -> None:
        """Stops what was started for us, and nothing else."""
        self.cleanup.close()


def private_home(folder: Path) -> Path:
    """Where private instances asked for in `folder` keep their data."""
    return accounts.reachable_folder(folder, accounts.plain_account())


def private_backends(
    folder: Path, *, durable: bool = True, on_start: OnStart = lambda _name, _pid, _signal: None
) -> Backends:
    """Starts private instances under `folder`, both at once."""
    home = private_home(folder)
    accounts.passage(home)
    postgres = LocalPostgres(home / "postgres", durable=durable, on_start=on_start)
    rabbit = LocalRabbit(home / "rabbitmq", on_start=on_start)
    with ExitStack() as undo, ThreadPoolExecutor(2) as threads:
        undo.callback(rabbit.stop)
        undo.callback(postgres.stop)
        for started in [threads.submit(rabbit.start), threads.submit(postgres.start)]:
            started.result()
        cleanup = undo.pop_all()
    return Backends(postgres.url, rabbit, "private instances", postgres, rabbit, cleanup)


def given_backends(environment: Mapping[str, str]) -> Backends | None:
    """The servers named in the environment; None when neither is named."""
    postgres_url, amqp_url = environment.get("DOORSTEP_POSTGRES_URL"), environment.get("DOORSTEP_AMQP_URL")
    if not postgres_url and not amqp_url:
        return None
    if not postgres_url or not amqp_url:
        raise RuntimeError("DOORSTEP_POSTGRES_URL and DOORSTEP_AMQP_URL must be set together")
    api_url = environment.get("DOORSTEP_RABBITMQ_API_URL") or f"http://{urlsplit(amqp_url).hostname}:15672"
    origin = "DOORSTEP_POSTGRES_URL and DOORSTEP_AMQP_URL"
    managed = ManagedBroker(amqp_url, api_url)
    if not managed.answers():
        return Backends(postgres_url, GivenBroker(amqp_url), origin)
    return managed_backends(postgres_url, managed, origin, ExitStack())


def managed_backends(postgres_url: str, broker: ManagedBroker, origin: str, cleanup: ExitStack) -> Backends:
    """Backends of somebody else, with our users made at the broker and taken away again at the end."""
    broker.prepare()
    cleanup.callback(broker.close)
    return Backends(postgres_url, broker, origin, cleanup=cleanup)


def open_backends(
    folder: Path,
    *,
    say: Say = print,
    durable: bool = True,
    on_start: OnStart = lambda _name, _pid, _signal: None,
    environment: Mapping[str, str] = os.environ,
) -> Backends:
    """Given addresses, installed binaries, Debian packages, Docker: the first of these that is possible."""
    given = given_backends(environment)
    if given is not None:
        say("Backends: the servers named in DOORSTEP_POSTGRES_URL and DOORSTEP_AMQP_URL")
        if isinstance(given.broker, GivenBroker):
            say("  the broker's management API does not answer: all services share the given broker user")
        return given
    if not installed() and packages.can_install():
        say("Backends: PostgreSQL or RabbitMQ is missing; installing the Debian packages")
        packages.install_backends(say)
    if installed():
        say("Backends: installed PostgreSQL and RabbitMQ, as private instances on free loopback ports")
        return private_backends(folder, durable=durable, on_start=on_start)
    from deploy.local import containers

    if containers.engine_answers():
        say("Backends: Docker, through deploy/compose/compose.yaml")
        return containers.compose_backends(folder)
    raise RuntimeError(packages.WHAT_IS_MISSING)


def installed() -> bool:
    """Whether both servers' binaries are on this machine."""
    return find_postgres() is not None and find_rabbit() is not None
