"""What positions say of a delivery: noted once, never taken for the rider's own report."""

from datetime import timedelta

import pytest

from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.position_policy import PositionPolicy
from services.dispatch.domain.positions import Position
from services.dispatch.domain.values import FOOD, Stage
from services.dispatch.doors import Visited
from services.dispatch.live import _suggested
from services.dispatch.position_views import Carried
from services.dispatch.veil import veiled
from shared.contracts.cells import around, cell_of, centre_of
from shared.kernel.place import Place
from tests.unit.dispatch import scenes as s

POLICY = PositionPolicy()


def arrival(at_dropoff: bool, rider_id: str = s.RIDER) -> c.NoteArrival:
    return c.NoteArrival(
        delivery_id=s.DELIVERY, rider_id=rider_id, at_dropoff=at_dropoff, at=s.at(3), distance_m=20.0, accuracy_m=8
    )


seen_at_pickup = e.PickupZoneEntered(rider_id=s.RIDER, at=s.at(3), distance_m=20.0, accuracy_m=8)
seen_at_dropoff = e.DropoffZoneEntered(rider_id=s.RIDER, at=s.at(3), distance_m=20.0, accuracy_m=8)


def test_an_arrival_at_the_pick_up_is_noted_once() -> None:
    s.delivery(*s.ASSIGNED).when(arrival(at_dropoff=False)).then(seen_at_pickup)
    s.delivery(*s.ASSIGNED).when_twice(arrival(at_dropoff=False)).then_nothing()


def test_an_arrival_at_the_door_is_noted_once_and_delivers_nothing() -> None:
    s.delivery(*s.PICKED_UP).when(arrival(at_dropoff=True)).then(seen_at_dropoff)
    s.delivery(*s.PICKED_UP).when_twice(arrival(at_dropoff=True)).then_nothing()
    assert s.delivery_after(*s.PICKED_UP, seen_at_dropoff).stage is Stage.PICKED_UP


@pytest.mark.parametrize("events", [s.WAITING, s.AT_PICKUP, s.DELIVERED, s.FAILED, s.WITHDRAWN, ()])
@pytest.mark.parametrize("at_dropoff", [True, False])
def test_it_is_never_refused_and_means_nothing_where_it_does_not_fit(
    events: tuple[e.DeliveryEvent, ...], at_dropoff: bool
) -> None:
    s.delivery(*events).when(arrival(at_dropoff)).then_nothing()


def test_only_the_carrier_arrives() -> None:
    s.delivery(*s.ASSIGNED).when(arrival(at_dropoff=False, rider_id=s.OTHER)).then_nothing()


def test_the_riders_own_report_counts_also_after_it_was_seen() -> None:
    report = c.ReportArrivalAtPickup(delivery_id=s.DELIVERY, rider_id=s.RIDER, occurred_at=s.at(4), now=s.at(4))
    event = s.delivery(*s.ASSIGNED, seen_at_pickup).when(report).then_types(e.ArrivedAtPickup)
    assert s.delivery_after(*s.ASSIGNED, seen_at_pickup, event).stage is Stage.AT_PICKUP


def test_what_was_seen_is_suggested_until_it_is_reported() -> None:
    assert _suggested(s.delivery_after(*s.ASSIGNED)) is None
    assert _suggested(s.delivery_after(*s.ASSIGNED, seen_at_pickup)) == "arrived_at_pickup"
    assert _suggested(s.delivery_after(*s.ASSIGNED, seen_at_pickup, s.at_pickup)) is None
    assert _suggested(s.delivery_after(*s.PICKED_UP, seen_at_dropoff)) == "arrived_at_dropoff"


def test_the_next_rider_arrives_anew_and_so_does_one_with_another_door() -> None:
    again = s.delivery_after(*s.ASSIGNED, seen_at_pickup, s.unassigned, s.requested, s.assigned)
    assert again.seen_at_pickup is None
    moved = e.RouteChanged(
        rider_id=s.RIDER, dropoff_area=s.SHOP, dropoff_cell="8930e1d8a27ffff", promised_at=s.at(50)
    )
    assert s.delivery_after(*s.PICKED_UP, seen_at_dropoff, moved).seen_at_dropoff is None


def test_the_digest_of_a_track_is_kept_once() -> None:
    command = c.NoteTrackKept(delivery_id=s.DELIVERY, rider_id=s.RIDER, leg=1, points=12, sha256="ab")
    s.delivery(*s.DELIVERED).when(command).then(e.TrackKept(rider_id=s.RIDER, leg=1, points=12, sha256="ab"))
    s.delivery(*s.DELIVERED).when_twice(command).then_nothing()


def carried(stage: Stage, kind: str = FOOD, seen: bool = False) -> Carried:
    return Carried(
        delivery_id=s.DELIVERY,
        order_id=s.ORDER,
        stage=stage,
        kind=kind,
        pickup=s.SHOP,
        pickup_cell=cell_of(s.SHOP),
        dropoff_area=centre_of(cell_of(s.HOME)),
        dropoff_cell=cell_of(s.HOME),
        assigned_at=s.NOW,
        seen_at_pickup=seen,
        seen_at_dropoff=seen,
        customer_id="cus_1",
        sealed=None,
    )


def near(place: Place, metres: float, accuracy_m: float | None = None) -> Position:
    return Position(Place(place.lat + metres / 111_195, place.lon), s.NOW + timedelta(seconds=metres), accuracy_m)


def test_who_comes_within_the_radius_arrives_with_the_first_position_that_is_sure() -> None:
    way = [near(s.SHOP, 200), near(s.SHOP, 55, accuracy_m=100), near(s.SHOP, 40, accuracy_m=10), near(s.SHOP, 1)]
    arrived = Visited().arrival(carried(Stage.ASSIGNED), way, POLICY)
    assert arrived is not None
    assert (arrived.at_dropoff, arrived.position, arrived.distance_m) == (False, way[2], 40.0)


def test_an_end_that_is_not_known_exactly_is_not_arrived_at() -> None:
    assert Visited().arrival(carried(Stage.PICKED_UP), [near(s.HOME, 0)], POLICY) is None
    assert Visited().arrival(carried(Stage.ASSIGNED, kind="errand_carry"), [near(s.SHOP, 0)], POLICY) is None
    door = Visited(dropoff=s.HOME)
    assert door.arrival(carried(Stage.PICKED_UP), [near(s.HOME, 0)], POLICY) is not None
    assert door.arrival(carried(Stage.PICKED_UP, seen=True), [near(s.HOME, 0)], POLICY) is None


def test_the_public_are_told_the_middle_of_a_cell_near_a_door_and_the_place_itself_elsewhere() -> None:
    on_his_way = [carried(Stage.PICKED_UP)]
    told = veiled(s.HOME, on_his_way, None, 1)
    assert (told.place, told.cell) == (centre_of(cell_of(s.HOME)), cell_of(s.HOME))
    assert veiled(s.SHOP, on_his_way, None, 1).place == s.SHOP
    assert veiled(s.HOME, [carried(Stage.ASSIGNED)], None, 1).place == s.HOME


def test_the_veil_falls_when_the_rider_has_left_and_not_with_the_goods() -> None:
    still_there = veiled(s.HOME, [], cell_of(s.HOME), 1)
    assert (still_there.place, still_there.cell) == (centre_of(cell_of(s.HOME)), cell_of(s.HOME))
    assert veiled(s.SHOP, [], cell_of(s.HOME), 1).cell is None


def test_the_beginning_of_an_errand_is_somebodys_door_too() -> None:
    assert veiled(s.SHOP, [carried(Stage.ASSIGNED, kind="errand_carry")], None, 1).cell == cell_of(s.SHOP)
    assert veiled(s.SHOP, [carried(Stage.ASSIGNED)], None, 1).cell is None


def test_a_zone_is_made_of_whole_cells() -> None:
    assert len(around(cell_of(s.HOME), 1)) == 7
    assert around(cell_of(s.HOME), 0) == {cell_of(s.HOME)}
