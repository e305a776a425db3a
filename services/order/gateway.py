"""The HTTP routes of the order service: customers, merchants and staff, each with what is theirs."""

from pathlib import Path

from services.order import access, live, requests
from services.order.city_routes import CityRoutes
from services.order.customer_routes import CustomerRoutes
from services.order.doing import do
from services.order.domain import transitions as table
from services.order.kitchen_routes import KitchenRoutes
from services.order.life_routes import LifeRoutes
from services.order.menu_routes import MenuRoutes
from services.order.money_routes import MoneyRoutes
from services.order.placing_routes import PlacingRoutes
from services.order.reading_routes import ReadingRoutes, visible
from services.order.review_routes import ReviewRoutes
from services.order.schemas import (
    AcceptBody,
    CancelBody,
    ConfirmBody,
    ExtendBody,
    OrderView,
    RejectBody,
    Timed,
    TrackingView,
)
from services.order.wiring import OrderParts
from shared.gateway.call import Call
from shared.gateway.route import assets, page, route
from shared.gateway.sse import Stream
from shared.gateway.standard import StandardRoutes
from shared.kernel.errors import NotFound

WEB = Path(__file__).parent / "web"
ORDERS, KITCHEN, PAGES = ("orders",), ("kitchen",), ("live",)


class OrderGateway(
    ReadingRoutes,
    CustomerRoutes,
    MenuRoutes,
    KitchenRoutes,
    PlacingRoutes,
    CityRoutes,
    LifeRoutes,
    ReviewRoutes,
    MoneyRoutes,
    StandardRoutes,
):
    """Everything over HTTP that concerns orders and merchants."""

    name = "order"
    title = "Doorstep: orders"
    parts: OrderParts

    track = page("/track/<order_id>", WEB / "track.html", summary="The customer's tracking page")
    web = assets("/web/<path:path>", WEB)

    @route(
        "GET",
        "/v1/orders/<order_id>/live",
        roles=access.READERS,
        answer=TrackingView,
        summary="One order as it changes",
        description="`tracking` events, the present one first; the id is the version of the order.",
        tags=PAGES,
    )
    def watch_order(self, call: Call[None], order_id: str) -> Stream:
        with self.parts.store.reading() as tx:
            personal = access.may_see_recipient(call.principal, visible(tx, call.principal, order_id))
        return Stream(live.tracking_events(self.parts, order_id, call.last_event_id, personal=personal))

    @route(
        "POST",
        "/v1/orders/<order_id>/accept",
        roles=table.ACCEPT.roles,
        body=AcceptBody,
        answer=OrderView,
        command=True,
        summary="Accept an order",
        tags=KITCHEN,
        refusals=(NotFound, *table.ACCEPT.refusals()),
    )
    def accept_order(self, call: Call[AcceptBody], order_id: str) -> OrderView:
        context = call.context
        command = requests.acceptance(call.body, order_id, context.occurred_at, call.now)
        return do(self.parts, call, command, access.require_merchant)

    @route(
        "POST",
        "/v1/orders/<order_id>/reject",
        roles=table.REJECT.roles,
        body=RejectBody,
        answer=OrderView,
        command=True,
        summary="Decline an order",
        tags=KITCHEN,
        refusals=(NotFound, *table.REJECT.refusals()),
    )
    def reject_order(self, call: Call[RejectBody], order_id: str) -> OrderView:
        command = requests.rejection(call.body, order_id, call.context.occurred_at, call.now)
        return do(self.parts, call, command, access.require_merchant)

    @route(
        "POST",
        "/v1/orders/<order_id>/extend-preparation",
        roles=table.EXTEND.roles,
        body=ExtendBody,
        answer=OrderView,
        command=True,
        summary="Promise the food for later",
        tags=KITCHEN,
        refusals=(NotFound, *table.EXTEND.refusals()),
    )
    def extend_preparation(self, call: Call[ExtendBody], order_id: str) -> OrderView:
        command = requests.extension(call.body, order_id, call.context.occurred_at, call.now)
        return do(self.parts, call, command, access.require_merchant)

    @route(
        "POST",
        "/v1/orders/<order_id>/start-preparation",
        roles=table.START.roles,
        body=Timed,
        answer=OrderView,
        command=True,
        summary="Begin to cook",
        tags=KITCHEN,
        refusals=(NotFound, *table.START.refusals()),
    )
    def start_preparation(self, call: Call[Timed], order_id: str) -> OrderView:
        command = requests.preparation(order_id, call.context.occurred_at, call.now)
        return do(self.parts, call, command, access.require_merchant)

    @route(
        "POST",
        "/v1/orders/<order_id>/ready",
        roles=table.MARK_READY.roles,
        body=Timed,
        answer=OrderView,
        command=True,
        summary="The food is ready",
        tags=KITCHEN,
        refusals=(NotFound, *table.MARK_READY.refusals()),
    )
    def mark_ready(self, call: Call[Timed], order_id: str) -> OrderView:
        command = requests.readiness(order_id, call.context.occurred_at, call.now)
        return do(self.parts, call, command, access.require_merchant)

    @route(
        "POST",
        "/v1/orders/<order_id>/cancel",
        roles=table.CANCEL.roles,
        body=CancelBody,
        answer=OrderView,
        command=True,
        summary="Cancel an order",
        description="At once until a rider is assigned; then the order is `cancelling` until dispatch answers.",
        tags=ORDERS,
        refusals=(NotFound, *table.CANCEL.refusals()),
    )
    def cancel_order(self, call: Call[CancelBody], order_id: str) -> OrderView:
        with self.parts.store.reading() as tx:
            by = access.acting_as(call.principal, visible(tx, call.principal, order_id))
        command = requests.cancellation(order_id, by, call.body.reason.value, call.now)
        return do(self.parts, call, command, access.require_reader)

    @route(
        "POST",
        "/v1/orders/<order_id>/confirm",
        roles=table.CONFIRM.roles,
        body=ConfirmBody,
        answer=OrderView,
        command=True,
        summary="Confirm that the order has arrived",
        tags=ORDERS,
        refusals=(NotFound, *table.CONFIRM.refusals()),
    )
    def confirm_order(self, call: Call[ConfirmBody], order_id: str) -> OrderView:
        return do(self.parts, call, requests.confirmation(order_id, call.now), access.require_customer)
