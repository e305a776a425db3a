"""A rider under way: his legs as they really go, and as they are thought to go."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.dispatch.engine.world import Spot
from services.dispatch.lab.day import RiderOfDay
from services.dispatch.lab.played import Kind
from services.dispatch.lab.roads import BelievedRoads, TrueRoads

ON_THE_ROAD = ""
"""The name of no place: somewhere on the way."""


@dataclass(slots=True)
class Leg:
    """A ride and what is done at its end; moments as they really come (infinite: never)."""

    kind: Kind
    place: str
    origin: Spot
    spot: Spot
    departs: float
    arrives: float
    done_at: float
    leaves: float
    service_s: float = 0.0
    order_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class Courier:
    """A rider of the day: `spot` and `at` are where his legs end, from `free_at` on (he came there at `here_at`)."""

    fact: RiderOfDay
    spot: Spot
    free_at: float
    here_at: float
    at: str = ON_THE_ROAD
    legs: list[Leg] = field(default_factory=list)
    accepted: dict[str, float] = field(default_factory=dict)
    """Orders he has said yes to and does not carry yet, and when he did."""
    carried: list[str] = field(default_factory=list)
    delivered: int = 0
    said_yes: int = 0
    said_no: int = 0
    busy_until: float = 0.0
    broken_at: float | None = None
    falls_silent: bool = True
    written_off: bool = False
    """It is known that he cannot go on."""

    @property
    def rider_id(self) -> str:
        return self.fact.rider_id

    def drive(self, leg: Leg) -> None:
        """Takes a ride behind those he has."""
        self.legs.append(leg)
        self.spot, self.at = leg.spot, leg.place
        self.here_at, self.free_at = leg.arrives, leg.leaves

    def past(self, now: float) -> Iterator[Leg]:
        """Takes off the legs that are done by now."""
        while self.legs and self.legs[0].done_at <= now:
            leg = self.legs.pop(0)
            self.busy_until = leg.leaves
            yield leg

    def spot_at(self, now: float) -> Spot:
        """Where he really is (in the middle of a ride: that share of its line)."""
        if self.broken_at is not None and now >= self.broken_at:
            now = self.broken_at
        for leg in self.legs:
            if now < leg.arrives:
                if math.isinf(leg.arrives) or now <= leg.departs:
                    return leg.origin
                share = (now - leg.departs) / (leg.arrives - leg.departs)
                return _between(leg.origin, leg.spot, share)
            if now < leg.leaves:
                return leg.spot
        return self.spot

    def expected_free(self, now: float, roads: BelievedRoads) -> tuple[float, float]:
        """When he is thought to come to where his legs end, and to be free there: what is done is known, the rest as
        long as it usually takes, and never before what has not happened yet."""
        here, free = self.here_at, self.free_at
        then: float | None = None
        for leg in self.legs:
            departs = leg.departs if then is None else then
            if leg.arrives <= now:
                here = leg.arrives
            else:
                usual = departs + roads.seconds(leg.origin, leg.spot) * self.fact.pace
                here = usual if usual > now else now + 1
            then = free = leg.leaves if leg.leaves <= now else max(now + 1, here + leg.service_s)
            here = free if leg.service_s else here
        return here, free

    def expected_at(self, order_id: str, now: float, roads: BelievedRoads) -> float | None:
        """When an order that he carries is thought to be at its door."""
        then: float | None = None
        for leg in self.legs:
            departs = leg.departs if then is None else then
            usual = departs + roads.seconds(leg.origin, leg.spot) * self.fact.pace
            here = leg.arrives if leg.arrives <= now else max(now + 1, usual)
            if leg.order_ids == (order_id,):
                return here + leg.service_s / 2
            then = here + leg.service_s
        return None

    def overdue_since(self, now: float, roads: BelievedRoads) -> float | None:
        """When he was expected at his next stop, if that has passed."""
        for leg in self.legs:
            if leg.done_at > now:
                due = leg.departs + roads.seconds(leg.origin, leg.spot) * self.fact.pace + leg.service_s / 2
                return due if due < now else None
        return None

    def stop_for_good(self, moment: float) -> None:
        """Breaks down: what was not done by then is never done."""
        at = self.spot_at(moment)
        for leg in self.legs:
            if moment < leg.arrives:
                leg.arrives = leg.done_at = leg.leaves = math.inf
                leg.origin = at
            elif moment < leg.done_at:
                leg.done_at = leg.leaves = math.inf
            at = leg.origin if math.isinf(leg.arrives) else leg.spot
        self.broken_at = moment
        if any(math.isinf(leg.leaves) for leg in self.legs):
            self.free_at = math.inf

    def turn(self, moment: float) -> None:
        """Breaks his rides off where he is; whatever he is to do then must be driven anew."""
        self.spot = self.spot_at(moment)
        standing = [leg for leg in self.legs if leg.arrives <= moment < leg.leaves]
        self.at = standing[0].place if standing else ON_THE_ROAD
        self.free_at = standing[0].leaves if standing else max(moment, self.busy_until)
        self.here_at = standing[0].arrives if standing else moment
        self.legs = standing


def _between(origin: Spot, destination: Spot, share: float) -> Spot:
    return (
        origin[0] + (destination[0] - origin[0]) * share,
        origin[1] + (destination[1] - origin[1]) * share,
    )


def ride(courier: Courier, kind: Kind, place: str, spot: Spot, departs: float, roads: TrueRoads) -> Leg:
    """A ride to a place where nothing is handed over by itself."""
    arrives = roads.arrival(courier.spot, spot, departs, courier.fact.pace)
    return Leg(kind, place, courier.spot, spot, departs, arrives, arrives, arrives)


def deliver(
    courier: Courier,
    doors: Sequence[tuple[str, Spot, Spot | None]],
    leaves: float,
    service_s: float,
    roads: TrueRoads,
) -> None:
    """Brings orders to their doors, one after the other: each with its door, and the old one where he must ask
    first because nobody has told him that the customer moved on."""
    for order_id, door, old in doors:
        if old is not None:
            leg = ride(courier, Kind.WRONG_DOOR, order_id, old, leaves, roads)
            leg.done_at = leg.leaves = leg.arrives + service_s / 2
            leg.service_s = service_s / 2
            courier.drive(leg)
            leaves = leg.leaves
        leg = ride(courier, Kind.DROPOFF, order_id, door, leaves, roads)
        leg.done_at, leg.leaves = leg.arrives + service_s / 2, leg.arrives + service_s
        leg.service_s, leg.order_ids = service_s, (order_id,)
        courier.drive(leg)
        leaves = courier.here_at = leg.leaves
