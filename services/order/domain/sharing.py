"""Whose a cancellation fee is: the merchant's for what it made, the carrier's for the way, by a named policy."""

from collections.abc import Sequence

from services.order.domain import ledger
from services.order.domain.ledger import Account, AccountKind, Transfer
from services.order.domain.payment import MoneyBackOwed
from services.order.domain.purse import Payment


def kept(payment: Payment, owed: MoneyBackOwed, cents: int) -> Sequence[Transfer]:
    """Keeps `cents` more of the fee from the customer and passes them on to those whose they are."""
    before = shares(owed, payment.fee_cents)
    merchant, carrier = (
        now - then for now, then in zip(shares(owed, payment.fee_cents + cents), before, strict=True)
    )
    return (
        *ledger.moved(ledger.CUSTOMER, ledger.FEES_KEPT, cents),
        *ledger.moved(ledger.FEES_KEPT, Account(AccountKind.FEES_PAYABLE, payment.merchant_id), merchant),
        *ledger.moved(ledger.FEES_KEPT, Account(AccountKind.FEES_PAYABLE, owed.rider_id), carrier),
    )


def shares(owed: MoneyBackOwed, cents: int) -> tuple[int, int]:
    """What the merchant and the carrier have of a fee of which `cents` could be kept: the merchant's share is filled
    first. What is beyond both is the platform's."""
    merchant = min(cents, owed.merchant_cents)
    return merchant, min(cents - merchant, owed.carrier_cents)
