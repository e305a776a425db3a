"""Days on which much goes wrong: breakdowns, jams, closed roads, late merchants and a surge, drawn from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.lab.day import Day
from services.dispatch.lab.disturbances import (
    Breakdown,
    Circle,
    ClosedArea,
    Disturbance,
    Jam,
    MerchantLate,
    as_said,
)
from services.dispatch.lab.synthetic import HOUR, MINUTE, TownSize, made_up_day, with_surge

TOWN = TownSize(
    orders=400,
    riders=52,
    slack_s=20 * MINUTE,
    base=DispatchPolicy(engine_turn_seconds=60, futures=4),
)
SURGE_AT, SURGE_FACTOR = (18.0 * HOUR, 18.75 * HOUR), 1.4
_LUNCH, _DINNER = (11.2, 13.2), (17.5, 20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How often what happens on a day."""

    breakdowns: int = 12
    silent: int = 3
    jams: int = 4
    closed: int = 2
    late_merchants: int = 3


def disturbed_day(seed: int, trouble: Trouble | None = None, town: TownSize = TOWN) -> Day:
    """The made-up day of a seed, with trouble in its peaks."""
    trouble = trouble or Trouble()
    day = made_up_day(seed, town)
    dice = random.Random(f"trouble {seed}")
    disturbances = (
        *_breakdowns(dice, day, trouble),
        *_on_the_roads(dice, trouble),
        *_at_the_merchants(dice, day, trouble),
    )
    at, until = SURGE_AT
    return with_surge(replace(day, disturbances=disturbances), at=at, until=until, factor=SURGE_FACTOR, seed=seed)


def calm(day: Day) -> Day:
    """The same orders and riders with nothing in their way."""
    return replace(day, disturbances=())


def as_before(disturbance: Disturbance) -> float | None:
    """What a platform without re-planning learned: what merchants said, and nothing of roads; of a rider who broke
    down only that his report was overdue."""
    return None if isinstance(disturbance, Jam | ClosedArea | Breakdown) else as_said(disturbance)


def _breakdowns(dice: random.Random, day: Day, trouble: Trouble) -> Iterator[Breakdown]:
    """Each rider at most once; those who can tell do so within a minute, and hand over what they carry."""
    left = {rider.rider_id: rider for rider in day.riders}
    for number in range(trouble.breakdowns):
        at = _in_a_peak(dice)
        working = sorted(each.rider_id for each in left.values() if each.on_at + 600 < at < each.off_at - HOUR)
        rider_id = dice.choice(working)
        del left[rider_id]
        silent = number < trouble.silent
        mended = at + dice.uniform(45, 75) * MINUTE
        told = None if silent else MINUTE
        yield Breakdown(rider_id=rider_id, at=at, until=mended, silent=silent, known_after_s=told)


def _on_the_roads(dice: random.Random, trouble: Trouble) -> Iterator[Jam | ClosedArea]:
    for _ in range(trouble.jams):
        at, area = _in_a_peak(dice), _area(dice, 400, 700)
        yield Jam(area=area, factor=dice.uniform(2.5, 4), at=at, until=at + dice.uniform(40, 75) * MINUTE)
    for _ in range(trouble.closed):
        at, area = _in_a_peak(dice), _area(dice, 250, 400)
        yield ClosedArea(area=area, at=at, until=at + dice.uniform(1, 2) * HOUR)


def _at_the_merchants(dice: random.Random, day: Day, trouble: Trouble) -> Iterator[MerchantLate]:
    for _ in range(trouble.late_merchants):
        at = _in_a_peak(dice)
        yield MerchantLate(
            shop_id=dice.choice(sorted(day.shops)), by_s=dice.uniform(7, 12) * MINUTE, at=at, until=at + HOUR
        )


def _in_a_peak(dice: random.Random) -> float:
    return dice.uniform(*dice.choice((_LUNCH, _DINNER))) * HOUR


def _area(dice: random.Random, least_m: float, most_m: float) -> Circle:
    return Circle(centre=(dice.gauss(0, 800), dice.gauss(0, 800)), radius_m=dice.uniform(least_m, most_m))
