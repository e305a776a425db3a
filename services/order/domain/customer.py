"""What the order service knows of a customer as such: that they asked to be forgotten, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.kernel.errors import DomainError


class HasOpenOrders(DomainError):
    """A rider may stand before the door at this moment: first let these orders end, or say that they may suffer."""

    code = "customer.has_open_orders"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerForgotten:
    """The person behind an id is gone; `order_ids` are the orders whose contacts others may still hold."""

    customer_id: str
    order_ids: tuple[str, ...]
    at: datetime


CustomerEvent = CustomerForgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetCustomer:
    """`open_orders` have not ended yet; of those in `shared` others have been told who and where."""

    customer_id: str
    open_orders: Sequence[str]
    shared: Sequence[str]
    even_with_open_orders: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """`forgotten_at` is the last time that there was something to forget."""

    forgotten_at: datetime | None = None


def evolve(customer: Customer, event: CustomerEvent) -> Customer:
    return replace(customer, forgotten_at=event.at)


def forget(command: ForgetCustomer, customer: Customer) -> list[CustomerEvent]:
    """Forgets now; asking again tells the others only what they were told since."""
    if command.open_orders and not command.even_with_open_orders:
        raise HasOpenOrders(
            "orders of this customer are still open",
            customer_id=command.customer_id,
            orders=list(command.open_orders),
        )
    if customer.forgotten_at is not None and not command.shared:
        return []
    return [CustomerForgotten(customer_id=command.customer_id, order_ids=tuple(command.shared), at=command.at)]
