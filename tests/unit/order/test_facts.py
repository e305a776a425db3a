"""What dispatch, support, the ledger and time report: recorded or ignored, late or twice, and never refused."""

import pytest

from services.order.application import ExistingOrderCommand
from services.order.domain import events as e
from services.order.domain.policy import OrderPolicy
from services.order.domain.values import By, Goods, OrderState, Wait
from shared.kernel.errors import DomainError
from tests.unit.order import facts as f
from tests.unit.order import wishes as w
from tests.unit.order.scenario import POLICY, Given, given, told

EVERY_FACT: dict[str, ExistingOrderCommand] = {
    "paid": w.paid(),
    "unpaid": w.unpaid(),
    "rider_assigned": w.rider_assigned(),
    "other_rider_assigned": w.rider_assigned(f.OTHER_RIDER),
    "rider_unassigned": w.rider_unassigned(),
    "picked_up": w.picked_up(),
    "picked_up_late": w.picked_up(late=True),
    "delivered": w.delivered(),
    "failed": w.failed(),
    "undeliverable": w.undeliverable(),
    "withdrawn": w.withdrawn(),
    "withdrawal_refused": w.withdrawal_refused(),
    "return_opened": w.return_opened(),
    "goods_returned": w.goods_returned(),
    "redispatch": w.redispatch(),
    "support_cancels": w.support_cancels(),
    **{wait.value: w.time_is_up(wait) for wait in Wait if wait is not Wait.WITHDRAWAL_ANSWER},
}


@pytest.mark.parametrize("story", list(f.STORIES))
@pytest.mark.parametrize("fact", list(EVERY_FACT))
def test_no_fact_is_ever_refused_and_a_fact_heard_twice_counts_once(story: str, fact: str) -> None:
    when = given(*f.STORIES[story]).when(EVERY_FACT[fact])
    happened = when.outcome()
    after = Given((*when.given.facts, *happened))
    assert after.order is not None
    assert after.when(EVERY_FACT[fact]).outcome() == []


@pytest.mark.parametrize("fact", list(EVERY_FACT))
def test_a_fact_about_an_unknown_order_is_let_go(fact: str) -> None:
    given().when(EVERY_FACT[fact]).then_nothing()


def state_of(scene: Given) -> OrderState:
    assert scene.order is not None
    return scene.order.state


def test_an_authorised_payment_asks_the_merchant() -> None:
    given(f.placed).when(w.paid()).then(
        told(
            e.OrderAwaitingMerchant,
            answer_by=f.after(minutes=5, seconds=1),
            remind_at=f.after(minutes=2, seconds=1),
        )
    )


def test_a_failed_payment_ends_the_order() -> None:
    given(f.placed).when(w.unpaid()).then(told(e.OrderCancelled, by=By.SYSTEM, reason="payment_failed"))


def test_a_rider_takes_another_ones_place() -> None:
    given(*f.ASSIGNED).when(w.rider_assigned(f.OTHER_RIDER)).then(told(e.OrderRiderAssigned, rider_id="rid_2"))


def test_a_rider_who_was_replaced_does_not_unassign_the_new_one() -> None:
    given(*f.ASSIGNED).when(w.rider_unassigned(f.OTHER_RIDER)).then_nothing()


def test_the_goods_leave_and_arrive() -> None:
    on_the_way = given(*f.READY, f.assigned).when(w.picked_up()).then(told(e.OrderOutForDelivery, rider_id=f.RIDER))
    there = on_the_way.when(w.delivered()).then(
        told(
            e.OrderDelivered,
            at=f.after(minutes=30),
            promised_at=f.after(minutes=40),
            confirm_by=f.after(minutes=150, seconds=1),
        )
    )
    assert state_of(there) is OrderState.DELIVERED


def test_a_delivery_whose_pick_up_was_never_heard_of_says_both() -> None:
    given(*f.READY).when(w.delivered()).then(e.OrderOutForDelivery, e.OrderDelivered)


def test_a_withdrawal_that_is_granted_cancels_for_whoever_asked() -> None:
    given(*f.CANCELLING).when(w.withdrawn()).then(
        told(e.OrderCancelled, by=By.CUSTOMER, reason="changed_mind"), e.DeliveryContactWithdrawn
    )


def test_a_withdrawal_that_is_refused_brings_the_order_back_to_where_it_was() -> None:
    given(*f.COOKING, f.assigned, f.withdrawing).when(w.withdrawal_refused()).then(
        told(e.CancellationRefused, back_to=OrderState.PREPARING, reason="picked_up")
    )


def test_a_pick_up_wins_over_a_cancellation_that_is_being_decided() -> None:
    after = given(*f.CANCELLING).when(w.picked_up()).then(e.OrderOutForDelivery)
    assert state_of(after) is OrderState.DELIVERING
    after.when(w.withdrawal_refused()).then_nothing()


def test_a_late_pick_up_after_the_cancellation_opens_a_return() -> None:
    taken = (
        given(*f.CANCELLED).when(w.picked_up(late=True)).then(told(e.GoodsTakenAfterCancellation, rider_id=f.RIDER))
    )
    home = taken.when(w.goods_returned()).then(e.OrderReturned)
    assert state_of(home) is OrderState.CANCELLED


def test_goods_delivered_after_the_cancellation_are_recorded_for_those_who_will_ask() -> None:
    after = given(*f.CANCELLED).when(w.delivered()).then(e.DeliveredAfterCancellation)
    assert state_of(after) is OrderState.CANCELLED


def test_a_failed_delivery_is_tried_again() -> None:
    broken = (
        given(*f.ON_THE_WAY)
        .when(w.failed())
        .then(told(e.OrderDeliveryFailed, reason="customer_unreachable", goods=Goods.WITH_RIDER))
    )
    again = broken.when(w.redispatch()).then(told(e.OrderRedispatched, back_to=OrderState.READY, by="agt_1"))
    assert state_of(again) is OrderState.READY


def test_a_new_rider_is_proof_of_a_new_attempt() -> None:
    given(*f.FAILED).when(w.rider_assigned(f.OTHER_RIDER)).then(e.OrderRedispatched, e.OrderRiderAssigned)


def test_an_undeliverable_order_before_its_food_is_ready_comes_back_to_the_kitchen() -> None:
    broken = given(*f.COOKING).when(w.undeliverable()).then(e.OrderUndeliverable)
    assert state_of(broken) is OrderState.DELIVERY_EXCEPTION
    again = broken.when(w.redispatch()).then(told(e.OrderRedispatched, back_to=OrderState.PREPARING))
    again.when(w.mark_ready()).then(e.OrderReady)


def test_a_customer_who_wanted_to_cancel_gets_it_when_no_rider_is_found() -> None:
    given(*f.CANCELLING).when(w.undeliverable()).then(
        told(e.OrderCancelled, by=By.CUSTOMER), e.DeliveryContactWithdrawn
    )


def test_goods_that_come_back_to_a_failed_order_wait_for_support() -> None:
    returning = given(*f.FAILED).when(w.return_opened()).then(e.ReturnStarted)
    assert state_of(returning) is OrderState.RETURNING
    home = returning.when(w.goods_returned()).then(e.GoodsBroughtBack)
    assert state_of(home) is OrderState.DELIVERY_EXCEPTION
    home.when(w.support_cancels()).then(
        told(e.OrderCancelled, by=By.SUPPORT), e.OrderReturned, e.DeliveryContactWithdrawn
    )


def test_goods_that_come_back_after_support_has_cancelled_are_returned() -> None:
    ended = (
        given(*f.FAILED)
        .when(w.support_cancels())
        .then(told(e.OrderCancelled, by=By.SUPPORT), e.DeliveryContactWithdrawn)
    )
    ended.when(w.goods_returned()).then(e.OrderReturned)


def test_support_asks_the_delivery_when_a_rider_has_the_order() -> None:
    for story in (f.ASSIGNED, f.ON_THE_WAY):
        given(*story).when(w.support_cancels()).then(told(e.WithdrawalRequested, by=By.SUPPORT))


def test_support_refunds_a_delivered_order_without_changing_what_happened() -> None:
    after = given(*f.COMPLETED).when(w.support_cancels()).then(e.RefundGranted)
    assert state_of(after) is OrderState.COMPLETED


@pytest.mark.parametrize(
    ("story", "wait", "expected"),
    [
        ((f.placed,), Wait.PAYMENT, [told(e.OrderCancelled, by=By.SYSTEM, reason="payment_timeout")]),
        (f.PAID, Wait.MERCHANT_REMINDER, [told(e.MerchantReminded, answer_by=f.after(minutes=5))]),
        (f.PAID, Wait.MERCHANT_ANSWER, [told(e.OrderCancelled, by=By.SYSTEM, reason="merchant_no_answer")]),
        (f.COOKING, Wait.PREPARATION, [told(e.PreparationLate, ready_at=f.after(minutes=15))]),
        (
            f.DELIVERED,
            Wait.CONFIRMATION,
            [told(e.OrderConfirmed, by=By.TIME), e.OrderCompleted, e.DeliveryContactWithdrawn],
        ),
        (f.COMPLETED, Wait.REVIEW, [e.ReviewClosed]),
        (f.COMPLETED, Wait.ARCHIVE, [e.OrderArchived]),
    ],
)
def test_a_wait_that_runs_out_has_its_consequence_once(
    story: tuple[e.OrderEvent, ...], wait: Wait, expected: list[object]
) -> None:
    given(*story).when(w.time_is_up(wait)).then(*expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("story", "wait"),
    [
        (f.PAID, Wait.PAYMENT),
        (f.ACCEPTED, Wait.MERCHANT_REMINDER),
        (f.ACCEPTED, Wait.MERCHANT_ANSWER),
        (f.READY, Wait.PREPARATION),
        (f.ACCEPTED, Wait.WITHDRAWAL_ANSWER),
        (f.COMPLETED, Wait.CONFIRMATION),
        ((*f.COMPLETED, f.reviewed), Wait.REVIEW),
        (f.CANCELLED, Wait.CONFIRMATION),
        (f.ARCHIVED, Wait.ARCHIVE),
    ],
)
def test_a_wait_that_is_over_changes_nothing(story: tuple[e.OrderEvent, ...], wait: Wait) -> None:
    given(*story).when(w.time_is_up(wait)).then_nothing()


def test_dispatch_is_asked_again_and_the_order_goes_on_when_it_stays_silent() -> None:
    scene = given(*f.CANCELLING).under(OrderPolicy(withdrawal_asks=3))
    up = w.time_is_up(Wait.WITHDRAWAL_ANSWER)
    for asks in (2, 3):
        happened = scene.when(up).outcome()
        assert [getattr(event, "asks", None) for event in happened] == [asks]
        scene = Given((*scene.facts, *happened), scene.policy)
    silent = scene.when(up).then(told(e.WithdrawalUnanswered, back_to=OrderState.ACCEPTED))
    assert state_of(silent) is OrderState.ACCEPTED
    silent.when(w.withdrawn()).then(e.OrderCancelled, e.DeliveryContactWithdrawn)


def test_lateness_is_told_again_only_for_a_new_promise() -> None:
    told_once = given(*f.COOKING).when(w.time_is_up(Wait.PREPARATION)).then(e.PreparationLate)
    later = told_once.when(w.extend(50, at=26)).then(e.PreparationExtended)
    later.when(w.time_is_up(Wait.PREPARATION)).then(told(e.PreparationLate, ready_at=f.after(minutes=50)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (w.cancel(), w.accept()),
        (w.accept(), w.reject()),
        (w.confirm(), w.time_is_up(Wait.CONFIRMATION)),
    ],
)
def test_of_two_that_race_the_second_never_undoes_the_first(
    first: ExistingOrderCommand, second: ExistingOrderCommand
) -> None:
    story = f.DELIVERED if first == w.confirm() else f.PAID
    for one, other in ((first, second), (second, first)):
        scene = Given(story, POLICY)
        won = Given((*story, *scene.when(one).outcome()), POLICY)
        more = won.when(other).outcome_or_refusal()
        if isinstance(more, DomainError):
            assert more.code.startswith("order.")
        else:
            assert not any(isinstance(event, type(won.facts[-1])) for event in more)
