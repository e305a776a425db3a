"""The lab's days: played by the rules, alike each time, and disturbed as the disturbances say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.lab.day import Behaviour, Day, OrderOfDay, RiderOfDay
from services.dispatch.lab.disturbances import (
    AddressChanged,
    Breakdown,
    Circle,
    ClosedArea,
    Disturbance,
    Jam,
    MerchantLate,
    never,
)
from services.dispatch.lab.figures import EngineFigures, PolicyFigures, figures_of
from services.dispatch.lab.plane import where_on
from services.dispatch.lab.played import Fate, Kind, Played
from services.dispatch.lab.replanning import Action, Reorder, Replanner, Situation, TakeOver, WriteOff
from services.dispatch.lab.roads import BelievedRoads, Roads, TrueRoads
from services.dispatch.lab.simulation import Simulation
from services.dispatch.lab.synthetic import TownSize, made_up_day, with_surge
from tests.bench.dispatch import day as bench_day
from tests.bench.dispatch import instances
from tests.unit.dispatch.lab_checker import violations

HOUR = 3600.0
EVERY_MINUTE = replace(DispatchPolicy(), engine_turn_seconds=60)
SMALL = TownSize(orders=40, riders=6, shops=8, noise=0.0, base=EVERY_MINUTE)


def settings(day: Day) -> PolicyFigures:
    return figures_of(day, PolicyDocument(), "base", where_on(day.origin))


def play(day: Day, replanner: Replanner | None = None) -> Played:
    return Simulation(day, settings(day), replanner=replanner).play()


def without_clock(played: Played) -> Played:
    return replace(played, wall_s=0.0, decision_ms=())


def lonely(*disturbances: Disturbance, riders: int = 1, orders: Sequence[OrderOfDay] | None = None) -> Day:
    """One order from a shop 800 m east of the riders to a door 2 km north of it; 5 m/s; all is certain."""
    usual = OrderOfDay(
        order_id="dinner",
        shop_id="shop",
        dropoff=(800.0, 2_000.0),
        placed_at=0.0,
        ready_at=700.0,
        expected_ready_at=700.0,
    )
    return Day(
        name="lonely",
        orders=tuple(orders or (usual,)),
        riders=tuple(
            RiderOfDay(rider_id=f"rider{number}", start=(0.0, -4_000.0 * number), on_at=0.0, off_at=2 * HOUR)
            for number in range(riders)
        ),
        shops={"shop": (800.0, 0.0)},
        roads=Roads(metres_per_second=5.0),
        behaviour=Behaviour(answer_s=5, answer_spread_s=0),
        disturbances=disturbances,
    )


def test_the_same_day_under_the_same_policy_is_the_same_day() -> None:
    day = made_up_day(3, replace(SMALL, noise=0.3))
    assert without_clock(play(day)) == without_clock(play(day))


def test_another_seed_is_another_day() -> None:
    assert made_up_day(1, SMALL).orders != made_up_day(2, SMALL).orders


@pytest.mark.parametrize("declines", [0.0, 0.4])
def test_a_made_up_day_is_played_by_the_rules(declines: float) -> None:
    day = made_up_day(5, replace(SMALL, declines=declines))
    played = play(day)
    assert violations(day, played) == []
    assert sum(order.fate is Fate.DELIVERED for order in played.orders.values()) > 30
    assert any(order.declined for order in played.orders.values()) == (declines > 0)


def test_the_checker_finds_what_is_planted() -> None:
    day = made_up_day(5, SMALL)
    played = play(day)
    pick = next(stop for stop in played.stops if stop.kind is Kind.PICKUP)
    drop = next(stop for stop in played.stops if stop.kind is Kind.DROPOFF)
    rest = tuple(stop for stop in played.stops if stop not in (pick, drop))
    planted = {
        "picked up before": (replace(pick, done_at=pick.arrived_at), drop),
        "picked up off shift": (replace(pick, done_at=23.9 * HOUR), drop),
        "without the goods": (replace(pick, order_ids=()), drop),
        "more than once": (pick, drop, replace(drop, done_at=drop.done_at + 1)),
        "left too soon": (pick, replace(drop, left_at=pick.done_at)),
        "too fast": (pick, replace(drop, arrived_at=drop.left_at)),
        "told otherwise": (pick, replace(drop, done_at=drop.done_at + 5)),
    }
    for told, stops in planted.items():
        found = violations(day, replace(played, stops=(*rest, *stops)))
        assert any(told in each for each in found), told


def test_a_day_of_the_public_problem_is_played_as_the_benchmark_plays_it() -> None:
    ours = in_whole_minutes(made_up_day(2, replace(SMALL, orders=30)))
    theirs = as_instance(ours)
    policy = bench_day.policy_of(theirs)
    played = Simulation(ours, EngineFigures(policy, ours.base)).play()
    expected = bench_day.Simulation(theirs, policy).play()
    told = {
        order.order_id: f"{order.order_id} {order.placed_at / 60:.0f} {order.ready_at / 60:.0f} "
        + ("nan nan nan" if order.picked_at is None else f"{order.picked_at / 60:.0f} {_door(order.delivered_at)}")
        + ("" if order.picked_at is None else f" {order.rider_id}")
        for order in played.orders.values()
    }
    assert told == expected.outcomes


def _door(delivered_at: float | None) -> str:
    return f"{(delivered_at or 0) / 60:.0f}"


def in_whole_minutes(day: Day) -> Day:
    """By the rules of the problem: nothing is uncertain, nobody is asked, nobody gives up."""

    def whole(moment: float) -> float:
        return round(moment / 60) * 60.0

    return replace(
        day,
        orders=tuple(
            replace(
                order,
                placed_at=whole(order.placed_at),
                ready_at=whole(order.ready_at),
                expected_ready_at=whole(order.ready_at),
                ready_spread_s=0.0,
                promised_at=None,
                patience_s=None,
            )
            for order in day.orders
        ),
        riders=tuple(replace(rider, pace=1.0, on_at=whole(rider.on_at)) for rider in day.riders),
        roads=Roads(metres_per_second=5.0, whole_seconds=60),
        pickup_service_s=240,
        dropoff_service_s=240,
        behaviour=Behaviour(offers=False),
        base=replace(day.base, undeliverable_seconds=24 * HOUR),
    )


def as_instance(day: Day) -> instances.Day:
    return instances.Day(
        day.name,
        tuple(
            instances.OrderOfDay(
                order.order_id,
                order.dropoff,
                round(order.placed_at / 60),
                order.shop_id,
                round(order.ready_at / 60),
                round(order.ready_at / 60),
            )
            for order in day.orders
        ),
        dict(day.shops),
        tuple(
            instances.CourierOfDay(rider.rider_id, rider.start, round(rider.on_at / 60), round(rider.off_at / 60))
            for rider in day.riders
        ),
        day.roads.metres_per_second * 60,
        4,
        4,
        "",
    )


def test_an_undisturbed_order_takes_its_ride_and_its_hand_overs() -> None:
    order = play(lonely()).orders["dinner"]
    assert order.picked_at == 700.0
    assert order.delivered_at == 700 + 120 + 400 + 120


def test_who_declines_is_asked_again_only_when_nobody_else_is_left() -> None:
    day = lonely(riders=2)
    day = replace(day, behaviour=Behaviour(declines=1.0, answer_s=5, answer_spread_s=0))
    order = play(day).orders["dinner"]
    assert order.fate is Fate.NOBODY
    assert order.asked == order.declined > 2


def test_a_silent_rider_costs_the_whole_time_to_answer() -> None:
    day = lonely(Breakdown(rider_id="rider0", at=1.0))
    simulation = Simulation(day, settings(day))
    played = simulation.play()
    assert played.orders["dinner"].fate is Fate.NOBODY
    assert played.orders["dinner"].declined >= 1


def test_a_jam_makes_the_way_longer_while_it_lasts() -> None:
    way = TrueRoads(
        Roads(metres_per_second=10), 1, (Jam(area=Circle(centre=(500, 0), radius_m=100), factor=3, at=0, until=1e6),)
    )
    assert way.arrival((0, 0), (1_000, 0), 0, 1) == pytest.approx(80 + 3 * 20)
    gone = TrueRoads(
        Roads(metres_per_second=10), 1, (Jam(area=Circle(centre=(500, 0), radius_m=100), factor=3, at=0, until=46),)
    )
    assert gone.arrival((0, 0), (1_000, 0), 0, 1) == pytest.approx(46 + 18 + 40), "2 of 20 s done in 6 s, then freely"


def test_a_closed_area_is_gone_round() -> None:
    area = ClosedArea(area=Circle(centre=(500, 0), radius_m=100), at=0, until=1e6)
    assert TrueRoads(Roads(metres_per_second=10), 1, (area,)).arrival((0, 0), (1_000, 0), 0, 1) > 100
    assert TrueRoads(Roads(metres_per_second=10), 1, (area,)).arrival((0, 200), (1_000, 200), 0, 1) == 100


def test_what_is_known_of_a_jam_is_in_the_travel_times_of_the_engine() -> None:
    import numpy as np

    jam = Jam(area=Circle(centre=(500, 0), radius_m=100), factor=3, at=0, until=1e6)
    spots = np.array([(0.0, 0.0), (1_000.0, 0.0)])
    assert BelievedRoads(Roads(metres_per_second=10), 0, (jam,)).ground(spots).matrix[0, 1] == pytest.approx(
        140, rel=0.01
    )
    assert BelievedRoads(Roads(metres_per_second=10), 0).ground(spots).matrix.size == 0


def test_the_noise_of_ways_makes_them_unsure_and_not_longer() -> None:
    roads = TrueRoads(Roads(metres_per_second=1, noise=0.3), 7)
    ways = [roads.arrival((0, 0), (1_000, float(step)), 0, 1) / 1_000 for step in range(500)]
    assert sum(ways) / len(ways) == pytest.approx(1.0, abs=0.15)
    assert len({round(way, 3) for way in ways}) > 200


def test_a_late_merchant_is_waited_for() -> None:
    late = MerchantLate(shop_id="shop", by_s=900, at=0, until=HOUR)
    order = play(lonely(late)).orders["dinner"]
    assert order.ready_at == order.picked_at == 1_600


def test_a_rider_who_breaks_down_before_he_has_the_goods_is_replaced_once_his_report_is_overdue() -> None:
    day = lonely(Breakdown(rider_id="rider0", at=400), riders=2)
    played = play(day)
    order = played.orders["dinner"]
    assert (order.rider_id, order.fate) == ("rider1", Fate.DELIVERED)
    assert order.delivered_at is not None
    assert order.delivered_at > 700 + day.base.report_grace_seconds


def test_goods_with_a_broken_rider_are_lost_when_nobody_plans_again() -> None:
    assert play(lonely(Breakdown(rider_id="rider0", at=1_000), riders=2)).orders["dinner"].fate is Fate.LOST


def test_a_rider_who_is_mended_brings_what_he_has() -> None:
    day = lonely(Breakdown(rider_id="rider0", at=1_000, until=1_600), riders=2)
    order = play(day).orders["dinner"]
    assert order.fate is Fate.DELIVERED
    assert order.delivered_at == pytest.approx(1_340 + 600)


def test_who_is_not_told_of_a_new_address_finds_out_at_the_old_door() -> None:
    moved = AddressChanged(order_id="dinner", dropoff=(800, 1_000), at=900)
    played = play(lonely(moved))
    assert [stop.kind for stop in played.stops if stop.place == "dinner"] == [Kind.WRONG_DOOR, Kind.DROPOFF]
    assert played.orders["dinner"].delivered_at == 820 + 400 + 120 + 200 + 120


@dataclass
class Rescue:
    """Writes a rider off who is two minutes overdue, and has his goods fetched; tells of new addresses."""

    seen: list[Situation] = field(default_factory=list)

    def replan(self, situation: Situation) -> Sequence[Action]:
        self.seen.append(situation)
        return [*self._overdue(situation), *self._moved(situation)]

    def _overdue(self, situation: Situation) -> Iterable[Action]:
        for rider in situation.riders.values():
            if rider.overdue_s > 120 and not rider.written_off:
                yield WriteOff(rider_id=rider.rider_id)
                yield from (TakeOver(order_id=order_id) for order_id in rider.carried)

    def _moved(self, situation: Situation) -> Iterable[Action]:
        for news in situation.news:
            if isinstance(news, AddressChanged):
                rider_id = situation.orders[news.order_id].rider_id or ""
                yield Reorder(rider_id=rider_id, order_ids=situation.riders[rider_id].carried)


def test_goods_with_a_broken_rider_are_fetched_by_another_when_somebody_plans_again() -> None:
    day = lonely(Breakdown(rider_id="rider0", at=1_000), riders=2)
    rescue = Rescue()
    played = play(day, rescue)
    order = played.orders["dinner"]
    assert (order.fate, order.rider_id, order.replanned) == (Fate.DELIVERED, "rider1", 1)
    assert violations(replace(day, orders=()), replace(played, orders={}, stops=())) == []
    stood = next(seen.riders["rider0"].spot for seen in rescue.seen if seen.riders["rider0"].overdue_s > 120)
    assert stood == pytest.approx((800.0, 900.0)), "180 s after he left the shop at 5 m/s"


def test_who_is_told_of_a_new_address_goes_there_at_once() -> None:
    moved = AddressChanged(order_id="dinner", dropoff=(800, 1_000), at=900)
    played = play(lonely(moved), Rescue())
    assert [stop.kind for stop in played.stops if stop.place == "dinner"] == [Kind.DROPOFF]
    assert played.orders["dinner"].delivered_at == pytest.approx(820 + 200 + 120)


def test_the_engine_is_told_of_nothing_when_nothing_is_known() -> None:
    jam = Jam(area=Circle(centre=(500, 0), radius_m=600), factor=3, at=0, until=1e6, known_after_s=0)
    day = lonely(jam)
    told = Simulation(day, settings(day)).watch.roads(100)
    untold = Simulation(day, settings(day), known_to_engine=never).watch.roads(100)
    assert told.seconds((0, 0), (1_000, 0)) > untold.seconds((0, 0), (1_000, 0)) == 200


def test_a_surge_adds_orders_in_its_hours_only() -> None:
    day = made_up_day(1, TownSize(orders=200))
    more = with_surge(day, at=12 * HOUR, until=13 * HOUR, factor=2.0, seed=1)
    usual = sum(12 * HOUR <= order.placed_at < 13 * HOUR for order in day.orders)
    assert sum(12 * HOUR <= order.placed_at < 13 * HOUR for order in more.orders) == 2 * usual
    assert len(more.orders) == len(day.orders) + usual


def test_the_engines_own_figures_can_be_played_as_they_stand() -> None:
    day = replace(lonely(), behaviour=Behaviour(offers=False))
    played = Simulation(day, EngineFigures(EnginePolicy(tick=60), day.base)).play()
    assert played.orders["dinner"].fate is Fate.DELIVERED


def test_the_engine_is_told_who_has_earned_much_is_tired_or_declines() -> None:
    day = replace(lonely(riders=2), behaviour=Behaviour(declines=0.0, answer_s=5, answer_spread_s=0))
    simulation = Simulation(day, settings(day))
    first, second = simulation.town.couriers.values()
    first.delivered, second.delivered, second.said_no = 4, 1, 6
    riders = simulation.watch.world(HOUR, simulation.watch.roads(HOUR)).riders
    rich, poor = (rider.burdens for rider in riders)
    assert rich["fairness"] > 0 > poor["fairness"]
    assert poor["doubt"] > rich["doubt"]
    assert rich["fatigue"] == poor["fatigue"] > 0
    alone = replace(day, behaviour=Behaviour(offers=False))
    assert not Simulation(alone, settings(alone)).watch.world(HOUR, BelievedRoads(day.roads)).riders[0].burdens
