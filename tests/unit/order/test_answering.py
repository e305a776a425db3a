"""What callers are shown of an order: late when it is, and only what they can do."""

from dataclasses import replace
from datetime import datetime

import pytest

from services.order.answering import is_late, tracking_view
from services.order.domain.events import OrderDelivered, OrderEvent
from services.order.domain.values import Standing
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
    view = tracking_view(order, f.after(hours=1), 60, personal=True)
    assert {name for name in ("can_cancel", "can_confirm", "can_review") if getattr(view, name)} == offers
    assert view.total_cents == 5900
    assert "Willow" not in view.model_dump_json()


def test_what_an_errand_is_about_is_for_those_who_may_see_the_recipient() -> None:
    order = given(*f.QUEUEING).order
    assert order is not None
    own, others = (tracking_view(order, f.NOON, 1, personal=personal) for personal in (True, False))
    assert own.errand is not None
    assert (own.errand.task, others.errand) == (f.ERRAND.task, None)
    assert others.terms is not None
    assert (others.terms.wait_minutes_max, others.at_most) == (60, True)
    assert f.ERRAND.task not in others.model_dump_json()


def test_each_place_of_an_errand_is_shown_with_when_its_rider_was_done_there() -> None:
    order = given(*f.GATHERING, replace(f.stop_collected, merchant_id="")).order
    assert order is not None
    own, others = (tracking_view(order, f.NOON, 1, personal=personal) for personal in (True, False))
    assert own.errand is not None
    assert (own.errand.done_at, others.errand) == (None, None)
    assert [(each.address, each.task, each.contact_name, each.done_at) for each in own.errand.further_stops] == [
        ("3 Heron Street", "White lilies, if there are any", None, f.after(minutes=13)),
        ("21 Bamboo Court", "", "Zhao Min", None),
    ]
    assert own.terms is not None
    assert own.terms.further_stops_cents == 600
    assert "lilies" not in others.model_dump_json()


def test_an_errand_that_is_settled_costs_what_it_costs_and_not_at_most_that() -> None:
    settled = given(*f.QUEUEING, f.settled).order
    food = given(*f.ACCEPTED).order
    assert settled is not None
    assert food is not None
    assert not tracking_view(settled, f.NOON, 1, personal=True).at_most
    assert not tracking_view(food, f.NOON, 1, personal=True).at_most


def test_the_words_of_a_review_that_is_held_are_the_customers_alone_and_its_tags_have_words() -> None:
    held = replace(f.reviewed, comment="hot!", tags=("tasty",), held_for=("photo",), photos=("a" * 64,))
    order = given(*f.COMPLETED, held).order
    assert order is not None
    own, others = (tracking_view(order, f.NOON, 1, personal=personal).review for personal in (True, False))
    assert own is not None
    assert others is not None
    assert (own.comment, own.photos, own.standing) == ("hot!", ["a" * 64], Standing.HELD)
    assert (others.comment, others.photos, others.held_for) == (None, [], [])
    assert own.tag_words == others.tag_words == {"tasty": {"en": "Tasty", "zh": "味道好"}}
