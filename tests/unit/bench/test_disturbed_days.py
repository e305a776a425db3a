"""Days of trouble: the same for a seed always, and re-planned by the platform's own rule."""

from dataclasses import replace

from services.dispatch.domain.policies.document import PolicyDocument
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.engine.replanning import Cause
from services.dispatch.lab.disturbances import Breakdown, Jam, MerchantLate
from services.dispatch.lab.figures import figures_of
from services.dispatch.lab.plane import where_on
from services.dispatch.lab.platform_replanner import PlatformReplanner
from services.dispatch.lab.replanning import OrderSeen, Release, RiderSeen, Situation, TakeOver, WriteOff
from services.dispatch.lab.synthetic import HOUR, TownSize
from tests.bench.dispatch.disturbed import Trouble, as_before, calm, disturbed_day
from tests.bench.dispatch.replanning import WAYS, Result, chart, late

SMALL = TownSize(orders=30, riders=14, shops=6, base=DispatchPolicy(engine_turn_seconds=60, futures=0))
NOW = 12 * HOUR
NOTHING = Trouble(breakdowns=0, silent=0, jams=0, closed=0, late_merchants=0)
SOME = Trouble(breakdowns=3, silent=1)


def replanner(**told: object) -> tuple[PlatformReplanner, Situation]:
    """A rider who carries one order and has accepted another, as the lab shows him."""
    day = disturbed_day(1, NOTHING, SMALL)
    first, second = day.orders[0], day.orders[1]
    rider = RiderSeen(
        rider_id=day.riders[0].rider_id,
        spot=(0.0, 0.0),
        heard_at=NOW,
        free_at=NOW + 600,
        carried=(first.order_id,),
        accepted=(second.order_id,),
    )
    orders = {
        order.order_id: OrderSeen(
            order_id=order.order_id,
            shop_id=order.shop_id,
            dropoff=order.dropoff,
            placed_at=order.placed_at,
            ready_at=NOW,
            late_after=NOW + 7_200,
            rider_id=rider.rider_id,
            picked_up=order is first,
        )
        for order in (first, second)
    }
    situation = Situation(now=NOW, riders={rider.rider_id: rider}, orders=orders, shops=day.shops)
    made = PlatformReplanner(day, figures_of(day, PolicyDocument(), "base", where_on(day.origin)))
    return made, replace(situation, **told)  # type: ignore[arg-type]


def test_a_seed_gives_the_same_day_with_as_much_trouble_as_was_asked_for() -> None:
    trouble = Trouble(breakdowns=5, silent=2, jams=3, closed=1, late_merchants=2)
    day = disturbed_day(3, trouble, SMALL)
    assert day == disturbed_day(3, trouble, SMALL)
    assert day != disturbed_day(4, trouble, SMALL)
    broken = [each for each in day.disturbances if isinstance(each, Breakdown)]
    assert len(day.disturbances) == 11
    assert sum(each.silent for each in broken) == 2
    assert len({each.rider_id for each in broken}) == 5
    assert calm(day).disturbances == ()


def test_before_re_planning_nobody_heard_of_jams_and_breakdowns() -> None:
    day = disturbed_day(3, SOME, SMALL)
    known = {type(each) for each in day.disturbances if as_before(each) is not None}
    assert known == {MerchantLate}
    assert any(isinstance(each, Jam) for each in day.disturbances)


def test_a_rider_who_says_that_he_broke_down_hands_over_and_loses_what_he_has_not_fetched() -> None:
    made, situation = replanner()
    rider = next(iter(situation.riders.values()))
    said = Breakdown(rider_id=rider.rider_id, at=NOW - 60, silent=False, known_after_s=60)
    actions = made.replan(replace(situation, known=(said,)))
    assert actions == [TakeOver(order_id=rider.carried[0]), Release(order_id=rider.accepted[0])]
    assert made.causes == {Cause.RIDER_DOWN: 2}


def test_a_silent_rider_is_asked_and_then_written_off_by_the_platforms_own_rule() -> None:
    made, situation = replanner()
    rider = next(iter(situation.riders.values()))

    def at(seconds: float) -> Situation:
        quiet = replace(rider, heard_at=NOW)
        return replace(situation, now=NOW + seconds, riders={rider.rider_id: quiet})

    assert made.replan(at(299)) == []
    assert made.replan(at(300)) == []
    assert made.replan(at(419)) == []
    assert made.replan(at(420)) == [WriteOff(rider_id=rider.rider_id)]
    assert made.causes == {Cause.RIDER_SILENT: 1}


def test_the_chart_shows_every_day_and_the_sum_counts_one_way() -> None:
    results = [
        Result(seed=seed, way=way, orders=10, late=seed, lost=0, nobody=0, touched={}, wall_s=1.0)
        for seed in (1, 2)
        for way in WAYS
    ]
    assert late(results, "with") == 3
    drawn = chart(results)
    assert drawn.count("<rect") == 1 + len(results) + len(WAYS)
    assert "seed 2" in drawn
