"""Expected times on a real database: told once when they move, foreseen when late, learned from journeys, rebuilt."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.dispatch import time_views
from services.dispatch.application import Command, perform, perform_disruption
from services.dispatch.codec import ETA
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.disruptions.values import Ground, Kind, Weather
from services.dispatch.domain.eta.judging import judge
from services.dispatch.domain.eta.state import stream_of
from services.dispatch.domain.values import Proof, Stage
from services.dispatch.eta_turn import Times
from services.dispatch.wiring import DispatchParts
from tests.support.database import Database
from tests.support.dispatch_parts import catch_up, standing_still
from tests.support.osrm_stand_in import streets
from tests.unit.dispatch import disruptions as d
from tests.unit.dispatch import scenes as s

RIDER, DELIVERY = "rid_eta", "dlv_eta"


@pytest.fixture
def parts(database: Database) -> Iterator[DispatchParts]:
    with standing_still(database) as made:
        yield made


def do(parts: DispatchParts, command: Command, minutes: float = 0) -> None:
    parts.store.run(lambda tx: perform(tx, command, s.context(minutes), parts.policy))


def tell(parts: DispatchParts, minutes: float = 0, times: Times | None = None) -> int:
    catch_up(parts)
    told = (times or parts.times).tell(s.at(minutes), parts.policy)
    catch_up(parts)
    return told


def told_versions(parts: DispatchParts) -> int:
    return parts.store.load(ETA, stream_of(DELIVERY)).version


def report(kind: type, minutes: float, **more: object) -> c.DeliveryCommand:
    command: c.DeliveryCommand = kind(
        delivery_id=DELIVERY, rider_id=RIDER, occurred_at=s.at(minutes), now=s.at(minutes), **more
    )
    return command


def test_a_delivery_is_followed_from_its_request_to_its_door_and_learned_from(parts: DispatchParts) -> None:
    do(parts, s.register_command(RIDER))
    do(parts, s.start_command(RIDER))
    do(parts, s.announce_command(DELIVERY, "ord_eta"))
    do(parts, c.RequestDelivery(delivery_id=DELIVERY, ready_at=s.at(10), now=s.NOW))
    assert tell(parts) == 1
    assert tell(parts) == 0
    waiting = parts.store.load(ETA, stream_of(DELIVERY)).state
    assert waiting.stage == Stage.WAITING
    assert waiting.pickup is not None
    assert s.at(10) <= waiting.pickup.p50 < waiting.pickup.p90

    do(parts, s.offer_command(RIDER, DELIVERY))
    do(parts, c.AcceptOffer(delivery_id=DELIVERY, rider_id=RIDER, now=s.at(0.2)), 0.2)
    before = told_versions(parts)
    other = Times(parts.store, "system:eta")
    tell(parts, 1)
    assert tell(parts, 1, other) == 0
    assert told_versions(parts) - before <= 1

    do(parts, report(c.ReportArrivalAtPickup, 6), 6)
    do(parts, report(c.ReportPickUp, 24, proof=s.picked_up.proof), 24)
    tell(parts, 25)
    moved = parts.store.load(ETA, stream_of(DELIVERY)).state
    assert moved.pickup is None
    assert moved.dropoff is not None
    assert moved.dropoff.p50 > s.at(25)
    do(parts, report(c.ReportArrivalAtDropoff, 30), 30)
    do(parts, report(c.ReportDelivered, 32, proof=s.delivered.proof), 32)
    assert tell(parts, 32) == 0

    with parts.store.reading() as reading:
        (trip,) = time_views.trips_to_learn_from(reading.connection, 100)
    assert (trip.delivery_id, trip.rider_id, trip.vehicle) == (DELIVERY, RIDER, "scooter")
    assert trip.whole.approach_m is not None
    assert parts.times.learn() == Times(parts.store, "system:eta").learn()

    with parts.store.reading() as reading:
        judged = judge(time_views.came_lately(reading, 100))
    told = [each for each in parts.store.stream(stream_of(DELIVERY)) if each.type == "EtaTold"]
    assert (judged.deliveries, judged.told, judged.foreseen) == (1, len(told), 0)


def test_each_telling_follows_from_something_of_its_own(parts: DispatchParts) -> None:
    moved = "dlv_moved"
    do(parts, s.announce_command(moved, "ord_moved"))
    do(parts, c.RequestDelivery(delivery_id=moved, ready_at=s.NOW, now=s.NOW))
    for minutes in (0, 6, 12):
        assert tell(parts, minutes) == 1
    told = parts.store.stream(stream_of(moved))
    assert [each.causation_id for each in told[1:]] == [each.event_id for each in told[:-1]]
    do(parts, c.MoveReadyTime(delivery_id=moved, ready_at=s.at(40), now=s.at(13)), 13)
    assert tell(parts, 13) == 1
    assert parts.store.stream(stream_of(moved))[-1].causation_id == parts.store.stream(moved)[-1].event_id
    do(parts, c.EndOrder(delivery_id=moved, reason="over", now=s.NOW))


def test_what_a_rider_brings_first_makes_the_next_one_wait(parts: DispatchParts) -> None:
    rider_id, first, second = "rid_both", "dlv_first", "dlv_second"
    do(parts, s.register_command(rider_id))
    do(parts, s.start_command(rider_id))
    for delivery_id in (first, second):
        do(parts, s.announce_command(delivery_id, delivery_id.replace("dlv", "ord")))
        do(parts, c.RequestDelivery(delivery_id=delivery_id, ready_at=s.NOW, now=s.NOW))
        do(parts, s.offer_command(rider_id, delivery_id))
        do(parts, c.AcceptOffer(delivery_id=delivery_id, rider_id=rider_id, now=s.at(0.2)), 0.2)
    tell(parts, 1)
    told = [parts.store.load(ETA, stream_of(each)).state for each in (first, second)]
    assert told[0].pickup == told[1].pickup
    assert told[0].dropoff is not None
    assert told[1].dropoff is not None
    assert told[1].dropoff.p50 > told[0].dropoff.p50 + timedelta(minutes=1)
    for delivery_id in (first, second):
        do(parts, c.EndOrder(delivery_id=delivery_id, reason="over", now=s.NOW))


def test_a_delay_is_foreseen_once_before_the_promise(parts: DispatchParts) -> None:
    late = "dlv_late"
    command = replace(s.announce_command(late, "ord_late"), promised_at=s.at(15))
    do(parts, command)
    do(parts, c.RequestDelivery(delivery_id=late, ready_at=s.at(45), now=s.NOW))
    tell(parts)
    tell(parts, 1)
    told = parts.store.load(ETA, stream_of(late))
    assert told.state.warned_of == s.at(15)
    assert [each.type for each in parts.store.stream(stream_of(late))].count("DelayForeseen") == 1
    do(parts, c.EndOrder(delivery_id=late, reason="over", now=s.NOW))


def test_streets_are_asked_where_there_is_a_server_and_missed_by_nobody_when_it_is_gone(parts: DispatchParts) -> None:
    there = "dlv_streets"
    do(parts, s.announce_command(there, "ord_streets"))
    do(parts, c.RequestDelivery(delivery_id=there, ready_at=s.at(10), now=s.NOW))
    with streets() as town:
        times = Times(parts.store, "system:eta", town.url)
        assert tell(parts, 0, times) == 1
        assert town.requests
    assert tell(parts, 30, times) == 1
    times.close()
    do(parts, c.EndOrder(delivery_id=there, reason="over", now=s.NOW))


def test_a_storm_that_is_declared_is_remembered_of_the_journeys_that_began_in_it(parts: DispatchParts) -> None:
    rider_id, wet = "rid_wet", "dlv_wet"
    do(parts, s.register_command(rider_id))
    do(parts, s.start_command(rider_id))
    do(parts, s.announce_command(wet, "ord_wet"))
    do(parts, c.RequestDelivery(delivery_id=wet, ready_at=s.NOW, now=s.NOW))
    rain = d.report_command(
        disruption_id="dis_rain",
        kind=Kind.WEATHER,
        ground=Ground(),
        weather=Weather.STORM,
        factor=1.0,
        until=s.at(90),
    )
    parts.store.run(lambda tx: perform_disruption(tx, rain, s.context()))
    do(parts, s.offer_command(rider_id, wet))
    do(parts, c.AcceptOffer(delivery_id=wet, rider_id=rider_id, now=s.at(0.2)), 0.2)
    do(parts, c.ReportArrivalAtPickup(delivery_id=wet, rider_id=rider_id, occurred_at=s.at(4), now=s.at(4)), 4)
    do(parts, c.ReportPickUp(delivery_id=wet, rider_id=rider_id, proof=Proof(), occurred_at=s.at(5), now=s.at(5)), 5)
    do(parts, c.ReportArrivalAtDropoff(delivery_id=wet, rider_id=rider_id, occurred_at=s.at(15), now=s.at(15)), 15)
    do(
        parts,
        c.ReportDelivered(delivery_id=wet, rider_id=rider_id, proof=Proof(), occurred_at=s.at(16), now=s.at(16)),
        16,
    )
    catch_up(parts)
    with parts.store.reading() as reading:
        weathers = {trip.delivery_id: trip.weather for trip in time_views.trips_to_learn_from(reading.connection, 10)}
    assert weathers[wet] == "storm"
