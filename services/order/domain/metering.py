"""What an errand really cost, told by its receipt and by how long the rider stood in the queue."""

from services.order.domain.commands import NoteAtPickup, NoteDelivered, NotePickedUp
from services.order.domain.events import ErrandSettled, OrderEvent, OrderRiderAtPickup
from services.order.domain.pricing import minutes_begun, settled
from services.order.domain.state import Order
from services.order.domain.values import OrderState

_WAITING = frozenset({OrderState.READY, OrderState.CANCELLING})


def note_at_pickup(command: NoteAtPickup, order: Order) -> list[OrderEvent]:
    """A queue is paid for from here on; of any other order dispatch keeps it to itself."""
    terms = order.placed.terms
    if terms is None or terms.wait_minutes_max == 0 or order.state not in _WAITING:
        return []
    if order.at_pickup == command.rider_id:
        return []
    return [OrderRiderAtPickup(**order.whose(command.at), rider_id=command.rider_id)]


def settle(command: NotePickedUp | NoteDelivered, order: Order) -> list[OrderEvent]:
    """The final price, once the rider is done at the first door; nothing for an order whose price was fixed.

    Without a receipt, or without having heard when the queueing began, the agreed ceiling stands, and support can
    give back what was too much.
    """
    terms = order.placed.terms
    if terms is None or not terms.metered or order.settled is not None:
        return []
    receipt = command.receipt_cents if isinstance(command, NotePickedUp) else None
    since = order.step("rider_at_pickup")
    known = since is not None and isinstance(command, NotePickedUp)
    waited = minutes_begun(since, command.at) if known and since is not None else terms.wait_minutes_max
    totals = settled(order.placed.totals, terms, terms.budget_cents if receipt is None else receipt, waited)
    return [ErrandSettled(**order.whose(command.at), receipt_cents=receipt, waited_minutes=waited, totals=totals)]
