"""Finds orders in the list: whose, which, in what order, and from where a page goes on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.order.views import OrderRow
from shared.eventstore.ports import Store

ID_PREFIX = "ord_"
# Just after the last character that an id may hold: what begins with a text lies between it and the text followed
# by this, also for a statement that is planned before its values are known.
_AFTER_ALL = "\x7f"


class Sort(StrEnum):
    """In which order; `promised` is what is due first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    PROMISED = "promised"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Whose orders: everybody's, or those of the given customers or merchants; narrowed further by the rest.

    `text` is the beginning or the end of an order's id. Times are of placing, `placed_until` not included.
    """

    everybody: bool = False
    of_customers: Collection[str] = ()
    of_merchants: Collection[str] = ()
    customer_id: str | None = None
    merchant_id: str | None = None
    rider_id: str | None = None
    states: Collection[str] = ()
    kinds: Collection[str] = ()
    priorities: Collection[str] = ()
    placed_from: datetime | None = None
    placed_until: datetime | None = None
    text: str | None = None
    sort: Sort = Sort.NEWEST

    @property
    def time_column(self) -> str | None:
        """The column that comes before the id in the order of the list; ids alone are in the order of placing."""
        if self.sort is Sort.PROMISED:
            return "promised_at"
        return None if self.placed_from is None and self.placed_until is None else "placed_at"


@dataclass(frozen=True, slots=True)
class Mark:
    """The last row of a page: the next page begins after it. `at` where the list is sorted by a time."""

    order_id: str
    at: datetime | None = None


def mark_of(row: OrderRow, wanted: OrderFilter) -> Mark:
    column = wanted.time_column
    return Mark(row.order_id, None if column is None else getattr(row, column))


def list_orders(store: Store, wanted: OrderFilter, after: Mark | None, limit: int) -> list[OrderRow]:
    """Orders in the wanted order, at most `limit`, after `after`."""
    query, values = statement(wanted, after, limit)
    with store.reading() as tx:
        return [OrderRow(**row) for row in tx.connection.execute(query, values)]


def statement(wanted: OrderFilter, after: Mark | None, limit: int) -> tuple[str, dict[str, Any]]:
    """The query and its parameters: its words are ours, whatever the caller asks for."""
    values: dict[str, Any] = {"limit": limit}
    clauses = ["true", *_whose(wanted, values), *_which(wanted, values), *_text(wanted, values)]
    column, ascending = wanted.time_column, wanted.sort is not Sort.NEWEST
    key = "order_id" if column is None else f"({column}, order_id)"
    if after is not None:
        values |= {"after_id": after.order_id, "after_at": after.at}
        mark = "%(after_id)s" if column is None else "(%(after_at)s, %(after_id)s)"
        clauses.append(f"{key} {'>' if ascending else '<'} {mark}")
    way = "ASC" if ascending else "DESC"
    order = f"order_id {way}" if column is None else f"{column} {way}, order_id {way}"
    return f"SELECT * FROM order_list WHERE {' AND '.join(clauses)} ORDER BY {order} LIMIT %(limit)s", values


def _whose(wanted: OrderFilter, values: dict[str, Any]) -> list[str]:
    """Each of the caller's ids by itself, so that the list of one merchant or customer is read in its index."""
    if wanted.everybody:
        return []
    mine = {"customer_id": wanted.of_customers, "merchant_id": wanted.of_merchants}
    either = []
    for column, ids in mine.items():
        if len(ids) == 1:
            values[f"my_{column}"] = next(iter(ids))
            either.append(f"{column} = %(my_{column})s")
        elif ids:
            values[f"my_{column}"] = list(ids)
            either.append(f"{column} = ANY(%(my_{column})s)")
    return [f"({' OR '.join(either)})"] if either else ["false"]


def _which(wanted: OrderFilter, values: dict[str, Any]) -> list[str]:
    single: Mapping[str, Any] = {
        "customer_id = %({})s": wanted.customer_id,
        "merchant_id = %({})s": wanted.merchant_id,
        "rider_id = %({})s": wanted.rider_id,
        "placed_at >= %({})s": wanted.placed_from,
        "placed_at < %({})s": wanted.placed_until,
    }
    many = {"state": wanted.states, "kind": wanted.kinds, "priority": wanted.priorities}
    clauses = []
    for number, (clause, value) in enumerate(single.items()):
        if value is not None:
            values[f"only_{number}"] = value
            clauses.append(clause.format(f"only_{number}"))
    for column, wished in many.items():
        if len(wished) == 1:
            values[f"of_{column}"] = next(iter(wished))
            clauses.append(f"{column} = %(of_{column})s")
        elif wished:
            values[f"of_{column}"] = list(wished)
            clauses.append(f"{column} = ANY(%(of_{column})s)")
    if wanted.priorities and "normal" not in wanted.priorities:
        # What the partial index is made for, said so that a prepared statement can use it.
        clauses.append("priority <> 'normal'")
    return clauses


def _text(wanted: OrderFilter, values: dict[str, Any]) -> list[str]:
    if wanted.text is None:
        return []
    text = wanted.text.lower()
    begins = text if text.startswith(ID_PREFIX) else ID_PREFIX + text
    ends = text[::-1]
    values |= {"begins": begins, "begins_to": begins + _AFTER_ALL, "ends": ends, "ends_to": ends + _AFTER_ALL}
    return [
        '((order_id >= %(begins)s AND order_id < %(begins_to)s) OR (reverse(order_id) COLLATE "C" >= %(ends)s'
        ' AND reverse(order_id) COLLATE "C" < %(ends_to)s))'
    ]
