"""What the customer's and the merchant's pages see as it happens."""

import time
from collections.abc import Iterator
from contextlib import suppress

from services.order import views
from services.order.answering import order_of, order_view, tracking_view
from services.order.codec import MERCHANT
from services.order.domain.state import Order
from services.order.expectations import Expected, expected
from services.order.kitchen import ShopView
from services.order.menu_answering import merchant_view
from services.order.projecting import ORDER_LIST
from services.order.schemas import OrderView, TrackingView
from services.order.wiring import OrderParts
from shared.eventstore.model import StoredEvent
from shared.gateway.sse import Event
from shared.kernel.errors import NotFound

OPEN_ORDERS_MAX = 500
EXPECTED_LOOK_SECONDS = 4.0
"""Another expected time is shown so long after it was told, at the latest."""


def tracking_events(
    parts: OrderParts, order_id: str, last_event_id: str | None, *, personal: bool
) -> Iterator[Event | None]:
    """One `tracking` event for each change of an order, its stream's version as id; the present one first.

    A page that comes back with the version it has seen gets only what is newer. Turning late is a change too,
    although nothing happens then but time, and so is another expected time, which is in no version: a page that
    comes back is told it again.
    """
    with parts.broadcast.subscribe(lambda stored: stored.stream_id == order_id) as changes:
        order, version, told = _look(parts, order_id)
        looked_at = time.monotonic()
        seen = _seen(parts, order, told, personal)
        if last_event_id != str(version) or told is not None:
            yield Event(version, "tracking", seen)
        for stored in changes:
            newer = stored is not None and stored.version > version
            if newer or time.monotonic() - looked_at >= EXPECTED_LOOK_SECONDS:
                order, version, told = _look(parts, order_id)
                looked_at = time.monotonic()
            view = _seen(parts, order, told, personal)
            yield Event(version, "tracking", view) if _differs(view, seen) else None
            seen = view


def _look(parts: OrderParts, order_id: str) -> tuple[Order, int, Expected | None]:
    with parts.store.reading() as tx:
        order, version = order_of(tx, order_id)
        return order, version, expected(tx, order)


def _seen(parts: OrderParts, order: Order, told: Expected | None, personal: bool) -> TrackingView:
    return tracking_view(order, parts.clock.now(), parts.settings.clock.speed, personal=personal, expected=told)


def _differs(view: TrackingView, seen: TrackingView) -> bool:
    return view.model_dump(exclude={"server_time"}) != seen.model_dump(exclude={"server_time"})


def merchant_events(parts: OrderParts, merchant_id: str, last_position: int | None) -> Iterator[Event | None]:
    """The shop as one `shop` event and its open orders as one `orders` event, then one for each change of either.

    The id is the position in the log. A page that comes back with the position it has seen gets the changes since
    instead of the open orders, after the shop as it is now.
    """

    def concerns(stored: StoredEvent) -> bool:
        if stored.stream_id == merchant_id:
            return True
        return stored.data.get("merchant_id") == merchant_id and stored.stream_id.startswith("ord_")

    listed_up_to = parts.store.follower_position(ORDER_LIST.follower.name)
    start = listed_up_to if last_position is None else last_position
    # What the list has not seen yet, or changes while it is read, follows from the log: seen twice, never missed.
    with parts.broadcast.subscribe(concerns, after_position=start) as changes:
        yield _shop(parts, merchant_id, start)
        if last_position is None:
            yield Event(listed_up_to, "orders", _open_orders(parts, merchant_id))
        for stored in changes:
            if stored is None:
                yield None
            elif stored.stream_id == merchant_id:
                yield _shop(parts, merchant_id, stored.position)
            else:
                view = _view(parts, stored.stream_id)
                yield None if view is None else Event(stored.position, "order", view)


def _shop(parts: OrderParts, merchant_id: str, position: int) -> Event | None:
    loaded, now = parts.store.load(MERCHANT, merchant_id), parts.clock.now()
    if loaded.state is None:
        return None
    shop = merchant_view(loaded.state, loaded.version, now)
    speed = parts.settings.clock.speed
    return Event(position, "shop", ShopView(**shop.model_dump(), server_time=now, clock_speed=speed))


def _open_orders(parts: OrderParts, merchant_id: str) -> list[OrderView]:
    ids = views.open_order_ids(parts.store, merchant_id, OPEN_ORDERS_MAX)
    return [view for order_id in ids if (view := _view(parts, order_id)) is not None]


def _view(parts: OrderParts, order_id: str) -> OrderView | None:
    with suppress(NotFound), parts.store.reading() as tx:
        return order_view(tx, *order_of(tx, order_id), personal=False)
    return None
