"""Silent devices on a real database: by the positions that came in, asked once, and taken over."""

from datetime import timedelta

import pytest

from services.dispatch import silence_turn
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.positions import Position
from services.dispatch.domain.values import Stage
from services.dispatch.domain.wellbeing import stream_of
from services.dispatch.wiring import DispatchParts
from shared.kernel.place import Place
from tests.integration import test_dispatch_store as town
from tests.support.dispatch_parts import catch_up
from tests.unit.dispatch import scenes as s

parts = town.parts


@pytest.fixture
def carrying(parts: DispatchParts) -> tuple[str, str]:
    """A rider who has accepted a delivery, and its id."""
    rider_id = town.new_rider(parts)
    delivery_id = town.new_order(parts)
    town.do(parts, s.offer_command(rider_id, delivery_id))
    town.do(parts, c.AcceptOffer(delivery_id=delivery_id, rider_id=rider_id, now=s.NOW))
    catch_up(parts)
    return rider_id, delivery_id


def moved(parts: DispatchParts, rider_id: str, minutes: float) -> None:
    """His device sends a position."""
    place = Place(s.SHOP.lat + minutes / 10_000, s.SHOP.lon)
    context = s.context(minutes)
    parts.positions.report(rider_id, [Position(place, context.now - timedelta(seconds=1))], context)


def watch(parts: DispatchParts, minutes: float) -> int:
    done = silence_turn.watch_riders(parts.store, s.at(minutes), parts.policy)
    catch_up(parts)
    return done


def test_a_device_that_sent_positions_and_stopped_is_asked_and_its_rider_taken_over(
    parts: DispatchParts, carrying: tuple[str, str]
) -> None:
    rider_id, delivery_id = carrying
    other = town.new_rider(parts)
    moved(parts, rider_id, 1)
    assert watch(parts, 5.9) == 0
    moved(parts, other, 6)
    assert watch(parts, 6.5) == 1
    assert watch(parts, 6.6) == 0
    assert [event.type for event in parts.store.stream(stream_of(rider_id))] == ["RiderAsked"]
    moved(parts, other, 9)
    assert watch(parts, 9) == 1
    assert town.delivery(parts, delivery_id).stage is Stage.WAITING
    assert town.rider(parts, rider_id).silent
    assert watch(parts, 10) == 0
    moved(parts, rider_id, 10)
    assert not town.rider(parts, rider_id).silent


def test_a_rider_who_falls_silent_again_with_the_same_delivery_is_asked_again_for_a_cause_of_its_own(
    parts: DispatchParts, carrying: tuple[str, str]
) -> None:
    rider_id, delivery_id = carrying
    other = town.new_rider(parts)
    moved(parts, rider_id, 1)
    for heard, silent in ((6, 6.5), (7, 12.5)):
        moved(parts, other, heard)
        moved(parts, other, silent)
        assert watch(parts, silent) == 1
        moved(parts, rider_id, silent + 0.2)
    first, second = parts.store.stream(stream_of(rider_id))
    assert first.causation_id in {event.event_id for event in parts.store.stream(delivery_id)}
    assert second.causation_id == first.event_id, "nothing has happened to the delivery since"
    assert town.delivery(parts, delivery_id).stage is Stage.ASSIGNED


def test_a_device_that_never_sent_any_and_a_day_without_any_positions_say_nothing(
    parts: DispatchParts, carrying: tuple[str, str]
) -> None:
    rider_id, delivery_id = carrying
    other = town.new_rider(parts)
    moved(parts, other, 30)
    assert watch(parts, 30) == 0
    moved(parts, rider_id, 31)
    assert watch(parts, 60) == 0, "nobody's positions came in for half an hour: that is our own trouble"
    assert town.delivery(parts, delivery_id).stage is Stage.ASSIGNED
