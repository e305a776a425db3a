"""One command over HTTP on an order that the caller may touch: checked, decided, answered once."""

from collections.abc import Callable

from services.order import access, answering, needs
from services.order.application import perform
from services.order.domain.commands import PersonalCommand
from services.order.domain.state import Order
from services.order.schemas import OrderView
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.auth import Principal
from shared.gateway.call import Call

MayTouch = Callable[[Principal, Order], None]


def do(parts: OrderParts, call: Call, command: PersonalCommand, may_touch: MayTouch) -> OrderView:
    """The order as it is then, to those who may see it whole."""
    order_id = command.order_id

    def work(tx: Transaction) -> OrderView:
        order, version = answering.order_of(tx, order_id)
        may_touch(call.principal, order)
        call.expect(version)
        done = perform(tx, command, call.context, parts.policy)
        personal = access.may_see_recipient(call.principal, order)
        return answering.order_view(tx, done.state, done.version, personal=personal)

    return call.once(parts.store, work, needs=needs.of_order(order_id))
