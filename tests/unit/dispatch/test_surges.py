"""A surge is noticed zone by zone, does not flicker, is told once, and changes the figures that a policy says."""

from typing import Any

from services.dispatch.codec import SURGE
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.surges.noticing import (
    CALM,
    Demand,
    Surge,
    SurgeBegan,
    SurgeEnded,
    demands,
    in_surge,
    notice,
    stream_of,
    zone_of,
)
from services.dispatch.surge_turn import surge_turn
from shared.contracts.cells import cell_of
from shared.eventstore.memory import MemoryStore
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

POLICY = DispatchPolicy(surge_orders=4, surge_begins_ratio=2.0, surge_ends_ratio=1.0)
HERE, FAR = cell_of(s.SHOP), cell_of(Place(31.40, 121.70))
ZONE = zone_of(HERE)
began = SurgeBegan(zone=ZONE, orders_waiting=8, free_riders=4, began_at=s.NOW)
ended = SurgeEnded(zone=ZONE, orders_waiting=3, free_riders=4, ended_at=s.at(30))
EVENTS: list[Any] = [began, ended]


def at_ratio(orders: int, riders: int) -> Demand:
    return Demand(zone=ZONE, orders_waiting=orders, free_riders=riders)


def test_demand_is_counted_zone_by_zone() -> None:
    counted = demands([HERE, HERE, FAR], [HERE])
    assert counted[ZONE] == at_ratio(2, 1)
    assert counted[zone_of(FAR)] == Demand(zone=zone_of(FAR), orders_waiting=1)


def test_a_surge_begins_at_one_ratio_and_ends_below_a_lower_one() -> None:
    going_on = Surge(zone=ZONE, began_at=s.NOW)
    assert notice(at_ratio(8, 4), CALM, s.NOW, POLICY) == [began]
    assert notice(at_ratio(7, 4), CALM, s.NOW, POLICY) == []
    assert notice(at_ratio(3, 0), CALM, s.NOW, POLICY) == [], "three orders are no surge"
    assert notice(at_ratio(8, 4), going_on, s.at(1), POLICY) == []
    assert notice(at_ratio(4, 4), going_on, s.at(30), POLICY) == []
    assert notice(at_ratio(3, 4), going_on, s.at(30), POLICY) == [ended]


def test_it_is_told_once_however_often_one_looks() -> None:
    store = MemoryStore()
    assert surge_turn(store, [HERE] * 8, [HERE] * 4, [], s.NOW, POLICY) == [began]
    assert surge_turn(store, [HERE] * 9, [HERE] * 4, [], s.at(1), POLICY) == []
    assert surge_turn(store, [HERE] * 9, [HERE] * 4, [ZONE], s.at(2), POLICY) == []
    assert surge_turn(store, [HERE] * 3, [HERE] * 4, [ZONE], s.at(30), POLICY) == [ended]
    assert surge_turn(store, [], [], [ZONE], s.at(31), POLICY) == []
    assert [event.type for event in store.stream(stream_of(ZONE))] == ["SurgeBegan", "SurgeEnded"]
    assert not store.load(SURGE, stream_of(ZONE)).state.going_on


def test_while_it_lasts_more_is_brought_together_and_held_for_longer() -> None:
    policy = in_surge(DispatchPolicy(surge_orders_per_bundle=6, surge_turn_seconds=30))
    assert (policy.orders_per_bundle, policy.engine_turn_seconds) == (6, 30)
    more = in_surge(DispatchPolicy(orders_per_bundle=8, engine_turn_seconds=60))
    assert (more.orders_per_bundle, more.engine_turn_seconds) == (8, 60)
