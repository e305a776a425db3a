"""PostgreSQL and RabbitMQ in containers, for machines that have a Docker engine and neither server."""

import json
import os
import secrets
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.local import accounts, ports
from deploy.local.backends import Backends, managed_backends
from deploy.local.brokers import ManagedBroker
from deploy.local.processes import DidNotStart

COMPOSE_FILE = Path(__file__).resolve().parent.parent / "compose" / "compose.yaml"
START_SECONDS = 300


def engine_answers() -> bool:
    """Whether a Docker engine with compose answers; the command alone is not enough."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        info = subprocess.run([docker, "info"], capture_output=True, check=False, timeout=20)
        compose = subprocess.run([docker, "compose", "version"], capture_output=True, check=False, timeout=20)
    except subprocess.TimeoutExpired:
        return False
    return info.returncode == 0 and compose.returncode == 0


def compose_backends(folder: Path) -> Backends:
    """Starts the compose project of this folder; its containers and volumes go when it is closed."""
    settings = _settings(folder)
    with ExitStack() as undo:
        undo.callback(compose_down, folder)
        compose(settings, "up", "--detach", "--wait", "--wait-timeout", str(START_SECONDS))
        host = ports.LOOPBACK
        password = settings["DOORSTEP_COMPOSE_POSTGRES_PASSWORD"]
        postgres_url = (
            f"postgresql://postgres:{password}@{host}:{settings['DOORSTEP_COMPOSE_POSTGRES_PORT']}/postgres"
        )
        broker = ManagedBroker(
            f"amqp://admin:{settings['DOORSTEP_COMPOSE_RABBITMQ_PASSWORD']}"
            f"@{host}:{settings['DOORSTEP_COMPOSE_AMQP_PORT']}/doorstep",
            f"http://{host}:{settings['DOORSTEP_COMPOSE_RABBITMQ_API_PORT']}",
        )
        _wait_for(broker)
        return managed_backends(postgres_url, broker, "Docker compose", undo.pop_all())


def compose_down(folder: Path) -> bool:
    """Removes the containers and volumes of this folder's project; False when there was none."""
    path = folder / "compose.json"
    if not path.exists():
        return False
    compose(json.loads(path.read_text(encoding="utf-8")), "down", "--volumes", "--timeout", "10")
    path.unlink()
    return True


def compose(settings: dict[str, str], *arguments: str) -> None:
    command = ["docker", "compose", "--file", str(COMPOSE_FILE), *arguments]
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DidNotStart(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _settings(folder: Path) -> dict[str, str]:
    postgres_port, amqp_port, api_port = ports.free_ports(3)
    settings = {
        "COMPOSE_PROJECT_NAME": f"doorstep-{secrets.token_hex(4)}",
        "DOORSTEP_COMPOSE_POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "DOORSTEP_COMPOSE_RABBITMQ_PASSWORD": secrets.token_urlsafe(24),
        "DOORSTEP_COMPOSE_POSTGRES_PORT": str(postgres_port),
        "DOORSTEP_COMPOSE_AMQP_PORT": str(amqp_port),
        "DOORSTEP_COMPOSE_RABBITMQ_API_PORT": str(api_port),
    }
    folder.mkdir(parents=True, exist_ok=True)
    # Written before anything starts: `make down` needs it after a crash.
    accounts.own_file(folder / "compose.json", json.dumps(settings), None)
    return settings


def _wait_for(broker: ManagedBroker) -> None:
    end = time.monotonic() + 30
    while not broker.answers():
        if time.monotonic() > end:
            raise DidNotStart("the management API of RabbitMQ does not answer")
        time.sleep(0.2)
