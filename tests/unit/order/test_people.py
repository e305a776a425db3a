"""What customers and merchants may do with an order: allowed, refused, repeated."""

import pytest

from services.order.domain import errors
from services.order.domain import events as e
from services.order.domain.decisions import can_cancel, can_review
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import By, OrderState, Wait
from shared.kernel.errors import DomainError, NotFound
from tests.unit.order import facts as f
from tests.unit.order import wishes as w
from tests.unit.order.scenario import given, told


def test_a_paid_order_is_accepted_with_the_time_its_food_will_be_ready() -> None:
    given(*f.PAID).when(w.accept()).then(
        told(e.OrderAccepted, ready_at=f.after(minutes=15), late_at=f.after(minutes=25)),
        told(e.DeliveryContactShared, recipient=f.RECIPIENT, pickup=f.PICKUP),
    )


def test_an_order_is_not_accepted_before_its_payment_is_authorised() -> None:
    given(f.placed).when(w.accept()).then_refused(errors.PaymentPending)


@pytest.mark.parametrize("minutes", [-1, 24 * 60 + 2])
def test_food_is_ready_between_the_placing_and_a_day_from_now(minutes: int) -> None:
    given(*f.PAID).when(w.accept(minutes)).then_refused(errors.ReadyTimeOutOfRange)


def test_a_kitchen_that_was_faster_than_its_clerk_is_accepted_as_it_is() -> None:
    given(*f.PAID).when(w.accept(0)).then(
        told(e.OrderAccepted, ready_at=f.NOON, late_at=f.after(minutes=11, seconds=1)), e.DeliveryContactShared
    )


@pytest.mark.parametrize("story", ["cancelled", "rejected", "archived"])
def test_an_order_that_has_ended_cannot_be_accepted(story: str) -> None:
    given(*f.STORIES[story]).when(w.accept()).then_refused(errors.OrderEnded)


def test_accepting_another_time_does_not_move_the_promise() -> None:
    given(*f.ACCEPTED).when(w.accept(40)).then_nothing()


def test_a_merchant_declines_an_order_once() -> None:
    given(*f.PAID).when(w.reject()).then(told(e.OrderRejected, reason="sold_out"))


def test_an_unpaid_order_can_be_declined_too() -> None:
    given(f.placed).when(w.reject()).then(e.OrderRejected)


@pytest.mark.parametrize("story", ["accepted", "on_the_way", "cancelling", "completed"])
def test_an_accepted_order_cannot_be_declined(story: str) -> None:
    given(*f.STORIES[story]).when(w.reject()).then_refused(errors.OrderAlreadyAccepted)


def test_the_food_can_be_promised_for_later() -> None:
    given(*f.COOKING).when(w.extend()).then(
        told(e.PreparationExtended, ready_at=f.after(minutes=20), late_at=f.after(minutes=30), reason="busy")
    )


def test_an_earlier_time_is_no_extension() -> None:
    given(*f.COOKING).when(w.extend(10)).then_refused(errors.NotAnExtension)


@pytest.mark.parametrize(
    ("story", "refusal"),
    [
        ("paid", errors.OrderNotAccepted),
        ("ready", errors.FoodAlreadyReady),
        ("on_the_way", errors.FoodAlreadyReady),
        ("cancelling", errors.OrderIsCancelling),
        ("cancelled", errors.OrderEnded),
    ],
)
def test_there_is_nothing_to_extend(story: str, refusal: type[DomainError]) -> None:
    given(*f.STORIES[story]).when(w.extend()).then_refused(refusal)


def test_a_kitchen_starts_and_finishes() -> None:
    after = given(*f.ACCEPTED).when(w.start()).then(e.PreparationStarted).when(w.mark_ready()).then(e.OrderReady)
    assert after.order is not None
    assert after.order.state is OrderState.READY


def test_food_may_be_ready_without_a_word_about_its_start() -> None:
    given(*f.ACCEPTED).when(w.mark_ready()).then(e.OrderReady)
    given(*f.READY).when(w.start()).then_nothing()


def test_a_kitchen_does_nothing_before_the_order_is_accepted() -> None:
    given(*f.PAID).when(w.start()).then_refused(errors.OrderNotAccepted)
    given(*f.PAID).when(w.mark_ready()).then_refused(errors.OrderNotAccepted)


def test_food_that_gets_ready_while_a_cancellation_is_decided_is_remembered() -> None:
    after = given(*f.CANCELLING).when(w.mark_ready()).then(e.OrderReady)
    assert after.order is not None
    assert after.order.state is OrderState.CANCELLING
    resumed = after.when(w.withdrawal_refused()).then(told(e.CancellationRefused, back_to=OrderState.READY))
    assert resumed.order is not None
    assert resumed.order.state is OrderState.READY


@pytest.mark.parametrize("story", ["placed", "paid", "accepted", "cooking", "ready"])
def test_a_customer_cancels_at_once_until_a_rider_is_assigned(story: str) -> None:
    before = given(*f.STORIES[story])
    private = [e.DeliveryContactWithdrawn] if before.order and before.order.contact_shared else []
    before.when(w.cancel()).then(told(e.OrderCancelled, by=By.CUSTOMER, reason="changed_mind"), *private)


def test_with_a_rider_assigned_the_delivery_is_asked() -> None:
    after = (
        given(*f.ASSIGNED)
        .when(w.cancel())
        .then(told(e.WithdrawalRequested, by=By.CUSTOMER, asks=1, answer_by=f.after(minutes=10, seconds=1)))
    )
    assert after.order is not None
    assert after.order.state is OrderState.CANCELLING


def test_a_rider_who_leaves_gives_the_decision_back_to_the_order() -> None:
    given(*f.ASSIGNED, f.unassigned).when(w.cancel()).then(e.OrderCancelled, e.DeliveryContactWithdrawn)


@pytest.mark.parametrize(
    ("story", "refusal"),
    [
        ("on_the_way", errors.OrderAlreadyPickedUp),
        ("delivered", errors.OrderAlreadyDelivered),
        ("completed", errors.OrderAlreadyDelivered),
        ("failed", errors.OrderWithSupport),
        ("rejected", errors.OrderEnded),
    ],
)
def test_it_is_too_late_to_cancel(story: str, refusal: type[DomainError]) -> None:
    given(*f.STORIES[story]).when(w.cancel()).then_refused(refusal)


def test_an_order_that_no_rider_was_found_for_can_be_cancelled() -> None:
    given(*f.UNDELIVERABLE).when(w.cancel()).then(e.OrderCancelled, e.DeliveryContactWithdrawn)


@pytest.mark.parametrize(
    ("story", "fee_cents"),
    [("placed", 0), ("paid", 0), ("accepted", 0), ("cooking", 2800), ("ready", 5600), ("undeliverable", 0)],
)
def test_a_customer_who_cancels_pays_what_the_table_says_for_the_state(story: str, fee_cents: int) -> None:
    for by in (By.CUSTOMER, By.MERCHANT, By.SUPPORT, By.OPERATIONS):
        ending = given(*f.STORIES[story]).when(w.cancel(by)).outcome()[0]
        assert isinstance(ending, e.OrderCancelled)
        assert ending.fee_cents == (fee_cents if by is By.CUSTOMER else 0)


def test_once_a_rider_comes_a_part_of_the_carrying_is_paid_as_well() -> None:
    called_off = given(*f.COOKING, f.assigned).when(w.cancel()).then(e.WithdrawalRequested)
    called_off.when(w.withdrawn()).then(told(e.OrderCancelled, fee_cents=2800 + 150), e.DeliveryContactWithdrawn)


def test_the_figures_of_the_fees_are_policy_and_never_more_than_the_order() -> None:
    policy = OrderPolicy(cancel_goods_percent_preparing=10, cancel_goods_percent_ready=900)
    given(*f.COOKING).under(policy).when(w.cancel()).then(
        told(e.OrderCancelled, fee_cents=560), e.DeliveryContactWithdrawn
    )
    dear = given(*f.READY).under(policy).when(w.cancel()).outcome()[0]
    assert isinstance(dear, e.OrderCancelled)
    assert dear.fee_cents == f.TOTALS.total_cents


def test_a_mistaken_delivery_is_an_exception_again_and_may_be_tried_once_more() -> None:
    again = (
        given(*f.DELIVERED)
        .when(w.correct())
        .then(
            told(e.OrderReinstated, by=By.SUPPORT, reason="rider_mistake", was=OrderState.DELIVERED, rider_id=f.RIDER)
        )
    )
    assert again.order is not None
    assert (again.order.state, again.order.confirm_by) == (OrderState.DELIVERY_EXCEPTION, None)
    again.when(w.time_is_up(Wait.CONFIRMATION)).then_nothing()
    tried = again.when(w.redispatch()).then(told(e.OrderRedispatched, back_to=OrderState.READY))
    tried.when(w.picked_up(at=60)).then(e.OrderOutForDelivery).when(w.delivered(at=70)).then(e.OrderDelivered)


def test_a_mistaken_failure_was_a_delivery_by_its_rider() -> None:
    there = (
        given(*f.FAILED)
        .when(w.correct(OrderState.DELIVERED))
        .then(
            told(e.OrderReinstated, was=OrderState.DELIVERY_EXCEPTION, back_to=OrderState.DELIVERED),
            told(e.OrderDelivered, rider_id=f.RIDER),
        )
    )
    there.when(w.confirm(at=60)).then(e.OrderConfirmed, e.OrderCompleted, e.DeliveryContactWithdrawn)


def test_an_order_that_no_rider_ever_had_was_not_delivered() -> None:
    given(*f.UNDELIVERABLE).when(w.correct(OrderState.DELIVERED)).then_refused(errors.NothingToCorrect)


def test_the_customer_confirms_and_the_order_is_complete() -> None:
    given(*f.DELIVERED).when(w.confirm()).then(
        told(e.OrderConfirmed, by=By.CUSTOMER),
        told(
            e.OrderCompleted,
            review_by=f.after(minutes=32, seconds=1, days=7),
            archive_at=f.after(minutes=32, seconds=1, days=30),
        ),
        e.DeliveryContactWithdrawn,
    )


@pytest.mark.parametrize("story", ["placed", "accepted", "on_the_way", "failed", "cancelling"])
def test_there_is_nothing_to_confirm_before_delivery(story: str) -> None:
    given(*f.STORIES[story]).when(w.confirm()).then_refused(errors.OrderNotDelivered)


def test_a_completed_order_is_reviewed_once() -> None:
    after = given(*f.COMPLETED).when(w.review()).then(told(e.OrderReviewed, merchant_score=5, comment="hot!"))
    after.when(w.review(merchant=1)).then_refused(errors.AlreadyReviewed)


def test_reviews_open_with_completion_and_close_by_time() -> None:
    given(*f.DELIVERED).when(w.review()).then_refused(errors.OrderNotDelivered)
    given(*f.COMPLETED).when(w.review(at=8 * w.DAY)).then_refused(errors.ReviewIsClosed)
    given(*f.COMPLETED, f.review_closed).when(w.review()).then_refused(errors.ReviewIsClosed)


@pytest.mark.parametrize("story", list(f.STORIES))
def test_what_the_page_offers_is_what_the_order_allows(story: str) -> None:
    before = given(*f.STORIES[story])
    assert before.order is not None
    outcome = before.when(w.cancel())
    if can_cancel(before.order):
        assert outcome.outcome()
    elif story not in ("cancelled", "cancelling"):
        with pytest.raises(DomainError):
            outcome.outcome()
    assert can_review(before.order, f.after(hours=1)) is (story == "completed")


@pytest.mark.parametrize(
    "wish", [w.accept(), w.reject(), w.extend(), w.start(), w.mark_ready(), w.cancel(), w.confirm(), w.review()]
)
def test_an_unknown_order_is_not_found(wish: object) -> None:
    given().when(wish).then_refused(NotFound)  # type: ignore[arg-type]
