"""An order's money: taken once, and whatever order things happen in it ends up where it belongs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.order.domain import ledger as book
from services.order.domain import paying, purse
from services.order.domain import payment as p
from services.order.domain.errors import NoTipPossible, PaymentNotCaptured, RefundExceedsCaptured, TipOutOfRange
from services.order.domain.ledger import Account, AccountKind, Part, PartKind
from services.order.domain.policy import OrderPolicy
from shared.kernel.errors import DomainError
from tests.unit.order.facts import CUSTOMER, MERCHANT_ID, NOON, ORDER_ID, RIDER

POLICY = OrderPolicy()
REQUEST = paying.RequestPayment(
    order_id=ORDER_ID,
    customer_id=CUSTOMER,
    amount_cents=6400,
    currency="CNY",
    method="sandbox_ok",
    at=NOON,
    merchant_id=MERCHANT_ID,
    parts=(
        Part(PartKind.GOODS, 5600),
        Part(PartKind.PACKING, 100),
        Part(PartKind.DELIVERY, 300),
        Part(PartKind.SURCHARGE, 200),
        Part(PartKind.TIP, 700),
        Part(PartKind.COUPON, -500),
    ),
)
CAPTURE = paying.CapturePayment(order_id=ORDER_ID, at=NOON)
GIVE_BACK = paying.GiveMoneyBack(order_id=ORDER_ID, reason="changed_mind", keep_cents=0, at=NOON)
TIP = paying.AddTip(order_id=ORDER_ID, tip_id="tip_1", amount_cents=500, rider_id=RIDER, method="", at=NOON)
DELIVERED = paying.PassOnTip(order_id=ORDER_ID, rider_id=RIDER, at=NOON)
RETRY = paying.RetryPayment(order_id=ORDER_ID, at=NOON)


def done(name: str, declined: str | None = None) -> paying.RecordProviderAnswer:
    return paying.RecordProviderAnswer(order_id=ORDER_ID, name=name, declined=declined, reference="r", at=NOON)


def outage(name: str) -> paying.RecordProviderOutage:
    return paying.RecordProviderOutage(order_id=ORDER_ID, name=name, at=NOON)


def refund(cents: int, refund_id: str = "rfd_1") -> paying.RefundInPart:
    return paying.RefundInPart(order_id=ORDER_ID, refund_id=refund_id, amount_cents=cents, reason="cold", at=NOON)


def compensation(cents: int, compensation_id: str = "evt_1") -> paying.Compensate:
    return paying.Compensate(
        order_id=ORDER_ID, compensation_id=compensation_id, amount_cents=cents, reason="late", at=NOON
    )


def new_price(*parts: Part, change_id: str = "chg_1") -> paying.AdjustPayment:
    return paying.AdjustPayment(order_id=ORDER_ID, change_id=change_id, parts=parts, at=NOON)


class Ledger:
    """Takes commands one after another, each twice: the second time nothing may happen."""

    def __init__(self, *commands: paying.PaymentCommand, policy: OrderPolicy = POLICY) -> None:
        self.policy = policy
        self.known: purse.Payment | None = None
        self.told: list[p.PaymentEvent] = []
        self.take(*commands)

    def take(self, *commands: paying.PaymentCommand) -> list[type[p.PaymentEvent]]:
        fresh: list[p.PaymentEvent] = []
        for command in commands:
            fresh += self._once(command)
            if not isinstance(command, paying.RecordProviderOutage | paying.RetryPayment):
                assert self._once(command) == []
        return [type(event) for event in fresh if not isinstance(event, p.LedgerPosted)]

    @property
    def payment(self) -> purse.Payment:
        assert self.known is not None
        return self.known

    @property
    def balances(self) -> dict[str, int]:
        return {str(account): cents for account, cents in self.payment.balances.items()}

    def refused(self, command: paying.PaymentCommand, refusal: type[DomainError]) -> None:
        with pytest.raises(refusal):
            paying.decide(command, self.known, self.policy)

    def _once(self, command: paying.PaymentCommand) -> list[p.PaymentEvent]:
        events = paying.decide(command, self.known, self.policy)
        for event in events:
            self.known = purse.evolve(self.known, event)
        self.told += events
        return events


def paid(policy: OrderPolicy = POLICY) -> Ledger:
    return Ledger(REQUEST, done("authorize"), policy=policy)


def captured(policy: OrderPolicy = POLICY) -> Ledger:
    ledger = paid(policy)
    ledger.take(CAPTURE, done("capture"))
    return ledger


def test_money_is_reserved_taken_and_given_back() -> None:
    ledger = Ledger()
    assert ledger.take(REQUEST, done("authorize")) == [p.PaymentRequested, p.PaymentAuthorized]
    assert ledger.take(CAPTURE, done("capture")) == [p.CaptureRequested, p.PaymentCaptured]
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed, p.RefundRequested]
    assert ledger.take(done("refund")) == [p.RefundIssued]
    assert ledger.payment.captured_cents == ledger.payment.refunded_cents == 6400


def test_a_declined_payment_is_over() -> None:
    ledger = Ledger(REQUEST)
    assert ledger.take(done("authorize", "card_declined")) == [p.PaymentFailed]
    assert ledger.take(CAPTURE) == []
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed]


def test_money_that_was_only_reserved_is_released() -> None:
    assert paid().take(GIVE_BACK, done("release")) == [p.MoneyBackOwed, p.ReleaseRequested, p.PaymentReleased]


def test_an_order_cancelled_before_the_authorisation_releases_it_as_it_comes() -> None:
    ledger = Ledger(REQUEST)
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed]
    assert ledger.take(done("authorize")) == [p.PaymentAuthorized, p.ReleaseRequested]
    assert ledger.take(CAPTURE) == []


def test_an_order_cancelled_while_the_money_is_being_taken_refunds_it_as_it_comes() -> None:
    ledger = paid()
    ledger.take(CAPTURE)
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed]
    assert ledger.take(done("capture")) == [p.PaymentCaptured, p.RefundRequested]


def test_a_fee_is_kept_from_the_refund() -> None:
    ledger = captured()
    ledger.take(replace(GIVE_BACK, keep_cents=500), done("refund"))
    assert ledger.payment.refunded_cents == 5900
    assert ledger.payment.state is p.PaymentState.REFUNDED
    assert ledger.balances == {"provider_clearing": 500, "cancellation_fees": -500}
    all_of_it = captured()
    assert all_of_it.take(replace(GIVE_BACK, keep_cents=9999)) == [p.MoneyBackOwed]
    assert all_of_it.balances == {"provider_clearing": 6400, "cancellation_fees": -6400}


def test_money_is_owed_back_once_whoever_asks_again() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK, done("refund"))
    assert ledger.take(replace(GIVE_BACK, reason="support")) == []


def test_an_outage_asks_again_later_and_later() -> None:
    ledger = Ledger(REQUEST)
    waits = []
    for _ in range(10):
        assert ledger.take(outage("authorize")) == [p.PaymentDelayed]
        delayed = ledger.told[-1]
        assert isinstance(delayed, p.PaymentDelayed)
        waits.append(delayed.again_at - NOON)
        assert ledger.take(RETRY) == [p.PaymentRetried]
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert waits[-1] == timedelta(minutes=10)
    assert ledger.take(done("authorize")) == [p.PaymentAuthorized]


def test_a_declined_refund_is_still_owed() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK)
    events = paying.decide(done("refund", "closed_account"), ledger.payment, POLICY)
    assert [type(event) for event in events] == [p.PaymentDelayed]
    assert ledger.balances == {"provider_clearing": 6400, "customer": -6400}


def test_answers_to_other_errands_are_echoes() -> None:
    assert paid().take(done("authorize"), done("refund"), outage("capture"), RETRY) == []


def test_nothing_is_known_of_a_payment_that_was_never_asked_for() -> None:
    assert Ledger().take(CAPTURE, GIVE_BACK, done("authorize"), outage("authorize"), RETRY) == []


def test_what_was_sold_is_owed_to_whom_it_belongs() -> None:
    assert captured().balances == {
        "provider_clearing": 6400,
        "coupons": 500,
        f"merchant_payable:{MERCHANT_ID}": -5700,
        "delivery_fees": -300,
        "surcharges": -200,
        "rider_tips_payable": -700,
    }


def test_a_whole_refund_leaves_nobody_with_anything() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK, done("refund"))
    assert ledger.balances == {}


def test_a_cancellation_fee_of_reserved_money_is_taken_and_the_rest_let_go() -> None:
    ledger = paid()
    fresh = ledger.take(replace(GIVE_BACK, keep_cents=500), done("capture"))
    assert fresh == [p.MoneyBackOwed, p.CaptureRequested, p.PaymentCaptured]
    assert ledger.balances == {"provider_clearing": 500, "cancellation_fees": -500}


def test_money_is_taken_at_delivery_where_policy_says_so() -> None:
    ledger = Ledger(REQUEST, done("authorize"), policy=OrderPolicy(capture_at="delivery"))
    assert ledger.take(CAPTURE) == []
    assert ledger.take(replace(CAPTURE, moment=paying.Moment.DELIVERY)) == [p.CaptureRequested]


def test_money_not_taken_at_acceptance_is_taken_at_delivery_at_the_latest() -> None:
    assert paid().take(replace(CAPTURE, moment=paying.Moment.DELIVERY)) == [p.CaptureRequested]


def test_refunds_in_part_take_from_the_goods_first_and_never_more_than_is_left() -> None:
    ledger = captured()
    assert ledger.take(refund(1000), done("refund")) == [p.RefundRequested, p.RefundIssued]
    assert ledger.payment.state.value == "partly_refunded"
    assert ledger.balances[f"merchant_payable:{MERCHANT_ID}"] == -4700
    ledger.refused(refund(5401, "rfd_2"), RefundExceedsCaptured)
    ledger.take(refund(5400, "rfd_2"), done("refund-2"))
    assert ledger.balances == {}
    assert ledger.payment.state is p.PaymentState.REFUNDED
    ledger.refused(refund(1, "rfd_3"), RefundExceedsCaptured)


def test_a_refund_on_its_way_counts_as_given() -> None:
    ledger = captured()
    ledger.take(refund(6000))
    ledger.refused(refund(401, "rfd_2"), RefundExceedsCaptured)
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed, p.RefundRequested]
    assert ledger.take(done("refund-2"), done("refund")) == [p.RefundIssued, p.RefundIssued]
    assert ledger.payment.refunded_cents == 6400
    assert ledger.balances == {}


def test_nothing_that_was_not_taken_can_be_refunded() -> None:
    paid().refused(refund(1), PaymentNotCaptured)


def test_compensation_is_paid_by_the_platform_and_what_exceeds_the_order_becomes_credit() -> None:
    ledger = captured(OrderPolicy(compensation_credit_max_cents=1000))
    assert ledger.take(compensation(7000)) == [p.CompensationOwed, p.RefundRequested]
    ledger.take(done("refund"))
    assert ledger.balances["compensation"] == 7000
    assert ledger.balances[f"customer_credit:{CUSTOMER}"] == -600
    assert ledger.balances[f"merchant_payable:{MERCHANT_ID}"] == -5700
    ledger.refused(refund(1), RefundExceedsCaptured)


def test_a_refund_and_a_compensation_together_give_back_no_more_than_was_taken() -> None:
    ledger = captured()
    ledger.take(compensation(400), GIVE_BACK, done("refund"), done("refund-2"))
    assert ledger.payment.refunded_cents == 6400
    assert sum(ledger.balances.values()) == 0
    assert "provider_clearing" not in ledger.balances


def test_the_tip_in_the_price_goes_to_the_rider_who_delivered_and_stays_theirs() -> None:
    ledger = captured()
    assert ledger.take(DELIVERED) == [p.TipEarned, p.TipPassedOn]
    assert ledger.balances[f"rider_tips_payable:{RIDER}"] == -700
    ledger.take(GIVE_BACK, done("refund"))
    assert ledger.payment.refunded_cents == 5700
    assert ledger.balances == {"provider_clearing": 700, f"rider_tips_payable:{RIDER}": -700}


def test_a_tip_waits_for_the_money_when_that_is_taken_at_delivery() -> None:
    ledger = paid()
    ledger.take(replace(CAPTURE, moment=paying.Moment.DELIVERY))
    assert ledger.take(DELIVERED) == [p.TipEarned]
    assert ledger.take(done("capture")) == [p.PaymentCaptured, p.TipPassedOn]


def test_a_tip_after_delivery_is_a_charge_of_its_own_and_survives_the_refund() -> None:
    ledger = captured()
    assert ledger.take(TIP) == [p.ChargeRequested]
    assert ledger.take(done("charge:tip_1")) == [p.ChargeCaptured, p.TipPassedOn]
    ledger.take(GIVE_BACK, done("refund"))
    assert ledger.payment.refunded_cents == 6400
    assert ledger.balances == {"provider_clearing": 500, f"rider_tips_payable:{RIDER}": -500}


def test_a_tip_whose_card_is_declined_changes_nothing_in_the_book() -> None:
    ledger = captured()
    before = ledger.balances
    assert ledger.take(TIP, done("charge:tip_1", "card_declined")) == [p.ChargeRequested, p.ChargeFailed]
    assert ledger.balances == before


def test_impossible_tips_are_refused() -> None:
    paid().refused(TIP, NoTipPossible)
    captured().refused(replace(TIP, amount_cents=0), TipOutOfRange)
    captured().refused(replace(TIP, amount_cents=20_001), TipOutOfRange)


def test_a_lower_price_is_captured_as_it_is_or_given_back_when_it_was_taken_already() -> None:
    cheaper = new_price(Part(PartKind.GOODS, 5000), Part(PartKind.DELIVERY, 300))
    early = paid()
    assert early.take(cheaper, CAPTURE, done("capture")) == [p.PaymentAdjusted, p.CaptureRequested, p.PaymentCaptured]
    assert early.payment.captured_cents == 5300
    late = captured()
    assert late.take(cheaper, done("refund")) == [p.PaymentAdjusted, p.RefundRequested, p.RefundIssued]
    expected = {"provider_clearing": 5300, f"merchant_payable:{MERCHANT_ID}": -5000, "delivery_fees": -300}
    assert early.balances == late.balances == expected


def test_a_higher_price_is_charged_in_addition_and_all_of_it_goes_back_when_the_order_ends() -> None:
    dearer = new_price(Part(PartKind.GOODS, 7000), Part(PartKind.DELIVERY, 300))
    expected = {"provider_clearing": 7300, f"merchant_payable:{MERCHANT_ID}": -7000, "delivery_fees": -300}
    early = paid()
    early.take(dearer, done("charge:chg_1-more"), CAPTURE, done("capture"))
    late = captured()
    late.take(dearer, done("charge:chg_1-more"))
    assert early.balances == late.balances == expected
    for ledger in (early, late):
        ledger.take(GIVE_BACK, done("refund"), done("refund-2"))
        assert ledger.balances == {}
        assert ledger.payment.refunded_cents == 7300


def test_a_price_that_rose_and_fell_again_leaves_no_surplus_with_us() -> None:
    ledger = paid()
    ledger.take(new_price(Part(PartKind.GOODS, 7000)), done("charge:chg_1-more"))
    ledger.take(new_price(Part(PartKind.GOODS, 6000), change_id="chg_2"), CAPTURE, done("capture"), done("refund"))
    assert ledger.balances == {"provider_clearing": 6000, f"merchant_payable:{MERCHANT_ID}": -6000}


def test_an_order_that_costs_nothing_asks_no_provider() -> None:
    free = replace(REQUEST, amount_cents=0, parts=(Part(PartKind.GOODS, 500), Part(PartKind.COUPON, -500)))
    ledger = Ledger()
    assert ledger.take(free, CAPTURE) == [
        p.PaymentRequested,
        p.PaymentAuthorized,
        p.CaptureRequested,
        p.PaymentCaptured,
    ]
    assert ledger.balances == {"coupons": 500, f"merchant_payable:{MERCHANT_ID}": -500}
    assert ledger.payment.errands == {}
    assert Ledger(free).take(GIVE_BACK) == [p.MoneyBackOwed, p.PaymentReleased]


def test_an_errand_that_was_asked_too_often_waits_for_an_operator_and_is_not_given_up() -> None:
    ledger = Ledger(REQUEST, policy=OrderPolicy(payment_attempts_max=3))
    fresh = [kind for _ in range(3) for kind in ledger.take(outage("authorize"))]
    assert fresh == [p.PaymentDelayed, p.PaymentDelayed, p.PaymentStuck]
    assert ledger.payment.errands["authorize"].stuck
    assert ledger.take(RETRY, done("authorize")) == [p.PaymentRetried, p.PaymentAuthorized]


def test_what_the_first_release_took_is_given_back_in_balance() -> None:
    """Streams of 0.1.0 tell no parts and post nothing: the book reads their facts as what they meant."""
    old = Ledger()
    for event in (
        p.PaymentRequested(**_old(), customer_id=CUSTOMER, method="sandbox_ok", merchant_id="", parts=()),
        p.PaymentAuthorized(**_old(), reference="sbx_1"),
        p.CaptureRequested(**_old(), fee=False),
        p.PaymentCaptured(**_old(), movement=""),
    ):
        old.known = purse.evolve(old.known, event)
    assert old.balances == {"provider_clearing": 6400, "unallocated": -6400}
    begun = p.RefundRequested(**_old(), reason="changed_mind", name="", charge_id="", wish_id="")
    owed = p.MoneyBackOwed(order_id=ORDER_ID, at=NOON, reason="changed_mind", keep_cents=0)
    for fact in (owed, begun):
        old.known = purse.evolve(old.known, fact)
    assert old.take(done("refund")) == [p.RefundIssued]
    assert old.balances == {}


def _old() -> dict[str, Any]:
    return {"order_id": ORDER_ID, "at": NOON, "amount_cents": 6400, "currency": "CNY"}


def test_a_transfer_of_nothing_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="at least one cent"):
        book.Transfer(book.CUSTOMER, Account(AccountKind.SURCHARGES), 0)


def test_an_order_that_became_dearer_after_it_cost_nothing_is_charged_the_difference() -> None:
    ledger = Ledger(replace(REQUEST, amount_cents=0, parts=()), CAPTURE)
    ledger.take(new_price(Part(PartKind.GOODS, 100)), done("charge:chg_1-more"))
    assert ledger.balances == {"provider_clearing": 100, f"merchant_payable:{MERCHANT_ID}": -100}
