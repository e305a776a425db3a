"""The HTTP routes by which a running order is put right and changed."""

from services.order import access, amending_requests, answering, requests
from services.order.amending_orders import perform_change_address, perform_change_items
from services.order.amending_schemas import ChangeAddressBody, ChangeItemsBody
from services.order.doing import do
from services.order.domain import transitions as table
from services.order.domain.values import By
from services.order.schemas import CorrectBody, OrderView
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route
from shared.kernel.errors import NotFound

ORDERS = ("orders",)


class LifeRoutes:
    """What staff correct and customers change while an order lives."""

    parts: OrderParts

    @route(
        "POST",
        "/v1/orders/<order_id>/correct",
        roles=table.CORRECT.roles,
        body=CorrectBody,
        answer=OrderView,
        command=True,
        summary="Correct a mistaken `delivered` or failure",
        description="The delivery, the case and the figures follow. Money does not move: refund through a case.",
        tags=ORDERS,
        refusals=(NotFound, *table.CORRECT.refusals()),
    )
    def correct_order(self, call: Call[CorrectBody], order_id: str) -> OrderView:
        by = By.SUPPORT if call.principal.has("support") else By.OPERATIONS
        command = requests.correction(call.body, order_id, by, call.context.occurred_at, call.now)
        return do(self.parts, call, command, access.require_reader)

    @route(
        "POST",
        "/v1/orders/<order_id>/change-address",
        roles=table.CHANGE_ADDRESS.roles,
        body=ChangeAddressBody,
        answer=OrderView,
        command=True,
        summary="Have an order brought elsewhere, or to somebody else",
        description="Priced anew for another place: the way, the hour, the weather there. When that costs something"
        " else it is refused as `order.price_changed` with the new total and promise, part by part beside the old"
        " ones: send the total as `expected_total_cents` to agree. Rider and dispatch are told.",
        tags=ORDERS,
        refusals=(NotFound, *table.CHANGE_ADDRESS.refusals()),
    )
    def change_address(self, call: Call[ChangeAddressBody], order_id: str) -> OrderView:
        command, faults = amending_requests.address(call.body, order_id, call.now)

        def work(tx: Transaction) -> OrderView:
            order, version = answering.order_of(tx, order_id)
            access.require_customer(call.principal, order)
            call.expect(version)
            done = perform_change_address(tx, command, call.context, self.parts.policy, faults)
            return answering.order_view(tx, done.state, done.version, personal=True)

        return call.once(self.parts.store, work)

    @route(
        "POST",
        "/v1/orders/<order_id>/change-items",
        roles=table.CHANGE_ITEMS.roles,
        body=ChangeItemsBody,
        answer=OrderView,
        command=True,
        summary="Want something else, before the merchant has accepted",
        description="When that costs something else it is refused as `order.price_changed` with the new total:"
        " send that as `expected_total_cents` to agree.",
        tags=ORDERS,
        refusals=(NotFound, *table.CHANGE_ITEMS.refusals()),
    )
    def change_items(self, call: Call[ChangeItemsBody], order_id: str) -> OrderView:
        wanted, expected = amending_requests.items(call.body), call.body.expected_total_cents

        def work(tx: Transaction) -> OrderView:
            order, version = answering.order_of(tx, order_id)
            access.require_customer(call.principal, order)
            call.expect(version)
            done = perform_change_items(tx, order_id, wanted, expected, call.now, call.context, self.parts.policy)
            return answering.order_view(tx, done.state, done.version, personal=True)

        return call.once(self.parts.store, work)
