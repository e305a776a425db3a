"""Changing an order, over all the streams that it touches: what a shop and the city say of the new wish."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.order.codec import CITY, MERCHANT, ORDER
from services.order.domain import city as cities
from services.order.domain import transitions as table
from services.order.domain.amending import change_address, change_items, way_to
from services.order.domain.city import City
from services.order.domain.commands import ChangeAddress, ChangeItems, PlaceOrder, Wanted
from services.order.domain.lifecycle import check
from services.order.domain.placing import Around, propose
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import NO_MERCHANT
from shared.eventstore.model import Context, Decided
from shared.eventstore.ports import Transaction
from shared.kernel.errors import Fault, InvalidInput
from shared.kernel.place import Place


def perform_change_address(
    tx: Transaction, command: ChangeAddress, context: Context, policy: OrderPolicy, faults: Sequence[Fault] = ()
) -> Decided[Any, Any]:
    """`faults` are those of the contact. All that is wrong is told at once, after what is impossible altogether."""

    def decide(order: Order) -> Sequence[Any]:
        if not check(table.CHANGE_ADDRESS, order.state, order.order_id):
            return []
        if faults:
            raise InvalidInput(faults)
        return change_address(_looked_up(tx, command, order, policy), order, policy)

    return tx.execute(ORDER, command.order_id, decide, context)


def _looked_up(tx: Transaction, command: ChangeAddress, order: Order, policy: OrderPolicy) -> ChangeAddress:
    """With what shop and city say of the new place, at the moment that its price is for."""
    city, place = tx.load(CITY, cities.STREAM).state, command.recipient.place
    weather = city.weather_at(place, order.placed.scheduled_for or command.now)
    return replace(command, served=_served(tx, city, place, order, policy), weather=weather)


def _served(tx: Transaction, city: City, place: Place, order: Order, policy: OrderPolicy) -> bool:
    """The same rules as for placing."""
    placed = order.placed
    if not city.serves(place):
        return False
    if placed.merchant_id == NO_MERCHANT:
        return bool(city.zones) or way_to(place, placed) <= policy.errand_radius_m
    shop = tx.load(MERCHANT, placed.merchant_id).state
    return shop is None or shop.delivers_to(place)


def perform_change_items(
    tx: Transaction,
    order_id: str,
    wanted: tuple[Wanted, ...],
    expected_total_cents: int | None,
    now: datetime,
    context: Context,
    policy: OrderPolicy,
) -> Decided[Any, Any]:
    """Prices the new basket as if it were placed now, and puts it in the old one's place."""

    def decide(order: Order) -> Sequence[Any]:
        if not check(table.CHANGE_ITEMS, order.state, order.order_id):
            return []
        return change_items(_priced(tx, order, wanted, expected_total_cents, now, policy), order)

    return tx.execute(ORDER, order_id, decide, context)


def _priced(
    tx: Transaction,
    order: Order,
    wanted: tuple[Wanted, ...],
    expected_total_cents: int | None,
    now: datetime,
    policy: OrderPolicy,
) -> ChangeItems:
    placed = order.placed
    if placed.recipient is None:
        raise InvalidInput([Fault("items", "forgotten", "the customer of this order has been forgotten")])
    wish = PlaceOrder(
        order_id=order.order_id,
        at=now,
        now=now,
        customer_id=placed.customer_id,
        merchant_id=placed.merchant_id,
        kind=placed.kind,
        wanted=wanted,
        recipient=placed.recipient,
        dropoff_cell=placed.dropoff_cell,
        payment_method=placed.payment_method,
        priority=placed.priority,
        scheduled_for=placed.scheduled_for,
        tip_cents=placed.totals.tip_cents,
    )
    shop = None if placed.merchant_id == NO_MERCHANT else tx.load(MERCHANT, placed.merchant_id).state
    proposal = propose(wish, shop, policy, (), Around(city=tx.load(CITY, cities.STREAM).state))
    draft = proposal.draft
    return ChangeItems(
        order_id=order.order_id,
        at=now,
        now=now,
        lines=draft.lines,
        totals=proposal.totals,
        skills=draft.skills,
        weight_g=draft.weight_g,
        volume_ml=draft.volume_ml,
        promised_at=draft.times.promised_at,
        expected_total_cents=expected_total_cents,
    )
