"""A merchant's queue: its open orders with what is to be done next first, and how many wait for what."""

from collections import Counter
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field

from services.order import views
from services.order.answering import order_of, order_view
from services.order.domain.merchant import Merchant
from services.order.domain.queueing import Lane, place_of
from services.order.menu_answering import pause_view
from services.order.menu_schemas import MerchantView, PauseView
from services.order.projecting import ORDER_LIST
from services.order.schemas import OrderView
from shared.eventstore.ports import Store

QUEUE_MAX = 500


class ShopView(MerchantView):
    """A merchant on its own page, which keeps the platform's time."""

    server_time: AwareDatetime
    clock_speed: float = Field(description="platform seconds in a second: the page's clock runs as fast")


class Queue(BaseModel):
    """`items` are sorted by what to do next; `counts` tell all lanes; `late` counts those past their `due_at`.

    `position` is up to where in the log the list of open orders is true; each order is as it is now.
    """

    merchant_id: str
    taking_orders: bool = Field(description="open by its hours, and not paused")
    pause: PauseView | None
    counts: dict[Lane, int]
    late: int
    items: list[OrderView]
    truncated: bool = Field(description=f"there are more than {QUEUE_MAX} open orders")
    position: int
    server_time: AwareDatetime
    clock_speed: float


def queue_of(store: Store, merchant: Merchant, now: datetime, clock_speed: float) -> Queue:
    merchant_id = merchant.registered.merchant_id
    position = store.follower_position(ORDER_LIST.follower.name)
    ids = views.kitchen_order_ids(store, merchant_id, QUEUE_MAX + 1)
    found = []
    with store.reading() as tx:
        for order_id in ids[:QUEUE_MAX]:
            order, version = order_of(tx, order_id)
            place = place_of(order)
            if place is not None:
                found.append((place.key, order_view(tx, order, version, personal=False)))
    found.sort(key=lambda each: each[0])
    items = [view for _, view in found]
    lanes = Counter(item.queue.lane for item in items if item.queue is not None)
    late = (item for item in items if item.queue is not None and _is_late(item.queue.lane, item.queue.due_at, now))
    return Queue(
        merchant_id=merchant_id,
        taking_orders=merchant.open_at(now) and not merchant.paused_at(now),
        pause=pause_view(merchant.pause, now),
        counts={lane: lanes.get(lane, 0) for lane in Lane},
        late=sum(1 for _ in late),
        items=items,
        truncated=len(ids) > QUEUE_MAX,
        position=position,
        server_time=now,
        clock_speed=clock_speed,
    )


def _is_late(lane: Lane, due_at: datetime, now: datetime) -> bool:
    """Late is what the kitchen itself should have done by now."""
    return lane in (Lane.ANSWER, Lane.COOK) and due_at < now
