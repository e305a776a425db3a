"""What is owed on PostgreSQL: refunds sent back, differences declined, and payments of a provider of yesterday."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from functools import partial

import pytest

from services.order import books
from services.order.domain.ledger import CLEARING, Part, PartKind
from services.order.domain.paying import AdjustPayment, CollectDue, Compensate, GiveMoneyBack, RetryPayment
from services.order.domain.payment import PaymentState
from services.order.domain.policy import OrderPolicy
from services.order.dues import owed
from services.order.methods import method_faults
from services.order.outbound import payment_id_of
from services.order.payments import Providers, WebhookRefused
from services.order.payments.configuration import fitted
from services.order.payments.desk import waiting
from services.order.payments.stripe_api import StripeProvider
from services.order.reconciliation import Reconciler
from services.order.webhooks import sender_of, take_in
from shared.kernel.clock import Clock
from tests.integration.test_order_money import captured, payment_types, refund, tell
from tests.integration.test_order_store import together
from tests.support.database import Database
from tests.support.order_service import Service, serving
from tests.support.stripe_stand_in import SECRET_KEY, WEBHOOK_SECRET, StandIn, event, signed
from tests.unit.order.facts import MERCHANT_ID, NOON, RIDER


@pytest.fixture(scope="module")
def service(database: Database) -> Iterator[Service]:
    with serving(database) as started:
        yield started


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def reports(service: Service, providers: Providers | None = None) -> dict[str, tuple[int, int, int]]:
    """Today by provider: cents charged, cents refunded, differences."""
    reconciler = Reconciler(service.store, providers or Providers(service.provider), service.clock)
    made = reconciler.reconcile(service.clock.now().astimezone(UTC).date())
    return {each.provider: (each.charged_cents, each.refunded_cents, len(each.differences)) for each in made}


def dearer(service: Service, order_id: str, cents: int) -> None:
    parts = (*service.payment(order_id).parts, Part(PartKind.SURCHARGE, cents))
    service.do(AdjustPayment(order_id=order_id, change_id=f"{order_id}-change-1", parts=parts, at=NOON))
    service.settle()


def dues_of(service: Service, order_id: str) -> list[int]:
    return [each.due_cents for each in owed(service.store, 100) if each.order_id == order_id]


def test_a_refund_that_the_bank_sends_back_is_booked_back_once_and_given_again(service: Service) -> None:
    order_id = captured(service, "sandbox_refund_fails")
    service.do(refund(order_id, 700))
    service.settle()
    assert service.payment(order_id).refunded_cents == 700
    for seconds in (3, 60):
        service.due(seconds=seconds)
        [letter] = service.provider.letters()
        assert tell(service, letter.body, letter.signature) is (seconds == 3)
        service.settle()
    assert payment_types(service, order_id).count("RefundFailed") == 1
    assert service.payment(order_id).refunded_cents == 0
    assert [(each.name, each.why) for each in waiting(service.store, 100) if each.order_id == order_id] == [
        ("refund-2", "failed")
    ]
    service.do(RetryPayment(order_id=order_id, at=NOON))
    service.settle()
    assert service.payment(order_id).refunded_cents == 700
    assert not [each for each in waiting(service.store, 100) if each.order_id == order_id]
    [(_, refunded, differences)] = reports(service).values()
    assert (refunded, differences) == (700, 0)


def test_a_declined_difference_is_listed_asked_for_by_time_and_paid_another_way(service: Service) -> None:
    order_id = captured(service, "sandbox_extra_declined")
    dearer(service, order_id, 350)
    assert dues_of(service, order_id) == [350]
    for _ in range(3):
        service.due(minutes=31)
        service.settle()
    assert payment_types(service, order_id).count("ChargeFailed") == 3
    [due] = [each for each in owed(service.store, 100) if each.order_id == order_id]
    assert (due.tries, due.again_at, due.reason) == (3, None, "card_declined")
    service.do(CollectDue(order_id=order_id, charge_id="due_1", method="sandbox_ok", at=NOON))
    service.settle()
    assert dues_of(service, order_id) == []
    assert service.payment(order_id).due is None


def test_a_kept_fee_reaches_the_accounts_of_merchant_and_carrier(service: Service) -> None:
    order_id = captured(service)
    service.do(
        GiveMoneyBack(
            order_id=order_id,
            reason="over",
            keep_cents=500,
            at=NOON,
            merchant_cents=350,
            carrier_cents=150,
            rider_id=RIDER,
        )
    )
    service.settle()
    merchant_id = service.payment(order_id).merchant_id
    assert merchant_id != MERCHANT_ID
    for owner, cents in ((merchant_id, 350), (RIDER, 150)):
        found = books.balances_of(service.store, f"cancellation_fees_payable:{owner}")
        assert [each.cents for each in found] == [cents]


def test_a_whole_refund_against_a_compensation_has_one_winner(service: Service) -> None:
    """Whichever comes first has the money; never more goes back, to card or as credit, than was taken."""
    for number in range(6):
        order_id = captured(service)
        total = service.payment(order_id).captured_cents
        grant = Compensate(
            order_id=order_id, compensation_id=f"cmp_{number}", amount_cents=total, reason="late", at=NOON
        )
        together(
            partial(service.do, GiveMoneyBack(order_id=order_id, reason="over", keep_cents=0, at=NOON)),
            partial(service.do, grant),
            partial(service.do, grant),
        )
        service.settle()
        payment = service.payment(order_id)
        assert (payment.refunded_cents, payment.credited_cents, payment.balance(CLEARING)) == (total, 0, 0)
        assert payment_types(service, order_id).count("RefundIssued") == 1
        assert payment_types(service, order_id).count("CompensationOwed") == 1


def at_stripe(stand_in: StandIn, clock: Clock) -> StripeProvider:
    stand_in.books.now = lambda: clock.now().timestamp()
    return StripeProvider(SECRET_KEY, WEBHOOK_SECRET, stand_in.url, timeout=5)


def test_a_payment_stays_with_the_provider_that_took_it_when_another_is_configured(
    service: Service, stand_in: StandIn
) -> None:
    stripe = at_stripe(stand_in, service.clock)
    before, after = Providers(service.provider, (stripe,)), Providers(stripe, (service.provider,))
    with_stripe = replace(
        service,
        policy=fitted(OrderPolicy(), stripe),
        reactors=replace(service.reactors, policy=fitted(OrderPolicy(), stripe)),
        cashier=replace(service.cashier, providers=after, policy=fitted(OrderPolicy(), stripe)),
    )
    back = replace(service, cashier=replace(service.cashier, providers=before))
    order_id = captured(with_stripe, "pm_card_visa")
    assert service.payment(order_id).main.provider == "stripe"
    back.do(refund(order_id, 700))
    back.settle()
    assert [each["amount"] for each in stand_in.books.refunds.values()] == [700]
    lost = replace(service, cashier=replace(service.cashier, providers=Providers(service.provider)))
    lost.do(refund(order_id, 100, "rfd_2"))
    lost.settle()
    assert [each.why for each in waiting(service.store, 100) if each.order_id == order_id] == ["unavailable"]
    back.do(RetryPayment(order_id=order_id, at=NOON))
    back.settle()
    assert service.payment(order_id).refunded_cents == 800
    told = reports(service, before)
    assert told["stripe"] == (service.payment(order_id).captured_cents, 800, 0)
    assert told["sandbox"][2] == 0
    [lonely] = Reconciler(service.store, Providers(service.provider), service.clock).reconcile(
        service.clock.now().astimezone(UTC).date()
    )
    assert lonely.differences == ()


def test_with_stripe_a_refund_that_fails_days_later_is_booked_back_and_made_anew(
    database: Database, stand_in: StandIn
) -> None:
    stand_in.books.refunds.clear()
    stand_in.books.transactions.clear()
    with serving(
        database, lambda _url, clock: at_stripe(stand_in, clock), OrderPolicy(payment_methods=("pm_*",))
    ) as s:
        order_id = captured(s, "pm_card_visa")
        s.do(refund(order_id, 700))
        s.settle()
        [made] = stand_in.books.refunds.values()
        stand_in.books.send_back(made)
        for kind, event_id in (("refund.failed", "evt_f1"), ("charge.refund.updated", "evt_f2")):
            body = event(kind, made, event_id)
            assert [tell(s, body, signed(body)) for _ in range(2)] == [True, False]
        late = event("refund.updated", {**made, "status": "succeeded"}, "evt_f0")
        assert tell(s, late, signed(late))
        s.settle()
        assert payment_types(s, order_id).count("RefundFailed") == 1
        assert s.payment(order_id).refunded_cents == 0
        s.due(hours=24)
        s.settle()
        assert [each["status"] for each in stand_in.books.refunds.values()] == ["failed", "succeeded"]
        assert s.payment(order_id).state is PaymentState.PARTLY_REFUNDED


def test_a_webhook_is_read_by_the_provider_that_signs_it(service: Service, stand_in: StandIn) -> None:
    stripe = at_stripe(stand_in, service.clock)
    both = Providers(service.provider, (stripe,))
    assert sender_of(both, {"Stripe-Signature": "t=1"}) == (stripe, "t=1")
    assert sender_of(both, {"Doorstep-Signature": "t=1"}) == (service.provider, "t=1")
    assert sender_of(both, {}) == (service.provider, None)
    with pytest.raises(WebhookRefused):
        sender_of(Providers(service.provider), {"Stripe-Signature": "t=1"})
    order_id = service.place("sandbox_by_webhook")
    service.settle()
    metadata = {"doorstep_payment": payment_id_of(order_id), "doorstep_errand": "authorize"}
    body = event("payment_intent.amount_capturable_updated", {"id": "pi_x", "metadata": metadata}, "evt_x")
    context = service.context()
    assert take_in(service.store, stripe, service.policy, body, signed(body, at=time.time()), context)
    assert service.payment_state(order_id) is PaymentState.PENDING


def test_a_method_that_is_known_to_be_bad_is_a_fault_and_a_provider_that_is_away_stops_nobody(
    service: Service, stand_in: StandIn
) -> None:
    def codes(providers: Providers, method: str) -> list[str]:
        policy = fitted(OrderPolicy(), providers.current)
        return [fault.code for fault in method_faults(providers, policy, method, "payment.method")]

    ours, stripes = Providers(service.provider), Providers(at_stripe(stand_in, service.clock))
    assert codes(ours, "sandbox_ok") == codes(stripes, "pm_card_visa") == []
    assert codes(ours, "sandbox_declined") == [], "a bank's no is only known by asking it"
    assert codes(ours, "sandbox_nonsense") == codes(stripes, "pm_nonsense") == ["unknown_method"]
    assert codes(ours, "sandbox_expired") == codes(stripes, "pm_card_expired") == ["method_expired"]
    assert codes(ours, "pm_card_visa") == codes(stripes, "sandbox_ok") == ["unknown_method"]
    stand_in.books.faults = ["503"]
    assert codes(stripes, "pm_nonsense") == []
