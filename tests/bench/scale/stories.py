"""A few orders lived through the real service, from placing to the archive: what the many are printed from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from services.order.application import perform
from services.order.domain.values import OrderKind
from services.order.outbound import payment_id_of
from services.order.review_views import REVIEW_LIST
from shared.eventstore.model import Context
from shared.kernel.ids import new_id
from tests.support.database import Database
from tests.support.order_service import Service, serving
from tests.unit.order import wishes as w
from tests.unit.order.facts import NOON, RIDER
from tests.unit.order.test_placing import WISH

DELIVERED = (w.accept(), w.start(), w.mark_ready(), w.rider_assigned(), w.picked_up(), w.delivered())
STORIES: tuple[tuple[int, str, Sequence[Any]], ...] = (
    (55, "sandbox_ok", (*DELIVERED, w.confirm(), w.review())),
    (25, "sandbox_ok", (*DELIVERED, w.confirm())),
    (7, "sandbox_ok", (w.cancel(),)),
    (5, "sandbox_ok", (w.accept(), w.start(), w.cancel())),
    (4, "sandbox_ok", (w.reject(),)),
    (4, "sandbox_declined", ()),
)
"""How often in a hundred, how it is paid, and what happens; what is missing then happens by time."""
PATIENCE_HOURS = (1, 1, 1, 8 * 24, 16 * 24, 16 * 24)
"""The steps in which time goes on, so that confirming, reviewing and archiving happen about when they would."""
READ_MODELS = {
    "order_list": "order_id = %(order_id)s",
    "review_list": "order_id = %(order_id)s",
    "ledger_lines": "order_id = %(order_id)s",
    "sandbox_payments": "payment_id = %(payment_id)s",
}
_EVENTS = """
SELECT e.stream_id, s.category, e.version, e.event_id, e.type, e.schema_version, e.data::text, e.metadata::text,
       e.recorded_at
FROM log l JOIN events e USING (stream_id, version) JOIN streams s USING (stream_id)
WHERE e.stream_id IN (%(order_id)s, %(payment_id)s) ORDER BY l.position
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One order's history: its events in the order of the log, and its rows in the read models as JSON."""

    share: int
    order_id: str
    customer_id: str
    merchant_id: str
    events: Sequence[tuple[Any, ...]]
    rows: Mapping[str, Sequence[str]]
    open_personal: dict[str, Any]
    """What each sealed text says."""


def told_stories(database: Database) -> list[Told]:
    """Lives every story once, in a database of its own."""
    with serving(database) as service, psycopg.connect(database.url("order"), row_factory=tuple_row) as connection:
        return [_told(service, connection, *story) for story in STORIES]


def _told(service: Service, connection: Any, share: int, method: str, commands: Sequence[Any]) -> Told:
    order_id, customer_id = new_id("ord"), new_id("cus")
    service.clock.at = NOON
    wish: Any = replace(
        WISH,
        order_id=order_id,
        customer_id=customer_id,
        kind=OrderKind.FOOD,
        merchant_id=service.merchant_id,
        payment_method=method,
    )
    _do(service, wish, f"customer:{customer_id}")
    for command in commands:
        service.clock.at = command.now
        _do(service, replace(command, order_id=order_id), _actor(command, customer_id, service.merchant_id))
    for hours in PATIENCE_HOURS:
        service.due(hours=hours)
        service.settle()
    while REVIEW_LIST.run(service.store):
        pass
    ids = {"order_id": order_id, "payment_id": payment_id_of(order_id)}
    events = connection.execute(_EVENTS, ids).fetchall()
    rows = {
        table: [
            row[0] for row in connection.execute(f"SELECT row_to_json(t)::text FROM {table} t WHERE {which}", ids)
        ]
        for table, which in READ_MODELS.items()
    }
    connection.rollback()
    return Told(
        share=share,
        order_id=order_id,
        customer_id=customer_id,
        merchant_id=service.merchant_id,
        events=events,
        rows=rows,
        open_personal=_opened(service, customer_id, events),
    )


def _do(service: Service, command: Any, actor: str) -> None:
    now = service.clock.now()
    context = Context(actor=actor, now=now, occurred_at=now, correlation_id=new_id("cor"))
    service.store.run(lambda tx: perform(tx, command, context, service.policy))
    service.settle()


def _actor(command: Any, customer_id: str, merchant_id: str) -> str:
    name = type(command).__name__
    if name.startswith("Note"):
        return f"rider:{RIDER}"
    by_customer = name in {"CancelOrder", "ConfirmOrder", "ReviewOrder"}
    return f"customer:{customer_id}" if by_customer else f"merchant:{merchant_id}"


def _opened(service: Service, customer_id: str, events: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with service.store.reading() as tx:
        for event in events:
            for value in json.loads(event[6]).values():
                if isinstance(value, dict) and value.keys() == {"sealed"}:
                    found[value["sealed"]] = tx.vault.open(customer_id, value["sealed"])
    return found
