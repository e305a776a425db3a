"""Real PostgreSQL and RabbitMQ for the tests: given, in containers where an engine answers, private elsewhere."""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local import processes
from deploy.local.backends import Backends, given_backends, managed_backends, open_backends
from deploy.local.brokers import ManagedBroker
from deploy.local.processes import Ledger

PREFIX = "doorstep-tests-"
POSTGRES_IMAGE = "postgres:15-bookworm"
RABBIT_IMAGE = "rabbitmq:3.13-management"


@contextmanager
def session_folder() -> Iterator[Path]:
    """A folder for one run's private instances; leftovers of runs that were killed are stopped first."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    # The account that the backends run as must be able to walk through it.
    folder.chmod(0o711)
    owner = processes.identify(os.getpid())
    assert owner is not None
    (folder / "owner.json").write_text(json.dumps([owner.pid, owner.started]), encoding="utf-8")
    try:
        yield folder
    finally:
        Ledger(folder / "ledger").stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Stops what a killed test run of this account left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            pid, started = json.loads((folder / "owner.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # Another run is just making it, or done with it.
        if not processes.is_running(processes.Identity(pid, started)):
            for ledger in folder.rglob("ledger"):
                Ledger(ledger).stop_all()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def test_backends(folder: Path, say: Callable[[str], None]) -> Iterator[Backends]:
    """The backends of one test session, and words on where they came from."""
    opened = _open(folder, say)
    try:
        yield opened
    finally:
        opened.close()


def _open(folder: Path, say: Callable[[str], None]) -> Backends:
    given = given_backends(os.environ)
    if given is not None:
        say(f"test backends: {given.origin}")
        return given
    contained = _containers(say)
    if contained is not None:
        say(f"test backends: {contained.origin}")
        return contained
    ledger = Ledger(folder / "ledger")

    def record(name: str, pid: int, number: signal.Signals) -> None:
        ledger.record(name, pid, number)

    return open_backends(
        folder, say=lambda words: say(f"test {words[0].lower()}{words[1:]}"), durable=False, on_start=record
    )


def _containers(say: Callable[[str], None]) -> Backends | None:
    """Testcontainers when an engine answers and has, or can pull, the images; None otherwise."""
    if not _engine_has_images(say):
        return None
    from testcontainers.core.container import DockerContainer

    postgres = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", "doorstep-tests")
        .with_command("postgres -c max_connections=200 -c fsync=off -c jit=off -c timezone=UTC")
        .with_exposed_ports(5432)
    )
    rabbit = (
        DockerContainer(RABBIT_IMAGE)
        .with_env("RABBITMQ_DEFAULT_USER", "admin")
        .with_env("RABBITMQ_DEFAULT_PASS", "doorstep-tests")
        .with_env("RABBITMQ_DEFAULT_VHOST", "doorstep")
        .with_command(
            [
                "sh",
                "-c",
                "rabbitmq-plugins enable --offline rabbitmq_consistent_hash_exchange && exec rabbitmq-server",
            ]
        )
        .with_exposed_ports(5672, 15672)
    )
    with ExitStack() as undo:
        for container in (postgres, rabbit):
            container.start()
            undo.callback(container.stop)
        host = postgres.get_container_host_ip()
        url = f"postgresql://postgres:doorstep-tests@{host}:{postgres.get_exposed_port(5432)}/postgres"
        broker = ManagedBroker(
            f"amqp://admin:doorstep-tests@{host}:{rabbit.get_exposed_port(5672)}/doorstep",
            f"http://{host}:{rabbit.get_exposed_port(15672)}",
        )
        _wait_for_containers(url, broker)
        return managed_backends(url, broker, "testcontainers", undo.pop_all())


def _engine_has_images(say: Callable[[str], None]) -> bool:
    import docker  # type: ignore[import-untyped]
    from docker.errors import DockerException, ImageNotFound  # type: ignore[import-untyped]

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException:
        return False
    try:
        for image in (POSTGRES_IMAGE, RABBIT_IMAGE):
            try:
                client.images.get(image)
            except ImageNotFound:
                client.images.pull(image)
    except DockerException as refused:
        say(f"test backends: a Docker engine answers but has no image and cannot pull one ({refused})")
        return False
    finally:
        client.close()
    return True


def _wait_for_containers(url: str, broker: ManagedBroker) -> None:
    import psycopg

    from tests.support.waiting import wait_until

    def postgres_answers() -> bool:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_until(postgres_answers, 120, "PostgreSQL in its container answers")
    wait_until(broker.answers, 120, "RabbitMQ in its container answers")
