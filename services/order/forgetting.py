"""Forgets a customer: the key, the answers kept for repeats, and what others were told, in one transaction."""

from dataclasses import dataclass

from services.order import views
from services.order.codec import CUSTOMER, ORDER
from services.order.domain.customer import ForgetCustomer, forget
from services.order.domain.ending import contact_withdrawn
from services.order.domain.events import OrderEvent
from services.order.domain.state import Order
from services.order.domain.values import ENDED
from services.order.photos import PHOTOS
from shared.eventstore.model import Context
from shared.eventstore.ports import Transaction


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done: orders whose contacts were taken back, recorded answers that were stripped."""

    customer_id: str
    orders: tuple[str, ...]
    answers: int


def forget_customer(
    tx: Transaction, customer_id: str, context: Context, *, even_with_open_orders: bool = False
) -> Forgotten:
    """Raises HasOpenOrders unless told that these may suffer. Doing it again is safe."""
    orders = [order for each in views.order_ids_of(tx, customer_id) if (order := tx.load(ORDER, each).state)]
    shared = tuple(order.order_id for order in orders if order.contact_shared)
    command = ForgetCustomer(
        customer_id=customer_id,
        open_orders=[order.order_id for order in orders if order.state not in ENDED],
        shared=shared,
        even_with_open_orders=even_with_open_orders,
        at=context.now,
    )
    tx.execute(CUSTOMER, stream_of(customer_id), lambda customer: forget(command, customer), context)
    for order_id in shared:
        # In the order's own sequence: nobody can hear it before the contact that it takes back.
        tx.execute(ORDER, order_id, lambda order: _withdraw(order, context), context)
    PHOTOS.forget(tx, customer_id)
    tx.vault.forget(customer_id)
    return Forgotten(customer_id, shared, views.strip_answers(tx, customer_id))


def stream_of(customer_id: str) -> str:
    """Ids of customers come from outside: the prefix keeps them apart from every stream of our own."""
    return f"customer-{customer_id}"


def _withdraw(order: Order | None, context: Context) -> list[OrderEvent]:
    return [] if order is None else contact_withdrawn(order, context.now)
