"""An order from a merchant's menu, as far as it can be told before it is placed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.order.domain.basket import basket_of, item_faults
from services.order.domain.city import City
from services.order.domain.commands import PlaceOrder
from services.order.domain.draft import Draft, Times, times_of
from services.order.domain.merchant import Merchant
from services.order.domain.policy import OrderPolicy
from services.order.domain.pricing import Cost
from shared.kernel.errors import Fault
from shared.kernel.place import distance_m


def draft_food(command: PlaceOrder, merchant: Merchant, city: City, since: datetime, policy: OrderPolicy) -> Draft:
    """What the wish comes to at this merchant; `since` is when its quote was made, or now."""
    way_m = distance_m(merchant.registered.place, command.dropoff)
    known = [item for wish in command.wanted if (item := merchant.sells(wish.sku)) is not None]
    times = times_of(
        since=since,
        scheduled_for=command.scheduled_for,
        preparation=timedelta(minutes=merchant.preparation_of(known)),
        way_m=way_m,
        notice=policy.span("merchant_answer"),
        policy=policy,
    )
    wrong_items = list(item_faults(command, merchant, times.begins_at, policy))
    basket = basket_of(() if wrong_items else command.wanted, merchant)
    cost = Cost(goods_cents=basket.goods_cents, packing_cents=basket.packing_total_cents)
    return Draft(
        lines=tuple(pick.line for pick in basket.picks),
        cost=None if wrong_items else cost,
        way_m=way_m,
        skills=basket.skills,
        weight_g=basket.weight_g,
        volume_ml=basket.volume_ml,
        pickup=merchant.pickup,
        times=times,
        faults=(*wrong_items, *_merchant_faults(command, merchant, city, times)),
    )


def _merchant_faults(command: PlaceOrder, merchant: Merchant, city: City, times: Times) -> Iterator[Fault]:
    asked_at = times.ask_at or command.now
    field = "merchant_id" if command.scheduled_for is None else "scheduled_for"
    if merchant.paused_at(asked_at):
        yield Fault(field, "merchant_paused", "the merchant takes no orders at the moment")
    if not (merchant.open_at(asked_at) and merchant.open_at(max(times.begins_at, command.now))):
        yield Fault(field, "merchant_closed", "the merchant is closed at that time")
    if not merchant.delivers_to(command.dropoff):
        yield Fault("dropoff", "outside_service_area", "the merchant does not deliver there")
    elif not city.serves(command.dropoff):
        yield Fault("dropoff", "outside_service_area", "the platform does not deliver there")
