"""Dispatch on a real database: one winner, effects once, the engine's turn, and read models that tell the same."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier

import pytest

from services.dispatch import views
from services.dispatch.application import Command, perform
from services.dispatch.codec import DELIVERY, RIDER
from services.dispatch.domain import errors
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery.state import Delivery
from services.dispatch.domain.positions import Position
from services.dispatch.domain.rider import commands as r
from services.dispatch.domain.rider.state import Rider
from services.dispatch.domain.values import Stage
from services.dispatch.wiring import DispatchParts
from shared.contracts.message import Message
from shared.contracts.order import DeliveryContactWithdrawn
from shared.eventstore.model import Context
from shared.kernel.clock import FixedClock
from shared.kernel.errors import DomainError
from shared.kernel.place import Place
from shared.messaging.inbox import batch_of
from tests.support.database import Database
from tests.support.dispatch_parts import catch_up, standing_still
from tests.unit.dispatch import scenes as s
from tests.unit.dispatch import wire

_numbers = count(1)


@pytest.fixture
def parts(database: Database) -> Iterator[DispatchParts]:
    with standing_still(database, {"dispatch": {"offers_before_grab": 1}}) as made:
        yield made
        _send_everybody_home(made)


def _send_everybody_home(parts: DispatchParts) -> None:
    """The next test starts with empty streets."""
    catch_up(parts)
    with parts.store.reading() as reading:
        deliveries = [row.delivery_id for row in views.deliveries_page(reading.connection, None, None, 10_000)]
        riders = [row.rider_id for row in views.riders_on_shift(reading.connection)]
    for delivery_id in deliveries:
        do(parts, c.EndOrder(delivery_id=delivery_id, reason="over", now=s.NOW))
    for rider_id in riders:
        do(parts, r.EndShift(rider_id=rider_id))
    catch_up(parts)


def context(minutes: float = 0) -> Context:
    return s.context(minutes)


def do(parts: DispatchParts, command: Command, attempts: int = 20) -> None:
    parts.store.run(lambda tx: perform(tx, command, context(), parts.policies.current()), attempts=attempts)


def new_rider(parts: DispatchParts, place: Place = s.SHOP) -> str:
    rider_id = f"rid_{next(_numbers)}"
    do(parts, s.register_command(rider_id))
    do(parts, s.start_command(rider_id, place))
    return rider_id


def new_order(parts: DispatchParts, *more: Callable[[str], Message], wires: wire.Wire | None = None) -> str:
    order_id = f"ord_{next(_numbers):04}"
    messages = [wire.placed(order_id, s.NOW), wire.accepted(order_id, s.NOW), *(make(order_id) for make in more)]
    parts.inbox.consume(batch_of(*(wires or wire.Wire()).bodies(messages, s.NOW)))
    return order_id.replace("ord", "dlv")


def delivery(parts: DispatchParts, delivery_id: str) -> Delivery:
    return parts.store.load(DELIVERY, delivery_id).state


def rider(parts: DispatchParts, rider_id: str) -> Rider:
    return parts.store.load(RIDER, rider_id).state


def refusal(parts: DispatchParts, command: Command, attempts: int = 20) -> type[DomainError] | None:
    try:
        do(parts, command, attempts)
    except DomainError as refused:
        return type(refused)
    return None


def open_for_grab(parts: DispatchParts, delivery_id: str) -> None:
    rider_id = new_rider(parts)
    do(parts, s.offer_command(rider_id, delivery_id))
    do(parts, c.DeclineOffer(delivery_id=delivery_id, rider_id=rider_id, reason="too_far"))
    do(parts, r.EndShift(rider_id=rider_id))


def test_a_hundred_riders_grab_one_delivery_and_one_wins(parts: DispatchParts) -> None:
    riders = [new_rider(parts) for _ in range(100)]
    delivery_id = new_order(parts)
    open_for_grab(parts, delivery_id)
    start = Barrier(100)

    def grab(rider_id: str) -> type[DomainError] | None:
        start.wait()
        command = c.GrabDelivery(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, now=s.NOW)
        return refusal(parts, command)

    with ThreadPoolExecutor(100) as hands:
        answers = list(hands.map(grab, riders))
    assert Counter(answers) == {None: 1, errors.DeliveryAlreadyTaken: 99}
    winner = delivery(parts, delivery_id).rider_id
    assert [rider_id for rider_id in riders if rider(parts, rider_id).carrying] == [winner]
    types = [event.type for event in parts.store.stream(delivery_id)]
    assert (types.count("DeliveryGrabbed"), types.count("RiderAssigned")) == (1, 1)


def test_a_hundred_claims_of_one_rider_leave_him_with_as_many_as_he_may_have(parts: DispatchParts) -> None:
    rider_id, deliveries = new_rider(parts), [new_order(parts) for _ in range(100)]
    for delivery_id in deliveries:
        open_for_grab(parts, delivery_id)
    start = Barrier(100)

    def grab(delivery_id: str) -> type[DomainError] | None:
        start.wait()
        command = c.GrabDelivery(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, now=s.NOW)
        return refusal(parts, command, attempts=200)

    with ThreadPoolExecutor(100) as hands:
        answers = list(hands.map(grab, deliveries))
    assert Counter(answers) == {None: 3, errors.RiderBusy: 97}
    won = [delivery_id for delivery_id in deliveries if delivery(parts, delivery_id).rider_id == rider_id]
    assert sorted(rider(parts, rider_id).carrying) == won


def test_one_position_is_in_the_track_of_everything_that_its_rider_carries(parts: DispatchParts) -> None:
    rider_id, deliveries = new_rider(parts), [new_order(parts) for _ in range(2)]
    for delivery_id in deliveries:
        assign = c.AssignRider(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, reason="", now=s.NOW)
        do(parts, assign)
    catch_up(parts)
    tracked = parts.positions.report(rider_id, [Position(s.SHOP, s.at(1))], context(1))
    assert sorted(tracked.delivery_ids) == sorted(deliveries)
    assert all(delivery(parts, delivery_id).seen_at_pickup for delivery_id in deliveries)


def test_messages_heard_twice_have_their_effect_once(parts: DispatchParts) -> None:
    order_id = f"ord_{next(_numbers):04}"
    messages = [
        wire.placed(order_id, s.NOW),
        wire.accepted(order_id, s.NOW),
        wire.contact_shared(order_id),
        wire.ready(order_id),
        wire.cancelled(order_id),
    ]
    bodies = wire.Wire().bodies(messages, s.NOW)
    parts.inbox.consume(batch_of(*bodies))
    once = parts.store.stream(order_id.replace("ord", "dlv"))
    parts.inbox.consume(batch_of(*bodies))
    for body in bodies:
        parts.inbox.consume(batch_of(body))
    again = parts.store.stream(order_id.replace("ord", "dlv"))
    assert again == once
    assert [event.type for event in once] == [
        "DeliveryAnnounced",
        "DeliveryRequested",
        "GoodsReady",
        "DeliveryWithdrawn",
    ]
    assert {event.causation_id for event in once} < {f"evt_ord_{order_id}_{version}" for version in range(1, 6)}


def test_contacts_are_kept_for_as_long_as_the_order_lasts_and_never_as_events(parts: DispatchParts) -> None:
    wires = wire.Wire()
    delivery_id = new_order(parts, wire.contact_shared, wires=wires)
    order_id = delivery_id.replace("dlv", "ord")
    with parts.store.reading() as reading:
        contact = views.contact_of(reading, order_id)
    assert contact is not None
    assert (contact.address, contact.dropoff) == ("18 Willow Lane, room 502", wire.HOME)
    assert "Willow" not in str(parts.store.stream(delivery_id))
    with parts.store.reading() as reading:
        kept = reading.connection.execute("SELECT contacts::text AS row FROM contacts").fetchall()
    assert kept
    assert "Willow" not in str(kept)
    parts.inbox.consume(batch_of(*wires.bodies([DeliveryContactWithdrawn(order_id=order_id)], s.NOW)))
    with parts.store.reading() as reading:
        assert views.contact_of(reading, order_id) is None


def test_the_read_models_tell_what_the_streams_tell(parts: DispatchParts) -> None:
    rider_id = new_rider(parts)
    delivery_id = new_order(parts, wire.ready)
    do(parts, s.offer_command(rider_id, delivery_id))
    do(parts, c.AcceptOffer(delivery_id=delivery_id, rider_id=rider_id, now=s.NOW))
    catch_up(parts)
    with parts.store.reading() as reading:
        rows = views.deliveries_page(reading.connection, Stage.ASSIGNED, None, 10)
        row = views.rider_row(reading.connection, rider_id)
        assert views.position_read(reading.connection) == parts.store.log_position()
    stream = parts.store.load(DELIVERY, delivery_id)
    assert [(each.delivery_id, each.version, each.delivery) for each in rows] == [
        (delivery_id, stream.version, stream.state)
    ]
    assert row is not None
    assert (row.rider, row.version) == (rider(parts, rider_id), parts.store.load(RIDER, rider_id).version)


def test_read_models_built_again_from_the_log_are_the_same(parts: DispatchParts) -> None:
    rider_id, delivery_id = new_rider(parts), new_order(parts)
    do(parts, s.offer_command(rider_id, delivery_id))
    catch_up(parts)

    def content() -> list[object]:
        with parts.store.reading() as reading:
            tables = ("deliveries", "riders")
            return [reading.connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]

    before = content()
    with parts.store.transaction() as tx:
        for table in ("deliveries", "riders", "waiting", "follower_positions"):
            tx.connection.execute(f"DELETE FROM {table}")
    while parts.run_projection():
        pass
    assert content() == before


def test_a_wait_that_ran_out_fires_once_with_several_processes_watching(parts: DispatchParts) -> None:
    rider_id, delivery_id = new_rider(parts), new_order(parts)
    do(parts, s.offer_command(rider_id, delivery_id))
    later = replace(parts, clock=FixedClock(s.at(0.6)))
    with ThreadPoolExecutor(4) as watchers:
        fired = list(watchers.map(lambda _: later.fire_deadlines(), range(4)))
    types = [event.type for event in parts.store.stream(delivery_id)]
    assert (sum(fired), types.count("OfferExpired")) == (1, 1)
    assert rider(parts, rider_id).free


def test_only_the_last_believed_position_is_kept_and_no_event_tells_it(parts: DispatchParts) -> None:
    rider_id = new_rider(parts)
    catch_up(parts)
    events = len(parts.store.stream(rider_id))
    reported = [
        Position(Place(31.2301, 121.47), s.at(0.5)),
        Position(Place(35.0, 121.47), s.at(0.6)),
        Position(Place(31.2302, 121.47), s.at(0.7)),
    ]
    tracked = parts.positions.report(rider_id, reported, context(1))
    assert [verdict.refused for verdict in tracked.verdicts] == [None, "teleport", None]
    with parts.store.reading() as reading:
        assert views.position_of(reading.connection, rider_id) == reported[-1]
    assert len(parts.store.stream(rider_id)) == events


def test_a_silent_rider_who_tells_where_he_is_gets_offers_again(parts: DispatchParts) -> None:
    rider_id, delivery_id = new_rider(parts), new_order(parts)
    assign = c.AssignRider(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, reason="", now=s.NOW)
    do(parts, assign)
    replace(parts, clock=FixedClock(s.at(45))).fire_deadlines()
    catch_up(parts)
    assert rider(parts, rider_id).silent
    here = [Position(s.SHOP, s.at(46))]
    parts.positions.report(rider_id, here, context(46))
    assert rider(parts, rider_id).free


def test_nobody_is_tracked_off_shift(parts: DispatchParts) -> None:
    rider_id = f"rid_{next(_numbers)}"
    do(parts, s.register_command(rider_id))
    tracked = parts.positions.report(rider_id, [Position(s.SHOP, s.NOW)], context())
    assert [verdict.refused for verdict in tracked.verdicts] == ["off_shift"]
    with parts.store.reading() as reading:
        assert views.position_of(reading.connection, rider_id) is None


def test_both_clocks_are_kept(parts: DispatchParts) -> None:
    rider_id, delivery_id = new_rider(parts), new_order(parts)
    do(parts, c.AssignRider(delivery_id=delivery_id, rider_id=rider_id, distance_m=None, reason="", now=s.NOW))
    told_at = datetime(2026, 3, 2, 11, 4, tzinfo=UTC)
    arrived = c.ReportArrivalAtPickup(delivery_id=delivery_id, rider_id=rider_id, occurred_at=told_at, now=s.at(9))
    offline = replace(context(9), occurred_at=told_at)
    parts.store.run(lambda tx: perform(tx, arrived, offline, parts.policies.current()))
    event = parts.store.stream(delivery_id)[-1]
    assert (event.type, event.occurred_at) == ("ArrivedAtPickup", told_at)
    assert event.recorded_at - event.occurred_at == timedelta(minutes=5)
