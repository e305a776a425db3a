"""A customer changes where an order goes, who gets it, or what is in it: at the price that it costs, agreed to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from services.order.amending_orders import perform_change_address
from services.order.domain import errors
from services.order.domain import events as e
from services.order.domain.city import DeclareWeather, DrawZone, Weather
from services.order.domain.paying import AdjustPayment
from services.order.domain.policy import TimeSurcharge
from services.order.domain.reactions import parts_of, react
from services.order.domain.values import Recipient
from shared.kernel.errors import InvalidInput
from shared.kernel.place import Place, distance_m
from tests.unit.order import facts as f
from tests.unit.order import wishes as w
from tests.unit.order.scenario import POLICY, Given, given, told
from tests.unit.order.town import Town

DEAR = replace(f.TOTALS, delivery_fee_cents=800)


@pytest.mark.parametrize("story", ["placed", "paid"])
def test_another_person_at_the_same_door_costs_nothing_more(story: str) -> None:
    after = (
        given(*f.STORIES[story])
        .when(w.move())
        .then(told(e.OrderAddressChanged, recipient=w.NEARBY, difference_cents=0, totals=f.TOTALS, change=1))
    )
    assert after.order is not None
    assert after.order.placed.recipient == w.NEARBY


@pytest.mark.parametrize("story", ["accepted", "cooking", "ready", "assigned", "failed"])
def test_once_others_know_where_it_goes_they_are_told_anew(story: str) -> None:
    given(*f.STORIES[story]).when(w.move()).then(
        e.OrderAddressChanged, told(e.DeliveryContactShared, recipient=w.NEARBY)
    )


def test_a_longer_way_is_told_with_its_price_and_taken_once_agreed_to() -> None:
    with pytest.raises(errors.PriceChanged) as refusal:
        given(*f.ACCEPTED).when(w.move(w.FAR)).outcome()
    assert refusal.value.facts["difference_cents"] == DEAR.total_cents - f.TOTALS.total_cents
    agreed = w.move(w.FAR, refusal.value.facts["total_cents"])
    after = (
        given(*f.ACCEPTED)
        .when(agreed)
        .then(told(e.OrderAddressChanged, totals=DEAR, difference_cents=500), e.DeliveryContactShared)
    )
    assert after.order is not None
    assert after.order.placed.totals == DEAR
    assert after.order.placed.promised_at > f.placed.promised_at


def test_the_refusal_tells_the_new_price_part_by_part_and_the_new_promise() -> None:
    with pytest.raises(errors.PriceChanged) as refusal:
        given(*f.ACCEPTED).when(w.move(w.FAR)).outcome()
    facts = refusal.value.facts
    before, after = facts["parts_before"], facts["parts"]
    assert {part for part in after if after[part] != before.get(part)} == {"delivery_fee_cents"}
    assert sum(after.values()) - sum(before.values()) == facts["difference_cents"]
    assert facts["promised_at"] > facts["promised_before"] == f.placed.promised_at


LUNCH = TimeSurcharge(opens=time(20, 0), closes=time(20, 30), cents=150)
"""Noon of these stories is eight in the evening by the city's clock."""


def difference(scene: Given, move: Any) -> Any:
    with pytest.raises(errors.PriceChanged) as refusal:
        scene.when(move).outcome()
    before, after = refusal.value.facts["parts_before"], refusal.value.facts["parts"]
    return {part: after.get(part, 0) - before.get(part, 0) for part in after if after[part] != before.get(part, 0)}


def test_another_place_costs_what_the_hour_and_the_weather_there_cost_now() -> None:
    scene = given(*f.ACCEPTED).under(replace(POLICY, time_surcharges=(LUNCH,)))
    near = replace(w.NEARBY, place=replace(f.HOME, lat=f.HOME.lat + 0.0001))
    assert difference(scene, w.move(near)) == {"time_surcharge_cents": 150}
    raining = replace(w.move(near), weather=Weather.RAIN)
    assert difference(scene, raining) == {"time_surcharge_cents": 150, "weather_surcharge_cents": 200}
    scene.when(w.move(near, at=40)).then(e.OrderAddressChanged, e.DeliveryContactShared)


def test_a_scheduled_order_pays_for_the_hour_for_which_it_is_wanted() -> None:
    placed = replace(f.placed, scheduled_for=f.after(minutes=90))
    scene = Given((placed, *f.ACCEPTED[1:])).under(replace(POLICY, time_surcharges=(LUNCH,)))
    near = replace(w.NEARBY, place=replace(f.HOME, lat=f.HOME.lat + 0.0001))
    scene.when(w.move(near)).then(told(e.OrderAddressChanged, difference_cents=0), e.DeliveryContactShared)


def test_another_person_at_the_same_door_pays_for_no_weather_that_came_since() -> None:
    storm = replace(w.move(), weather=Weather.STORM)
    given(*f.ACCEPTED).when(storm).then(told(e.OrderAddressChanged, difference_cents=0), e.DeliveryContactShared)


def test_an_errands_way_begins_at_its_exact_door_not_at_the_middle_of_its_cell() -> None:
    errand = f.errand_placed.errand
    assert errand is not None
    door = errand.stop.place
    within_base = replace(w.NEARBY, place=replace(door, lat=door.lat + 990 / 111_195))
    assert distance_m(door, within_base.place) < POLICY.delivery_fee_base_m
    assert distance_m(f.errand_placed.pickup.place, within_base.place) > POLICY.delivery_fee_base_m
    given(f.errand_placed).when(w.move(within_base)).then(told(e.OrderAddressChanged, difference_cents=0))


def test_nobody_agrees_to_another_price_than_the_one_it_costs() -> None:
    given(*f.ACCEPTED).when(w.move(w.FAR, DEAR.total_cents - 1)).then_refused(errors.PriceChanged)


def test_an_address_that_nobody_delivers_to_is_told_as_a_fault_of_the_field() -> None:
    given(*f.ACCEPTED).when(w.move_out_of_reach()).then_refused(InvalidInput)


def test_after_the_pick_up_the_address_stays_unless_policy_allows() -> None:
    given(*f.ON_THE_WAY).when(w.move()).then_refused(errors.OrderAlreadyPickedUp)


def test_items_change_before_acceptance_at_their_price() -> None:
    given(*f.PAID).when(w.reorder()).then_refused(errors.PriceChanged)
    after = (
        given(*f.PAID)
        .when(w.reorder(800))
        .then(told(e.OrderItemsChanged, difference_cents=-5100, required_skills=(), change=1))
    )
    assert after.order is not None
    assert [line.sku for line in after.order.placed.lines] == ["tea"]
    given(*f.ACCEPTED).when(w.reorder(800)).then_refused(errors.OrderAlreadyAccepted)


def test_the_payment_follows_each_change_once() -> None:
    for fact in (f.moved, f.reordered):
        assert react(f.ORDER_ID, fact, f.NOON) == [
            AdjustPayment(
                order_id=f.ORDER_ID,
                change_id=f"{f.ORDER_ID}-change-1",
                parts=parts_of(fact.totals),
                at=f.NOON,
            )
        ]


def in_town(*said: Any) -> Callable[[Recipient], Any]:
    """The story's town after operations have said something, and the way to move its order."""
    town = Town()
    town.settle()
    for command in said:
        town.do(command)

    def move(recipient: Recipient) -> Any:
        command = w.move(recipient, at=0.5)
        return town.store.run(lambda tx: perform_change_address(tx, command, town.context(), town.policy))

    return move


def around(place: Place) -> tuple[Place, ...]:
    corners = ((-0.001, -0.001), (-0.001, 0.001), (0.001, 0.001), (0.001, -0.001))
    return tuple(Place(place.lat + lat, place.lon + lon) for lat, lon in corners)


NEXT_STREET = replace(w.NEARBY, place=Place(f.HOME.lat + 0.003, f.HOME.lon))


def zone(name: str, place: Place) -> DrawZone:
    return DrawZone(zone_id=name, name=name, area=around(place), at=f.NOON)


def test_the_weather_of_the_new_place_is_asked_for_and_not_that_of_the_old_one() -> None:
    both = zone("old", f.HOME), zone("new", NEXT_STREET.place)
    snow = DeclareWeather(zone_id="new", weather=Weather.SNOW, until=f.after(hours=2), at=f.NOON)
    with pytest.raises(errors.PriceChanged) as refusal:
        in_town(*both, snow)(NEXT_STREET)
    assert refusal.value.facts["parts"]["weather_surcharge_cents"] == 400
    elsewhere = replace(snow, zone_id="old")
    assert in_town(*both, elsewhere)(NEXT_STREET).events[0].difference_cents == 0


def test_a_place_outside_the_citys_zones_or_of_the_shops_reach_is_not_served() -> None:
    with pytest.raises(InvalidInput):
        in_town(zone("old", f.HOME))(NEXT_STREET)
    with pytest.raises(InvalidInput):
        in_town()(replace(w.NEARBY, place=Place(f.HOME.lat + 1, f.HOME.lon)))
