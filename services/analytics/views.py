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


def project(connection: Any, position: int, fact: FactRecorded) -> None:
    """Folds one fact into the read models; the follower commits its own position with them."""
    if fact.order_id is not None and fact.type in timeline.TOUCHING:
        _project_order(connection, position, fact.order_id, fact)
    if fact.service == "dispatch" and fact.rider_id is not None and fact.type in riders.TOUCHING:
        _project_rider(connection, position, fact.rider_id, fact)
    if fact.type == "MerchantRegistered":
        connection.execute(
            "INSERT INTO merchant_names (merchant_id, name) VALUES (%s, %s) "
            "ON CONFLICT (merchant_id) DO UPDATE SET name = EXCLUDED.name",
            (fact.text("merchant_id"), fact.text("name")),
        )
    item = feed_item(position, fact)
    if item is not None:
        connection.execute(
            "INSERT INTO feed (position, item) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (position, Jsonb(_ITEMS.dump_python(item, mode="json"))),
        )
    if position % FEED_KEPT == 0:
        connection.execute("DELETE FROM feed WHERE position < %s", (position - FEED_KEPT,))


def _project_order(connection: Any, position: int, order_id: str, fact: FactRecorded) -> None:
    row = connection.execute("SELECT timeline FROM order_board WHERE order_id = %s", (order_id,)).fetchone()
    known = OrderTimeline(order_id) if row is None else _TIMELINES.validate_python(row["timeline"])
    folded = timeline.evolve(known, fact)
    summary = summarise(folded)
    columns = {name: getattr(summary, name, None) for name in _COLUMNS}
    connection.execute(
        _UPSERT_ORDER,
        columns
        | {
            "order_id": order_id,
            "position": position,
            "timeline": Jsonb(_TIMELINES.dump_python(folded, mode="json")),
        },
    )


def _project_rider(connection: Any, position: int, rider_id: str, fact: FactRecorded) -> None:
    row = connection.execute("SELECT rider FROM rider_board WHERE rider_id = %s", (rider_id,)).fetchone()
    known = Rider(rider_id) if row is None else _RIDERS.validate_python(row["rider"])
    connection.execute(
        "INSERT INTO rider_board (rider_id, position, rider) VALUES (%s, %s, %s) "
        "ON CONFLICT (rider_id) DO UPDATE SET position = EXCLUDED.position, rider = EXCLUDED.rider",
        (rider_id, position, Jsonb(_RIDERS.dump_python(riders.evolve(known, fact), mode="json"))),
    )


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
        f"{_SELECT_ORDERS} AND position > %(after)s AND (%(after)s > 0 OR ended_at IS NULL OR placed_at > %(from)s)",
        {"after": after, "from": now - WINDOW},
    ).fetchall()
    feed = connection.execute(
        "SELECT item FROM feed WHERE position > %s ORDER BY position DESC LIMIT %s", (after, FEED_LENGTH)
    ).fetchall()
    changed = connection.execute("SELECT rider FROM rider_board WHERE position > %s", (after,)).fetchall()
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
