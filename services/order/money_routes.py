"""The HTTP routes of an order's money: its book, refunds and tips, what waits, webhooks, the daily reconciliation."""

from dataclasses import asdict
from typing import Any

from services.order import access, answering, books, dues, money_views
from services.order.application import perform
from services.order.codec import PAYMENT
from services.order.domain import errors
from services.order.domain.paying import AddTip, CollectDue, PaymentCommand, RefundInPart, RetryPayment
from services.order.domain.state import Order
from services.order.domain.values import OrderState
from services.order.methods import method_faults
from services.order.money_schemas import (
    BalanceView,
    DueBody,
    DueView,
    LedgerView,
    OwedView,
    ReconcileBody,
    RefundBody,
    ReportsView,
    TipBody,
    TipView,
    WaitingQuery,
    WaitingView,
    WebhookBody,
    WebhookView,
)
from services.order.outbound import payment_id_of
from services.order.payments import ProviderUnavailable, WebhookRefused
from services.order.payments.desk import waiting
from services.order.webhooks import sender_of, take_in
from services.order.wiring import OrderParts
from shared.eventstore.ports import Transaction
from shared.gateway.auth import PUBLIC
from shared.gateway.call import Call
from shared.gateway.cursor import Page, encode_cursor
from shared.gateway.problems import Problem
from shared.gateway.route import route
from shared.kernel.errors import InvalidInput, NotFound

MONEY = ("money",)
KEEPERS = {"support", "operations", "operator"}


class MoneyRoutes:
    """Everything over HTTP that concerns money."""

    parts: OrderParts

    @route(
        "GET",
        "/v1/orders/<order_id>/ledger",
        roles=KEEPERS,
        answer=LedgerView,
        summary="The double-entry book of an order",
        tags=MONEY,
    )
    def get_ledger(self, call: Call[None], order_id: str) -> LedgerView:  # noqa: ARG002
        with self.parts.store.reading() as tx:
            return money_views.ledger_of(tx, order_id)

    @route(
        "POST",
        "/v1/orders/<order_id>/refunds",
        roles={"support", "operations"},
        body=RefundBody,
        answer=LedgerView,
        command=True,
        summary="Give some of an order's money back",
        tags=MONEY,
        refusals=(NotFound, errors.PaymentNotCaptured, errors.RefundExceedsCaptured),
    )
    def refund_in_part(self, call: Call[RefundBody], order_id: str) -> LedgerView:
        body = call.body
        command = RefundInPart(
            order_id=order_id,
            refund_id=body.refund_id or self.parts.ids("rfd"),
            amount_cents=body.amount_cents,
            reason=body.reason,
            at=call.now,
        )
        return self._change(call, command)

    @route(
        "POST",
        "/v1/orders/<order_id>/payment/retry",
        roles={"operations", "operator"},
        answer=LedgerView,
        command=True,
        summary="Ask the payment provider again at once",
        tags=MONEY,
        refusals=(NotFound,),
    )
    def retry_payment(self, call: Call[None], order_id: str) -> LedgerView:
        return self._change(call, RetryPayment(order_id=order_id, at=call.now))

    @route(
        "POST",
        "/v1/orders/<order_id>/tips",
        roles={"customer"},
        body=TipBody,
        answer=TipView,
        command=True,
        summary="Tip the rider who delivered",
        tags=MONEY,
        refusals=(NotFound, errors.NoTipPossible, errors.TipOutOfRange),
    )
    def add_tip(self, call: Call[TipBody], order_id: str) -> TipView:
        body, tip_id = call.body, call.body.tip_id or self.parts.ids("tip")
        self._require_method(body.method)

        def work(tx: Transaction) -> TipView:
            order, _ = answering.order_of(tx, order_id)
            access.require_customer(call.principal, order)
            if order.rider_id is None or order.state not in (OrderState.DELIVERED, OrderState.COMPLETED):
                raise errors.NoTipPossible(
                    "a tip can be given once the order is delivered", order_id=order_id, state=order.state.value
                )
            command = AddTip(
                order_id=order_id,
                tip_id=tip_id,
                amount_cents=body.amount_cents,
                rider_id=order.rider_id,
                method=body.method or "",
                at=call.now,
            )
            done = perform(tx, command, call.context, self.parts.policy)
            return money_views.tip_view(done.state, tip_id)

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/orders/<order_id>/due",
        roles={"customer", *KEEPERS},
        answer=DueView,
        summary="What is still to be paid for a change that made an order dearer",
        tags=MONEY,
        refusals=(NotFound,),
    )
    def get_due(self, call: Call[None], order_id: str) -> DueView:
        with self.parts.store.reading() as tx:
            order = self._own(call, tx, order_id)
            return money_views.due_view(order, tx.load(PAYMENT, payment_id_of(order_id)).state)

    @route(
        "POST",
        "/v1/orders/<order_id>/due",
        roles={"customer", "support", "operations"},
        body=DueBody,
        answer=DueView,
        command=True,
        summary="Pay what is owed, with the same payment method or another one",
        tags=MONEY,
        refusals=(NotFound, errors.NothingDue),
    )
    def pay_due(self, call: Call[DueBody], order_id: str) -> DueView:
        body, charge_id = call.body, call.body.due_id or self.parts.ids("due")
        self._require_method(body.method)

        def work(tx: Transaction) -> DueView:
            order = self._own(call, tx, order_id)
            if tx.load(PAYMENT, payment_id_of(order_id)).state is None:
                raise errors.NothingDue("nothing is owed for this order", order_id=order_id)
            command = CollectDue(order_id=order_id, charge_id=charge_id, method=body.method or "", at=call.now)
            return money_views.due_view(order, perform(tx, command, call.context, self.parts.policy).state)

        return call.once(self.parts.store, work)

    @route(
        "GET",
        "/v1/payments/owed",
        roles=KEEPERS,
        query=WaitingQuery,
        answer=Page[OwedView],
        summary="Orders whose customers owe something",
        description="What a change added to the price and the customer's bank would not pay. Refunds that a bank sent"
        " back are owed to the customer: those wait under /v1/payments/waiting.",
        tags=MONEY,
    )
    def list_owed(self, call: Call[None, WaitingQuery]) -> Page[OwedView]:
        store, limit = self.parts.store, call.query.limit
        position = store.follower_position(dues.DUES.follower.name)
        after = call.query.after("id")
        rows = dues.owed(store, limit + 1, str(after["id"]) if after else "")
        more = encode_cursor({"id": rows[limit - 1].payment_id}) if len(rows) > limit else None
        return Page[OwedView](items=[OwedView(**asdict(row)) for row in rows[:limit]], next=more, position=position)

    @route(
        "GET",
        "/v1/merchants/<merchant_id>/balance",
        roles={"merchant", "operations"},
        answer=BalanceView,
        summary="What a merchant has earned and is owed, shares of cancellation fees among it",
        tags=MONEY,
    )
    def merchant_balance(self, call: Call[None], merchant_id: str) -> BalanceView:
        if not call.principal.has("operations"):
            call.principal.require(merchant_id)
        return self._balance(f"merchant_payable:{merchant_id}", f"cancellation_fees_payable:{merchant_id}")

    @route(
        "GET",
        "/v1/riders/<rider_id>/tips",
        roles={"rider", "operations"},
        answer=BalanceView,
        summary="The tips that a rider is owed",
        tags=MONEY,
    )
    def rider_tips(self, call: Call[None], rider_id: str) -> BalanceView:
        if not call.principal.has("operations"):
            call.principal.require(rider_id)
        return self._balance(f"rider_tips_payable:{rider_id}")

    @route(
        "GET",
        "/v1/riders/<rider_id>/fees",
        roles={"rider", "operations"},
        answer=BalanceView,
        summary="The shares of cancellation fees that a rider is owed",
        tags=MONEY,
    )
    def rider_fees(self, call: Call[None], rider_id: str) -> BalanceView:
        if not call.principal.has("operations"):
            call.principal.require(rider_id)
        return self._balance(f"cancellation_fees_payable:{rider_id}")

    @route(
        "GET",
        "/v1/payments/waiting",
        roles=KEEPERS,
        query=WaitingQuery,
        answer=Page[WaitingView],
        summary="Payments whose provider does not answer",
        description="They are asked again by themselves; those that are stuck wait for an operator.",
        tags=MONEY,
    )
    def list_waiting(self, call: Call[None, WaitingQuery]) -> Page[WaitingView]:
        store, limit = self.parts.store, call.query.limit
        position = store.follower_position("payments")
        after = call.query.after("id")
        rows = waiting(store, limit + 1, str(after["id"]) if after else "")
        last = rows[limit - 1] if len(rows) > limit else None
        more = encode_cursor({"id": f"{last.payment_id}:{last.name}"}) if last else None
        items = [WaitingView(**asdict(row)) for row in rows[:limit]]
        return Page[WaitingView](items=items, next=more, position=position)

    @route(
        "POST",
        "/v1/payments/webhooks",
        roles=PUBLIC,
        body=WebhookBody,
        answer=WebhookView,
        summary="What the payment provider tells by itself",
        description="Signed by the provider (`Stripe-Signature`, the sandbox's `Doorstep-Signature`); told twice it"
        " changes nothing twice.",
        tags=MONEY,
    )
    def hear_provider(self, call: Call[WebhookBody]) -> WebhookView:
        parts = self.parts
        try:
            provider, signature = sender_of(parts.providers, call.request.headers)
            new = take_in(parts.store, provider, parts.policy, call.request.raw_body, signature, call.context)
        except WebhookRefused as refusal:
            raise Problem(400, refusal.code, refusal.sentence) from None
        return WebhookView(new=new)

    @route(
        "POST",
        "/v1/payments/reconciliations",
        roles={"operations", "operator"},
        body=ReconcileBody,
        answer=ReportsView,
        summary="Hold each provider's list of a day against the book",
        tags=MONEY,
    )
    def reconcile(self, call: Call[ReconcileBody]) -> ReportsView:
        try:
            reports = self.parts.reconciler.reconcile(call.body.day)
        except ProviderUnavailable:
            sentence = "the payment provider does not answer at the moment; try again shortly"
            raise Problem(503, "provider_unavailable", sentence, headers={"Retry-After": "30"}) from None
        return ReportsView.model_validate({"items": [asdict(report) for report in reports]})

    @route(
        "GET",
        "/v1/payments/reconciliations",
        roles={"operations", "operator"},
        answer=ReportsView,
        summary="The last daily reconciliations",
        tags=MONEY,
    )
    def list_reconciliations(self, call: Call[None]) -> ReportsView:  # noqa: ARG002
        return ReportsView.model_validate({"items": self.parts.reconciler.reports()})

    def _require_method(self, method: str | None) -> None:
        """Refuses a payment method that is known to be unusable."""
        faults = method_faults(self.parts.providers, self.parts.policy, method, "method") if method else []
        if faults:
            raise InvalidInput(faults)

    def _own(self, call: Call[Any], tx: Transaction, order_id: str) -> Order:
        """Staff may ask about every order, a customer about their own."""
        order, _ = answering.order_of(tx, order_id)
        if not any(call.principal.has(role) for role in KEEPERS):
            access.require_customer(call.principal, order)
        return order

    def _balance(self, account: str, *more: str) -> BalanceView:
        position = self.parts.store.follower_position(books.LEDGER.follower.name)
        found = [balance for each in (account, *more) for balance in books.balances_of(self.parts.store, each)]
        return money_views.balance_view(account, found, position)

    def _change(self, call: Call, command: PaymentCommand) -> LedgerView:
        def work(tx: Transaction) -> LedgerView:
            money_views.ledger_of(tx, command.order_id)
            perform(tx, command, call.context, self.parts.policy)
            return money_views.ledger_of(tx, command.order_id)

        return call.once(self.parts.store, work)
