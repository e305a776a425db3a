"""What callers are shown of an order: late when it is, and only what they can do."""

from datetime import datetime

import pytest

from services.order.answering import is_late, tracking_view
from services.order.domain.events import OrderDelivered, OrderEvent
from tests.unit.order import facts as f
from tests.unit.order.scenario import given

ON_TIME, TOO_LATE = f.after(minutes=39), f.after(minutes=41)
DELIVERED_LATE = OrderDelivered(
    **f.whose(TOO_LATE), rider_id=f.RIDER, promised_at=f.after(minutes=40), confirm_by=f.after(hours=3)
)


@pytest.mark.parametrize(
    ("story", "now", "late"),
    [
        (f.ON_THE_WAY, ON_TIME, False),
        (f.ON_THE_WAY, TOO_LATE, True),
        (f.DELIVERED, TOO_LATE, False),
        ((*f.ON_THE_WAY, DELIVERED_LATE), f.after(hours=1), True),
        (f.FAILED, TOO_LATE, True),
        (f.CANCELLED, TOO_LATE, False),
        (f.REJECTED, TOO_LATE, False),
    ],
)
def test_an_order_is_late_by_its_promise_and_its_delivery_alone(
    story: tuple[OrderEvent, ...], now: datetime, late: bool
) -> None:
    order = given(*story).order
    assert order is not None
    assert is_late(order, now) is late


@pytest.mark.parametrize(
    ("story", "offers"),
    [
        ("paid", {"can_cancel"}),
        ("on_the_way", set()),
        ("delivered", {"can_confirm"}),
        ("completed", {"can_review"}),
        ("cancelled", set()),
        ("undeliverable", {"can_cancel"}),
    ],
)
def test_the_page_offers_what_the_customer_can_do(story: str, offers: set[str]) -> None:
    order = given(*f.STORIES[story]).order
    assert order is not None
    view = tracking_view(order, f.after(hours=1), 60)
    assert {name for name in ("can_cancel", "can_confirm", "can_review") if getattr(view, name)} == offers
    assert view.total_cents == 5900
    assert "Willow" not in view.model_dump_json()
