"""The HTTP routes of a kitchen at work: its queue, whether it takes orders, and the page for both."""

from datetime import datetime, timedelta
from pathlib import Path

from services.order import kitchen, live
from services.order.application import perform
from services.order.codec import MERCHANT
from services.order.domain.merchant import Merchant, PauseOrders, ResumeOrders, ShopCommand
from services.order.kitchen import Queue, ShopView
from services.order.menu_answering import merchant_view
from services.order.menu_schemas import MerchantView, PauseBody, ResumeBody
from services.order.schemas import OrderView
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.auth import Principal
from shared.gateway.call import Call
from shared.gateway.route import page, route
from shared.gateway.sse import Stream
from shared.kernel.errors import NotFound

OWNERS = {"merchant", "operations"}
TAGS = ("kitchen",)
WEB = Path(__file__).parent / "web"
NO_SUCH_MERCHANT = "there is no such merchant, or it is not yours"


def require_owner(principal: Principal, merchant_id: str) -> None:
    """A merchant sees and changes only its own shop, operations any; raises NotFound."""
    if not (principal.has("operations") or (principal.has("merchant") and principal.may_act_for(merchant_id))):
        raise NotFound(NO_SUCH_MERCHANT)


class KitchenRoutes:
    """Everything over HTTP that a merchant looks at while it works."""

    parts: OrderParts

    kitchen = page("/kitchen/<merchant_id>", WEB / "kitchen.html", summary="The merchant's page")

    @route(
        "GET",
        "/v1/merchants/<merchant_id>/live",
        roles=OWNERS,
        answer=OrderView | ShopView,
        summary="A merchant's orders as they change",
        description="One `shop` event and one `orders` event with the open orders, then one `order` event for each"
        " change of an order and one `shop` event for each change of the shop. The id is the position in the log: a"
        " stream that is asked for with a `Last-Event-ID` goes on after it.",
        tags=TAGS,
    )
    def watch_merchant(self, call: Call[None], merchant_id: str) -> Stream:
        self._shop(call.principal, merchant_id)
        return Stream(live.merchant_events(self.parts, merchant_id, call.last_position))

    @route(
        "GET",
        "/v1/merchants/<merchant_id>/queue",
        roles=OWNERS,
        answer=Queue,
        summary="A merchant's open orders, what to do next first",
        tags=TAGS,
    )
    def get_queue(self, call: Call[None], merchant_id: str) -> Queue:
        merchant = self._shop(call.principal, merchant_id)
        return kitchen.queue_of(self.parts.store, merchant, call.now, self.parts.settings.clock.speed)

    @route(
        "POST",
        "/v1/merchants/<merchant_id>/pause",
        roles=OWNERS,
        body=PauseBody,
        answer=MerchantView,
        command=True,
        summary="Take no orders for a while",
        description="New orders are refused with the fault `merchant_paused`; those that were placed go on.",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def pause_orders(self, call: Call[PauseBody], merchant_id: str) -> MerchantView:
        body = call.body
        command = PauseOrders(
            merchant_id=merchant_id, at=call.now, reason=body.reason.value, until=_until(body, call.now)
        )
        return change_shop(self.parts, call, command)

    @route(
        "POST",
        "/v1/merchants/<merchant_id>/resume",
        roles=OWNERS,
        body=ResumeBody,
        answer=MerchantView,
        command=True,
        summary="Take orders again",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def resume_orders(self, call: Call[ResumeBody], merchant_id: str) -> MerchantView:
        return change_shop(self.parts, call, ResumeOrders(merchant_id=merchant_id, at=call.now))

    def _shop(self, principal: Principal, merchant_id: str) -> Merchant:
        require_owner(principal, merchant_id)
        merchant = self.parts.store.load(MERCHANT, merchant_id).state
        if merchant is None:
            raise NotFound(NO_SUCH_MERCHANT)
        return merchant


def _until(body: PauseBody, now: datetime) -> datetime | None:
    return body.until if body.minutes is None else now + timedelta(minutes=body.minutes)


def change_shop(parts: OrderParts, call: Call, command: ShopCommand) -> MerchantView:
    """One change of a shop over HTTP: checked, decided, answered once."""
    require_owner(call.principal, command.merchant_id)

    def work(tx: Transaction) -> MerchantView:
        call.expect(tx.load(MERCHANT, command.merchant_id).version)
        done = perform(tx, command, call.context, parts.policy)
        return merchant_view(done.state, done.version, call.now)

    return call.once(parts.store, work)
