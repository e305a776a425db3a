"""Pictures of any size, as in the middle of a day: riders on their way, orders planned, some just placed."""

import random
from dataclasses import dataclass, replace

from services.dispatch.engine.engine import Memory, decide
from services.dispatch.engine.policy import EnginePolicy
from services.dispatch.engine.travel import StraightLine
from services.dispatch.engine.world import Decision, GoTo, Order, PickUp, Rider, Shop, World

TICK = 60.0
METRES_PER_SECOND = 5.3
_RIDERS_PER_KM2 = 4.0
_SHOPS_PER_RIDER = 0.6


@dataclass(slots=True)
class City:
    """A town square of riders, shops and doors at the density of the published instances, minute by minute.

    What is decided is done, by the straight line. Objects that did not change stay the same objects, as the engine
    asks of whoever draws pictures for it; that work is the caller's and in no measurement.
    """

    riders: dict[str, Rider]
    orders: dict[str, Order]
    shops: tuple[Shop, ...]
    side_m: float
    per_tick: float
    chance: random.Random
    now: float = 12 * 3600.0
    made: int = 0

    @classmethod
    def of(cls, riders: int, orders: int, seed: int = 1) -> "City":
        """So many riders, and so many orders waiting (each about 25 minutes until it is picked up)."""
        chance = random.Random(seed)
        side = (riders / _RIDERS_PER_KM2) ** 0.5 * 1000

        def spot() -> tuple[float, float]:
            return chance.uniform(0, side), chance.uniform(0, side)

        shops = tuple(Shop(shop_id=f"s{n}", spot=spot()) for n in range(max(3, int(riders * _SHOPS_PER_RIDER))))
        now = 12 * 3600.0
        fleet = {
            f"r{n}": Rider(
                rider_id=f"r{n}",
                spot=spot(),
                free_at=now - 60 if chance.random() < 0.6 else now + chance.uniform(0, 900),
                here_at=now - 600,
                on_at=now - chance.uniform(0, 10_000),
                off_at=now + chance.uniform(3600, 14_400),
            )
            for n in range(riders)
        }
        city = cls(fleet, {}, shops, side, orders / 25, chance, now)
        for _ in range(orders):
            city.place(now - chance.uniform(0, 1200))
        return city

    def place(self, at: float) -> Order:
        """One more order."""
        shop = self.chance.choice(self.shops)
        self.made += 1
        door = tuple(min(self.side_m, max(0.0, at + self.chance.gauss(0, 2000))) for at in shop.spot)
        order = Order(
            order_id=f"o{self.made}",
            shop_id=shop.shop_id,
            pickup=shop.spot,
            dropoff=(door[0], door[1]),
            placed_at=at,
            ready_at=at + self.chance.uniform(600, 2400),
        )
        self.orders[order.order_id] = order
        return order

    def world(self) -> World:
        return World(
            now=self.now, riders=tuple(self.riders.values()), orders=tuple(self.orders.values()), shops=self.shops
        )

    def go_on(self, decisions: list[Decision]) -> None:
        """Does what was decided, and lets a minute pass with the orders that it brings."""
        places = {shop.shop_id: shop.spot for shop in self.shops}
        for decision in decisions:
            rider = self.riders[decision.rider_id]
            match decision:
                case GoTo():
                    self.riders[rider.rider_id] = self._sent(rider, places[decision.shop_id], decision.shop_id)
                case PickUp():
                    self.riders[rider.rider_id] = self._delivering(rider, decision.order_ids)
        self.now += TICK
        for _ in range(int(self.per_tick) + (self.chance.random() < self.per_tick % 1)):
            self.place(self.now)

    def _sent(self, rider: Rider, to: tuple[float, float], shop_id: str | None) -> Rider:
        at = max(self.now, rider.free_at) + _ride(rider.spot, to)
        return replace(rider, spot=to, shop_id=shop_id, free_at=at, here_at=at)

    def _delivering(self, rider: Rider, order_ids: tuple[str, ...]) -> Rider:
        rider = replace(rider, free_at=self.now + 120)
        for order_id in order_ids:
            rider = self._sent(rider, self.orders.pop(order_id).dropoff, None)
            rider = replace(rider, free_at=rider.free_at + 240)
        return rider


def _ride(a: tuple[float, float], b: tuple[float, float]) -> float:
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 / METRES_PER_SECOND


def standing_start(city: City, policy: EnginePolicy, ticks: int) -> Memory:
    """Plays some minutes, so that the next picture is met with a plan, as in the middle of a day."""
    memory, travel = Memory(), StraightLine(metres_per_second=METRES_PER_SECOND)
    for _ in range(ticks):
        decisions, memory = decide(city.world(), memory, policy, travel)
        city.go_on(decisions)
    return memory
