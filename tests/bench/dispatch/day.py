"""Plays a day minute by minute: the engine sees an order from its placement on, and what it decides is done."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.dispatch.engine.engine import Memory, decide
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine.world import Decision, GoTo, Order, PickUp, Rider, Shop, World
from tests.bench.dispatch.instances import CourierOfDay, Day, OrderOfDay, Point

MINUTE = 60.0


class RuleBroken(Exception):
    """The engine asked for something that the rules do not allow."""


@dataclass(slots=True)
class Courier:
    """Where a courier is or will be next, and from when; `at` names the place. `shown` is what the engine saw last,
    shown again while it is still so."""

    fact: CourierOfDay
    place: Point
    at: str
    free: int
    meant: tuple[frozenset[str], int] = (frozenset(), 0)
    shown: Rider | None = None


@dataclass(slots=True)
class Played:
    """A day's plan, in the lines of the evaluator's files, and what the decisions took."""

    assignments: list[str] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    moves: dict[str, list[str]] = field(default_factory=dict)
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        """The three files of the evaluator."""
        folder.mkdir(parents=True, exist_ok=True)
        moves = [line for lines in self.moves.values() for line in lines]
        for name, header, lines in (
            ("assignments", "assignment_time pickup_time courier orders", self.assignments),
            ("orders", "order placement_time ready_time pickup_time dropoff_time courier", self.outcomes.values()),
            ("couriers", "courier departure_time origin destination", moves),
        ):
            (folder / f"solution_info_{name}.txt").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return folder


def policy_of(day: Day) -> EnginePolicy:
    """The engine's policy with the rules of the problem; nothing else is taken from an instance."""
    return EnginePolicy(pickup_service=day.pickup_minutes * MINUTE, dropoff_service=day.dropoff_minutes * MINUTE)


class Simulation:
    """One day under way."""

    def __init__(self, day: Day, policy: EnginePolicy) -> None:
        self.day, self.policy, self.played = day, policy, Played()
        self.travel = StraightLine(metres_per_second=day.metres_per_minute / MINUTE, whole_seconds=MINUTE)
        self.shops = tuple(Shop(shop_id=name, spot=place) for name, place in day.restaurants.items())
        self.couriers = {c.name: Courier(c, c.start, "0", c.on) for c in day.couriers}
        self.waiting: dict[str, OrderOfDay] = {}
        self.memory = Memory()

    def play(self) -> Played:
        """From the first minute to the end of the last shift."""
        coming = sorted(self.day.orders, key=lambda order: order.placed)
        last = max(courier.off for courier in self.day.couriers)
        position = 0
        first = min(coming[0].placed, *(courier.on for courier in self.day.couriers))
        for now in range(first, last + 1):
            while position < len(coming) and coming[position].placed <= now:
                self.waiting[coming[position].name] = coming[position]
                position += 1
            for decision in self._decisions(now):
                self._obey(decision, now)
        for order in coming:
            undelivered = f"{order.name} {order.placed} {order.ready} nan nan nan"
            self.played.outcomes.setdefault(order.name, undelivered)
        return self.played

    def _decisions(self, now: int) -> list[Decision]:
        world = World(
            now=now * MINUTE, riders=tuple(self._riders(now)), orders=tuple(self._orders(now)), shops=self.shops
        )
        wall, cpu = time.perf_counter(), time.process_time()
        decisions, self.memory = decide(world, self.memory, self.policy, self.travel)
        self.played.wall_ms.append((time.perf_counter() - wall) * 1000)
        self.played.cpu_ms.append((time.process_time() - cpu) * 1000)
        return decisions

    def _riders(self, now: int) -> Iterator[Rider]:
        """Shifts are known for the day, as a town's roster is."""
        for name, courier in self.couriers.items():
            if courier.fact.off >= now:
                courier.shown = courier.shown or Rider(
                    rider_id=name,
                    spot=courier.place,
                    free_at=courier.free * MINUTE,
                    here_at=courier.free * MINUTE,
                    on_at=courier.fact.on * MINUTE,
                    off_at=courier.fact.off * MINUTE,
                    shop_id=courier.at if courier.at in self.day.restaurants else None,
                )
                yield courier.shown

    def _orders(self, now: int) -> Iterator[Order]:
        """What is known: of an order still in preparation on an uncertain day, only the expected ready time."""
        for order in self.waiting.values():
            known = self.day.spread == 0 or order.ready <= now
            yield Order(
                order_id=order.name,
                shop_id=order.restaurant,
                pickup=self.day.restaurants[order.restaurant],
                dropoff=order.door,
                placed_at=order.placed * MINUTE,
                ready_at=(order.ready if known else order.expected) * MINUTE,
                ready_spread_s=0.0 if known else self.day.spread * MINUTE,
            )

    def _obey(self, decision: Decision, now: int) -> None:
        courier = self.couriers[decision.rider_id]
        if courier.free > now or courier.fact.on > now:
            raise RuleBroken(f"{decision} at {now}: not free")
        match decision:
            case GoTo():
                self._drive(courier, now, decision.shop_id, self.day.restaurants[decision.shop_id])
                courier.meant = frozenset(decision.order_ids), now
            case PickUp():
                self._pick_up(courier, decision.order_ids, now)

    def _drive(self, courier: Courier, now: int, destination: str, place: Point) -> None:
        line = f"{courier.fact.name} {now} {courier.at} {destination}"
        self.played.moves.setdefault(courier.fact.name, []).append(line)
        courier.free = now + self.day.minutes(courier.place, place)
        courier.place, courier.at, courier.shown = place, destination, None

    def _pick_up(self, courier: Courier, order_ids: tuple[str, ...], now: int) -> None:
        orders = [self.waiting.pop(order_id) for order_id in order_ids]
        arrived = courier.free
        if any(order.ready > now or order.restaurant != courier.at for order in orders) or now > courier.fact.off:
            raise RuleBroken(f"{order_ids} by {courier} at {now}")
        if now < arrived + self.day.pickup_minutes / 2:
            raise RuleBroken(f"{order_ids} by {courier} at {now}: just arrived")
        meant, since = courier.meant
        decided = since if meant == frozenset(order_ids) else now
        self.played.assignments.append(f"{decided} {now} {courier.fact.name} {' '.join(order_ids)}")
        leaves = now + self.day.pickup_minutes // 2
        for order in orders:
            self._drive(courier, leaves, order.name, order.door)
            door = courier.free + self.day.dropoff_minutes // 2
            self.played.outcomes[order.name] = (
                f"{order.name} {order.placed} {order.ready} {now} {door} {courier.fact.name}"
            )
            leaves = courier.free = door + self.day.dropoff_minutes - self.day.dropoff_minutes // 2
        courier.meant = frozenset(), now
