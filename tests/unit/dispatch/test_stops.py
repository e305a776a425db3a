"""Where a rider goes next: shop by shop, in the order in which he took his deliveries."""

from dataclasses import replace

from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.rider.stops import stops_of
from services.dispatch.domain.values import StopKind
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

OTHER_SHOP = Place(31.2500, 121.4700)


def taken(minutes: float = 0, shop: str = "mer_1", *then: de.DeliveryEvent) -> Delivery:
    """A delivery of a shop that was taken at a minute."""
    announced = replace(s.announced, merchant_id=shop, pickup=s.SHOP if shop == "mer_1" else OTHER_SHOP)
    return s.delivery_after(announced, s.requested, replace(s.assigned, assigned_at=s.at(minutes)), *then)


def stops(**deliveries: Delivery) -> list[str]:
    events = [replace(s.taken, delivery_id=delivery_id) for delivery_id in deliveries]
    rider = s.rider_after(*s.READY_RIDER, *events)
    return [
        f"{'get' if stop.kind is StopKind.PICKUP else 'bring'} {stop.delivery_id}"
        for stop in stops_of(rider, deliveries)
    ]


def test_what_one_shop_has_for_him_is_picked_up_together_and_brought_in_the_order_taken() -> None:
    assert stops(a=taken(), b=taken()) == ["get a", "get b", "bring a", "bring b"]


def test_another_shop_comes_after_what_was_taken_before() -> None:
    assert stops(a=taken(), b=taken(1, "mer_2"), c=taken(2)) == [
        "get a",
        "get c",
        "bring a",
        "bring c",
        "get b",
        "bring b",
    ]


def test_he_does_not_leave_a_shop_without_what_was_his_when_he_began_to_pick_up() -> None:
    assert stops(a=taken(0, "mer_1", s.picked_up), b=taken(11)) == ["get b", "bring a", "bring b"]
    assert stops(b=taken(11), a=taken(0, "mer_1", s.picked_up)) == ["get b", "bring b", "bring a"]


def test_he_does_not_turn_round_for_what_was_given_to_him_on_the_way() -> None:
    assert stops(a=taken(0, "mer_1", s.picked_up), b=taken(13)) == ["bring a", "get b", "bring b"]


def test_what_he_has_with_him_is_brought_before_he_goes_to_another_shop() -> None:
    elsewhere, with_him = taken(1, "mer_2"), taken(2, "mer_1", s.picked_up)
    assert stops(elsewhere=elsewhere, with_him=with_him) == ["bring with_him", "get elsewhere", "bring elsewhere"]


def test_a_pick_up_stored_before_its_time_was_recorded_holds_nobody_at_a_shop() -> None:
    old = replace(s.picked_up, picked_up_at=None)
    assert stops(a=taken(0, "mer_1", old), b=taken(1)) == ["bring a", "get b", "bring b"]


def test_what_is_not_in_his_hands_is_no_stop() -> None:
    rider = s.rider_after(*s.READY_RIDER, s.taken)
    assert stops_of(rider, {}) == ()
    assert stops_of(rider, {s.DELIVERY: s.delivery_after(*s.DELIVERED)}) == ()
