"""The engine on a real database: what must be is planned anew in its turn, and a surge is noticed and minded."""

from services.dispatch import replanning_views
from services.dispatch.application import perform_disruption
from services.dispatch.domain.delivery import commands as c
from services.dispatch.domain.disruptions.values import Circle, Ground, Kind
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Stage
from services.dispatch.engine.picture import Picture
from services.dispatch.engine.town import Town
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine_turn import Engine
from services.dispatch.engine_ways import Ways
from services.dispatch.hindering import Hindering
from services.dispatch.wiring import DispatchParts
from shared.kernel.place import Place
from tests.integration import test_dispatch_store as town
from tests.support.dispatch_parts import catch_up
from tests.unit.dispatch import disruptions as d
from tests.unit.dispatch import scenes as s

parts = town.parts
FAR = Place(s.SHOP.lat + 0.03, s.SHOP.lon)
BETWEEN = Place(s.SHOP.lat + 0.015, s.SHOP.lon)


class WaysUnderDisruptions:
    """One speed, and what the read model says that hinders."""

    def __init__(self, parts: DispatchParts) -> None:
        self._hindering = Hindering(parts.store)

    def at(self, picture: Picture, town_: Town, policy: DispatchPolicy) -> Ways:
        self._hindering.look(picture.now)
        usual = StraightLine(metres_per_second=policy.rider_speed_m_per_s)
        origin = town_.origin
        return Ways(usual, None if origin is None else self._hindering.at(picture.now, origin))

    def close(self) -> None:
        """Holds nothing."""


def turn(parts: DispatchParts, engine: Engine, minutes: float) -> None:
    engine.take_turn(s.at(minutes))
    catch_up(parts)


def test_a_closed_road_takes_a_delivery_off_its_rider_and_the_next_turn_asks_the_one_who_is_near(
    parts: DispatchParts,
) -> None:
    far, delivery_id = town.new_rider(parts, FAR), town.new_order(parts)
    town.do(parts, s.offer_command(far, delivery_id))
    town.do(parts, c.AcceptOffer(delivery_id=delivery_id, rider_id=far, now=s.NOW))
    near = town.new_rider(parts, s.SHOP)
    catch_up(parts)
    engine = Engine(parts.store, lambda: parts.policy, WaysUnderDisruptions(parts))
    turn(parts, engine, 1)
    assert town.delivery(parts, delivery_id).rider_id == far
    closed = d.report_command(
        kind=Kind.CLOSED, ground=Ground(circle=Circle(BETWEEN, 1_400.0)), factor=1.0, until=s.at(120), now=s.at(1)
    )
    parts.store.run(lambda tx: perform_disruption(tx, closed, s.context(1)))
    catch_up(parts)
    for minutes in (2, 3, 4, 12):
        turn(parts, engine, minutes)
    delivery = town.delivery(parts, delivery_id)
    assert (delivery.replanned_for, delivery.rider_id) == ("disruption", None)
    types = [event.type for event in parts.store.stream(delivery_id)]
    assert types.count("RiderUnassigned") == 1
    assert delivery.stage is Stage.WAITING
    assert delivery.offer is not None
    assert delivery.offer.rider_id == near


def test_a_surge_is_noticed_in_the_engines_turn_once_and_minded_until_it_ends(parts: DispatchParts) -> None:
    town.new_rider(parts)
    deliveries = [town.new_order(parts) for _ in range(9)]
    catch_up(parts)
    engine = Engine(parts.store, lambda: parts.policy)
    usual = engine.turn_seconds(s.NOW)
    turn(parts, engine, 9)
    assert engine.holds
    assert engine.turn_seconds(s.NOW) > usual
    with parts.store.reading() as reading:
        [surge] = replanning_views.surges(reading.connection)
    assert (surge.orders_waiting, surge.free_riders) == (9, 1)
    for delivery_id in deliveries:
        town.do(parts, c.EndOrder(delivery_id=delivery_id, reason="over", now=s.NOW))
    catch_up(parts)
    turn(parts, engine, 10)
    assert not engine.holds
    types = [event.type for event in parts.store.stream(f"srg_{surge.zone}")]
    assert types == ["SurgeBegan", "SurgeEnded"]
