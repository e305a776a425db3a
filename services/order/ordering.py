"""Placing an order, over all the streams that it touches: one transaction, so that a coupon is used exactly once."""

from collections.abc import Sequence
from typing import Any

from services.order.codec import CITY, COUPON, MERCHANT, ORDER, USES
from services.order.domain import city as cities
from services.order.domain import coupon as coupons
from services.order.domain.commands import PlaceOrder
from services.order.domain.coupon import GiveCouponBack
from services.order.domain.placing import Around, Proposal, place, propose
from services.order.domain.policy import OrderPolicy
from services.order.domain.quote import Quote
from services.order.domain.values import NO_MERCHANT
from shared.eventstore.model import Context, Decided
from shared.eventstore.ports import Transaction
from shared.kernel.errors import Fault


def place_order(
    tx: Transaction,
    command: PlaceOrder,
    context: Context,
    policy: OrderPolicy,
    known_faults: Sequence[Fault] = (),
    quote: Quote | None = None,
) -> Decided[Any, Any]:
    """Places and takes the coupon; two orders that want a coupon's last use are decided by the coupon's stream."""
    shop, around = _shop(tx, command), _around(tx, command, quote)
    done = tx.execute(
        ORDER, command.order_id, lambda order: place(command, order, shop, policy, known_faults, around), context
    )
    if done.events and done.state is not None and command.coupon is not None:
        order_id, cents = command.order_id, done.state.placed.totals.discount_cents
        tx.execute(COUPON, coupon_stream(command.coupon), lambda c: coupons.claim(c, order_id, command.now), context)
        tx.execute(
            USES,
            uses_stream(command.coupon, command.customer_id),
            lambda uses: coupons.redeem(uses, order_id, cents, command.now),
            context,
        )
    return done


def propose_order(
    tx: Transaction, command: PlaceOrder, policy: OrderPolicy, known_faults: Sequence[Fault] = ()
) -> Proposal:
    """What placing would lead to; nothing is written, and no coupon is taken."""
    return propose(command, _shop(tx, command), policy, known_faults, _around(tx, command, None))


def give_coupon_back(tx: Transaction, command: GiveCouponBack, context: Context) -> Decided[Any, Any]:
    order = tx.load(ORDER, command.order_id)
    if order.state is None or order.state.placed.coupon is None:
        return Decided(order.state, order.version, ())
    code, order_id = order.state.placed.coupon, command.order_id
    tx.execute(COUPON, coupon_stream(code), lambda c: coupons.release(c, order_id, command.at), context)
    return tx.execute(
        USES,
        uses_stream(code, order.state.placed.customer_id),
        lambda uses: coupons.give_back(uses, order_id, command.at),
        context,
    )


def coupon_stream(code: str) -> str:
    return f"cpn_{code}"


def uses_stream(code: str, customer_id: str) -> str:
    """One customer's uses of one coupon; a code holds no dot."""
    return f"cpu_{code}.{customer_id}"


def _shop(tx: Transaction, command: PlaceOrder) -> Any:
    return None if command.merchant_id == NO_MERCHANT else tx.load(MERCHANT, command.merchant_id).state


def _around(tx: Transaction, command: PlaceOrder, quote: Quote | None) -> Around:
    city = tx.load(CITY, cities.STREAM).state
    if command.coupon is None:
        return Around(city=city, quote=quote)
    return Around(
        city=city,
        quote=quote,
        coupon=tx.load(COUPON, coupon_stream(command.coupon)).state,
        uses=tx.load(USES, uses_stream(command.coupon, command.customer_id)).state,
    )
