"""A simulated town: orders by the hour, riders who differ and may take two orders of one shop together, kitchens that
run late, streets that the forecasts have never been told about. Everything is drawn from one seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from services.dispatch.domain.delivery import events as de
from services.dispatch.domain.positions import Position
from services.dispatch.domain.values import AssignmentMode, Proof
from shared.kernel.place import Place, distance_m

CENTRE = Place(31.23, 121.47)
DAY_ONE = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""10:00 in Shanghai; a day lasts until 22:00."""
ORDERS_AN_HOUR = (14, 50, 70, 34, 18, 14, 20, 54, 74, 46, 22, 10)
RIDERS = 32
SHOPS = 40
TOGETHER = timedelta(minutes=8)
"""So much later asked for, another order of the same shop still rides along."""
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
class Order:
    """What somebody wants, and when it will truly be ready."""

    name: str
    asked_at: datetime
    pickup: Place
    door: Place
    said: datetime
    ready: datetime

    @property
    def area(self) -> Place:
        """All that dispatch knows of the door."""
        return Place(round(self.door.lat / 0.003) * 0.003, round(self.door.lon / 0.003) * 0.003)


@dataclass(frozen=True)
class Leg:
    left_at: datetime
    there_at: datetime
    origin: Place
    to: Place


@dataclass(frozen=True)
class Ride:
    """What truly happened to one delivery: the events with their times, and where its rider was in between."""

    delivery_id: str
    rider_id: str
    vehicle: str
    weather: str
    promised_at: datetime
    legs: tuple[Leg, ...]
    events: tuple[tuple[de.DeliveryEvent, datetime], ...]

    @property
    def delivered_at(self) -> datetime:
        return self.events[-1][1]

    def at(self, name: type) -> datetime:
        return next(at for event, at in self.events if isinstance(event, name))

    def position(self, now: datetime) -> Position:
        """Where his device last said that he is: once a minute."""
        now = now.replace(second=0, microsecond=0)
        place = self.legs[0].origin
        for leg in self.legs:
            share = (now - leg.left_at) / max(leg.there_at - leg.left_at, timedelta(seconds=1))
            if share >= 0:
                share = min(1.0, share)
                place = Place(
                    leg.origin.lat + (leg.to.lat - leg.origin.lat) * share,
                    leg.origin.lon + (leg.to.lon - leg.origin.lon) * share,
                )
        return Position(place, now)


@dataclass
class Town:
    seed: int
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def rides(self, days: int) -> Iterator[Ride]:
        """In the order in which they were asked for, day by day."""
        shops = [(self._place(2_500), self.dice.uniform(7, 18)) for _ in range(SHOPS)]
        for day in range(days):
            opens = DAY_ONE + timedelta(days=day)
            rain = 1.18 if self.dice.random() < 0.25 else 1.0
            riders = [self._rider(number, opens) for number in range(RIDERS)]
            orders = [
                self._order(f"dlv_{day:03}x{number:05}", asked_at, *self.dice.choice(shops))
                for number, asked_at in enumerate(self._asked(opens))
            ]
            rides = [ride for together in bundles(orders) for ride in self._round(together, riders, rain)]
            yield from sorted(rides, key=lambda ride: ride.delivery_id)

    def _asked(self, opens: datetime) -> list[datetime]:
        found = []
        for hour, count in enumerate(ORDERS_AN_HOUR):
            found += [opens + timedelta(hours=hour + self.dice.random()) for _ in range(count)]
        return sorted(found)

    def _order(self, name: str, asked_at: datetime, pickup: Place, mean: float) -> Order:
        said = asked_at + timedelta(minutes=mean)
        ready = asked_at + timedelta(minutes=mean * self.dice.lognormvariate(0.05, 0.35))
        return Order(name, asked_at, pickup, self._place(3_200), said, ready)

    def _round(self, orders: list[Order], riders: list[Rider], rain: float) -> list[Ride]:
        """One rider fetches them together and brings one after the other."""
        dice, asked_at, pickup = self.dice, orders[0].asked_at, orders[0].pickup
        rider = min(
            riders, key=lambda each: max(asked_at, each.free_at).timestamp() + distance_m(each.place, pickup) / 4
        )
        free_at = max(asked_at, rider.free_at)
        assigned = [max(free_at, each.asked_at) + timedelta(seconds=dice.uniform(5, 60)) for each in orders]
        approach_m = distance_m(rider.place, pickup)
        there = assigned[0] + self._takes(approach_m, rider, assigned[0], rain)
        picked = max(there, *assigned, *(each.ready for each in orders))
        picked += timedelta(seconds=90 * dice.lognormvariate(0, 0.5))
        legs, doors = [Leg(assigned[0], there, rider.place, pickup)], []
        at, place = picked, pickup
        for order in orders:
            at_door = at + self._takes(distance_m(place, order.door), rider, at, rain)
            legs.append(Leg(at, at_door, place, order.door))
            at, place = at_door + timedelta(seconds=100 * dice.lognormvariate(0, 0.6)), order.door
            doors.append((at_door, at))
        rider.place, rider.free_at = place, at + timedelta(seconds=30)
        return [
            Ride(
                order.name,
                rider.name,
                rider.vehicle,
                "fair" if rain == 1 else "rain",
                order.asked_at + PROMISED,
                tuple(legs),
                tuple(_events(order, rider.name, _left_m(legs[0], taken), (taken, max(there, taken), picked, *door))),
            )
            for order, taken, door in zip(orders, assigned, doors, strict=True)
        ]

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


def _left_m(leg: Leg, at: datetime) -> float:
    """How far away his shop is as the crow flies, when he takes an order on his way there."""
    gone = (at - leg.left_at) / max(leg.there_at - leg.left_at, timedelta(seconds=1))
    return distance_m(leg.origin, leg.to) * max(0.0, 1.0 - gone)


def bundles(orders: list[Order]) -> Iterator[list[Order]]:
    """An order with the next one of the same shop, when that is asked for soon after."""
    taken: set[str] = set()
    for number, order in enumerate(orders):
        if order.name in taken:
            continue
        soon = (
            each
            for each in orders[number + 1 :]
            if each.pickup == order.pickup and each.name not in taken and each.asked_at - order.asked_at <= TOGETHER
        )
        together = [order, *islice(soon, 1)]
        taken |= {each.name for each in together}
        yield together


def _events(
    order: Order, rider_id: str, approach_m: float, at: tuple[datetime, ...]
) -> Iterator[tuple[de.DeliveryEvent, datetime]]:
    asked = order.asked_at
    assigned, there, picked, at_door, given = at
    announced = de.DeliveryAnnounced(
        order_id="ord_1",
        merchant_id="mer_1",
        pickup=order.pickup,
        dropoff_area=order.area,
        pickup_cell="",
        dropoff_cell="",
        promised_at=asked + PROMISED,
    )
    wanted = de.DeliveryRequested(
        attempt=1,
        ready_at=order.said,
        requested_at=asked,
        dispatcher_at=asked,
        wanted_by=given,
        policy_version="base",
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
        (announced, asked),
        (wanted, asked),
        (offered, assigned),
        (taken, assigned),
        (de.ArrivedAtPickup(rider_id=rider_id, report_by=given), there),
        (de.PickedUp(rider_id=rider_id, proof=Proof(), report_by=given, picked_up_at=picked), picked),
        (de.ArrivedAtDropoff(rider_id=rider_id, report_by=given), at_door),
        (de.Delivered(rider_id=rider_id, proof=Proof()), given),
    ]
    if order.ready < picked:
        told.append((de.GoodsReady(ready_at=order.ready), order.ready))
    yield from sorted(told, key=lambda each: each[1])
