"""An order's whole money with Stripe: cashier, webhooks and reconciliation against a stand-in of its contract."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.order.domain.payment import PaymentState
from services.order.domain.policy import OrderPolicy
from services.order.outbound import payment_id_of
from services.order.payments.stripe_api import StripeProvider
from services.order.reconciliation import Fault
from shared.kernel.clock import Clock
from tests.integration.test_order_money import accept, captured, payment_types, reconciled, refund, tell
from tests.support.database import Database
from tests.support.order_service import Service, serving
from tests.support.stripe_stand_in import SECRET_KEY, WEBHOOK_SECRET, Books, StandIn, event, signed


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture(scope="module")
def with_stripe(database: Database, stand_in: StandIn) -> Iterator[Service]:
    def provider(_url: str, clock: Clock) -> StripeProvider:
        stand_in.books.now = lambda: clock.now().timestamp()
        return StripeProvider(SECRET_KEY, WEBHOOK_SECRET, stand_in.url, timeout=5)

    with serving(database, provider, OrderPolicy(payment_methods=("pm_*",))) as started:
        yield started


def test_with_stripe_an_order_is_paid_tipped_and_refunded_through_broken_lines_and_webhooks(
    with_stripe: Service, stand_in: StandIn
) -> None:
    service, books_of_stripe = with_stripe, stand_in.books
    books_of_stripe.faults = ["drop after", "503"]
    order_id = service.place("pm_card_visa")
    service.settle()
    for _ in range(2):
        service.due(seconds=11)
        service.settle()
    accept(service, order_id)
    [intent] = books_of_stripe.intents.values()
    assert intent["status"] == "succeeded"
    service.do(refund(order_id, 700))
    service.settle()
    before = payment_types(service, order_id)
    [told] = books_of_stripe.refunds.values()
    for body in (event("refund.updated", told, "evt_2"), event("payment_intent.succeeded", intent, "evt_1")):
        for new in (True, False):
            assert tell(service, body, signed(body)) is new
    service.settle()
    assert payment_types(service, order_id) == before
    assert reconciled(service).differences == ()
    assert service.payment(order_id).refunded_cents == 700


def test_with_stripe_a_payment_that_waits_for_the_bank_is_authorised_by_its_webhook(
    with_stripe: Service, stand_in: StandIn
) -> None:
    service = with_stripe
    order_id = service.place("pm_card_authenticationRequired")
    service.settle()
    assert service.payment_state(order_id) is PaymentState.PENDING
    intent = list(stand_in.books.intents.values())[-1]
    stand_in.books.confirm(intent)
    body = event("payment_intent.amount_capturable_updated", intent, "evt_bank")
    assert tell(service, body, signed(body))
    service.settle()
    assert service.payment_state(order_id) is PaymentState.AUTHORIZED
    assert service.payment(order_id).main.reference == intent["id"]


PLANTED_AT_STRIPE: list[tuple[Callable[[Books], Any], Fault]] = [
    (lambda stripe: stripe.transactions[0]["source"].update(amount_captured=1), Fault.AMOUNT),
    (lambda stripe: stripe.transactions[0]["source"].update(currency="usd"), Fault.CURRENCY),
    (lambda stripe: stripe.transactions.pop(0), Fault.MISSING_AT_PROVIDER),
    (
        lambda stripe: stripe.record("charge", 5, {**stripe.transactions[0]["source"], "metadata": {}}),
        Fault.MISSING_IN_LEDGER,
    ),
]


@pytest.mark.parametrize(("plant", "fault"), PLANTED_AT_STRIPE, ids=[fault.value for _, fault in PLANTED_AT_STRIPE])
def test_the_reconciliation_with_stripe_finds_what_was_planted_and_nothing_else(
    with_stripe: Service, stand_in: StandIn, plant: Callable[[Books], Any], fault: Fault
) -> None:
    service = with_stripe
    service.clock.advance(timedelta(days=3))
    order_id = captured(service, "pm_card_visa")
    assert reconciled(service).differences == ()
    plant(stand_in.books)
    [found] = reconciled(service).differences
    assert found.fault is fault
    assert found.movement == ("" if fault is Fault.MISSING_IN_LEDGER else f"{payment_id_of(order_id)}:capture")
