"""Read models of this service and their queries: the only place where its SQL lives."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.analytics.domain import riders, timeline
from services.analytics.domain.board import FEED_LENGTH, WINDOW, FeedItem, feed_item
from services.analytics.domain.events import FactRecorded
from services.analytics.domain.riders import Rider
from services.analytics.domain.summary import OrderSummary, summarise
from services.analytics.domain.timeline import OrderState, OrderTimeline

PROJECTION = "board"
VERSION = 1
FOLLOWER = f"{PROJECTION}.v{VERSION}"
FEED_KEPT = 1_000

_TIMELINES = TypeAdapter(OrderTimeline)
_RIDERS = TypeAdapter(Rider)
_ITEMS = TypeAdapter(FeedItem)
_COLUMNS = tuple(field.name for field in fields(OrderSummary))
_SELECT_ORDERS = f"SELECT {', '.join(_COLUMNS)} FROM order_board WHERE state IS NOT NULL"
_UPSERT_ORDER = (
    f"INSERT INTO order_board (position, timeline, {', '.join(_COLUMNS)}) "
    f"VALUES (%(position)s, %(timeline)s, {', '.join(f'%({name})s' for name in _COLUMNS)}) "
    "ON CONFLICT (order_id) DO UPDATE SET "
    + ", ".join(f"{name} = EXCLUDED.{name}" for name in ("position", "timeline", *_COLUMNS[1:]))
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of the read models touched after one place in the log, as they were at `position`."""

    position: int
    orders: Sequence[OrderSummary]
    riders: Sequence[Rider]
    feed: Sequence[FeedItem]
    merchants: dict[str, str]


Placed = tuple[int, FactRecorded]
"""A fact and its position in the log."""


def project(connection: Any, facts: Sequence[Placed]) -> None:
    """Folds facts into the read models, each row read and written once however many facts touch it.

    The follower commits its own position with them.
    """
    _project_orders(connection, [each for each in facts if each[1].order_id and each[1].type in timeline.TOUCHING])
    _project_riders(connection, [each for each in facts if _is_about_a_rider(each[1])])
    names = {fact.text("merchant_id"): fact.text("name") for _, fact in facts if fact.type == "MerchantRegistered"}
    _write(
        connection,
        "INSERT INTO merchant_names (merchant_id, name) VALUES (%s, %s) "
        "ON CONFLICT (merchant_id) DO UPDATE SET name = EXCLUDED.name",
        list(names.items()),
    )
    items = [(position, feed_item(position, fact)) for position, fact in facts]
    _write(
        connection,
        "INSERT INTO feed (position, item) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [(place, Jsonb(_ITEMS.dump_python(item, mode="json"))) for place, item in items if item is not None],
    )
    full = [position for position, _ in facts if position % FEED_KEPT == 0]
    if full:
        connection.execute("DELETE FROM feed WHERE position < %s", (full[-1] - FEED_KEPT,))


def _is_about_a_rider(fact: FactRecorded) -> bool:
    return fact.service == "dispatch" and fact.rider_id is not None and fact.type in riders.TOUCHING


def _project_orders(connection: Any, facts: Sequence[Placed]) -> None:
    ids = sorted({str(fact.order_id) for _, fact in facts})
    rows = _read(connection, "SELECT order_id AS id, timeline AS kept FROM order_board WHERE order_id = ANY(%s)", ids)
    known = {each: OrderTimeline(each) for each in ids}
    known |= {each: _TIMELINES.validate_python(kept) for each, kept in rows.items()}
    positions: dict[str, int] = {}
    for place, fact in facts:
        order_id = str(fact.order_id)
        known[order_id] = timeline.evolve(known[order_id], fact)
        positions[order_id] = place
    _write(connection, _UPSERT_ORDER, [_order_row(each, positions[each], known[each]) for each in ids])


def _order_row(order_id: str, place: int, folded: OrderTimeline) -> dict[str, Any]:
    summary = summarise(folded)
    columns = {name: getattr(summary, name, None) for name in _COLUMNS}
    kept = Jsonb(_TIMELINES.dump_python(folded, mode="json"))
    return columns | {"order_id": order_id, "position": place, "timeline": kept}


def _project_riders(connection: Any, facts: Sequence[Placed]) -> None:
    ids = sorted({str(fact.rider_id) for _, fact in facts})
    rows = _read(connection, "SELECT rider_id AS id, rider AS kept FROM rider_board WHERE rider_id = ANY(%s)", ids)
    known = {each: Rider(each) for each in ids}
    known |= {each: _RIDERS.validate_python(kept) for each, kept in rows.items()}
    positions: dict[str, int] = {}
    for place, fact in facts:
        rider_id = str(fact.rider_id)
        known[rider_id] = riders.evolve(known[rider_id], fact)
        positions[rider_id] = place
    _write(
        connection,
        "INSERT INTO rider_board (rider_id, position, rider) VALUES (%s, %s, %s) "
        "ON CONFLICT (rider_id) DO UPDATE SET position = EXCLUDED.position, rider = EXCLUDED.rider",
        [(each, positions[each], Jsonb(_RIDERS.dump_python(known[each], mode="json"))) for each in ids],
    )


def _read(connection: Any, query: str, ids: list[str]) -> dict[str, Any]:
    rows = connection.execute(query, (ids,)).fetchall() if ids else []
    return {row["id"]: row["kept"] for row in rows}


def _write(connection: Any, statement: str, rows: Sequence[Any]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def position(connection: Any) -> int:
    """How far into the log the read models have come."""
    row = connection.execute("SELECT position FROM follower_positions WHERE name = %s", (FOLLOWER,)).fetchone()
    return 0 if row is None else int(row["position"])


def changes_after(connection: Any, after: int, now: datetime) -> Changes:
    """What a board that stands at `after` must take in; 0 reads all that the board shows.

    Must be the first thing in its transaction: all parts are read from one snapshot.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    until = position(connection)
    orders = connection.execute(
        f"{_SELECT_ORDERS} AND position > %(after)s AND (%(after)s > 0 OR ended_at IS NULL OR placed_at > %(from)s)"
        " ORDER BY placed_at, order_id",
        {"after": after, "from": now - WINDOW},
    ).fetchall()
    feed = connection.execute(
        "SELECT item FROM feed WHERE position > %s ORDER BY position DESC LIMIT %s", (after, FEED_LENGTH)
    ).fetchall()
    changed = connection.execute(
        "SELECT rider FROM rider_board WHERE position > %s ORDER BY rider_id", (after,)
    ).fetchall()
    names = connection.execute("SELECT merchant_id, name FROM merchant_names").fetchall()
    return Changes(
        position=until,
        orders=[_summary(row) for row in orders],
        riders=[_RIDERS.validate_python(row["rider"]) for row in changed],
        feed=[_ITEMS.validate_python(row["item"]) for row in feed],
        merchants={row["merchant_id"]: row["name"] for row in names},
    )


def summaries(
    connection: Any, placed_from: datetime | None, placed_until: datetime | None
) -> tuple[int, list[OrderSummary]]:
    """Orders placed in [from, until), and the position in the log up to which this is true."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    rows = connection.execute(
        f"{_SELECT_ORDERS} AND (%(a)s::timestamptz IS NULL OR placed_at >= %(a)s) "
        "AND (%(b)s::timestamptz IS NULL OR placed_at < %(b)s)",
        {"a": placed_from, "b": placed_until},
    ).fetchall()
    return position(connection), [_summary(row) for row in rows]


def _summary(row: dict[str, Any]) -> OrderSummary:
    return OrderSummary(**{**row, "state": OrderState(row["state"])})
