"""What really happens on a day, up to a moment: orders come, riders ride, answer, break down and bring."""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from services.dispatch.engine.world import Spot
from services.dispatch.lab.day import Day, OrderOfDay, RiderOfDay
from services.dispatch.lab.disturbances import AddressChanged, Breakdown, ClosedArea, Jam, MerchantLate
from services.dispatch.lab.figures import Figures
from services.dispatch.lab.played import Fate, Kind, Stop
from services.dispatch.lab.riding import ON_THE_ROAD, Courier, Leg, deliver, ride
from services.dispatch.lab.roads import TrueRoads


@dataclass(frozen=True, slots=True)
class Question:
    """A rider is being asked; the answer is in the stars already. `yes` is False for no and for silence."""

    rider_id: str
    answered_at: float
    yes: bool


@dataclass(slots=True)
class Errand:
    """An order under way. `holder` has accepted or carries it; `told_door` is where its rider thinks it goes."""

    fact: OrderOfDay
    shop_id: str
    pickup: Spot
    door: Spot
    told_door: Spot
    ready_at: float
    holder: str | None = None
    question: Question | None = None
    tried: dict[str, float] = field(default_factory=dict)
    picked_at: float | None = None
    delivered_at: float | None = None
    fate: Fate | None = None
    asked: int = 0
    declined: int = 0
    replanned: int = 0
    waits_since: float = 0.0

    @property
    def waiting(self) -> bool:
        """Nobody carries it, and it is not over."""
        return self.picked_at is None and self.fate is None


class Town:
    """The day's truth. `advance` lets it happen; the other methods are what people are told to do."""

    def __init__(self, day: Day, figures: Figures) -> None:
        self.day, self.figures = day, figures
        obstacles = tuple(each for each in day.disturbances if isinstance(each, Jam | ClosedArea))
        self.roads = TrueRoads(day.roads, day.seed, obstacles)
        self.couriers = {fact.rider_id: _starting(fact) for fact in day.riders}
        self.errands: dict[str, Errand] = {}
        self.waiting: dict[str, Errand] = {}
        self.shops: dict[str, Spot] = dict(day.shops)
        self.stops: list[Stop] = []
        self._coming = sorted(day.orders, key=lambda order: order.comes_at)[::-1]
        self._events = sorted(_events(day), key=lambda event: event[0])[::-1]

    def advance(self, now: float) -> None:
        """Everything up to now."""
        while self._events and self._events[-1][0] <= now:
            moment, happens = self._events.pop()
            self._run_to(moment)
            self._happen(happens, moment)
        self._run_to(now)

    def close(self) -> None:
        """What is on its way comes to its end; what nobody has is never brought."""
        self.advance(1e12)
        for order in self._coming:
            self._place(order)
        for errand in self.errands.values():
            if errand.fate is None:
                errand.fate = Fate.NOBODY if errand.picked_at is None else Fate.LOST
        self.waiting.clear()

    def free(self, courier: Courier, now: float) -> bool:
        """Really free: on shift, nothing under way, nothing promised."""
        return courier.free_at <= now and courier.fact.on_at <= now and not courier.accepted

    def ask(self, courier: Courier, order_ids: Iterable[str], now: float) -> None:
        """Asks a rider for orders that nobody has and nobody is being asked for."""
        for order_id in order_ids:
            errand = self.waiting.get(order_id)
            if errand is None or errand.holder is not None or errand.question is not None:
                continue
            errand.asked += 1
            errand.question = self._question(courier, errand, now)

    def asked_of(self, courier: Courier) -> int:
        """How many orders he is being asked about."""
        questions = (errand.question for errand in self.waiting.values())
        return sum(each is not None and each.rider_id == courier.rider_id for each in questions)

    def _question(self, courier: Courier, errand: Errand, now: float) -> Question:
        """The same rider answers the same question alike under every policy."""
        behaviour = self.day.behaviour
        times = sum(rider_id == courier.rider_id for rider_id in errand.tried)
        chance = random.Random(f"{self.day.seed} {courier.rider_id} {errand.fact.order_id} {times}")
        yes = chance.random() >= behaviour.declines and courier.broken_at is None
        delay = max(1.0, chance.gauss(behaviour.answer_s, behaviour.answer_spread_s))
        limit = self.figures.service(self.day.moment(now), errand.pickup).offer_seconds
        if delay > limit or courier.broken_at is not None:
            return Question(courier.rider_id, now + limit, yes=False)
        return Question(courier.rider_id, now + delay, yes)

    def send(self, courier: Courier, shop_id: str, now: float) -> None:
        """Sends a rider who is free to a shop."""
        if courier.broken_at is None:
            courier.drive(ride(courier, Kind.MOVE, shop_id, self.shops[shop_id], now, self.roads))
        else:
            stuck = Leg(Kind.MOVE, shop_id, courier.spot, self.shops[shop_id], now, *(math.inf,) * 3)
            courier.drive(stuck)

    def pick_up(self, courier: Courier, order_ids: Iterable[str], moment: float) -> None:
        """Hands orders over to a rider at their place; he leaves with them after half of the service time."""
        errands = [self.waiting.pop(order_id) for order_id in order_ids]
        for errand in errands:
            errand.picked_at, errand.holder, errand.question = moment, courier.rider_id, None
            courier.accepted.pop(errand.fact.order_id, None)
            courier.carried.append(errand.fact.order_id)
        names = tuple(errand.fact.order_id for errand in errands)
        self.stops.append(
            Stop(
                rider_id=courier.rider_id,
                kind=Kind.PICKUP,
                place=courier.at,
                left_at=courier.here_at,
                arrived_at=courier.here_at,
                done_at=moment,
                order_ids=names,
            )
        )
        leaves = moment + self.day.pickup_service_s / 2
        self.bring(courier, errands, self._call(courier, errands, leaves))

    def _call(self, courier: Courier, errands: Iterable[Errand], leaves: float) -> float:
        """Fetches what lies at further places; when he leaves the last."""
        service = self.day.pickup_service_s
        for errand in errands:
            for spot in errand.fact.stops:
                leg = ride(courier, Kind.CALL, errand.fact.order_id, spot, leaves, self.roads)
                leg.done_at, leg.leaves, leg.service_s = leg.arrives + service / 2, leg.arrives + service, service
                courier.drive(leg)
                leaves = leg.leaves
        return leaves

    def bring(self, courier: Courier, errands: Iterable[Errand], leaves: float) -> None:
        """Sets out for doors, in this order; where a rider has not been told of a new one, by way of the old."""
        doors = [
            (each.fact.order_id, each.door, each.told_door if each.told_door != each.door else None)
            for each in errands
        ]
        deliver(courier, doors, leaves, self.day.dropoff_service_s, self.roads)

    def unhand(self, errand: Errand, now: float) -> None:
        """An order that nobody carries waits for anybody again."""
        if errand.holder is not None:
            self.couriers[errand.holder].accepted.pop(errand.fact.order_id, None)
        errand.holder, errand.question, errand.waits_since = None, None, now

    def end(self, errand: Errand, fate: Fate) -> None:
        """The order is over without having been delivered."""
        if errand.holder is not None:
            courier = self.couriers[errand.holder]
            courier.accepted.pop(errand.fact.order_id, None)
            courier.carried = [each for each in courier.carried if each != errand.fact.order_id]
        errand.fate, errand.holder, errand.question = fate, None, None
        self.waiting.pop(errand.fact.order_id, None)

    def _run_to(self, now: float) -> None:
        while self._coming and self._coming[-1].comes_at <= now:
            self._place(self._coming.pop())
        for errand in list(self.waiting.values()):
            if errand.question is not None and errand.question.answered_at <= now:
                self._answered(errand, errand.question)
            if errand.fact.patience_s is not None and errand.fact.placed_at + errand.fact.patience_s <= now:
                self.end(errand, Fate.CANCELLED)
        for courier in self.couriers.values():
            if courier.legs or courier.accepted:
                self._go_on(courier, now)

    def _place(self, order: OrderOfDay) -> None:
        spot = self.day.shops[order.shop_id]
        errand = Errand(order, order.shop_id, spot, order.dropoff, order.dropoff, really_ready(order, self.day))
        errand.waits_since = order.comes_at
        self.errands[order.order_id] = self.waiting[order.order_id] = errand

    def _answered(self, errand: Errand, question: Question) -> None:
        courier = self.couriers[question.rider_id]
        errand.question = None
        if question.yes and courier.broken_at is None:
            errand.holder = courier.rider_id
            courier.accepted[errand.fact.order_id] = question.answered_at
            courier.said_yes += 1
            return
        errand.declined += 1
        courier.said_no += 1
        policy = self.figures.service(self.day.moment(question.answered_at), errand.pickup)
        errand.tried[courier.rider_id] = question.answered_at + policy.reoffer_after_seconds

    def _go_on(self, courier: Courier, now: float) -> None:
        """A rider does what he has accepted, one shop after the other, as far as he gets by now."""
        for leg in courier.past(now):
            self._done(courier, leg)
        while courier.accepted and courier.free_at <= now and courier.broken_at is None:
            first = self.errands[next(iter(courier.accepted))]
            since = max(courier.free_at, courier.accepted[first.fact.order_id])
            if courier.at != first.shop_id:
                courier.drive(ride(courier, Kind.MOVE, first.shop_id, first.pickup, since, self.roads))
            elif not self._picks_up_all(courier, first.shop_id, now):
                return
            for leg in courier.past(now):
                self._done(courier, leg)

    def _picks_up_all(self, courier: Courier, shop_id: str, now: float) -> bool:
        """He waits at the counter until all that he has accepted there is ready, as far as it is one bundle."""
        here = [order_id for order_id in courier.accepted if self.errands[order_id].shop_id == shop_id]
        here = here[: self.figures.engine(self.day.moment(now)).largest_bundle]
        ready = max(max(self.errands[each].ready_at, courier.accepted[each]) for each in here)
        moment = max(ready, courier.here_at + self.day.pickup_service_s / 2)
        if moment > now:
            return False
        if moment > courier.fact.off_at:
            for order_id in here:
                self.unhand(self.errands[order_id], moment)
            return False
        self.pick_up(courier, here, moment)
        return True

    def _done(self, courier: Courier, leg: Leg) -> None:
        self.stops.append(
            Stop(
                rider_id=courier.rider_id,
                kind=leg.kind,
                place=leg.place,
                left_at=leg.departs,
                arrived_at=leg.arrives,
                done_at=leg.done_at,
                order_ids=leg.order_ids,
            )
        )
        for order_id in leg.order_ids:
            errand = self.errands[order_id]
            errand.delivered_at, errand.fate = leg.done_at, Fate.DELIVERED
            courier.carried.remove(order_id)
            courier.delivered += 1

    def _happen(self, happens: Breakdown | AddressChanged | str, moment: float) -> None:
        if isinstance(happens, Breakdown):
            courier = self.couriers[happens.rider_id]
            courier.stop_for_good(moment)
            courier.falls_silent = happens.silent
        elif isinstance(happens, AddressChanged):
            self._moved(happens, moment)
        else:
            self._mended(self.couriers[happens], moment)

    def _moved(self, change: AddressChanged, moment: float) -> None:
        errand = self.errands.get(change.order_id)
        if errand is None or errand.fate is not None:
            return
        errand.door = change.dropoff
        if errand.picked_at is not None and errand.holder is not None:
            self.ride_anew(self.couriers[errand.holder], moment)

    def ride_anew(self, courier: Courier, moment: float) -> None:
        """Sets out again from where he is, to the doors that are left."""
        if courier.broken_at is not None:
            return
        standing = next((leg for leg in courier.legs if leg.arrives <= moment < leg.leaves), None)
        courier.turn(moment)
        done = set(standing.order_ids) if standing else set()
        left = [self.errands[each] for each in courier.carried if each not in done]
        self.bring(courier, left, courier.free_at)

    def _mended(self, courier: Courier, moment: float) -> None:
        """He can go on, with whatever is still his."""
        courier.legs, courier.spot, courier.at = [], courier.spot_at(moment), ON_THE_ROAD
        courier.broken_at, courier.written_off = None, False
        courier.free_at = courier.here_at = moment
        self.bring(courier, [self.errands[each] for each in courier.carried], moment)


def _starting(fact: RiderOfDay) -> Courier:
    return Courier(fact, fact.start, fact.on_at, fact.on_at)


def _events(day: Day) -> Iterator[tuple[float, Breakdown | AddressChanged | str]]:
    for each in day.disturbances:
        if isinstance(each, Breakdown | AddressChanged):
            yield each.at, each
        if isinstance(each, Breakdown) and each.until is not None:
            yield each.until, each.rider_id


def really_ready(order: OrderOfDay, day: Day) -> float:
    """With the lateness of its merchant."""
    return order.ready_at + late_by(order.shop_id, order.ready_at, day.disturbances)


def late_by(shop_id: str, ready_at: float, disturbances: Iterable[object]) -> float:
    """So much later what a shop would have had ready at a moment is ready."""
    return sum(
        each.by_s
        for each in disturbances
        if isinstance(each, MerchantLate) and each.shop_id == shop_id and each.at <= ready_at < each.until
    )
