"""Changes a running order at its customer's wish: where it goes and who gets it, or what is in it, at what price."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta

from services.order.domain.commands import ChangeAddress, ChangeItems
from services.order.domain.errors import OrderAlreadyPickedUp, PriceChanged
from services.order.domain.events import (
    DeliveryContactShared,
    OrderAddressChanged,
    OrderEvent,
    OrderItemsChanged,
    OrderPlaced,
)
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import couponed_cents, delivery_fee_cents
from services.order.domain.state import Order
from services.order.domain.values import OrderState, Totals
from shared.kernel.errors import Fault, InvalidInput
from shared.kernel.place import Place, distance_m


def change_address(command: ChangeAddress, order: Order, policy: OrderPolicy) -> list[OrderEvent]:
    """Another door or another person; what it costs more or less is told, and agreed to by sending the total."""
    placed = order.placed
    if order.state is OrderState.DELIVERING and not policy.address_change_after_pickup:
        raise OrderAlreadyPickedUp("the rider already has this order", order_id=order.order_id)
    if command.recipient == placed.recipient:
        return []
    if not command.served:
        raise InvalidInput([Fault("dropoff", "outside_service_area", "nobody delivers there")])
    way_m = way_to(command.recipient.place, placed)
    totals = _requoted(command, order, way_m, policy)
    longer_m = 0.0
    if placed.recipient is not None:
        longer_m = max(0.0, way_m - way_to(placed.recipient.place, placed))
    promised_at = placed.promised_at + timedelta(minutes=longer_m / policy.courier_speed_m_per_minute)
    _agree(order, totals, promised_at, command.expected_total_cents)
    whose = order.whose(command.at)
    changed = OrderAddressChanged(
        **whose,
        recipient=command.recipient,
        dropoff_cell=command.dropoff_cell,
        totals=totals,
        difference_cents=totals.total_cents - order.totals.total_cents,
        promised_at=promised_at,
        rider_id=order.rider_id,
        change=order.changes + 1,
    )
    if not order.contact_shared:
        return [changed]
    shared = DeliveryContactShared(**whose, recipient=command.recipient, pickup=placed.pickup, errand=placed.errand)
    return [changed, shared]


def way_to(place: Place, placed: OrderPlaced) -> float:
    """From where the order begins to a place, through all doors of an errand: metres as the crow flies."""
    return placed.errand.way_m(place) if placed.errand else distance_m(placed.pickup.place, place)


def change_items(command: ChangeItems, order: Order) -> list[OrderEvent]:
    """Another basket, before the merchant has accepted; the coupon stays what it was worth, never more than fits."""
    placed = order.placed
    if command.lines == placed.lines:
        return []
    discount = min(placed.totals.discount_cents, couponed_cents(command.totals, placed.terms))
    totals = _with_discount(command.totals, discount)
    _agree(order, totals, command.promised_at, command.expected_total_cents)
    return [
        OrderItemsChanged(
            **order.whose(command.at),
            lines=command.lines,
            totals=totals,
            difference_cents=totals.total_cents - placed.totals.total_cents,
            required_skills=command.skills,
            weight_g=command.weight_g,
            volume_ml=command.volume_ml,
            promised_at=command.promised_at,
            change=order.changes + 1,
        )
    ]


def _requoted(command: ChangeAddress, order: Order, way_m: float, policy: OrderPolicy) -> Totals:
    """Everything that depends on the place, at the prices of now; the same place costs what it cost.

    What a scheduled order pays for its hour it pays for the hour it is wanted. A coupon stays what it was worth.
    """
    placed, totals = order.placed, order.totals
    if placed.recipient is not None and placed.recipient.place == command.recipient.place:
        return totals
    moved = replace(
        totals,
        delivery_fee_cents=delivery_fee_cents(way_m, policy),
        time_surcharge_cents=policy.time_surcharge_cents(placed.scheduled_for or command.now),
        weather_surcharge_cents=policy.weather_surcharge_cents.get(command.weather, 0),
    )
    return _with_discount(moved, min(totals.discount_cents, couponed_cents(moved, placed.terms)))


def _with_discount(totals: Totals, cents: int) -> Totals:
    return replace(totals, discount_cents=cents)


def _agree(order: Order, totals: Totals, promised_at: datetime, expected_total_cents: int | None) -> None:
    """Nobody pays a price that they have not seen: the refusal tells it part by part, beside what it was."""
    before, after = order.totals.total_cents, totals.total_cents
    if after not in (before, expected_total_cents):
        raise PriceChanged(
            "with this change the order costs something else: send the new total to agree",
            order_id=order.order_id,
            total_cents=after,
            difference_cents=after - before,
            currency=totals.currency,
            parts=_parts(totals),
            parts_before=_parts(order.totals),
            promised_at=promised_at,
            promised_before=order.placed.promised_at,
        )


def _parts(totals: Totals) -> dict[str, int]:
    """The parts of a bill that are not nothing."""
    return {name: cents for name, cents in asdict(totals).items() if name.endswith("_cents") and cents}
