"""What follows by itself: order, payment and merchant in step, over crashes, outages and waits that run out."""

from typing import Any

import pytest

from services.order.domain.paying import RecordProviderAnswer
from services.order.domain.payment import Errand, PaymentState
from services.order.domain.values import OrderState
from tests.unit.order import wishes as w
from tests.unit.order.facts import ORDER_ID, PAYMENT_ID
from tests.unit.order.town import Town


def paid_town() -> Town:
    town = Town()
    town.settle()
    return town


def payment_state(town: Town) -> PaymentState:
    assert town.payment is not None
    return town.payment.state


def test_a_placed_order_is_paid_for_and_the_merchant_is_asked() -> None:
    town = paid_town()
    assert town.types() == ["OrderPlaced", "OrderAwaitingMerchant"]
    assert town.types(PAYMENT_ID) == ["PaymentRequested", "PaymentAuthorized"]


def test_an_answer_that_cannot_be_written_down_holds_up_no_other() -> None:
    town = Town()
    town.reactors.followers[0].run(town.store)
    town.reactors.followers[1].run(town.store)
    (slip,) = town.desk.take(1)
    answered: Any = RecordProviderAnswer(
        order_id=ORDER_ID, name=slip.name, declined=None, reference="r", at=town.clock.now()
    )
    no_command: Any = object()
    with pytest.raises(AttributeError):
        town.cashier._write_down([(slip, no_command), (slip, answered)])
    assert town.types(PAYMENT_ID)[-1] == "PaymentAuthorized"


def test_accepting_takes_the_money_once() -> None:
    town = paid_town()
    town.do(w.accept())
    town.settle()
    assert payment_state(town) is PaymentState.CAPTURED
    assert town.provider.cents[Errand.CAPTURE] == 6400


def test_a_declined_card_cancels_the_order() -> None:
    town = Town(method="sandbox_declined")
    town.settle()
    assert town.order.state is OrderState.CANCELLED
    assert payment_state(town) is PaymentState.FAILED


def test_cancelling_before_the_food_is_accepted_releases_the_money() -> None:
    town = paid_town()
    town.do(w.cancel())
    town.settle()
    assert payment_state(town) is PaymentState.RELEASED
    assert town.provider.held_cents == 0


@pytest.mark.parametrize("steps_before", range(4))
def test_cancelling_an_accepted_order_gives_all_of_it_back_however_far_the_capture_was(steps_before: int) -> None:
    town = paid_town()
    town.do(w.accept())
    for _ in range(steps_before):
        town.reactors.followers[steps_before % 2].run(town.store)
    town.do(w.cancel())
    town.settle()
    assert payment_state(town) in (PaymentState.REFUNDED, PaymentState.RELEASED)
    assert town.provider.held_cents == 0


def test_a_merchant_who_does_not_answer_is_reminded_then_flagged_and_the_money_goes_back() -> None:
    town = paid_town()
    assert town.pass_time(minutes=2) == 1
    assert town.types()[-1] == "MerchantReminded"
    assert town.pass_time(minutes=3) == 1
    town.settle()
    assert town.order.state is OrderState.CANCELLED
    assert town.missed_answers == 1
    assert payment_state(town) is PaymentState.RELEASED
    assert town.pass_time(days=40) == 1
    assert town.types()[-1] == "OrderArchived"


def test_a_payment_that_never_answers_cancels_the_order_and_is_released_when_it_does() -> None:
    town = Town()
    town.provider.away = True
    town.settle()
    town.pass_time(minutes=15)
    town.settle()
    assert town.order.state is OrderState.CANCELLED
    town.provider.away = False
    for _ in range(3):
        town.pass_time(minutes=15)
        town.settle()
    assert payment_state(town) is PaymentState.RELEASED


def test_a_provider_that_was_away_is_asked_again_by_a_wait() -> None:
    town = Town()
    town.provider.away = True
    town.settle()
    assert town.types(PAYMENT_ID) == ["PaymentRequested", "PaymentDelayed"]
    town.provider.away = False
    town.pass_time(seconds=5)
    town.settle()
    assert town.types(PAYMENT_ID)[2:] == ["PaymentRetried", "PaymentAuthorized"]
    assert town.types()[-1] == "OrderAwaitingMerchant"


def test_an_errand_that_was_done_before_the_line_broke_is_not_done_twice() -> None:
    town = paid_town()
    town.do(w.accept())
    town.provider.forgetful = True
    town.settle()
    town.provider.forgetful = False
    town.pass_time(seconds=5)
    town.settle()
    assert payment_state(town) is PaymentState.CAPTURED
    assert town.provider.cents[Errand.CAPTURE] == 6400


def test_a_crash_between_the_errand_and_its_record_asks_again_with_the_same_key() -> None:
    town = Town()
    for _ in range(2):
        for follower in town.reactors.followers:
            follower.run(town.store)
    [slip] = town.desk.take(1)
    payment = town.payment
    assert payment is not None
    town.cashier.said(payment, payment.errands[slip.name], slip)
    assert town.types(PAYMENT_ID) == ["PaymentRequested"]
    town.settle()
    assert town.types(PAYMENT_ID) == ["PaymentRequested"]
    town.desk.leave()
    town.settle()
    assert town.types(PAYMENT_ID) == ["PaymentRequested", "PaymentAuthorized"]
    assert len(town.provider.answers) == 1
    assert town.provider.asked == 2


def test_a_follower_that_starts_again_from_the_beginning_changes_nothing() -> None:
    town = paid_town()
    town.do(w.accept())
    town.settle()
    before = town.store.log_position()
    town.store.records.positions.clear()
    town.settle()
    assert town.store.log_position() == before


def test_what_follows_remembers_what_it_follows_from() -> None:
    town = paid_town()
    placed, awaiting = town.store.stream(ORDER_ID)
    requested, authorized = town.store.stream(PAYMENT_ID)
    assert [event.causation_id for event in (requested, authorized, awaiting)] == [
        placed.event_id,
        requested.event_id,
        authorized.event_id,
    ]
    assert {event.correlation_id for event in (placed, requested, authorized, awaiting)} == {"cor_1"}


def test_a_wait_that_runs_out_belongs_to_the_same_story() -> None:
    town = paid_town()
    town.pass_time(minutes=2)
    reminded = town.store.stream(ORDER_ID)[-1]
    assert (reminded.actor, reminded.correlation_id) == ("system:deadline", "cor_1")


def test_confirmation_comes_by_time_when_the_customer_says_nothing() -> None:
    town = paid_town()
    for command in (w.accept(), w.mark_ready(), w.rider_assigned(), w.picked_up(), w.delivered()):
        town.do(command)
    town.pass_time(minutes=160)
    assert town.types()[-3:] == ["OrderConfirmed", "OrderCompleted", "DeliveryContactWithdrawn"]
    town.pass_time(days=8)
    town.pass_time(days=31)
    assert town.order.state is OrderState.ARCHIVED
    town.settle()
    assert town.provider.held_cents == 6400
