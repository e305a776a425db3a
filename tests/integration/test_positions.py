"""Positions of many riders at once on a real database: one transaction, tracks as evidence, no place in the log."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

import pytest

from services.dispatch import track_closing, track_views, views
from services.dispatch.application import Command, perform
from services.dispatch.codec import DELIVERY
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.errors import RiderNotFound
from services.dispatch.domain.positions import Position
from services.dispatch.domain.values import Proof
from services.dispatch.position_schemas import TrackLeg
from services.dispatch.track_views import Leg
from services.dispatch.tracking import Tracked
from services.dispatch.wiring import DispatchParts
from shared.contracts.cells import cell_of
from shared.contracts.common import GeoPoint
from shared.kernel.place import Place
from shared.messaging.inbox import batch_of
from tests.support.database import Database
from tests.support.dispatch_parts import catch_up, standing_still
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch import wire

_numbers = count(1)


@pytest.fixture
def parts(database: Database) -> Iterator[DispatchParts]:
    with standing_still(database) as made:
        yield made


def do(parts: DispatchParts, command: Command) -> None:
    parts.store.run(lambda tx: perform(tx, command, s.context(), parts.policies.current()), attempts=20)


@dataclass(frozen=True)
class Ride:
    """A rider who carries a delivery, and what his device and he himself say."""

    parts: DispatchParts
    rider_id: str
    delivery_id: str
    customer_id: str

    def says(self, *positions: Position, minutes: float = 60) -> Tracked:
        return self.parts.positions.report(self.rider_id, positions, s.context(minutes))

    def picks_up(self) -> None:
        report = c.ReportPickUp(
            delivery_id=self.delivery_id, rider_id=self.rider_id, proof=Proof(), occurred_at=s.at(5), now=s.at(5)
        )
        self._does(report)

    def delivers(self) -> None:
        report = c.ReportDelivered(
            delivery_id=self.delivery_id, rider_id=self.rider_id, proof=Proof(), occurred_at=s.at(20), now=s.at(20)
        )
        self._does(report)

    def _does(self, command: Command) -> None:
        do(self.parts, command)
        catch_up(self.parts)

    @property
    def delivery(self) -> Delivery:
        return self.parts.store.load(DELIVERY, self.delivery_id).state

    @property
    def legs(self) -> list[Leg]:
        with self.parts.store.transaction() as reading:
            return track_views.legs(reading, self.delivery_id)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.parts.store.stream(self.delivery_id)]


def new_rider(parts: DispatchParts) -> str:
    rider_id = f"rid_{next(_numbers)}"
    do(parts, s.register_command(rider_id))
    do(parts, s.start_command(rider_id))
    return rider_id


def new_ride(
    parts: DispatchParts, *, errand: bool = False, rider_id: str | None = None, home: Place = s.HOME
) -> Ride:
    rider_id = rider_id or new_rider(parts)
    order_id, customer_id = f"ord_{next(_numbers):04}", f"cus_{next(_numbers)}"
    contact = wire.errand_contact_shared(order_id) if errand else wire.contact_shared(order_id)
    placed = wire.errand_placed(order_id, s.NOW) if errand else wire.placed(order_id, s.NOW)
    door = GeoPoint(lat=home.lat, lon=home.lon)
    contact = contact.model_copy(update={"customer_id": customer_id, "dropoff": door})
    placed = placed.model_copy(update={"dropoff_cell": cell_of(home)})
    messages = [placed, wire.accepted(order_id, s.NOW), contact]
    parts.inbox.consume(batch_of(*wire.Wire().bodies(messages, s.NOW)))
    delivery_id = order_id.replace("ord", "dlv")
    do(parts, c.AssignRider(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, reason="", now=s.NOW))
    catch_up(parts)
    return Ride(parts, rider_id, delivery_id, customer_id)


def between(share: float, minutes: float, accuracy_m: float = 8.0) -> Position:
    """On the straight line from the shop to the door."""
    lat = s.SHOP.lat + (s.HOME.lat - s.SHOP.lat) * share
    lon = s.SHOP.lon + (s.HOME.lon - s.SHOP.lon) * share
    return Position(Place(lat, lon), s.at(minutes), accuracy_m)


WAY = [between(share / 10, 6 + share) for share in range(11)]


def test_what_many_devices_send_at_the_same_moment_is_kept_of_each(parts: DispatchParts) -> None:
    riders = [new_rider(parts) for _ in range(40)]
    catch_up(parts)

    def send(rider_id: str) -> Tracked:
        return parts.positions.report(rider_id, [between(0.01, 0.5), between(0.02, 0.6)], s.context(1))

    with ThreadPoolExecutor(40) as devices:
        tracked = list(devices.map(send, riders))
    assert [each.last for each in tracked] == [between(0.02, 0.6)] * 40
    with parts.store.reading() as reading:
        places = [views.position_of(reading.connection, rider_id) for rider_id in riders]
    assert {each.at for each in places if each is not None} == {s.at(0.6)}
    assert None not in places


def test_one_unknown_rider_in_a_batch_spoils_nobody_elses_report(parts: DispatchParts) -> None:
    rider_id = new_rider(parts)
    with ThreadPoolExecutor(2) as devices:
        known = devices.submit(parts.positions.report, rider_id, [between(0, 0.5)], s.context(1))
        unknown = devices.submit(parts.positions.report, "rid_nobody", [between(0, 0.5)], s.context(1))
        assert known.result().last is not None
        with pytest.raises(RiderNotFound):
            unknown.result()


def test_the_same_batch_sent_again_is_a_duplicate_and_adds_nothing_to_the_track(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.says(*WAY[:3])
    again = ride.says(*WAY[:3])
    assert [each.refused for each in again.verdicts] == ["out_of_order", "out_of_order", "duplicate"]
    [leg] = ride.legs
    assert len(leg.points) == 3


def test_a_track_is_closed_with_the_delivery_and_its_digest_lies_in_the_stream(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.says(*WAY[:2])
    ride.picks_up()
    for position in WAY[2:]:
        ride.says(position)
    assert track_closing.close_tracks(parts.store, "system:tracks", s.at(20), parts.policies.current()) == 0
    ride.delivers()
    assert track_closing.close_tracks(parts.store, "system:tracks", s.at(21), parts.policies.current()) == 1
    [leg] = ride.legs
    shown = TrackLeg.of(leg)
    assert (shown.leg, shown.verified, shown.lost, len(shown.points)) == (1, True, 0, len(WAY))
    assert (leg.opened_at, leg.closed_at) == (WAY[0].at, s.at(21))
    kept = parts.store.stream(ride.delivery_id)[-1]
    assert (kept.type, kept.data["sha256"], kept.data["points"]) == ("TrackKept", leg.sha256, len(WAY))
    assert pieces_of(parts, ride) == []
    assert track_closing.close_tracks(parts.store, "system:tracks", s.at(22), parts.policies.current()) == 0


def test_no_place_of_a_rider_is_in_any_event(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.picks_up()
    ride.says(*WAY)
    ride.delivers()
    track_closing.close_tracks(parts.store, "system:tracks", s.at(21), parts.policies.current())
    events = parts.store.stream(ride.delivery_id)
    before = [event for event in events if event.type not in ("DeliveryAnnounced", "RouteChanged")]
    assert not [event for event in before if "lat" in str(event.data)]


def test_two_riders_of_one_delivery_have_a_leg_each(parts: DispatchParts) -> None:
    ride, other = new_ride(parts), new_rider(parts)
    ride.says(WAY[0])
    do(parts, c.UnassignRider(delivery_id=ride.delivery_id, reason="flat_tyre", now=s.at(7)))
    assign = c.AssignRider(delivery_id=ride.delivery_id, rider_id=other, distance_m=None, reason="", now=s.at(7))
    do(parts, assign)
    catch_up(parts)
    assert track_closing.close_tracks(parts.store, "system:tracks", s.at(8), parts.policies.current()) == 1
    replace(ride, rider_id=other).says(WAY[3])
    assert [(leg.leg, leg.rider_id) for leg in ride.legs] == [(1, ride.rider_id), (None, other)]


def test_what_was_measured_before_the_delivery_was_his_is_not_in_its_track(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    early = Position(s.SHOP, s.NOW + timedelta(seconds=1))
    do(parts, c.UnassignRider(delivery_id=ride.delivery_id, reason="mistake", now=s.at(30)))
    back = c.AssignRider(
        delivery_id=ride.delivery_id, rider_id=ride.rider_id, distance_m=None, reason="", now=s.at(40)
    )
    do(parts, back)
    catch_up(parts)
    ride.says(early, between(0.1, 10), between(0.2, 45))
    [leg] = ride.legs
    assert [each.at for each in leg.points] == [s.at(45)]


def arrivals(ride: Ride) -> list[str]:
    return [type_name for type_name in ride.types if type_name.endswith("ZoneEntered")]


def test_arriving_is_seen_at_both_ends_once_and_is_no_report(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.says(WAY[0])
    catch_up(parts)
    ride.says(between(0.001, 6.5))
    assert arrivals(ride) == ["PickupZoneEntered"]
    assert ride.delivery.stage == "assigned"
    ride.picks_up()
    ride.says(*WAY[1:])
    ride.says(between(0.999, 17))
    assert arrivals(ride) == ["PickupZoneEntered", "DropoffZoneEntered"]
    event = parts.store.stream(ride.delivery_id)[-1]
    assert (event.occurred_at, event.actor) == (WAY[-1].at, "system:geofence")
    assert ride.delivery.stage == "picked_up"


def test_the_public_learn_no_more_than_a_cell_while_a_rider_is_near_the_door(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.picks_up()
    exact = ride.says(WAY[1])
    near = ride.says(*WAY[2:])
    ride.delivers()
    after = ride.says(between(0.99, 18))
    gone = ride.says(between(0.1, 30))
    told = [each.told for each in (exact, near, after, gone)]
    assert [each is not None and each.cell is None for each in told] == [True, False, False, True]
    assert told[1] is not None
    assert told[1].place != WAY[-1].place


def test_the_further_places_of_an_errand_are_somebodys_doors_to_the_public_and_in_its_track(
    parts: DispatchParts,
) -> None:
    ride = new_ride(parts, errand=True)
    between = Place(31.2345, 121.4680)
    for minute, place in enumerate((wire.FURTHER[0], between, wire.FURTHER[1]), 5):
        told = ride.says(Position(place, s.at(5 * minute))).told
        assert told is not None
        assert (told.place == place) is (place is between)
    [leg] = ride.legs
    assert [each.place for each in leg.way] == [between]
    assert [each.place for each in leg.door] == list(wire.FURTHER)


def test_the_end_of_a_way_is_gone_with_its_customer_and_the_way_stays(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.picks_up()
    ride.says(*WAY)
    ride.delivers()
    track_closing.close_tracks(parts.store, "system:tracks", s.at(21), parts.policies.current())
    parts.store.run(lambda tx: tx.vault.forget(ride.customer_id))
    [leg] = ride.legs
    assert (len(leg.way), leg.door, leg.lost) == (len(WAY) - 2, (), 2)
    assert TrackLeg.of(leg).verified is None


def test_the_door_of_one_customer_is_in_no_track_of_another_whom_the_rider_serves_too(parts: DispatchParts) -> None:
    first = new_ride(parts)
    second = new_ride(parts, rider_id=first.rider_id, home=Place(31.2450, 121.4950))
    for ride in (first, second):
        ride.picks_up()
    first.says(*WAY)
    first.delivers()
    lingering, away = between(0.995, 21), Position(Place(31.2420, 121.4870), s.at(26))
    first.says(lingering, away)
    [own], [others] = first.legs, second.legs
    assert [each.at for each in own.door] == [each.at for each in WAY[-2:]]
    assert [each.at for each in others.points] == [each.at for each in (*WAY[:-2], away)]


def test_tracks_are_dropped_when_they_have_been_kept_long_enough(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.says(WAY[0])
    ride.picks_up()
    ride.delivers()
    track_closing.close_tracks(parts.store, "system:tracks", s.at(21), parts.policies.current())
    track_closing.drop_old_tracks(parts.store, s.at(21) + timedelta(days=89), parts.policies.current())
    assert len(ride.legs) == 1
    track_closing.drop_old_tracks(parts.store, s.at(22) + timedelta(days=90), parts.policies.current())
    assert ride.legs == []


def test_pieces_that_come_while_a_track_is_closed_are_never_left_lying_about(parts: DispatchParts) -> None:
    ride = new_ride(parts)
    ride.picks_up()
    ride.says(WAY[0])
    ride.delivers()

    def close(_: int) -> int:
        return track_closing.close_tracks(parts.store, "system:tracks", s.at(21), parts.policies.current())

    with ThreadPoolExecutor(4) as sweepers:
        assert sum(sweepers.map(close, range(4))) == 1
    assert [leg.leg for leg in ride.legs] == [1]
    assert pieces_of(parts, ride) == []


def pieces_of(parts: DispatchParts, ride: Ride) -> Sequence[object]:
    with parts.store.reading() as reading:
        of = "SELECT piece_id FROM track_pieces WHERE delivery_id = %s"
        return reading.connection.execute(of, (ride.delivery_id,)).fetchall()
