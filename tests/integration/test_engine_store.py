"""The engine on a real database: it asks, explains and keeps what it said, beside people and other engines."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from services.dispatch import views
from services.dispatch.codec import DELIVERY_CODEC
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.delivery import events as e
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.dispatching import turn
from services.dispatch.engine.engine import Memory
from services.dispatch.engine.recording import Recorded, decided, read, written
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine_picture import PictureReader
from services.dispatch.engine_turn import ACTOR, Engine
from services.dispatch.wiring import DispatchParts
from shared.kernel.place import Place
from tests.integration.test_dispatch_store import delivery, do, new_order, new_rider, parts, rider
from tests.support.dispatch_parts import catch_up
from tests.unit.dispatch import scenes as s

__all__ = ["parts"]

POLICY = DispatchPolicy(offer_ahead_seconds=3_600)


@pytest.fixture
def engine(parts: DispatchParts) -> Engine:
    """One that asks at once, however long the goods take."""
    return Engine(parts.store, lambda: POLICY)


def test_the_nearest_is_asked_with_what_it_would_have_cost_with_the_next(
    parts: DispatchParts, engine: Engine
) -> None:
    far, near = new_rider(parts, Place(31.26, 121.47)), new_rider(parts, Place(31.231, 121.47))
    delivery_id = new_order(parts)
    catch_up(parts)
    assert engine.take_turn(s.NOW) == 1
    stored = parts.store.stream(delivery_id)[-1]
    offered = DELIVERY_CODEC.decode(stored.type, stored.schema_version, stored.data, None)  # type: ignore[arg-type]
    assert isinstance(offered, e.DeliveryOffered)
    assert (offered.rider_id, stored.actor) == (near, ACTOR)
    why = offered.explanation
    assert why is not None
    assert why.chosen is not None
    assert (why.chosen.rider_id, [each.rider_id for each in why.next_best]) == (near, [far])
    assert why.chosen.cost_seconds < why.next_best[0].cost_seconds


def test_nothing_is_asked_again_while_the_read_models_do_not_show_it(parts: DispatchParts, engine: Engine) -> None:
    new_rider(parts)
    new_order(parts)
    new_order(parts)
    catch_up(parts)
    first = engine.take_turn(s.NOW)
    assert first == 2, "one counter, one street: both together"
    assert engine.take_turn(s.NOW) == 0
    catch_up(parts)
    assert engine.take_turn(s.NOW) == 0


def test_that_nobody_fits_is_an_event_once_and_shown_rider_by_rider(parts: DispatchParts, engine: Engine) -> None:
    resting = new_rider(parts)
    delivery_id = new_order(parts)
    catch_up(parts)
    assert engine.take_turn(s.NOW) == 1
    do(parts, c.DeclineOffer(delivery_id=delivery_id, rider_id=resting, reason="too_far"))
    for _ in range(3):
        catch_up(parts)
        engine.take_turn(s.NOW)
    types = Counter(event.type for event in parts.store.stream(delivery_id))
    assert types["NoRiderFitted"] == 1
    catch_up(parts)
    with parts.store.reading() as reading:
        word = views.engine_word(reading.connection, delivery_id)
        assert not views.waits_unseen(reading.connection)
    assert (word.why, word.planned_rider_id) == ({resting: "asked_before"}, None)


def test_what_is_planned_but_not_due_is_shown_to_dispatchers(parts: DispatchParts) -> None:
    somebody = new_rider(parts)
    delivery_id = new_order(parts)
    catch_up(parts)
    with parts.store.reading() as reading:
        assert views.waits_unseen(reading.connection)
    patient = DispatchPolicy(offer_ahead_seconds=0, offer_lead_seconds=0)
    assert Engine(parts.store, lambda: patient).take_turn(s.NOW) == 0
    with parts.store.reading() as reading:
        assert views.engine_word(reading.connection, delivery_id).planned_rider_id == somebody


def test_a_dispatcher_and_the_engine_at_once_never_bind_two_riders(parts: DispatchParts, engine: Engine) -> None:
    riders = [new_rider(parts) for _ in range(3)]
    deliveries = [new_order(parts) for _ in range(6)]
    catch_up(parts)
    stop = Event()

    def turns() -> None:
        while not stop.is_set():
            engine.take_turn(s.NOW)

    running = Thread(target=turns)
    running.start()
    try:
        for delivery_id, rider_id in zip(deliveries, riders, strict=False):
            command = c.AssignRider(
                delivery_id=delivery_id, rider_id=rider_id, distance_m=None, reason="by hand", now=s.NOW
            )
            do(parts, command)
    finally:
        stop.set()
        running.join()
    assert [delivery(parts, each).rider_id for each in deliveries[:3]] == riders
    assert [rider(parts, each).carrying for each in riders] == [(each,) for each in deliveries[:3]]
    for each in riders:
        held = rider(parts, each)
        assert len(held.carrying) + len(held.offers) <= POLICY.deliveries_per_rider


def test_several_engines_never_ask_two_riders_about_one_delivery(parts: DispatchParts) -> None:
    riders = [new_rider(parts) for _ in range(4)]
    deliveries = [new_order(parts) for _ in range(8)]
    catch_up(parts)
    engines = [Engine(parts.store, lambda: POLICY) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        asked = sum(threads.map(lambda each: each.take_turn(s.NOW), engines * 3))
    offers = [delivery(parts, each).offer for each in deliveries]
    made = [offer.rider_id for offer in offers if offer]
    assert len(made) == asked
    assert set(made) <= set(riders)
    assert max(Counter(made).values()) <= POLICY.deliveries_per_rider


def test_a_recorded_picture_is_decided_as_it_was_live(parts: DispatchParts) -> None:
    for k in range(5):
        new_rider(parts, Place(31.23 + k / 500, 121.47))
    for _ in range(6):
        new_order(parts)
    catch_up(parts)
    with parts.store.reading() as reading:
        seen = PictureReader().read(reading.connection, s.NOW, 100)
    live = turn(seen, Town(), Memory(), POLICY, StraightLine(metres_per_second=POLICY.rider_speed_m_per_s))
    on_paper = written(Recorded(picture=seen, policy=POLICY))
    assert live.offers
    assert decided(read(on_paper)).offers == live.offers
    assert "Li Lei" not in on_paper
    assert json.loads(on_paper)["policy"]["offer_ahead_seconds"] == 3_600


def test_suggestions_go_to_idle_riders_and_end_with_the_next_offer(parts: DispatchParts) -> None:
    idle, busy = new_rider(parts), new_rider(parts)
    with parts.store.transaction() as tx:
        views.note_waits(tx.connection, {idle: s.SHOP, busy: s.HOME}, [idle, busy], s.NOW)
    with parts.store.transaction() as tx:
        views.note_waits(tx.connection, {idle: s.HOME}, [idle], s.NOW)
        assert views.suggested_wait(tx.connection, idle) == s.HOME
        assert views.suggested_wait(tx.connection, busy) is None


def test_no_turn_undoes_what_a_dispatcher_has_decided(parts: DispatchParts, engine: Engine) -> None:
    far, near = new_rider(parts, Place(31.33, 121.47)), new_rider(parts)
    assigned, pinned = new_order(parts), new_order(parts)
    do(parts, c.AssignRider(delivery_id=assigned, rider_id=far, distance_m=None, reason="his round", now=s.NOW))
    do(parts, c.PinDelivery(delivery_id=pinned, rider_id=far, reason="knows the customer"))
    for minutes in (0, 15, 30, 38):
        catch_up(parts)
        engine.take_turn(s.at(minutes))
    assert delivery(parts, assigned).rider_id == far
    offers = [event.data["rider_id"] for event in parts.store.stream(pinned) if event.type == "DeliveryOffered"]
    assert set(offers) <= {far}
    assert rider(parts, near).offers == ()
