"""Past orders that were copied into a store are what the service itself would have left there."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from deploy.local.backends import Backends
from services.order.application import perform
from services.order.codec import ORDER
from services.order.domain.merchant import RegisterMerchant
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import OrderState
from services.order.wiring import PROJECTIONS
from shared.eventstore.model import Context
from shared.eventstore.postgres import PostgresStore
from shared.eventstore.sequencer import Sequencer
from shared.eventstore.verify import verify_log
from shared.kernel.ids import new_id
from tests.bench.scale.seeding import Seeding
from tests.bench.scale.stories import Told, told_stories
from tests.support.database import Database, fresh_database
from tests.support.order_service import MASTER_KEY
from tests.unit.order.facts import NOON, registered

ORDERS = 60
FILLED = ("order_list", "ledger_lines", "account_balances", "review_list")


@pytest.fixture(scope="module")
def told(backends: Backends) -> list[Told]:
    with fresh_database(backends.postgres_url, ("order",)) as scratch:
        return told_stories(scratch)


@pytest.fixture(scope="module")
def store(database: Database, told: list[Told]) -> Iterator[PostgresStore]:
    """A store with one merchant and the past orders."""
    dsn, merchant_id = database.url("order"), new_id("mer")
    context = Context(actor="operations:1", now=NOON, occurred_at=NOON, correlation_id="cor_1")
    command = RegisterMerchant(registration=replace(registered, merchant_id=merchant_id))
    with closing(PostgresStore(dsn, MASTER_KEY)) as opened, closing(Sequencer(dsn)) as sequencer:
        opened.run(lambda tx: perform(tx, command, context, OrderPolicy()))
        sequencer.tick()
        Seeding(dsn, MASTER_KEY, told, [merchant_id], ORDERS).run(lambda _words: None)
        yield opened


def test_the_copied_log_holds_to_the_last_event(database: Database, store: PostgresStore) -> None:
    verdict = verify_log(database.url("order"))
    assert verdict.is_whole, verdict.problems
    assert (verdict.pending, verdict.events) == (0, store.log_position())


def test_a_copied_order_is_read_like_any_other(store: PostgresStore) -> None:
    states = set()
    for row in _rows(store, "order_list"):
        loaded = store.load(ORDER, row["order_id"])
        assert loaded.state is not None
        assert (loaded.version, loaded.state.state.value) == (row["version"], row["state"])
        assert loaded.state.placed.customer_id == row["customer_id"]
        assert loaded.state.placed.recipient is not None, "the customer's key opens what was sealed for them"
        states.add(loaded.state.state)
    assert states == {OrderState.ARCHIVED}


def test_the_next_event_comes_after_the_copied_ones(database: Database, store: PostgresStore) -> None:
    before = store.log_position()
    context = Context(actor="operations:1", now=NOON, occurred_at=NOON, correlation_id="cor_2")
    command = RegisterMerchant(registration=replace(registered, merchant_id=new_id("mer")))
    store.run(lambda tx: perform(tx, command, context, OrderPolicy()))
    with closing(Sequencer(database.url("order"))) as sequencer:
        assert sequencer.tick() == 1
    assert store.log_position() == before + 1
    assert verify_log(database.url("order")).is_whole


def test_read_models_built_from_the_copied_log_are_the_copied_ones(store: PostgresStore) -> None:
    copied = {table: _rows(store, table) for table in FILLED}
    assert len(copied["order_list"]) == ORDERS
    with store.reading() as tx:
        connection: psycopg.Connection[Any] = tx.connection
        for table in (*FILLED, "merchant_list"):
            connection.execute(f"DELETE FROM {table}")
        for projection in PROJECTIONS:
            connection.execute("DELETE FROM follower_positions WHERE name = %s", (projection.follower.name,))
    while sum(projection.run(store) for projection in PROJECTIONS):
        pass
    for table in FILLED:
        assert _rows(store, table) == copied[table], table


def _rows(store: PostgresStore, table: str) -> list[dict[str, Any]]:
    with store.reading() as tx:
        rows = tx.connection.execute(f"SELECT row_to_json(t)::text AS row FROM {table} t").fetchall()
    return sorted((json.loads(row["row"]) for row in rows), key=lambda row: json.dumps(row, sort_keys=True))
