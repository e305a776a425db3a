"""The order service alone on a store that is filled before it starts, and people who may read there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx

from deploy.local.backends import Backends
from deploy.local.broker_users import ADMIN
from deploy.local.environment import PROCESS, ROOT, PlatformEnvironment, fresh_environment
from services.order.application import perform
from services.order.domain.merchant import RegisterMerchant
from services.order.domain.policy import OrderPolicy
from services.order.inbound import SUBSCRIBED
from services.order.projecting import MERCHANT_LIST
from shared.eventstore.model import Context
from shared.eventstore.ports import Transaction
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.gateway.tokens import issue
from shared.kernel.clock import SystemClock
from shared.kernel.ids import new_id
from shared.messaging.topology import declare_platform
from tests.support.broker import fresh_virtual_host
from tests.support.database import fresh_database
from tests.support.waiting import wait_until
from tests.unit.order.facts import registered

MERCHANTS = 200


@dataclass(frozen=True, slots=True)
class Home:
    """A migrated store, and what the service that will live there is told."""

    environment: PlatformEnvironment
    dsn: str
    admin_url: str
    master_key: str
    merchant_ids: list[str]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the service answers."""

    client: httpx.Client
    environment: PlatformEnvironment

    def headers(self, role: str, identifier: str = "") -> dict[str, str]:
        ids = (identifier,) if identifier else ()
        token = issue(self.environment.signing_key, subject=identifier or role, roles=(role,), ids=ids)
        return {"Authorization": f"Bearer {token}"}


@contextmanager
def home(backends: Backends, folder: Path) -> Iterator[Home]:
    """A database with the merchants registered, and a virtual host; nobody lives there yet."""
    run_dir = folder / "scale"
    run_dir.mkdir(mode=0o700)
    with (
        fresh_database(backends.postgres_url, ("order",)) as database,
        fresh_virtual_host(backends.broker) as broker,
    ):
        told = fresh_environment(
            run_dir,
            ("order",),
            admin_url=database.admin_url,
            amqp_urls={"order": broker.url_for("order"), ADMIN: broker.url, "audit": broker.url},
            clock_speed=1.0,
            clock_epoch=None,
            log_level="info",
            has_policies=False,
        )
        told = replace(told, passwords=database.passwords)
        told.write({})
        declare_platform(broker.url, {"order": SUBSCRIBED})
        dsn = database.url("order")
        merchants = _merchants(dsn, told.master_key)
        yield Home(told, dsn, database.admin_url, told.master_key, merchants)


def _merchants(dsn: str, master_key: str) -> list[str]:
    ids = [new_id("mer") for _ in range(MERCHANTS)]
    now = SystemClock().now()
    context = Context(actor="operations:1", now=now, occurred_at=now, correlation_id=new_id("cor"))
    with closing(PostgresStore(dsn, master_key)) as store, closing(Sequencer(dsn)) as sequencer:
        for merchant_id in ids:
            command = RegisterMerchant(registration=replace(registered, merchant_id=merchant_id))
            store.run(partial(_perform, command=command, context=context))
        sequencer.tick()
        while MERCHANT_LIST.run(store):
            pass
    return ids


def _perform(tx: Transaction, command: RegisterMerchant, context: Context) -> None:
    perform(tx, command, context, OrderPolicy())


@contextmanager
def served(place: Home) -> Iterator[Gateway]:
    """The service as it is started everywhere, and a client on a connection that is kept alive."""
    kept = {name: os.environ[name] for name in PROCESS if name in os.environ}
    log = place.environment.run_dir / "order.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.serve", "order"],
            env={**kept, **place.environment.of_service("order")},
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(base_url=f"http://{place.environment.http['order']}", timeout=30) as client:
            wait_until(lambda: _is_ready(client), 60, "the order service is ready")
            yield Gateway(client, place.environment)
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").is_success
    except httpx.HTTPError:
        return False
