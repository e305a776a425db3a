"""The lists that people page through, built from the log, and the queries that read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.order.domain import events as e
from services.order.domain import payment as p
from services.order.domain.merchant import (
    MenuPublished,
    MerchantEvent,
    MerchantFlagged,
    ServiceAreaChanged,
    ShopEvent,
)
from services.order.domain.pausing import MerchantPaused, MerchantResumed, Pause
from services.order.domain.payment import PaymentState
from services.order.domain.values import ENDED, OrderState
from shared.eventstore.batched import BatchedRows
from shared.eventstore.ports import Store, Transaction

_ENDINGS = (OrderState.COMPLETED, OrderState.CANCELLED, OrderState.REJECTED)
_KITCHEN = (OrderState.ACCEPTED.value, OrderState.PREPARING.value)
_KITCHENS_BUSINESS = sorted(
    state.value for state in OrderState if state not in ENDED | {OrderState.DELIVERING, OrderState.DELIVERED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    order_id: str
    customer_id: str
    merchant_id: str
    merchant_name: str
    kind: str
    state: str
    payment_state: str
    item_count: int
    total_cents: int
    currency: str
    placed_at: datetime
    promised_at: datetime
    ready_at: datetime | None
    rider_id: str | None
    version: int
    ended_as: str | None = None
    priority: str = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantRow:
    merchant_id: str
    name: str
    lat: float
    lon: float
    address: str
    service_radius_m: int
    preparation_minutes: int
    missed_answers: int
    paused_since: datetime | None = None
    paused_until: datetime | None = None
    pause_reason: str | None = None

    @property
    def pause(self) -> Pause | None:
        """The last pause, whether or not its time is over."""
        if self.paused_since is None:
            return None
        return Pause(since=self.paused_since, until=self.paused_until, reason=self.pause_reason or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an event changes in an order's row. In the kitchen the state only moves on while it is the kitchen's."""

    state: OrderState | None = None
    only_in_kitchen: bool = False
    columns: Mapping[str, Any] = field(default_factory=dict)


def change_of(event: e.OrderEvent) -> Change:
    """The pure half of the projection."""
    match event:
        case e.OrderAccepted():
            return Change(state=OrderState.ACCEPTED, columns={"ready_at": event.ready_at})
        case e.PreparationStarted():
            return Change(state=OrderState.PREPARING, only_in_kitchen=True)
        case e.OrderReady():
            return Change(state=OrderState.READY, only_in_kitchen=True)
        case e.PreparationExtended():
            return Change(columns={"ready_at": event.ready_at})
        case e.OrderRiderAssigned():
            return Change(columns={"rider_id": event.rider_id})
        case e.OrderRiderUnassigned():
            return Change(columns={"rider_id": None})
        case e.OrderOutForDelivery():
            return Change(state=OrderState.DELIVERING, columns={"rider_id": event.rider_id})
        case e.OrderDelivered():
            return Change(state=OrderState.DELIVERED, columns={"rider_id": event.rider_id})
        case e.OrderDeliveryFailed() | e.OrderUndeliverable():
            return Change(state=OrderState.DELIVERY_EXCEPTION, columns={"rider_id": None})
        case _:
            state = _state_after(event)
            return Change(state=state, columns={"ended_as": state.value} if state in _ENDINGS else {})


def amended(event: e.Amendment) -> Change:
    """What a change of the wish itself changes in the list."""
    columns: dict[str, Any] = {"total_cents": event.totals.total_cents, "promised_at": event.promised_at}
    if isinstance(event, e.OrderItemsChanged):
        columns["item_count"] = sum(line.quantity for line in event.lines)
    return Change(columns=columns)


def _state_after(event: e.OrderEvent) -> OrderState | None:
    match event:
        case e.OrderReinstated() | e.OrderRedispatched() | e.CancellationRefused() | e.WithdrawalUnanswered():
            return event.back_to
        case e.ReturnStarted():
            return OrderState.RETURNING
        case e.GoodsBroughtBack():
            return OrderState.DELIVERY_EXCEPTION
        case e.WithdrawalRequested():
            return OrderState.CANCELLING
        case e.OrderCancelled():
            return OrderState.CANCELLED
        case e.OrderRejected():
            return OrderState.REJECTED
        case e.OrderCompleted():
            return OrderState.COMPLETED
        case e.OrderArchived():
            return OrderState.ARCHIVED
        case _:
            return None


def state_in_list(before: OrderState, change: Change) -> OrderState:
    """The row's state after a change."""
    if change.state is None or (change.only_in_kitchen and before.value not in _KITCHEN):
        return before
    return change.state


def fold_order(rows: BatchedRows, version: int, order_id: str, event: e.OrderEvent) -> None:
    """Keeps `order_list` true to one more event of an order."""
    if isinstance(event, e.OrderPlaced):
        rows.put(_placed(event))
        return
    row = rows.get(order_id)
    if row is not None:
        change = amended(event) if isinstance(event, e.Amendment) else change_of(event)
        state = state_in_list(OrderState(row["state"]), change)
        rows.put({"order_id": order_id, "version": version, "state": state.value, **change.columns})


_PAYMENT_AFTER: Mapping[type, PaymentState] = {
    p.PaymentAuthorized: PaymentState.AUTHORIZED,
    p.PaymentFailed: PaymentState.FAILED,
    p.PaymentCaptured: PaymentState.CAPTURED,
    p.PaymentReleased: PaymentState.RELEASED,
    p.RefundIssued: PaymentState.PARTLY_REFUNDED,
}


def fold_payment(rows: BatchedRows, event: p.PaymentEvent) -> None:
    """Keeps `order_list` true to one more event of a payment."""
    state = _PAYMENT_AFTER.get(type(event))
    if isinstance(event, p.RefundIssued) and event.whole:
        state = PaymentState.REFUNDED
    if state is not None and rows.get(event.order_id) is not None:
        rows.put({"order_id": event.order_id, "payment_state": state.value})


def _placed(event: e.OrderPlaced) -> dict[str, Any]:
    return {
        "order_id": event.order_id,
        "customer_id": event.customer_id,
        "merchant_id": event.merchant_id,
        "merchant_name": event.pickup.name,
        "kind": event.kind.value,
        "state": OrderState.PENDING_ACCEPTANCE.value,
        "payment_state": PaymentState.PENDING.value,
        "item_count": sum(line.quantity for line in event.lines),
        "total_cents": event.totals.total_cents,
        "currency": event.totals.currency,
        "placed_at": event.at,
        "promised_at": event.promised_at,
        "ready_at": None,
        "rider_id": None,
        "priority": event.priority.value,
        "version": 1,
    }


def apply_to_merchants(tx: Transaction, merchant_id: str, event: MerchantEvent) -> None:
    """Keeps `merchant_list` true to one more event."""
    if isinstance(event, ShopEvent):
        _change_shop(tx, merchant_id, event)
        return
    if isinstance(event, MerchantFlagged):
        tx.connection.execute(
            "UPDATE merchant_list SET missed_answers = missed_answers + 1 WHERE merchant_id = %s", (merchant_id,)
        )
        return
    tx.connection.execute(
        "INSERT INTO merchant_list (merchant_id, name, lat, lon, address, service_radius_m, preparation_minutes,"
        " missed_answers) VALUES (%s, %s, %s, %s, %s, %s, %s, 0)",
        (
            event.merchant_id,
            event.name,
            event.place.lat,
            event.place.lon,
            event.address,
            event.service_radius_m,
            event.preparation_minutes,
        ),
    )


def _change_shop(tx: Transaction, merchant_id: str, event: ShopEvent) -> None:
    """Only what the list shows; a menu and its stock are read from the merchant itself."""
    match event:
        case MenuPublished():
            tx.connection.execute(
                "UPDATE merchant_list SET preparation_minutes = %s WHERE merchant_id = %s",
                (event.preparation_minutes, merchant_id),
            )
        case ServiceAreaChanged():
            tx.connection.execute(
                "UPDATE merchant_list SET service_radius_m = %s WHERE merchant_id = %s",
                (event.service_radius_m, merchant_id),
            )
        case MerchantPaused():
            tx.connection.execute(
                "UPDATE merchant_list SET paused_since = coalesce(paused_since, %s), paused_until = %s,"
                " pause_reason = %s WHERE merchant_id = %s",
                (event.at, event.until, event.reason, merchant_id),
            )
        case MerchantResumed():
            tx.connection.execute(
                "UPDATE merchant_list SET paused_since = NULL, paused_until = NULL, pause_reason = NULL"
                " WHERE merchant_id = %s",
                (merchant_id,),
            )
        case _:
            pass


def open_order_ids(store: Store, merchant_id: str, limit: int) -> list[str]:
    """The orders of a merchant that are not over, oldest first."""
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT order_id FROM order_list WHERE merchant_id = %s AND NOT state = ANY(%s)"
            " ORDER BY order_id LIMIT %s",
            (merchant_id, sorted(state.value for state in ENDED), limit),
        )
        return [str(row["order_id"]) for row in rows]


def kitchen_order_ids(store: Store, merchant_id: str, limit: int) -> list[str]:
    """The orders of a merchant that its kitchen may have to do something about, oldest first."""
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT order_id FROM order_list WHERE merchant_id = %s AND state = ANY(%s) ORDER BY order_id LIMIT %s",
            (merchant_id, _KITCHENS_BUSINESS, limit),
        )
        return [str(row["order_id"]) for row in rows]


def list_merchants(store: Store, after_id: str | None, limit: int) -> list[MerchantRow]:
    """Merchants by id, at most `limit`, after `after_id`."""
    with store.reading() as tx:
        rows = tx.connection.execute(
            "SELECT * FROM merchant_list WHERE merchant_id > %s ORDER BY merchant_id LIMIT %s",
            (after_id or "", limit),
        )
        return [MerchantRow(**row) for row in rows]


def order_ids_of(tx: Transaction, customer_id: str) -> list[str]:
    """All orders of a customer, oldest first."""
    rows = tx.connection.execute(
        "SELECT order_id FROM order_list WHERE customer_id = %s ORDER BY order_id", (customer_id,)
    )
    return [row["order_id"] for row in rows]


def strip_answers(tx: Transaction, customer_id: str) -> int:
    """Takes the person out of the answers kept for repeated requests, whoever made those; returns how many.

    The sealed part goes. What an older release recorded in plain is stripped: whole answers, and the words of a
    review in one whose person was sealed already.
    """
    sealed = tx.connection.execute(
        "UPDATE idempotency SET sealed = NULL WHERE subject_id = %s AND sealed IS NOT NULL", (customer_id,)
    )
    plain = tx.connection.execute(
        """UPDATE idempotency
              SET body = jsonb_set(body::jsonb || '{"recipient": null, "note": "", "errand": null}',
                                   '{review,comment}', 'null', false)::text
            WHERE (subject_id = %s OR (subject_id IS NULL AND strpos(body, %s) > 0))
              AND body::jsonb ->> 'customer_id' = %s AND jsonb_exists(body::jsonb, 'recipient')
              AND num_nonnulls(body::jsonb ->> 'recipient', body::jsonb ->> 'errand',
                               nullif(body::jsonb ->> 'note', ''), body::jsonb #>> '{review,comment}') > 0""",
        (customer_id, customer_id, customer_id),
    )
    return int(sealed.rowcount + plain.rowcount)
