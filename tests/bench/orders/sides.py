"""Starts each of the two services on the same backends, ready for the load, and stops it again."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
from psycopg import sql

from deploy.local import ports
from deploy.local.backends import Backends
from deploy.local.broker_users import ADMIN
from deploy.local.platform import Platform
from shared.kernel.ids import new_id
from tests.contract.processes import Speaking
from tests.support.broker import fresh_virtual_host

SHOP = {
    "name": "Lakeside Noodles",
    "phone": "+8657187654321",
    "place": {"lat": 30.2741, "lon": 120.1551},
    "address": "1 Lotus Road",
    "menu": [
        {"sku": "noodles", "name": "Beef noodles", "unit_cents": 2800},
        {"sku": "tea", "name": "Longjing tea", "unit_cents": 900},
    ],
    "preparation_minutes": 8,
}


@dataclass(frozen=True, slots=True)
class Side:
    """A service that runs: where it is, who may ask it, and which processes are its own."""

    name: str
    host: str
    port: int
    amqp_url: str
    merchant_id: str
    tokens: Mapping[str, str]
    pids: Mapping[str, int | None]

    def asked(self, **play: Any) -> dict[str, Any]:
        """What the load generator is told."""
        where = {"service": self.name, "host": self.host, "port": self.port, "amqp_url": self.amqp_url}
        return {**where, "merchant_id": self.merchant_id, "tokens": dict(self.tokens), **play}


@contextmanager
def ours(backends: Backends, folder: Path) -> Iterator[Side]:
    """The order service and its tail, as `make demo` starts them, without the four others."""
    with Platform(folder, services=("order",), backends=backends, say=lambda _: None) as platform:
        headers = {"Authorization": f"Bearer {platform.token(('operations',))}"}
        url = platform.url("order")
        merchant_id = str(
            httpx.post(f"{url}/v1/merchants", json=SHOP, headers=headers, timeout=10)
            .raise_for_status()
            .json()["merchant_id"]
        )
        at = urlsplit(url)
        processes = platform.processes
        yield Side(
            name="ours",
            host=str(at.hostname),
            port=at.port or 80,
            amqp_url=platform.environment.amqp_urls[ADMIN],
            merchant_id=merchant_id,
            tokens={
                "customer": platform.token(("customer",), (new_id("cus"),)),
                "merchant": platform.token(("merchant",), (merchant_id,)),
            },
            pids={"service": processes["order"], "tail": processes["tail"], **_servers(backends)},
        )


@contextmanager
def stock(backends: Backends) -> Iterator[Side]:
    """The peer, in a database and a virtual host of its own."""
    (port,) = ports.free_ports(1)
    with ExitStack() as undo:
        database = undo.enter_context(_empty_database(backends.postgres_url))
        broker = undo.enter_context(fresh_virtual_host(backends.broker))
        address = f"{ports.LOOPBACK}:{port}"
        process = Speaking("tests.bench.orders.stock", database, broker.url, address)
        undo.callback(process.kill)
        process.wait_ready()
        yield Side(
            name="stock",
            host=ports.LOOPBACK,
            port=port,
            amqp_url=broker.url,
            merchant_id=new_id("mer"),
            tokens={"customer": "none", "merchant": "none"},
            pids={"service": process.pid, **_servers(backends)},
        )


def play(side: Side, **asked: Any) -> dict[str, Any]:
    """One run of the load generator; what it saw."""
    command = [sys.executable, "-m", "tests.bench.orders.load", json.dumps(side.asked(**asked))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator ended with {done.returncode}:\n{done.stderr[-3000:]}")
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def _servers(backends: Backends) -> dict[str, int | None]:
    """The backends' processes, where they are ours to look at."""
    found = {"postgres": backends.local_postgres, "rabbitmq": backends.local_rabbit}
    return {name: instance.pid for name, instance in found.items() if instance is not None}


@contextmanager
def _empty_database(superuser_url: str) -> Iterator[str]:
    name = f"stock_{secrets.token_hex(4)}"
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        parts = urlsplit(superuser_url)
        try:
            yield urlunsplit(parts._replace(scheme="postgresql+psycopg", path=f"/{name}"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
