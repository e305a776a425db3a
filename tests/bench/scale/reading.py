"""Reads of every kind over a full store, each timed by its caller, on random orders and pages."""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import psycopg
from psycopg.rows import dict_row

from services.order.codec import ORDER
from shared.eventstore.postgres import PostgresStore
from tests.bench.figures import Report, percentile
from tests.bench.scale.gateway import Gateway, Home

Path = Callable[[Mapping[str, Any]], tuple[str, str, str]]
"""What is asked about an order, and as whom: path, role, id."""

READS: dict[str, Path] = {
    "one order": lambda row: (f"/v1/orders/{row['order_id']}", "customer", row["customer_id"]),
    "timeline": lambda row: (f"/v1/orders/{row['order_id']}/timeline", "support", ""),
    "list, newest": lambda row: ("/v1/orders?limit=50", "operations", ""),
    "list of a customer": lambda row: ("/v1/orders?limit=50", "customer", row["customer_id"]),
    "list of a merchant": lambda row: ("/v1/orders?limit=50", "merchant", row["merchant_id"]),
    "list by a rare state": lambda row: ("/v1/orders?limit=50&state=delivering", "operations", ""),
    "list by state": lambda row: ("/v1/orders?limit=50&state=archived", "operations", ""),
    "list by merchant and state": lambda row: (
        f"/v1/orders?limit=50&merchant_id={row['merchant_id']}&state=preparing",
        "operations",
        "",
    ),
}
PAGES = ("list, newest", "list of a merchant", "list by state")


def measure(report: Report, gateway: Gateway, place: Home, reads: int) -> None:
    rows = _some_orders(place, reads)
    for name, path in READS.items():
        _tell(report, name, [_timed(gateway, *path(row)) for row in rows])
    for name in PAGES:
        _tell(report, f"{name}, from the middle", [_timed(gateway, *_deep(READS[name](row), row)) for row in rows])
    with closing(PostgresStore(place.dsn, place.master_key)) as store:
        taken = []
        for row in rows:
            began = time.perf_counter()
            loaded = store.load(ORDER, row["order_id"])
            taken.append(time.perf_counter() - began)
            assert loaded.version == row["version"], "the list and the stream tell the same"
    _tell(report, "replay of one order", taken)


def _some_orders(place: Home, count: int) -> list[dict[str, Any]]:
    """By random places in the log: all ages alike."""
    dice = random.Random(7)
    with psycopg.connect(place.admin_url, row_factory=dict_row, options="-c search_path=order") as connection:
        [last] = connection.execute("SELECT max(position) AS position FROM log").fetchall()
        found: dict[str, dict[str, Any]] = {}
        while len(found) < count:
            position = dice.randrange(1, last["position"])
            for row in connection.execute(
                "SELECT o.* FROM log l JOIN order_list o ON o.order_id = l.stream_id WHERE position = %s", (position,)
            ):
                found[row["order_id"]] = row
    return list(found.values())


def _deep(asked: tuple[str, str, str], row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The same list from this order on, as a cursor of the middle of a long list says."""
    from shared.gateway.cursor import encode_cursor

    path, role, identifier = asked
    return f"{path}&cursor={encode_cursor({'id': row['order_id']})}", role, identifier


def _timed(gateway: Gateway, path: str, role: str, identifier: str) -> float:
    headers = gateway.headers(role, identifier)
    began = time.perf_counter()
    answer = gateway.client.get(path, headers=headers)
    taken = time.perf_counter() - began
    answer.raise_for_status()
    return taken


def _tell(report: Report, name: str, taken: list[float]) -> None:
    taken.sort()
    for percent in (50, 99):
        report.add("scale", f"{name} p{percent}", "ms", [1000 * percentile(taken, percent)])
