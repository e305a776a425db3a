"""The HTTP routes by which a running order is put right and changed."""

from services.order import access, requests
from services.order.doing import do
from services.order.domain import transitions as table
from services.order.domain.values import By
from services.order.schemas import CorrectBody, OrderView
from services.order.wiring import OrderParts
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
