"""Brings a scenario to life: everybody registers, the clock runs, and the city is over when every order has ended."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

from deploy.city import customers, merchants, riders, staff
from deploy.city.client import Gateways
from deploy.city.town_hall import TownHall
from deploy.city.world import MerchantPlan, OrderPlan, RiderPlan, Scenario
from shared.kernel.clock import VirtualClock
from shared.kernel.ids import new_id

_REGISTRATIONS_AT_ONCE = 8


class City:
    """One run of a scenario. `hall.seen` counts what its people did, for whoever watches."""

    def __init__(self, scenario: Scenario, gateways: Gateways, clock: VirtualClock, seed: int) -> None:
        self.hall = TownHall(scenario, gateways, clock)
        self._seed = seed
        self.planned = 0
        self.ended = 0

    async def settle(self) -> None:
        """Issues coupons, declares the weather, and registers merchants and riders."""
        gate = asyncio.Semaphore(_REGISTRATIONS_AT_ONCE)

        async def merchant(plan: MerchantPlan) -> None:
            async with gate:
                await merchants.register(self.hall, plan)

        async def rider(plan: RiderPlan) -> None:
            async with gate:
                await riders.register(self.hall, plan)

        await staff.open_office(self.hall)
        async with asyncio.TaskGroup() as tasks:
            for shop in self.hall.scenario.merchants:
                tasks.create_task(merchant(shop))
            for person in self.hall.scenario.riders:
                tasks.create_task(rider(person))

    async def live(self, peaks: AsyncIterator[Sequence[OrderPlan]]) -> None:
        """Returns when every order of all peaks has reached its end; a peak begins when the last one has ended."""
        hall, dice = self.hall, random.Random(self._seed)
        fleet = [
            riders.Rider(hall, plan, hall.rider_ids[plan.key], random.Random(dice.random()))
            for plan in hall.scenario.riders
        ]
        background = [
            *(hall.guard(f"shop {plan.key}", merchants.keep_shop(hall, plan)) for plan in hall.scenario.merchants),
            *(hall.guard("rider", rider.live()) for rider in fleet),
            hall.guard("support", staff.answer_cases(hall)),
            hall.guard("grab pool", staff.watch_grab_pool(hall, fleet)),
        ]
        async with asyncio.TaskGroup() as crowd:
            actors = [crowd.create_task(actor) for actor in background]
            async for orders in peaks:
                self.planned += len(orders)
                async with asyncio.TaskGroup() as customers_of_peak:
                    for plan in orders:
                        customers_of_peak.create_task(self._customer(plan, random.Random(dice.random())))
            for actor in actors:
                actor.cancel()

    async def _customer(self, plan: OrderPlan, dice: random.Random) -> None:
        await customers.order_and_follow(self.hall, plan, new_id("cus"), dice)
        self.ended += 1
