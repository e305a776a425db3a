"""The ledger: money is taken once, and whatever order things happen in it ends up where it belongs."""

from dataclasses import replace
from datetime import timedelta

from services.order.domain import paying
from services.order.domain import payment as p
from services.order.domain.policy import OrderPolicy
from tests.unit.order.facts import CUSTOMER, NOON, ORDER_ID

POLICY = OrderPolicy()
REQUEST = paying.RequestPayment(
    order_id=ORDER_ID, customer_id=CUSTOMER, amount_cents=6400, currency="CNY", method="sandbox_ok", at=NOON
)
CAPTURE = paying.CapturePayment(order_id=ORDER_ID, at=NOON)
GIVE_BACK = paying.GiveMoneyBack(order_id=ORDER_ID, reason="changed_mind", keep_cents=0, at=NOON)
RETRY = paying.RetryPayment(order_id=ORDER_ID, at=NOON)


def done(errand: p.Errand, declined: str | None = None) -> paying.RecordProviderAnswer:
    return paying.RecordProviderAnswer(order_id=ORDER_ID, errand=errand, declined=declined, reference="r", at=NOON)


def outage(errand: p.Errand) -> paying.RecordProviderOutage:
    return paying.RecordProviderOutage(order_id=ORDER_ID, errand=errand, at=NOON)


class Ledger:
    """Takes commands one after another, each twice: the second time nothing may happen."""

    def __init__(self, *commands: paying.PaymentCommand) -> None:
        self.payment: p.Payment | None = None
        self.told: list[p.PaymentEvent] = []
        self.take(*commands)

    def take(self, *commands: paying.PaymentCommand) -> list[type[p.PaymentEvent]]:
        fresh: list[p.PaymentEvent] = []
        for command in commands:
            fresh += self._once(command)
            if not isinstance(command, paying.RecordProviderOutage | paying.RetryPayment):
                assert self._once(command) == []
        return [type(event) for event in fresh]

    def _once(self, command: paying.PaymentCommand) -> list[p.PaymentEvent]:
        events = paying.decide(command, self.payment, POLICY)
        for event in events:
            self.payment = p.evolve(self.payment, event)
        self.told += events
        return events


def paid() -> Ledger:
    return Ledger(REQUEST, done(p.Errand.AUTHORIZE))


def captured() -> Ledger:
    ledger = paid()
    ledger.take(CAPTURE, done(p.Errand.CAPTURE))
    return ledger


def test_money_is_reserved_taken_and_given_back() -> None:
    ledger = Ledger()
    assert ledger.take(REQUEST, done(p.Errand.AUTHORIZE)) == [p.PaymentRequested, p.PaymentAuthorized]
    assert ledger.take(CAPTURE, done(p.Errand.CAPTURE)) == [p.CaptureRequested, p.PaymentCaptured]
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed, p.RefundRequested]
    assert ledger.take(done(p.Errand.REFUND)) == [p.RefundIssued]
    assert ledger.payment is not None
    assert ledger.payment.captured_cents == ledger.payment.refunded_cents == 6400


def test_a_declined_payment_is_over() -> None:
    ledger = Ledger(REQUEST)
    assert ledger.take(done(p.Errand.AUTHORIZE, "card_declined")) == [p.PaymentFailed]
    assert ledger.take(CAPTURE) == []
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed]


def test_money_that_was_only_reserved_is_released() -> None:
    assert paid().take(GIVE_BACK, done(p.Errand.RELEASE)) == [p.MoneyBackOwed, p.ReleaseRequested, p.PaymentReleased]


def test_an_order_cancelled_before_the_authorisation_releases_it_as_it_comes() -> None:
    ledger = Ledger(REQUEST)
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed]
    assert ledger.take(done(p.Errand.AUTHORIZE)) == [p.PaymentAuthorized, p.ReleaseRequested]
    assert ledger.take(CAPTURE) == []


def test_an_order_cancelled_while_the_money_is_being_taken_refunds_it_as_it_comes() -> None:
    ledger = paid()
    ledger.take(CAPTURE)
    assert ledger.take(GIVE_BACK) == [p.MoneyBackOwed]
    assert ledger.take(done(p.Errand.CAPTURE)) == [p.PaymentCaptured, p.RefundRequested]


def test_a_fee_is_kept_from_the_refund() -> None:
    ledger = captured()
    ledger.take(replace(GIVE_BACK, keep_cents=500), done(p.Errand.REFUND))
    assert ledger.payment is not None
    assert ledger.payment.refunded_cents == 5900
    all_of_it = captured()
    assert all_of_it.take(replace(GIVE_BACK, keep_cents=9999)) == [p.MoneyBackOwed]


def test_money_is_owed_back_once_whoever_asks_again() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK, done(p.Errand.REFUND))
    assert ledger.take(replace(GIVE_BACK, reason="support")) == []


def test_an_outage_asks_again_later_and_later() -> None:
    ledger = Ledger(REQUEST)
    waits = []
    for _ in range(10):
        assert ledger.take(outage(p.Errand.AUTHORIZE)) == [p.PaymentDelayed]
        delayed = ledger.told[-1]
        assert isinstance(delayed, p.PaymentDelayed)
        waits.append(delayed.again_at - NOON)
        assert ledger.take(RETRY) == [p.PaymentRetried]
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert waits[-1] == timedelta(minutes=10)
    assert ledger.take(done(p.Errand.AUTHORIZE)) == [p.PaymentAuthorized]


def test_a_declined_refund_is_still_owed() -> None:
    ledger = captured()
    ledger.take(GIVE_BACK)
    events = paying.decide(done(p.Errand.REFUND, "closed_account"), ledger.payment, POLICY)
    assert [type(event) for event in events] == [p.PaymentDelayed]


def test_answers_to_other_errands_are_echoes() -> None:
    assert paid().take(done(p.Errand.AUTHORIZE), done(p.Errand.REFUND), outage(p.Errand.CAPTURE), RETRY) == []


def test_nothing_is_known_of_a_payment_that_was_never_asked_for() -> None:
    assert Ledger().take(CAPTURE, GIVE_BACK, done(p.Errand.AUTHORIZE), outage(p.Errand.AUTHORIZE), RETRY) == []
