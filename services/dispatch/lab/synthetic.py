"""Made-up days of a made-up town, with a peak at lunch and one at dinner: a seed gives the same day always."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.dispatch.domain.policies.document import TIME_ZONE
from services.dispatch.domain.policy import DispatchPolicy
from services.dispatch.domain.values import Priority
from services.dispatch.engine.world import Spot
from services.dispatch.lab.day import Behaviour, Day, OrderOfDay, Pay, RiderOfDay
from services.dispatch.lab.roads import Roads
from shared.kernel.place import Place

HOUR = 3600.0
MINUTE = 60.0
FIRST_DAY = datetime(2026, 3, 2, tzinfo=ZoneInfo(TIME_ZONE))
CENTRE = Place(30.2741, 120.1551)

_PEAKS = ((12.1, 0.8, 0.45), (18.6, 1.0, 0.45))
"""Hour, spread in hours, share of the day's orders; the rest comes evenly from ten to ten."""

_SHIFTS = ((10.0, 14.5, 0.3), (10.5, 20.0, 0.25), (16.5, 22.0, 0.45))
"""From, to (hours), and the share of the riders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TownSize:
    """How large a made-up day is, and how unsure. `radius_m` holds most doors; `slack_s` is what is promised on top
    of preparation, ride and hand-overs."""

    orders: int = 400
    riders: int = 40
    shops: int = 30
    radius_m: float = 2_500
    metres_per_second: float = 4.0
    noise: float = 0.2
    ready_spread_s: float = 180
    declines: float = 0.08
    patience_s: float = 5_400
    slack_s: float = 1_200
    service_s: float = 180
    urgent: float = 0.02
    base: DispatchPolicy = field(default_factory=DispatchPolicy)


def made_up_day(seed: int, size: TownSize | None = None) -> Day:
    """The day of a seed."""
    size = size or TownSize()
    town = random.Random("the same town on all days")
    shops = {f"shop{number}": _somewhere(town, size.radius_m * 0.5) for number in range(size.shops)}
    means = {shop_id: town.uniform(8, 18) * MINUTE for shop_id in shops}
    dice = random.Random(f"day {seed}")
    roads = Roads(metres_per_second=size.metres_per_second, noise=size.noise)
    return Day(
        name=f"seed {seed}",
        orders=tuple(_orders(dice, size, shops, means, roads)),
        riders=_riders(dice, size),
        shops=shops,
        roads=roads,
        pickup_service_s=size.service_s,
        dropoff_service_s=size.service_s,
        pay=Pay(),
        behaviour=Behaviour(declines=size.declines),
        base=replace(size.base, handover_seconds=size.service_s, rider_speed_m_per_s=size.metres_per_second),
        starts=FIRST_DAY + timedelta(days=seed),
        origin=CENTRE,
        seed=seed,
    )


def _orders(
    dice: random.Random, size: TownSize, shops: Mapping[str, Spot], means: Mapping[str, float], roads: Roads
) -> list[OrderOfDay]:
    names = list(shops)
    popular = [1 / (1 + place) ** 0.6 for place in range(len(names))]
    placed = sorted(_placed(dice) for _ in range(size.orders))
    return [
        _order(number, moment, dice.choices(names, popular)[0], dice, size, shops, means, roads)
        for number, moment in enumerate(placed)
    ]


def _order(
    number: int,
    placed_at: float,
    shop_id: str,
    dice: random.Random,
    size: TownSize,
    shops: Mapping[str, Spot],
    means: Mapping[str, float],
    roads: Roads,
) -> OrderOfDay:
    """Near its shop more often than far from it, as people order."""
    shop = shops[shop_id]
    away = _somewhere(dice, size.radius_m * 0.55)
    door = (shop[0] + away[0], shop[1] + away[1])
    expected = placed_at + means[shop_id]
    ready = max(placed_at + MINUTE, dice.gauss(expected, size.ready_spread_s))
    urgent = dice.random() < size.urgent
    promised = expected + roads.seconds(shop, door) + 2 * size.service_s + (0.5 if urgent else 1.0) * size.slack_s
    return OrderOfDay(
        order_id=f"order{number}",
        shop_id=shop_id,
        dropoff=door,
        placed_at=placed_at,
        ready_at=ready,
        expected_ready_at=expected,
        ready_spread_s=size.ready_spread_s,
        promised_at=promised,
        patience_s=size.patience_s,
        priority=Priority.URGENT if urgent else Priority.NORMAL,
    )


def _placed(dice: random.Random) -> float:
    chance = dice.random()
    for hour, spread, share in _PEAKS:
        if chance < share:
            return HOUR * min(21.5, max(10.0, dice.gauss(hour, spread)))
        chance -= share
    return HOUR * dice.uniform(10.0, 21.5)


def _riders(dice: random.Random, size: TownSize) -> tuple[RiderOfDay, ...]:
    riders = []
    for number in range(size.riders):
        share = (number + 0.5) / size.riders
        on, off, _ = next(shift for shift in _ending_at() if share < shift[2])
        on_at = HOUR * on + dice.uniform(0, 20) * MINUTE
        riders.append(
            RiderOfDay(
                rider_id=f"rider{number}",
                start=_somewhere(dice, size.radius_m * 0.5),
                on_at=on_at,
                off_at=HOUR * off,
                pace=max(0.8, dice.gauss(1.0, 0.06)),
            )
        )
    return tuple(riders)


def _ending_at() -> list[tuple[float, float, float]]:
    """The shifts with the share of riders up to and with each."""
    ends, total = [], 0.0
    for on, off, share in _SHIFTS:
        total += share
        ends.append((on, off, total))
    return ends


def _somewhere(dice: random.Random, spread_m: float) -> Spot:
    """Most lie within twice the spread."""
    angle, distance = dice.uniform(0, 2 * math.pi), abs(dice.gauss(0, spread_m))
    return distance * math.cos(angle), distance * math.sin(angle)


def with_surge(day: Day, *, at: float, until: float, factor: float, seed: int) -> Day:
    """The day with `factor` times as many orders placed between two moments: copies of those there, at other doors
    some 400 m away and other moments of the surge."""
    dice = random.Random(f"surge {seed} {day.name}")
    usual = [order for order in day.orders if at <= order.placed_at < until]
    more = []
    for number in range(round(len(usual) * max(0.0, factor - 1))):
        like = dice.choice(usual)
        later = dice.uniform(at, until) - like.placed_at
        promised = None if like.promised_at is None else like.promised_at + later
        more.append(
            replace(
                like,
                order_id=f"{like.order_id}+{number}",
                dropoff=(like.dropoff[0] + dice.gauss(0, 400), like.dropoff[1] + dice.gauss(0, 400)),
                placed_at=like.placed_at + later,
                ready_at=like.ready_at + later,
                expected_ready_at=like.expected_ready_at + later,
                promised_at=promised,
            )
        )
    return replace(day, name=f"{day.name} with a surge", orders=(*day.orders, *more))
