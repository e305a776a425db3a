"""A simulated town: orders by the hour, riders who differ, kitchens that run late, streets that the forecasts have
never been told about. Everything is drawn from one seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.positions import Position
from services.dispatch.domain.values import AssignmentMode, Proof
from shared.kernel.place import Place, distance_m

CENTRE = Place(31.23, 121.47)
DAY_ONE = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""10:00 in Shanghai; a day lasts until 22:00."""
ORDERS_AN_HOUR = (14, 50, 70, 34, 18, 14, 20, 54, 74, 46, 22, 10)
RIDERS = 34
PROMISED = timedelta(minutes=42)
TRUE_DETOUR = 1.38
BUSY = {12: 1.22, 13: 1.1, 18: 1.28, 19: 1.2}
"""By how much the true streets are slower at an hour: not the figures that a forecast begins with."""


@dataclass
class Rider:
    name: str
    vehicle: str
    metres_per_second: float
    place: Place
    free_at: datetime


@dataclass(frozen=True)
class Ride:
    """What truly happened: the events with their times, and where the rider was in between."""

    delivery_id: str
    vehicle: str
    promised_at: datetime
    start: Place
    pickup: Place
    door: Place
    events: tuple[tuple[de.DeliveryEvent, datetime], ...]

    @property
    def delivered_at(self) -> datetime:
        return self.events[-1][1]

    def at(self, name: type) -> datetime:
        return next(at for event, at in self.events if isinstance(event, name))

    def position(self, now: datetime) -> Position:
        """Where his device last said that he is: once a minute."""
        now = now.replace(second=0, microsecond=0)
        legs = (
            (self.at(de.RiderAssigned), self.at(de.ArrivedAtPickup), self.start, self.pickup),
            (self.at(de.PickedUp), self.at(de.ArrivedAtDropoff), self.pickup, self.door),
        )
        place = self.start
        for left_at, there_at, origin, to in legs:
            share = (now - left_at) / max(there_at - left_at, timedelta(seconds=1))
            if share >= 0:
                share = min(1.0, share)
                place = Place(origin.lat + (to.lat - origin.lat) * share, origin.lon + (to.lon - origin.lon) * share)
        return Position(place, now)


@dataclass
class Town:
    seed: int
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def rides(self, days: int) -> Iterator[Ride]:
        shops = [(self._place(2_500), self.dice.uniform(7, 18)) for _ in range(40)]
        for day in range(days):
            opens = DAY_ONE + timedelta(days=day)
            rain = self.dice.random() < 0.25
            riders = [self._rider(number, opens) for number in range(RIDERS)]
            for number, asked_at in enumerate(self._orders(opens)):
                yield self._ride(f"dlv_{day:03}x{number:05}", asked_at, shops, riders, 1.18 if rain else 1.0)

    def _orders(self, opens: datetime) -> list[datetime]:
        found = []
        for hour, count in enumerate(ORDERS_AN_HOUR):
            found += [opens + timedelta(hours=hour + self.dice.random()) for _ in range(count)]
        return sorted(found)

    def _ride(
        self, name: str, asked_at: datetime, shops: list[tuple[Place, float]], riders: list[Rider], rain: float
    ) -> Ride:
        dice = self.dice
        pickup, mean = dice.choice(shops)
        door = self._place(3_200)
        area = Place(round(door.lat / 0.003) * 0.003, round(door.lon / 0.003) * 0.003)
        said = asked_at + timedelta(minutes=mean)
        ready = asked_at + timedelta(minutes=mean * dice.lognormvariate(0.05, 0.35))
        rider = min(
            riders, key=lambda each: max(asked_at, each.free_at).timestamp() + distance_m(each.place, pickup) / 4
        )
        assigned = max(asked_at, rider.free_at) + timedelta(seconds=dice.uniform(5, 60))
        start, approach_m = rider.place, distance_m(rider.place, pickup)
        there = assigned + self._takes(approach_m, rider, assigned, rain)
        picked = max(there, ready) + timedelta(seconds=90 * dice.lognormvariate(0, 0.5))
        at_door = picked + self._takes(distance_m(pickup, door), rider, picked, rain)
        given = at_door + timedelta(seconds=100 * dice.lognormvariate(0, 0.6))
        rider.place, rider.free_at = door, given + timedelta(seconds=30)
        return Ride(
            name,
            rider.vehicle,
            asked_at + PROMISED,
            start,
            pickup,
            door,
            tuple(
                _events(
                    pickup,
                    area,
                    rider.name,
                    approach_m,
                    said,
                    ready,
                    (asked_at, assigned, there, picked, at_door, given),
                )
            ),
        )

    def _takes(self, metres: float, rider: Rider, at: datetime, rain: float) -> timedelta:
        hour = (at.hour + 8) % 24
        street = self.dice.lognormvariate(0, 0.22)
        return timedelta(
            seconds=25 + metres * TRUE_DETOUR / rider.metres_per_second * BUSY.get(hour, 1.0) * rain * street
        )

    def _rider(self, number: int, opens: datetime) -> Rider:
        bicycle = number % 5 == 0
        speed = self.dice.uniform(3.2, 4.4) if bicycle else self.dice.uniform(4.6, 6.4)
        return Rider(f"rid_{number}", "bicycle" if bicycle else "scooter", speed, self._place(2_500), opens)

    def _place(self, spread_m: float) -> Place:
        return Place(
            CENTRE.lat + self.dice.uniform(-spread_m, spread_m) / 111_195,
            CENTRE.lon + self.dice.uniform(-spread_m, spread_m) / 95_000,
        )


def _events(
    pickup: Place,
    area: Place,
    rider_id: str,
    approach_m: float,
    said: datetime,
    ready: datetime,
    at: tuple[datetime, ...],
) -> Iterator[tuple[de.DeliveryEvent, datetime]]:
    asked, assigned, there, picked, at_door, given = at
    wanted = de.DeliveryRequested(
        attempt=1, ready_at=said, requested_at=asked, dispatcher_at=asked, wanted_by=given, policy_version="base"
    )
    offered = de.DeliveryOffered(
        rider_id=rider_id, distance_m=approach_m, offered_at=assigned, answer_by=assigned, policy_version="base"
    )
    taken = de.RiderAssigned(
        rider_id=rider_id,
        mode=AssignmentMode.ENGINE,
        policy_version="base",
        assigned_at=assigned,
        report_by=given,
    )
    told: list[tuple[de.DeliveryEvent, datetime]] = [
        (
            de.DeliveryAnnounced(
                order_id="ord_1",
                merchant_id="mer_1",
                pickup=pickup,
                dropoff_area=area,
                pickup_cell="",
                dropoff_cell="",
                promised_at=asked + PROMISED,
            ),
            asked,
        ),
        (wanted, asked),
        (offered, assigned),
        (taken, assigned),
        (de.ArrivedAtPickup(rider_id=rider_id, report_by=given), there),
        (de.PickedUp(rider_id=rider_id, proof=Proof(), report_by=given), picked),
        (de.ArrivedAtDropoff(rider_id=rider_id, report_by=given), at_door),
        (de.Delivered(rider_id=rider_id, proof=Proof()), given),
    ]
    if ready < picked:
        told.append((de.GoodsReady(ready_at=ready), ready))
    yield from sorted(told, key=lambda each: each[1])
