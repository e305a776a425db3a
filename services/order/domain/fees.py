"""Who pays what when an order is called off: a table by state, with figures that are policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import assert_never

from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import NO_MERCHANT, By, OrderState

_S = OrderState


@dataclass(frozen=True, slots=True)
class FeeRule:
    """What a customer who cancels in a state pays: a share of the goods, and of the carrying once a rider comes.

    Both name policies in per cent; None: nothing.
    """

    goods: str | None = None
    carrying: str | None = None


FREE = FeeRule()
FEES: Mapping[OrderState, FeeRule] = MappingProxyType(
    {
        _S.PENDING_ACCEPTANCE: FREE,
        _S.ACCEPTED: FeeRule("cancel_goods_percent_accepted", "cancel_carrying_percent_rider"),
        _S.PREPARING: FeeRule("cancel_goods_percent_preparing", "cancel_carrying_percent_rider"),
        _S.READY: FeeRule("cancel_goods_percent_ready", "cancel_carrying_percent_rider"),
        _S.DELIVERY_EXCEPTION: FREE,
    }
)
"""The states in which an order can be called off. A delivery that failed is nobody's wish: support decides then."""

BORNE_BY: Mapping[By, str] = MappingProxyType(
    {
        By.CUSTOMER: "the customer pays the fee, which merchant and rider share as `cancel_fee_split` says",
        By.MERCHANT: "the customer gets everything back; the merchant bears what it made",
        By.SUPPORT: "the customer gets everything back; the platform bears what was made",
        By.OPERATIONS: "as support",
        By.SYSTEM: "nobody was asked or nobody answered: the customer gets everything back",
    }
)
"""Who bears the loss, by who cancels."""


@dataclass(frozen=True, slots=True)
class Fee:
    """What a cancellation costs the customer, and whose it is; what is neither's is the platform's."""

    cents: int = 0
    merchant_cents: int = 0
    carrier_cents: int = 0


def fee_of(order: Order, by: By, policy: OrderPolicy) -> Fee:
    """The fee that a cancellation costs the customer now; never more than the order."""
    state = order.resumes if order.state is _S.CANCELLING and order.resumes is not None else order.state
    rule = FEES.get(state, FREE)
    if by is not By.CUSTOMER or rule is FREE:
        return Fee()
    totals = order.placed.totals
    # Nobody has made what an errand fetches: before the pick-up there is only a way to be paid.
    made = totals.goods_cents + totals.packing_cents if order.placed.merchant_id != NO_MERCHANT else 0
    goods = min(_share(made, rule.goods, policy), totals.total_cents)
    carrying = _share(totals.fees_cents, rule.carrying, policy) if order.rider_id is not None else 0
    return _split(order, goods, min(carrying, totals.total_cents - goods), policy)


def _split(order: Order, goods: int, carrying: int, policy: OrderPolicy) -> Fee:
    """Between merchant and carrier as `cancel_fee_split` says; the odd cent is the merchant's."""
    fee = goods + carrying
    match policy.cancel_fee_split:
        case "by_part":
            return Fee(fee, goods, carrying)
        case "by_percent" if order.placed.merchant_id == NO_MERCHANT:
            return Fee(fee, 0, fee)
        case "by_percent" if order.rider_id is None:
            return Fee(fee, fee, 0)
        case "by_percent":
            carrier = fee * (100 - policy.cancel_fee_merchant_percent) // 100
            return Fee(fee, fee - carrier, carrier)
        case "platform":
            return Fee(fee)
        case _:
            assert_never(policy.cancel_fee_split)


def _share(cents: int, percent: str | None, policy: OrderPolicy) -> int:
    """Rounded down: a fraction of a cent is the customer's."""
    return 0 if percent is None else cents * int(getattr(policy, percent)) // 100
