"""The routes of merchants: registered by operations, and their menu, stock, hours and area kept by themselves."""

from services.order import menu_requests, views
from services.order.application import perform
from services.order.codec import MERCHANT
from services.order.domain.merchant import MerchantAlreadyRegistered, Restock, SellOut, UnknownItem
from services.order.kitchen_routes import change_shop
from services.order.menu_answering import merchant_summary, merchant_view
from services.order.menu_schemas import (
    MenuBody,
    MerchantSummary,
    MerchantView,
    RegisterMerchantBody,
    RestockBody,
    ServiceAreaBody,
    SoldOutBody,
    WeeklyHoursBody,
)
from services.order.projecting import MERCHANT_LIST
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.cursor import Page, PageQuery, encode_cursor
from shared.gateway.route import route
from shared.kernel.errors import NotFound

EVERYBODY = {"customer", "merchant", "rider", "dispatcher", "support", "operations", "analyst"}
OWNERS = {"merchant", "operations"}
TAGS = ("merchants",)


class MenuRoutes:
    """Everything over HTTP that concerns what a merchant sells, when, and to where."""

    parts: OrderParts

    @route(
        "POST",
        "/v1/merchants",
        roles={"operations"},
        body=RegisterMerchantBody,
        answer=MerchantView,
        status=201,
        command=True,
        summary="Register a merchant",
        tags=TAGS,
        refusals=(MerchantAlreadyRegistered,),
    )
    def register_merchant(self, call: Call[RegisterMerchantBody]) -> MerchantView:
        parts, merchant_id = self.parts, call.body.merchant_id or self.parts.ids("mer")
        command = menu_requests.registration(call.body, merchant_id, parts.policy.service_radius_m, call.now)

        def work(tx: Transaction) -> MerchantView:
            done = perform(tx, command, call.context, parts.policy)
            return merchant_view(done.state, done.version, call.now)

        return call.once(parts.store, work)

    @route(
        "GET",
        "/v1/merchants",
        roles=EVERYBODY,
        query=PageQuery,
        answer=Page[MerchantSummary],
        summary="List merchants",
        description="Those that take no orders for a while say since when, until when and why.",
        tags=TAGS,
    )
    def list_merchants(self, call: Call[None, PageQuery]) -> Page[MerchantSummary]:
        store, limit = self.parts.store, call.query.limit
        position = store.follower_position(MERCHANT_LIST.follower.name)
        after = call.query.after("id")
        rows = views.list_merchants(store, str(after["id"]) if after else None, limit + 1)
        more = encode_cursor({"id": rows[limit - 1].merchant_id}) if len(rows) > limit else None
        items = [merchant_summary(row, call.now) for row in rows[:limit]]
        return Page[MerchantSummary](items=items, next=more, position=position)

    @route(
        "GET",
        "/v1/merchants/<merchant_id>",
        roles=EVERYBODY,
        answer=MerchantView,
        summary="A merchant with its menu",
        tags=TAGS,
    )
    def get_merchant(self, call: Call[None], merchant_id: str) -> MerchantView:
        loaded = self.parts.store.load(MERCHANT, merchant_id)
        if loaded.state is None:
            raise NotFound("there is no such merchant")
        return merchant_view(loaded.state, loaded.version, call.now)

    @route(
        "PUT",
        "/v1/merchants/<merchant_id>/menu",
        roles=OWNERS,
        body=MenuBody,
        answer=MerchantView,
        command=True,
        summary="Publish a menu",
        description="Whole. Orders placed before keep their prices; quotes whose price it changes hold no more.",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def publish_menu(self, call: Call[MenuBody], merchant_id: str) -> MerchantView:
        return change_shop(self.parts, call, menu_requests.menu(call.body, merchant_id, call.now))

    @route(
        "PUT",
        "/v1/merchants/<merchant_id>/hours",
        roles=OWNERS,
        body=WeeklyHoursBody,
        answer=MerchantView,
        command=True,
        summary="Change the opening hours",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def change_hours(self, call: Call[WeeklyHoursBody], merchant_id: str) -> MerchantView:
        return change_shop(self.parts, call, menu_requests.hours(call.body, merchant_id, call.now))

    @route(
        "PUT",
        "/v1/merchants/<merchant_id>/service-area",
        roles={"operations"},
        body=ServiceAreaBody,
        answer=MerchantView,
        command=True,
        summary="Change where a merchant delivers",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def change_service_area(self, call: Call[ServiceAreaBody], merchant_id: str) -> MerchantView:
        return change_shop(self.parts, call, menu_requests.service_area(call.body, merchant_id, call.now))

    @route(
        "POST",
        "/v1/merchants/<merchant_id>/items/<sku>/sold-out",
        roles=OWNERS,
        body=SoldOutBody,
        answer=MerchantView,
        command=True,
        summary="Say that an item is sold out",
        tags=TAGS,
        refusals=(NotFound, UnknownItem),
    )
    def sell_out(self, call: Call[SoldOutBody], merchant_id: str, sku: str) -> MerchantView:
        return change_shop(
            self.parts, call, SellOut(merchant_id=merchant_id, at=call.now, sku=sku, until=call.body.until)
        )

    @route(
        "POST",
        "/v1/merchants/<merchant_id>/items/<sku>/in-stock",
        roles=OWNERS,
        body=RestockBody,
        answer=MerchantView,
        command=True,
        summary="Say that an item can be had again",
        tags=TAGS,
        refusals=(NotFound, UnknownItem),
    )
    def restock(self, call: Call[RestockBody], merchant_id: str, sku: str) -> MerchantView:
        return change_shop(self.parts, call, Restock(merchant_id=merchant_id, at=call.now, sku=sku))
