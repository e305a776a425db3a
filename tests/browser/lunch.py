"""A lunch peak, told as facts: what the war room looks like on a working day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from shared.contracts import notify
from shared.contracts.common import FailureReason, Goods, OrderKind
from tests.unit.analytics.telling import (
    NOON,
    OneOrder,
    OneRider,
    Story,
    merchant_paused,
    merchant_registered,
    merchant_resumed,
    minutes,
)

NOW = NOON + minutes(48)
MERCHANTS = (
    "Lotus Noodles",
    "Old Wang's Dumplings",
    "Green Bowl",
    "Harbour Coffee",
    "Sichuan Corner",
    "Campus Canteen 3",
    "Bread & Butter",
    "Night Owl Pharmacy",
)
RIDERS = 26
ERRANDS = {
    4: OrderKind.BUY,
    9: OrderKind.CARRY,
    14: OrderKind.QUEUE,
    19: OrderKind.DOCUMENT,
}
"""The kinds of every twentieth order."""


Step = tuple[datetime, Callable[[datetime], object]]


@dataclass
class _Lunch:
    story: Story
    random: Random
    until: datetime

    def order(self, index: int, placed_at: datetime) -> None:
        """One life, told up to now and no further."""
        random = self.random
        merchant = f"mer_{random.randrange(len(MERCHANTS))}"
        kind = ERRANDS.get(index % 20, OrderKind.FOOD)
        life = OneOrder(
            self.story,
            f"ord_0195946e-{index:04x}-7{random.randrange(16**3):03x}-a{random.randrange(16**3):03x}-"
            f"{random.randrange(16**12):012x}",
            merchant_id=merchant if kind is OrderKind.FOOD else "",
            rider_id=f"rid_{random.randrange(RIDERS - 5)}",
            placed_at=placed_at,
            promised_after=minutes(random.choice((35, 35, 40, 45))),
            kind=kind,
        )
        answered = placed_at + minutes(random.uniform(0.5, 2.5))
        ready = answered + minutes(random.gauss(12, 3))
        if random.random() < 0.1:
            ready += minutes(random.uniform(12, 26))
        picked = ready + minutes(random.uniform(0.5, 6))
        door = picked + minutes(max(3.0, random.gauss(11, 4)))
        if random.random() < 0.04:
            self._walk(((placed_at, lambda _: life.place()), (answered, life.reject)))
            return
        steps: list[Step] = [
            (placed_at, lambda _: life.place()),
            (answered, life.accept),
            (answered + minutes(2), life.prepare),
            (answered + minutes(3), life.assign),
            (ready, life.ready),
            (picked, life.pick_up),
            (picked, life.out),
        ]
        if random.random() < 0.06:
            steps += self._failure(life, door)
            door += minutes(random.uniform(16, 24))
        if random.random() < 0.03:
            self._walk((*steps[:3], (answered + minutes(4), life.cancel)))
            return
        steps += [(door, life.at_door), (door, life.delivered), (door + minutes(8), life.complete)]
        if random.random() < 0.6:
            scores = random.choices((5, 4, 3, 2), weights=(60, 28, 9, 3), k=3)
            steps.append((door + minutes(12), lambda at: life.review(at, *scores)))
        self._walk(steps)

    def _failure(self, life: OneOrder, at: datetime) -> list[Step]:
        """It fails at the door, support sends it out again, and the rider goes once more."""
        reason = self.random.choice(
            (FailureReason.CUSTOMER_UNREACHABLE, FailureReason.ADDRESS_WRONG, FailureReason.GOODS_DAMAGED)
        )
        again = at + minutes(self.random.uniform(8, 25))
        return [
            (at, lambda when: life.fail(when, reason, Goods.RETURNED)),
            (at, life.told_failed),
            (again, life.send_again),
            (again + minutes(1), life.assign),
            (again + minutes(4), life.pick_up),
            (again + minutes(4), life.out),
        ]

    def _walk(self, steps: Sequence[Step]) -> None:
        for at, step in steps:
            if at <= self.until:
                step(at)


def lunch(story: Story, now: datetime = NOW, seed: int = 7) -> Story:
    """Two and a half hours that swell towards noon, merged into the order in which things happened."""
    random = Random(seed)
    day = _Lunch(Story(), random, now)
    opened = now - minutes(150)
    for index, name in enumerate(MERCHANTS):
        merchant_registered(day.story, f"mer_{index}", name, opened)
    for index in range(RIDERS):
        OneRider(day.story, f"rid_{index}").start(opened + minutes(random.uniform(0, 60)))
    OneRider(day.story, f"rid_{RIDERS - 1}").end(now - minutes(9))
    index = 0
    for minute in range(150):
        share = minute / 150
        for _ in range(_arrivals(random, 0.6 + 4.2 * share**2 * (1.25 - share))):
            index += 1
            day.order(index, opened + minutes(minute + random.random()))
    _troubles(day.story, now)
    for message, envelope in sorted(day.story.told, key=lambda told: told[1].time):
        story.told.append((message, envelope))
        story.versions[envelope.subject] = max(story.versions[envelope.subject], envelope.sequence)
    return story


def _arrivals(random: Random, mean: float) -> int:
    """How many orders one minute brings, around `mean`."""
    return max(0, round(random.gauss(mean, mean**0.5)))


def _troubles(story: Story, now: datetime) -> None:
    silent = OneRider(story, "rid_3")
    silent.silent(now - minutes(0.4), story.told[-1][1].partitionkey)
    merchant_paused(story, "mer_4", now - minutes(1), now + minutes(19))
    merchant_paused(story, "mer_6", now - minutes(31), now - minutes(0.5))
    merchant_resumed(story, "mer_6", now - minutes(0.5))
    story.tell(
        notify.AlertRaised(alert_id="alr_1", kind="rider_silent", order_id=None, acknowledge_by=now + minutes(0.7)),
        now - minutes(0.3),
        "alr_1",
    )
