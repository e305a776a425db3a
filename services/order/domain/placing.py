"""Whether an order can be taken at all, what it costs and when it is promised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from services.order.domain.commands import PlaceOrder, Wanted
from services.order.domain.events import OrderEvent, OrderPlaced
from services.order.domain.merchant import Merchant
from services.order.domain.policy import OrderPolicy
from services.order.domain.state import Order
from services.order.domain.values import Line, MenuItem, Totals
from shared.kernel.errors import Fault, InvalidInput, NotFound
from shared.kernel.place import distance_m

_METRES_IN_KM = 1_000
_ADDRESS_LENGTH_MAX = 300
_NOTE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Basket:
    """What was wished, found on the menu."""

    lines: tuple[tuple[MenuItem, int], ...]

    @property
    def goods_cents(self) -> int:
        return sum(item.unit_cents * quantity for item, quantity in self.lines)

    @property
    def weight_g(self) -> int:
        return sum(item.weight_g * quantity for item, quantity in self.lines)

    @property
    def volume_ml(self) -> int:
        return sum(item.volume_ml * quantity for item, quantity in self.lines)

    @property
    def skills(self) -> tuple[str, ...]:
        return tuple(sorted({skill for item, _ in self.lines for skill in item.skills}))


def place(
    command: PlaceOrder,
    order: Order | None,
    merchant: Merchant | None,
    policy: OrderPolicy,
    known_faults: Sequence[Fault] = (),
) -> list[OrderEvent]:
    """Takes a valid order; raises NotFound for an unknown merchant, InvalidInput with all that is wrong at once.

    `known_faults` are those the edge found with its own knowledge (phone numbers, e-mail addresses).
    """
    if order is not None:
        return []
    if merchant is None:
        raise NotFound("there is no such merchant", merchant_id=command.merchant_id)
    faults = [*known_faults, *faults_of(command, merchant, policy)]
    if faults:
        raise InvalidInput(faults)
    basket = Basket(tuple((_sold(merchant, wish), wish.quantity) for wish in command.wanted))
    return [_placed(command, merchant, basket, policy)]


def _sold(merchant: Merchant, wish: Wanted) -> MenuItem:
    item = merchant.sells(wish.sku)
    if item is None:
        raise AssertionError(f"{wish.sku} has passed validation and is not on the menu")
    return item


def _placed(command: PlaceOrder, merchant: Merchant, basket: Basket, policy: OrderPolicy) -> OrderPlaced:
    totals = Totals(
        goods_cents=basket.goods_cents,
        delivery_fee_cents=delivery_fee_cents(_way_m(command, merchant), policy),
        currency=policy.currency,
    )
    return OrderPlaced(
        order_id=command.order_id,
        customer_id=command.customer_id,
        merchant_id=command.merchant_id,
        at=command.at,
        kind=command.kind,
        lines=tuple(
            Line(sku=item.sku, name=item.name, quantity=quantity, unit_cents=item.unit_cents)
            for item, quantity in basket.lines
        ),
        totals=totals,
        payment_method=command.payment_method,
        pickup=merchant.pickup,
        recipient=command.recipient,
        dropoff_cell=command.dropoff_cell,
        required_skills=basket.skills,
        priority=command.priority,
        weight_g=basket.weight_g,
        volume_ml=basket.volume_ml,
        promised_at=promised_at(command, merchant, policy),
        scheduled_for=command.scheduled_for,
        pay_by=command.now + policy.span("payment"),
    )


def _way_m(command: PlaceOrder, merchant: Merchant) -> float:
    return distance_m(merchant.registered.place, command.dropoff)


def delivery_fee_cents(way_m: float, policy: OrderPolicy) -> int:
    """The base fee, and so much for each kilometre begun beyond its reach."""
    beyond_m = max(0.0, way_m - policy.delivery_fee_base_m)
    return policy.delivery_fee_base_cents + ceil(beyond_m / _METRES_IN_KM) * policy.delivery_fee_per_km_cents


def promised_at(command: PlaceOrder, merchant: Merchant, policy: OrderPolicy) -> datetime:
    """Placed, plus preparation, plus travel, plus a buffer; not before the time the customer asked for."""
    travel = timedelta(minutes=_way_m(command, merchant) / policy.courier_speed_m_per_minute)
    preparation = timedelta(minutes=merchant.registered.preparation_minutes)
    earliest = command.at + preparation + travel + policy.span("promise_buffer")
    return max(earliest, command.scheduled_for or earliest)


def faults_of(command: PlaceOrder, merchant: Merchant, policy: OrderPolicy) -> list[Fault]:
    """All that is wrong with a wish, field by field."""
    return [
        *_item_faults(command, merchant, policy),
        *_merchant_faults(command, merchant),
        *_recipient_faults(command),
        *_schedule_faults(command, policy),
        *_payment_faults(command, policy),
    ]


def _item_faults(command: PlaceOrder, merchant: Merchant, policy: OrderPolicy) -> Iterator[Fault]:
    if not command.wanted:
        yield Fault("items", "empty", "an order needs at least one item")
    if len(command.wanted) > policy.items_max:
        yield Fault("items", "too_many", f"an order has at most {policy.items_max} items")
    for index, wish in enumerate(command.wanted[: policy.items_max]):
        if merchant.sells(wish.sku) is None:
            yield Fault(f"items.{index}.sku", "unknown_item", f"the merchant does not sell {wish.sku!r}")
        if not 1 <= wish.quantity <= policy.item_quantity_max:
            sentence = f"a quantity is between 1 and {policy.item_quantity_max}"
            yield Fault(f"items.{index}.quantity", "quantity_out_of_range", sentence)


def _merchant_faults(command: PlaceOrder, merchant: Merchant) -> Iterator[Fault]:
    if not merchant.open_at(command.scheduled_for or command.now):
        yield Fault("merchant_id", "merchant_closed", "the merchant is closed at that time")
    if _way_m(command, merchant) > merchant.registered.service_radius_m:
        yield Fault("dropoff", "outside_service_area", "the merchant does not deliver that far")


def _recipient_faults(command: PlaceOrder) -> Iterator[Fault]:
    recipient = command.recipient
    if not recipient.address.strip():
        yield Fault("address", "blank", "the rider needs an address")
    if len(recipient.address) > _ADDRESS_LENGTH_MAX:
        yield Fault("address", "too_long", f"an address has at most {_ADDRESS_LENGTH_MAX} characters")
    if len(recipient.note) > _NOTE_LENGTH_MAX:
        yield Fault("note", "too_long", f"a note has at most {_NOTE_LENGTH_MAX} characters")
    if not recipient.contact.name.strip():
        yield Fault("contact.name", "blank", "the rider must know whom to ask for")


def _schedule_faults(command: PlaceOrder, policy: OrderPolicy) -> Iterator[Fault]:
    wished = command.scheduled_for
    if wished is not None and not command.now <= wished <= command.now + policy.span("schedule_ahead"):
        yield Fault("scheduled_for", "out_of_range", "an order can be scheduled from now to a week ahead")


def _payment_faults(command: PlaceOrder, policy: OrderPolicy) -> Iterator[Fault]:
    if command.payment_method not in policy.payment_methods:
        yield Fault("payment.method", "unknown_method", "this payment method is not accepted")
