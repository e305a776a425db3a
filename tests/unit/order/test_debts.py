"""What is owed and by whom: refunds that a bank sends back, charges that it declines, compensation granted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.order.domain import paying
from services.order.domain import payment as p
from services.order.domain.errors import NothingDue, RefundExceedsCaptured
from services.order.domain.ledger import Part, PartKind
from services.order.domain.policy import OrderPolicy
from services.order.domain.wishing import CollectDue
from shared.kernel.deadlines import ClearDeadline, SetDeadline
from tests.unit.order.facts import CUSTOMER, MERCHANT_ID, NOON, ORDER_ID
from tests.unit.order.test_payment import (
    CAPTURE,
    GIVE_BACK,
    REQUEST,
    RETRY,
    captured,
    compensation,
    done,
    new_price,
    outage,
    paid,
    refund,
)

DEARER = new_price(Part(PartKind.GOODS, 7000), Part(PartKind.DELIVERY, 300))
DECLINED = done("charge:chg_1-more", "card_declined")
COLLECT = CollectDue(order_id=ORDER_ID, charge_id="due_1", method="", at=NOON)


def sent_back(name: str = "refund") -> paying.RecordProviderAnswer:
    return replace(done(name, "account_closed"), failed=True)


# Refunds that a bank sends back


def test_a_refund_that_comes_back_is_booked_back_and_asked_for_again_under_another_name() -> None:
    ledger = captured()
    ledger.take(refund(1000), done("refund"))
    before = ledger.balances
    assert ledger.take(sent_back()) == [p.RefundFailed, p.RefundRequested, p.PaymentDelayed]
    assert ledger.balances == {**before, "provider_clearing": 6400, "customer": -1000}
    assert (ledger.payment.refunded_cents, ledger.payment.state) == (0, p.PaymentState.CAPTURED)
    delayed = ledger.told[-1]
    assert isinstance(delayed, p.PaymentDelayed)
    assert (delayed.name, delayed.why, delayed.again_at - NOON) == ("refund-2", p.Delay.FAILED, timedelta(days=1))
    assert ledger.take(RETRY, done("refund-2")) == [p.PaymentRetried, p.RefundIssued]
    assert ledger.balances == before


def test_a_refund_that_comes_back_again_and_again_is_left_to_operators_and_stays_owed() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK, done("refund"), sent_back(), RETRY, done("refund-2"), sent_back("refund-2"))
    ledger.take(RETRY, done("refund-3"))
    assert ledger.take(sent_back("refund-3")) == [p.RefundFailed, p.RefundRequested, p.PaymentStuck]
    assert ledger.payment.errands["refund-4"].stuck
    assert ledger.balances == {"provider_clearing": 6400, "customer": -6400}
    assert ledger.take(RETRY, done("refund-4")) == [p.PaymentRetried, p.RefundIssued]
    assert ledger.balances == {}
    assert ledger.payment.state is p.PaymentState.REFUNDED


def test_a_failure_that_is_told_before_the_success_books_nothing_and_the_success_is_an_echo() -> None:
    ledger = captured()
    ledger.take(refund(1000))
    before = ledger.balances
    assert ledger.take(sent_back()) == [p.RefundFailed, p.RefundRequested, p.PaymentDelayed]
    assert ledger.balances == before
    assert ledger.take(done("refund"), sent_back(), outage("refund")) == []
    ledger.refused(refund(5401, "rfd_2"), RefundExceedsCaptured)


def test_a_late_decline_of_an_earlier_try_does_not_take_a_given_refund_back() -> None:
    ledger = captured()
    ledger.take(refund(1000), done("refund"))
    assert ledger.take(done("refund", "try_again_later")) == []


def test_another_provider_than_the_one_that_holds_the_money_has_no_say() -> None:
    ledger = captured()
    ledger.take(refund(1000))
    assert ledger.take(replace(done("refund"), provider="stripe"), replace(sent_back(), provider="stripe")) == []
    assert ledger.take(replace(done("refund"), provider="sandbox")) == [p.RefundIssued]


# Charges that a bank declines


def test_a_declined_difference_is_owed_and_asked_for_again_later() -> None:
    for ledger in (captured(), paid()):
        ledger.take(DEARER)
        assert ledger.take(DECLINED) == [p.ChargeFailed, p.DifferenceOwed]
        told = ledger.told[-1]
        assert isinstance(told, p.DifferenceOwed)
        assert (told.due_cents, told.reason, told.tries) == (900, "card_declined", 1)
        assert told.again_at == NOON + timedelta(minutes=30)
        assert p.waits_of(told) == [SetDeadline(p.DUE, told.again_at)]


def test_what_is_owed_is_in_the_book_until_it_is_paid() -> None:
    ledger = captured()
    ledger.take(DEARER, DECLINED)
    assert ledger.balances["customer"] == 900
    assert ledger.take(replace(COLLECT, method="sandbox_ok_2")) == [p.ChargeRequested]
    assert p.waits_of(ledger.told[-1]) == [ClearDeadline(p.DUE)]
    assert ledger.take(done("charge:due_1")) == [p.ChargeCaptured, p.DifferenceSettled]
    assert ledger.balances == {
        "provider_clearing": 7300,
        f"merchant_payable:{MERCHANT_ID}": -7000,
        "delivery_fees": -300,
    }
    ledger.refused(replace(COLLECT, charge_id="due_2"), NothingDue)
    assert ledger.take(replace(COLLECT, charge_id="due_3", patient=True)) == []


def test_what_is_owed_is_not_asked_for_by_itself_for_ever() -> None:
    ledger = captured()
    ledger.take(DEARER, DECLINED)
    for number in (1, 2):
        ledger.take(replace(COLLECT, charge_id=f"due-{number}"), done(f"charge:due-{number}", "card_declined"))
    told = ledger.told[-1]
    assert isinstance(told, p.DifferenceOwed)
    assert (told.tries, told.again_at) == (3, None)
    assert p.waits_of(told) == [ClearDeadline(p.DUE)]


def test_nothing_is_asked_for_twice_at_once() -> None:
    ledger = captured()
    ledger.take(DEARER)
    ledger.refused(COLLECT, NothingDue)


def test_what_is_owed_follows_the_price_and_ends_with_the_order() -> None:
    for ledger in (captured(), paid()):
        ledger.take(DEARER, DECLINED)
        cheaper = new_price(Part(PartKind.GOODS, 6500), change_id="chg_2")
        assert ledger.take(cheaper) == [p.PaymentAdjusted, p.ChargeRequested]
        assert ledger.take(done("charge:chg_2-more", "card_declined")) == [p.ChargeFailed, p.DifferenceOwed]
        assert ledger.payment.due is not None
        assert ledger.payment.due.due_cents == 100
        assert p.DifferenceSettled in ledger.take(GIVE_BACK)
        assert ledger.payment.due is None


def test_a_price_that_falls_again_settles_what_was_owed() -> None:
    ledger = paid()
    ledger.take(DEARER, DECLINED)
    back = new_price(*REQUEST.parts, change_id="chg_2")
    assert ledger.take(back) == [p.PaymentAdjusted, p.DifferenceSettled]
    ledger.take(CAPTURE, done("capture"))
    assert "customer" not in ledger.balances


def test_a_difference_declined_before_the_capture_is_still_owed_after_it() -> None:
    ledger = paid()
    ledger.take(DEARER, DECLINED)
    assert ledger.take(CAPTURE, done("capture")) == [p.CaptureRequested, p.PaymentCaptured]
    assert ledger.balances["customer"] == 900
    assert ledger.payment.due is not None


# Compensation


def test_compensation_granted_before_the_money_was_taken_waits_for_it() -> None:
    ledger = paid()
    assert ledger.take(compensation(400)) == [p.CompensationPromised]
    fresh = ledger.take(CAPTURE, done("capture"))
    assert fresh == [p.CaptureRequested, p.PaymentCaptured, p.CompensationOwed, p.RefundRequested]
    ledger.take(done("refund"))
    assert (ledger.balances["compensation"], ledger.payment.refunded_cents) == (400, 400)


def test_compensation_of_an_order_that_ends_unpaid_is_refused_and_said_to_be() -> None:
    ledger = paid()
    ledger.take(compensation(400), GIVE_BACK)
    assert ledger.take(done("release")) == [p.PaymentReleased, p.CompensationOwed]
    told = ledger.told[-1]
    assert isinstance(told, p.CompensationOwed)
    assert (told.card_cents, told.credit_cents, told.refused_cents) == (0, 0, 400)


def test_after_the_whole_was_given_back_there_is_no_compensation() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK)
    assert ledger.take(compensation(400)) == [p.CompensationOwed]
    assert ledger.take(done("refund")) == [p.RefundIssued]
    assert ledger.balances == {}


def test_after_a_compensation_the_rest_can_be_given_back() -> None:
    ledger = captured()
    ledger.take(compensation(400), GIVE_BACK, done("refund"), done("refund-2"))
    assert ledger.payment.refunded_cents == 6400


def test_a_fee_that_was_kept_can_be_compensated_at_the_platforms_cost() -> None:
    ledger = captured()
    ledger.take(replace(GIVE_BACK, keep_cents=500, merchant_cents=500), done("refund"))
    assert ledger.take(compensation(700)) == [p.CompensationOwed, p.RefundRequested]
    ledger.take(done("refund-2"))
    assert ledger.balances == {"compensation": 500, f"cancellation_fees_payable:{MERCHANT_ID}": -500}


def test_a_charge_that_comes_after_the_end_goes_back_whole_also_after_a_kept_fee_was_compensated() -> None:
    ledger = captured()
    ledger.take(DEARER, replace(GIVE_BACK, keep_cents=500, merchant_cents=500), done("refund"), compensation(500))
    ledger.take(done("refund-2"))
    assert ledger.take(done("charge:chg_1-more")) == [p.ChargeCaptured, p.RefundRequested]
    ledger.take(done("refund-3"))
    assert ledger.payment.refunded_cents == ledger.payment.captured_cents == 7300
    assert ledger.balances == {"compensation": 500, f"cancellation_fees_payable:{MERCHANT_ID}": -500}


@pytest.mark.parametrize(("most", "credit", "refused"), [(0, 0, 600), (250, 250, 350), (1000, 600, 0)])
def test_beyond_what_was_taken_policy_says_how_much_becomes_credit(most: int, credit: int, refused: int) -> None:
    ledger = captured(OrderPolicy(compensation_credit_max_cents=most))
    ledger.take(compensation(7000))
    told = next(each for each in ledger.told if isinstance(each, p.CompensationOwed))
    assert (told.card_cents, told.credit_cents, told.refused_cents) == (6400, credit, refused)
    assert ledger.balances.get(f"customer_credit:{CUSTOMER}", 0) == -credit
