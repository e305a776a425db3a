"""The routes of customers who want something: what it would cost, and having it."""

from services.order import answering, needs, placing_requests, quotes
from services.order.domain.placing import Proposal
from services.order.domain.quote import Quote
from services.order.methods import method_faults
from services.order.ordering import place_order, propose_order
from services.order.placing_schemas import PlaceOrderBody, QuoteBody, QuoteView
from services.order.schemas import OrderView
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.call import Call
from shared.gateway.route import route
from shared.kernel.errors import NotAllowed, NotFound

TAGS = ("orders",)


class PlacingRoutes:
    """Everything over HTTP that comes before an order is one."""

    parts: OrderParts

    @route(
        "POST",
        "/v1/quotes",
        roles={"customer"},
        body=QuoteBody,
        answer=QuoteView,
        status=201,
        command=True,
        summary="Ask what an order would cost",
        description="Good for some minutes: the platform keeps its surcharges and its promise until then. A merchant"
        " may change its prices, and then placing with this quote is refused as `price_changed`.",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def quote(self, call: Call[QuoteBody]) -> QuoteView:
        parts, quote_id, customer_id = self.parts, self.parts.ids("quo"), _customer(call)
        command, faults = placing_requests.quoting(call.body, quote_id, customer_id, call.now)

        def work(tx: Transaction) -> QuoteView:
            proposal = propose_order(tx, command, parts.policy, faults)
            quote = Quote(
                quote_id=quote_id,
                customer_id=customer_id,
                merchant_id=command.merchant_id,
                totals=proposal.totals,
                weather=proposal.weather,
                quoted_at=call.now,
                promised_at=proposal.draft.times.promised_at,
                expires_at=call.now + parts.policy.span("quote"),
            )
            quotes.remember(tx, quote)
            return _view(quote, proposal, call.body)

        return call.once(parts.store, work)

    @route(
        "POST",
        "/v1/orders",
        roles={"customer"},
        body=PlaceOrderBody,
        answer=OrderView,
        status=201,
        command=True,
        summary="Place an order",
        description="From a merchant's menu, or an errand without one. With a `quote_id` it costs what was quoted"
        " or is refused; without one it costs what it costs now.",
        tags=TAGS,
        refusals=(NotFound,),
    )
    def place_order(self, call: Call[PlaceOrderBody]) -> OrderView:
        parts, order_id = self.parts, self.parts.ids("ord")
        command, faults = placing_requests.placing(call.body, order_id, _customer(call), call.now)
        if parts.policy.accepts_method(command.payment_method):
            faults += method_faults(parts.providers, parts.policy, command.payment_method, "payment.method")

        def work(tx: Transaction) -> OrderView:
            quote = quotes.recall(tx, command.quote_id)
            done = place_order(tx, command, call.context, parts.policy, faults, quote)
            return answering.order_view(tx, done.state, done.version, personal=True)

        return call.once(parts.store, work, needs=needs.of_placing(command))


def _customer(call: Call[QuoteBody] | Call[PlaceOrderBody]) -> str:
    """For whom the caller orders: a customer they may act for."""
    wanted = call.body.customer_id
    if wanted is None and call.principal.ids:
        return call.principal.actor_id
    if wanted is None or not call.principal.may_act_for(wanted):
        raise NotAllowed("the token does not name this customer")
    return wanted


def _view(quote: Quote, proposal: Proposal, body: QuoteBody) -> QuoteView:
    return QuoteView(
        quote_id=quote.quote_id,
        customer_id=quote.customer_id,
        merchant_id=quote.merchant_id,
        kind=body.kind,
        items=[answering.line_view(line) for line in proposal.draft.lines],
        totals=answering.totals_view(quote.totals),
        weather=quote.weather,
        required_skills=list(proposal.draft.skills),
        promised_at=quote.promised_at,
        scheduled_for=body.scheduled_for,
        expires_at=quote.expires_at,
    )
