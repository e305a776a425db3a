"""Orders are found by what people know of them, page by page, and an index leads to each page."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.order import searching
from services.order.domain.commands import PlaceOrder
from services.order.domain.values import OrderKind, Priority
from services.order.searching import Mark, OrderFilter, Sort
from shared.kernel.ids import new_id
from tests.support.database import Database
from tests.support.order_service import Service, serving
from tests.unit.order import wishes as w
from tests.unit.order.shop_facts import errand
from tests.unit.order.test_placing import WISH

ALL = OrderFilter(everybody=True)


@pytest.fixture(scope="module")
def service(database: Database) -> Iterator[Service]:
    with serving(database) as made:
        yield made


@pytest.fixture(scope="module")
def orders(service: Service) -> dict[str, str]:
    """Five orders, a minute apart, each with something of its own."""
    placed = {
        "plain": place(service),
        "urgent": place(service, priority=Priority.URGENT),
        "medical": place(service, priority=Priority.MEDICAL, customer_id="cus_ill"),
        "errand": place(service, errand(OrderKind.CARRY)),
        "carried": place(service),
    }
    for command in (w.accept(), w.rider_assigned()):
        service.do(replace(command, order_id=placed["carried"], now=service.clock.now(), at=service.clock.now()))
    service.settle()
    return placed


def place(service: Service, wish: PlaceOrder = WISH, **changes: Any) -> str:
    service.clock.advance(timedelta(minutes=1))
    order_id, now = new_id("ord"), service.clock.now()
    food = {"merchant_id": service.merchant_id} if wish.kind is OrderKind.FOOD else {}
    service.do(replace(wish, order_id=order_id, at=now, now=now, **{**food, **changes}))
    service.settle()
    return order_id


def names(service: Service, orders: dict[str, str], wanted: OrderFilter, size: int = 2) -> list[str]:
    """The names of what is found, read page by page."""
    by_id = {order_id: name for name, order_id in orders.items()}
    found: list[str] = []
    after: Mark | None = None
    while rows := searching.list_orders(service.store, wanted, after, size):
        found += [by_id[row.order_id] for row in rows]
        after = searching.mark_of(rows[-1], wanted)
    return found


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"priorities": ["urgent", "medical"]}, ["medical", "urgent"]),
        ({"priorities": ["normal"]}, ["carried", "errand", "plain"]),
        ({"kinds": [OrderKind.CARRY.value]}, ["errand"]),
        ({"kinds": [OrderKind.FOOD.value], "priorities": ["medical"]}, ["medical"]),
        ({"customer_id": "cus_ill"}, ["medical"]),
        ({"rider_id": "rid_1"}, ["carried"]),
        ({"states": ["accepted"]}, ["carried"]),
        ({"states": ["accepted", "ready"]}, ["carried", "errand"]),
        ({"states": ["rejected"]}, []),
        ({"sort": Sort.OLDEST}, ["plain", "urgent", "medical", "errand", "carried"]),
        ({"merchant_id": "mer_nobody"}, []),
    ],
)
def test_orders_are_found_by_what_is_known_of_them(
    service: Service, orders: dict[str, str], wish: dict[str, Any], expected: list[str]
) -> None:
    assert names(service, orders, replace(ALL, **wish)) == expected


def test_orders_are_found_by_when_they_were_placed(service: Service, orders: dict[str, str]) -> None:
    urgent = service.order(orders["urgent"]).placed.at
    since = replace(ALL, placed_from=urgent)
    assert names(service, orders, since) == ["carried", "errand", "medical", "urgent"]
    assert names(service, orders, replace(ALL, placed_until=urgent)) == ["plain"]
    between = replace(since, placed_until=urgent + timedelta(minutes=2), sort=Sort.OLDEST)
    assert names(service, orders, between, size=1) == ["urgent", "medical"]


def test_what_is_due_first_is_listed_first(service: Service, orders: dict[str, str]) -> None:
    found = names(service, orders, replace(ALL, sort=Sort.PROMISED))
    due = [service.order(orders[name]).placed.promised_at for name in found]
    assert len(found) == 5
    assert due == sorted(due)


@pytest.mark.parametrize("part", ["whole", "beginning", "end", "end in capitals", "without prefix"])
def test_an_order_is_found_by_a_piece_of_its_id(service: Service, orders: dict[str, str], part: str) -> None:
    order_id = orders["medical"]
    text = {
        "whole": order_id,
        "beginning": order_id[:-1],
        "end": order_id[-6:],
        "end in capitals": order_id[-6:].upper(),
        "without prefix": order_id.removeprefix("ord_"),
    }[part]
    assert names(service, orders, replace(ALL, text=text)) == ["medical"]
    assert names(service, orders, replace(ALL, text="zzzz")) == []


def test_nobody_finds_what_is_not_theirs(service: Service, orders: dict[str, str]) -> None:
    ill = OrderFilter(of_customers=["cus_ill"])
    assert names(service, orders, ill) == ["medical"]
    assert names(service, orders, replace(ill, text=orders["plain"])) == []
    assert names(service, orders, replace(ill, merchant_id=service.merchant_id)) == ["medical"]
    assert names(service, orders, OrderFilter(of_customers=["cus_ill", "cus_other"])) == ["medical"]
    assert names(service, orders, OrderFilter()) == []


@pytest.mark.parametrize(
    ("wish", "index"),
    [
        ({"states": ["rejected"]}, "state"),
        ({"priorities": ["medical"]}, "priority"),
        ({"rider_id": "rid_1"}, "rider_id"),
        ({"kinds": [OrderKind.QUEUE.value]}, "kind"),
        ({"text": "abcdef"}, "reverse"),
    ],
)
def test_an_index_leads_to_what_is_rare(service: Service, wish: dict[str, Any], index: str) -> None:
    query, values = searching.statement(replace(ALL, **wish), None, 50)
    with service.store.reading() as tx:
        tx.connection.execute("SET LOCAL enable_seqscan = off")
        plan = tx.connection.execute("EXPLAIN (COSTS OFF) " + query, values).fetchall()
    told = "\n".join(str(next(iter(row.values()))) for row in plan)
    assert index in told.partition("Index Cond")[2], told
