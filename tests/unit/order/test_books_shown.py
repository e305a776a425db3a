"""The book of an order is there as soon as the order is, and nobody's business is told of what was never placed."""

import pytest

from services.order.domain.errors import PaymentNotCaptured
from services.order.domain.paying import RetryPayment
from services.order.domain.wishing import RefundInPart
from services.order.money_views import ledger_of
from shared.kernel.errors import NotFound
from tests.unit.order.facts import NOON, ORDER_ID
from tests.unit.order.town import Town


def test_the_book_of_an_order_whose_payment_was_not_asked_for_yet_is_empty() -> None:
    town = Town()
    with town.store.reading() as tx:
        view = ledger_of(tx, ORDER_ID)
    assert (view.order_id, view.state, view.version) == (ORDER_ID, "pending", 0)
    assert (view.entries, view.balances, view.waiting, view.refundable_cents) == ([], [], [], 0)
    town.settle()
    with town.store.reading() as tx:
        assert ledger_of(tx, ORDER_ID).state == "authorized"


def test_before_its_payment_was_asked_for_nothing_is_refunded_and_nothing_asked_again() -> None:
    town = Town()
    with pytest.raises(PaymentNotCaptured):
        town.do(RefundInPart(order_id=ORDER_ID, refund_id="rfd_1", amount_cents=1, reason="cold", at=NOON))
    town.do(RetryPayment(order_id=ORDER_ID, at=NOON))
    assert town.payment is None


@pytest.mark.parametrize("order_id", ["0", "ord", "\x02", "ord_", "ord_nobody"])
def test_whatever_is_no_order_has_no_book(order_id: str) -> None:
    with Town().store.reading() as tx, pytest.raises(NotFound):
        ledger_of(tx, order_id)
