"""Who may see and touch what: customers and merchants their own, staff everything, strangers nothing at all."""

from services.order.application import NO_SUCH_ORDER
from services.order.domain.state import Order
from services.order.domain.values import By
from services.order.searching import OrderFilter
from shared.gateway.auth import Principal
from shared.kernel.errors import NotFound

STAFF = frozenset({"support", "operations"})
READERS = frozenset({"customer", "merchant"}) | STAFF


def is_staff(principal: Principal) -> bool:
    return bool(principal.roles & STAFF)


def is_customer_of(principal: Principal, order: Order) -> bool:
    return principal.has("customer") and principal.may_act_for(order.placed.customer_id)


def is_merchant_of(principal: Principal, order: Order) -> bool:
    return principal.has("merchant") and principal.may_act_for(order.placed.merchant_id)


def require_reader(principal: Principal, order: Order) -> None:
    """Raises NotFound, the same as for an order that does not exist."""
    if not (is_staff(principal) or is_customer_of(principal, order) or is_merchant_of(principal, order)):
        raise NotFound(NO_SUCH_ORDER)


def require_customer(principal: Principal, order: Order) -> None:
    if not is_customer_of(principal, order):
        raise NotFound(NO_SUCH_ORDER)


def require_merchant(principal: Principal, order: Order) -> None:
    if not is_merchant_of(principal, order):
        raise NotFound(NO_SUCH_ORDER)


def may_see_recipient(principal: Principal, order: Order) -> bool:
    """Names, numbers and doors are for the customer and for support; riders get them from dispatch."""
    return principal.has("support") or is_customer_of(principal, order)


def acting_as(principal: Principal, order: Order) -> By:
    """In which part the caller acts on an order they may see: the nearest to it first."""
    if is_customer_of(principal, order):
        return By.CUSTOMER
    if is_merchant_of(principal, order):
        return By.MERCHANT
    return By.SUPPORT if principal.has("support") else By.OPERATIONS


def listable(principal: Principal) -> OrderFilter:
    """The orders that the caller may list: an id counts only in the role that it was given for."""
    return OrderFilter(
        everybody=is_staff(principal),
        of_customers=principal.ids if principal.has("customer") else (),
        of_merchants=principal.ids if principal.has("merchant") else (),
    )
