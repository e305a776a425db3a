"""The HTTP routes by which orders are found and read: lists with filters, one order, all that happened to it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.order import access, answering, searching, timeline
from services.order.domain.state import Order
from services.order.projecting import ORDER_LIST
from services.order.schemas import OrdersQuery, OrderSummary, OrderView, Timeline
from services.order.searching import Mark, OrderFilter
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.auth import Principal
from shared.gateway.call import Call
from shared.gateway.cursor import Page, encode_cursor
from shared.gateway.route import route
from shared.kernel.errors import Fault, InvalidInput

TAGS = ("orders",)


class ReadingRoutes:
    """Everything over HTTP that only looks at orders."""

    parts: OrderParts

    @route(
        "GET",
        "/v1/orders",
        roles=access.READERS,
        query=OrdersQuery,
        answer=Page[OrderSummary],
        summary="Find orders",
        description="Newest first unless `sort` says otherwise. Customers and merchants see their own, support and"
        " operations all. `next` goes on with the same filters.",
        tags=TAGS,
    )
    def list_orders(self, call: Call[None, OrdersQuery]) -> Page[OrderSummary]:
        store, query = self.parts.store, call.query
        position = store.follower_position(ORDER_LIST.follower.name)
        wanted = _wanted(call.principal, query)
        rows = searching.list_orders(store, wanted, _mark(query, wanted), query.limit + 1)
        more = _cursor(searching.mark_of(rows[query.limit - 1], wanted)) if len(rows) > query.limit else None
        items = [answering.order_summary(row) for row in rows[: query.limit]]
        return Page[OrderSummary](items=items, next=more, position=position)

    @route("GET", "/v1/orders/<order_id>", roles=access.READERS, answer=OrderView, summary="One order", tags=TAGS)
    def get_order(self, call: Call[None], order_id: str) -> OrderView:
        with self.parts.store.reading() as tx:
            order, version = answering.order_of(tx, order_id)
            access.require_reader(call.principal, order)
            personal = access.may_see_recipient(call.principal, order)
            return answering.order_view(tx, order, version, personal=personal)

    @route(
        "GET",
        "/v1/orders/<order_id>/timeline",
        roles=access.READERS,
        answer=Timeline,
        summary="Everything that happened to an order",
        description="Who did what, when by the actor's clock and by the server's, and why: the order's own facts,"
        " what dispatch and support reported, and the steps of its payment, as they were recorded.",
        tags=TAGS,
    )
    def get_timeline(self, call: Call[None], order_id: str) -> Timeline:
        with self.parts.store.reading() as tx:
            visible(tx, call.principal, order_id)
            return timeline.of_order(tx, order_id, staff=access.is_staff(call.principal))


def visible(tx: Transaction, principal: Principal, order_id: str) -> Order:
    """An order that the caller may see; NotFound for any other."""
    order, _ = answering.order_of(tx, order_id)
    access.require_reader(principal, order)
    return order


def _wanted(principal: Principal, query: OrdersQuery) -> OrderFilter:
    """What the caller may list, and of that only what they ask for."""
    return replace(
        access.listable(principal),
        customer_id=query.customer_id,
        merchant_id=query.merchant_id,
        rider_id=query.rider_id,
        states=[each.value for each in query.state],
        kinds=[each.value for each in query.kind],
        priorities=[each.value for each in query.priority],
        placed_from=query.placed_from,
        placed_until=query.placed_until,
        text=query.text,
        sort=query.sort,
    )


def _mark(query: OrdersQuery, wanted: OrderFilter) -> Mark | None:
    if wanted.time_column is None:
        after = query.after("id")
        return None if after is None else Mark(str(after["id"]))
    after = query.after("at", "id")
    return None if after is None else Mark(str(after["id"]), _moment(after["at"]))


def _moment(given: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput([Fault("cursor", "invalid_cursor", "the cursor is not one that this list gave")])
    return moment


def _cursor(mark: Mark) -> str:
    values = {"id": mark.order_id}
    return encode_cursor(values if mark.at is None else {"at": mark.at.isoformat(), **values})
