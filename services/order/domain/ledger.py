"""The double-entry book of one order: nothing but transfers can be written into it, so it always balances.

A balance is debits less credits, in cents. What the customer owes us and what the provider holds for us are debits;
what we owe merchants, riders and customers, and what we earn, are credits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """The chart of accounts."""

    CUSTOMER = "customer"
    PROVIDER_CLEARING = "provider_clearing"
    MERCHANT_PAYABLE = "merchant_payable"
    RIDER_TIPS_PAYABLE = "rider_tips_payable"
    CUSTOMER_CREDIT = "customer_credit"
    ERRAND_PURCHASES = "errand_purchases"
    ERRAND_SERVICE = "errand_service"
    DELIVERY_FEES = "delivery_fees"
    SURCHARGES = "surcharges"
    CANCELLATION_FEES = "cancellation_fees"
    FEES_PAYABLE = "cancellation_fees_payable"
    COUPONS = "coupons"
    COMPENSATION = "compensation"
    UNALLOCATED = "unallocated"


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """An account, of `owner` (an id) where there is one for each."""

    kind: AccountKind
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.owner}" if self.owner else self.kind.value


@dataclass(frozen=True, slots=True)
class Transfer:
    """So many cents, always above 0, to the debit of one account and to the credit of another."""

    debit: Account
    credit: Account
    cents: int

    def __post_init__(self) -> None:
        if self.cents <= 0:
            raise ValueError("a transfer moves at least one cent")


class Entry(StrEnum):
    """Why something was posted."""

    CHANGE = "change"
    CAPTURE = "capture"
    CANCELLATION_FEE = "cancellation_fee"
    REFUND_OWED = "refund_owed"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    COMPENSATION = "compensation"
    TIP = "tip"
    TIP_PASSED_ON = "tip_passed_on"


class PartKind(StrEnum):
    """What an order's price is made of; a coupon and a change that makes it cheaper count below zero."""

    GOODS = "goods"
    PACKING = "packing"
    SERVICE = "service"
    DELIVERY = "delivery"
    SURCHARGE = "surcharge"
    TIP = "tip"
    COUPON = "coupon"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a price. WHOLE is the price of an order from before its parts were told."""

    kind: PartKind
    cents: int


Balances = Mapping[Account, int]

CUSTOMER = Account(AccountKind.CUSTOMER)
CLEARING = Account(AccountKind.PROVIDER_CLEARING)
COUPONS = Account(AccountKind.COUPONS)
COMPENSATION = Account(AccountKind.COMPENSATION)
CUSTOMER_CREDIT = Account(AccountKind.CUSTOMER_CREDIT)
FEES_KEPT = Account(AccountKind.CANCELLATION_FEES)
TIPS = Account(AccountKind.RIDER_TIPS_PAYABLE)

_GIVEN_BACK_FIRST = (
    AccountKind.MERCHANT_PAYABLE,
    AccountKind.ERRAND_PURCHASES,
    AccountKind.UNALLOCATED,
    AccountKind.ERRAND_SERVICE,
    AccountKind.DELIVERY_FEES,
    AccountKind.SURCHARGES,
    AccountKind.RIDER_TIPS_PAYABLE,
)
"""Whose share a refund is taken from, the goods' first. Tips that a rider has been given are not in it."""


def account_of(part: PartKind, merchant_id: str) -> Account:
    """The account that a part of a price belongs to."""
    match part:
        case PartKind.GOODS | PartKind.PACKING:
            # An errand has no merchant: what is bought for the customer is owed to whoever paid for it.
            errand = Account(AccountKind.ERRAND_PURCHASES)
            return Account(AccountKind.MERCHANT_PAYABLE, merchant_id) if merchant_id else errand
        case PartKind.SERVICE:
            return Account(AccountKind.ERRAND_SERVICE)
        case PartKind.DELIVERY:
            return Account(AccountKind.DELIVERY_FEES)
        case PartKind.SURCHARGE:
            return Account(AccountKind.SURCHARGES)
        case PartKind.TIP:
            return TIPS
        case PartKind.COUPON:
            return COUPONS
        case PartKind.WHOLE:
            return Account(AccountKind.UNALLOCATED)


def moved(debit: Account, credit: Account, cents: int) -> tuple[Transfer, ...]:
    """A transfer of `cents`; the other way round when they are below 0, none at all for 0."""
    if cents == 0:
        return ()
    return (Transfer(debit, credit, cents),) if cents > 0 else (Transfer(credit, debit, -cents),)


def sold(parts: Sequence[Part], merchant_id: str) -> tuple[Transfer, ...]:
    """The customer owes the price, each part of it to whom it belongs."""
    return tuple(
        transfer for part in parts for transfer in moved(CUSTOMER, account_of(part.kind, merchant_id), part.cents)
    )


def changed(
    balances: Balances, before: Sequence[Part], after: Sequence[Part], merchant_id: str
) -> tuple[Transfer, ...]:
    """What a new price adds to the old one, part by part; nobody gives back more of a share than is left of it."""
    old, new, left = _by_kind(before), _by_kind(after), dict(balances)
    transfers: tuple[Transfer, ...] = ()
    for kind in PartKind:
        delta = new.get(kind, 0) - old.get(kind, 0)
        account = account_of(kind, merchant_id)
        if kind is PartKind.COUPON:
            less = min(delta, max(0, left.get(account, 0)))
        else:
            less = max(delta, min(0, left.get(account, 0)))
        fresh = moved(CUSTOMER, account, less)
        left = posted_to(left, fresh)
        transfers += fresh
    return transfers


def _by_kind(parts: Sequence[Part]) -> dict[PartKind, int]:
    sums: dict[PartKind, int] = {}
    for part in parts:
        sums[part.kind] = sums.get(part.kind, 0) + part.cents
    return sums


def collected(cents: int) -> tuple[Transfer, ...]:
    """The provider took money from the customer."""
    return moved(CLEARING, CUSTOMER, cents)


def returned(cents: int) -> tuple[Transfer, ...]:
    """The provider gave money back to the customer."""
    return moved(CUSTOMER, CLEARING, cents)


def kept_cents(transfers: Iterable[Transfer]) -> int:
    """What of an entry was kept from the customer as a cancellation fee."""
    return sum(each.cents for each in transfers if each.debit == CUSTOMER and each.credit == FEES_KEPT)


def taken_back(balances: Balances, cents: int) -> tuple[Transfer, ...]:
    """Credits the customer with `cents` at the cost of those who earned by the order.

    Taken back as a whole, a coupon is given back too; in part, each pays in turn and the coupon stays used. What
    nobody's share covers is the platform's loss.
    """
    shares = [(account, -balances[account]) for account in _in_turn(balances)]
    coupon = balances.get(COUPONS, 0)
    if coupon and cents >= sum(share for _, share in shares) - coupon:
        cents += coupon
        back = moved(CUSTOMER, COUPONS, coupon)
    else:
        back = ()
    for account, share in shares:
        part = min(share, cents)
        back += moved(account, CUSTOMER, part)
        cents -= part
    return back + moved(COMPENSATION, CUSTOMER, cents)


def _in_turn(balances: Balances) -> list[Account]:
    earning = [
        account
        for account, cents in balances.items()
        if cents < 0
        and account.kind in _GIVEN_BACK_FIRST
        and not (account.kind is AccountKind.RIDER_TIPS_PAYABLE and account.owner)
    ]
    return sorted(earning, key=lambda account: (_GIVEN_BACK_FIRST.index(account.kind), account.owner))


def posted_to(balances: Balances, transfers: Iterable[Transfer]) -> dict[Account, int]:
    """The balances after some transfers; accounts at 0 are left out."""
    new = dict(balances)
    for transfer in transfers:
        new[transfer.debit] = new.get(transfer.debit, 0) + transfer.cents
        new[transfer.credit] = new.get(transfer.credit, 0) - transfer.cents
    return {account: cents for account, cents in new.items() if cents}
