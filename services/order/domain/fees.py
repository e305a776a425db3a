"""Who pays what when an order is called off: a table by state, with figures that are policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import By, OrderState

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
        By.CUSTOMER: "the customer pays the fee, of which goods are the merchant's and carrying the rider's",
        By.MERCHANT: "the customer gets everything back; the merchant bears what it made",
        By.SUPPORT: "the customer gets everything back; the platform bears what was made",
        By.OPERATIONS: "as support",
        By.SYSTEM: "nobody was asked or nobody answered: the customer gets everything back",
    }
)
"""Who bears the loss, by who cancels."""


def fee_cents(order: Order, by: By, policy: OrderPolicy) -> int:
    """The fee that a cancellation costs the customer now; never more than the order."""
    state = order.resumes if order.state is _S.CANCELLING and order.resumes is not None else order.state
    rule = FEES.get(state, FREE)
    if by is not By.CUSTOMER or rule is FREE:
        return 0
    totals = order.placed.totals
    goods = _share(totals.goods_cents + totals.packing_cents, rule.goods, policy)
    carrying = _share(totals.fees_cents, rule.carrying, policy) if order.rider_id is not None else 0
    return min(goods + carrying, totals.total_cents)


def _share(cents: int, percent: str | None, policy: OrderPolicy) -> int:
    """Rounded down: a fraction of a cent is the customer's."""
    return 0 if percent is None else cents * int(getattr(policy, percent)) // 100
