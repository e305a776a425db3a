"""An errand on its way: at which places its rider has been, how long he stood in a queue, and what it really cost."""

from services.order.domain.commands import NoteAtPickup, NoteDelivered, NotePickedUp, NoteStopCollected
from services.order.domain.events import ErrandSettled, OrderEvent, OrderRiderAtPickup, OrderStopCollected
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import minutes_begun, settled
from services.order.domain.state import Order
from services.order.domain.values import OrderState
from services.order.domain.watching import next_step_at

_WAITING = frozenset({OrderState.READY, OrderState.CANCELLING})


def note_at_pickup(command: NoteAtPickup, order: Order) -> list[OrderEvent]:
    """A queue is paid for from here on; of any other order dispatch keeps it to itself."""
    terms = order.placed.terms
    if terms is None or terms.wait_minutes_max == 0 or order.state not in _WAITING:
        return []
    if order.at_pickup == command.rider_id:
        return []
    return [OrderRiderAtPickup(**order.whose(command.at), rider_id=command.rider_id)]


def note_stop_collected(command: NoteStopCollected, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """One more of an errand's places is done, each once; whoever watches the way has patience for the next one."""
    known = 0 <= command.stop <= len(order.placed.further_pickups)
    done = any(each.stop == command.stop for each in order.collected)
    if not known or done or not order.placed.further_pickups or order.state not in _WAITING:
        return []
    return [
        OrderStopCollected(
            **order.whose(command.at),
            rider_id=command.rider_id,
            stop=command.stop,
            empty_handed=command.empty_handed,
            stalled_at=next_step_at(order.state, command.now, policy),
        )
    ]


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
