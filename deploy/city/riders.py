"""Riders: on shift by their plan, they answer offers, ride, report at every node, and sometimes vanish on the way."""

import asyncio
import random
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from deploy.city.town_hall import TownHall, stamp
from deploy.city.world import Fate, RiderPlan
from shared.kernel.place import Place, distance_m

_POSITION_EVERY = timedelta(seconds=60)
_POSITION_EVERY_REAL_S = 3.0
"""A fast clock must not turn a sober device into a flood: positions come at most this often on the wall."""
_ANSWER_AFTER = timedelta(seconds=4)
_LOST_FOR = timedelta(minutes=45)
_OFFERS_TO_IGNORE = 3
_FAILURES = ("customer_refused", "customer_unreachable", "address_wrong", "goods_damaged")


class Rider:
    """One rider with a device: hears the work, answers it, and carries one delivery at a time."""

    def __init__(self, hall: TownHall, plan: RiderPlan, rider_id: str, dice: random.Random) -> None:
        self._hall = hall
        self._plan = plan
        self._id = rider_id
        self._dice = dice
        self.place = plan.start
        self._answered: set[tuple[str, str]] = set()
        self._carrying: set[str] = set()
        self._lost_until: datetime | None = None
        self._deliveries: dict[str, dict[str, Any]] = {}
        self._work_changed = asyncio.Condition()

    @property
    def _position_interval(self) -> timedelta:
        return max(_POSITION_EVERY, timedelta(seconds=_POSITION_EVERY_REAL_S * self._hall.clock.speed))

    @property
    def idle(self) -> bool:
        now = self._hall.clock.now()
        return not self._carrying and self._lost_until is None and self._plan.on_at <= now < self._plan.off_at

    async def live(self) -> None:
        """Works the shift and one delivery after its end, if one is still under way."""
        await self._hall.sleep_until(self._plan.on_at)
        start = {"place": _point(self.place), "until": stamp(self._plan.off_at)}
        await self._post(f"/v1/riders/{self._id}/shift/start", start)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hall.guard(f"shift {self._id}", self._end_shift()))
            tasks.create_task(self._hall.guard(f"beacon {self._id}", self._beacon()))
            async for _, work in self._hall.gateways.listen(
                "dispatch", f"/v1/riders/{self._id}/live", "rider", self._id
            ):
                async with self._work_changed:
                    self._deliveries = {entry["delivery_id"]: entry for entry in work["deliveries"]}
                    self._work_changed.notify_all()
                if self._lost_until is None:
                    self._look_at(work, tasks)

    async def _end_shift(self) -> None:
        await self._hall.sleep_until(self._plan.off_at)
        while self._carrying:
            await self._hall.sleep(timedelta(minutes=2))
        await self._post(f"/v1/riders/{self._id}/shift/end", {})

    async def _beacon(self) -> None:
        """A device with its application open says where it is, also while its rider waits."""
        while self._hall.clock.now() < self._plan.off_at:
            await self._hall.sleep(5 * self._position_interval)
            if self._lost_until is None and not self._carrying:
                await self._report_position()

    def _look_at(self, work: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        for offer in work["offers"]:
            mark = (offer["delivery_id"], offer["answer_by"])
            if mark not in self._answered:
                self._answered.add(mark)
                tasks.create_task(self._hall.guard(f"offer {self._id}", self._answer(offer)))
        for delivery in work["deliveries"]:
            if delivery["delivery_id"] not in self._carrying:
                self._carrying.add(delivery["delivery_id"])
                tasks.create_task(self._hall.guard(f"ride {self._id}", self._carry(delivery)))

    async def _answer(self, offer: dict[str, Any]) -> None:
        hall, order_id, path = self._hall, offer["order_id"], f"/v1/deliveries/{offer['delivery_id']}"
        fate = hall.fate_of(order_id)
        if fate is Fate.OFFERS_IGNORED and hall.ignored_offers[order_id] < _OFFERS_TO_IGNORE:
            hall.ignored_offers[order_id] += 1
            return
        if not hall.scenario.whole_minutes:
            await hall.sleep(_ANSWER_AFTER)
        if hall.mishap_happens_now(order_id, Fate.OFFER_DECLINED):
            await self._post(f"{path}/decline", {"reason": "too_far"})
            return
        await self._post(f"{path}/accept", {})

    async def grab(self, delivery_id: str) -> bool:
        """Claims a delivery from the pool; false when another rider was first."""
        return await self._post(f"/v1/deliveries/{delivery_id}/grab", {}) is not None

    async def _carry(self, delivery: dict[str, Any]) -> None:
        try:
            await self._ride_to_pickup(delivery)
        finally:
            self._carrying.discard(delivery["delivery_id"])

    async def _ride_to_pickup(self, delivery: dict[str, Any]) -> None:
        hall, order_id, path = self._hall, delivery["order_id"], f"/v1/deliveries/{delivery['delivery_id']}"
        if hall.mishap_happens_now(order_id, Fate.RIDER_LOST_BEFORE_PICKUP):
            return await self._vanish()
        pickup = Place(delivery["pickup"]["lat"], delivery["pickup"]["lon"])
        arrived_at = await self._travel(pickup, hall.clock.now())
        if await self._post(f"{path}/arrived-at-pickup", {"occurred_at": stamp(arrived_at)}) is None:
            return None
        ready_at = await self._wait_for_goods(delivery["delivery_id"])
        if ready_at is None:
            return None
        half = hall.scenario.pickup_service / 2
        errand = hall.errand_of(order_id)
        picked_up_at = max(ready_at, arrived_at + half + (errand.wait if errand else timedelta(0)))
        await hall.sleep_until(picked_up_at)
        body: dict[str, Any] = {
            "occurred_at": stamp(picked_up_at),
            "proof": {"kind": "code", "reference": order_id[-4:]},
        }
        if errand and errand.receipt_cents is not None:
            body["receipt_cents"] = errand.receipt_cents
        if await self._post(f"{path}/picked-up", body) is None:
            return None
        await hall.sleep_until(picked_up_at + half)
        if hall.mishap_happens_now(order_id, Fate.RIDER_LOST_AFTER_PICKUP):
            return await self._vanish()
        return await self._ride_to_dropoff(delivery, path, picked_up_at + half)

    async def _wait_for_goods(self, delivery_id: str) -> datetime | None:
        """When the kitchen was done; None when this delivery is not this rider's any more."""
        since = self._hall.clock.now()
        async with self._work_changed:
            while (mine := self._deliveries.get(delivery_id)) is not None:
                if mine["goods_ready"]:
                    ready_at = datetime.fromisoformat(mine["ready_at"])
                    return ready_at if self._hall.scenario.whole_minutes else max(ready_at, since)
                await self._work_changed.wait()
        return None

    async def _ride_to_dropoff(self, delivery: dict[str, Any], path: str, departed_at: datetime) -> None:
        hall, order_id = self._hall, delivery["order_id"]
        dropoff = Place(delivery["dropoff"]["lat"], delivery["dropoff"]["lon"])
        arrived_at = await self._travel(dropoff, departed_at)
        await self._post(f"{path}/arrived-at-dropoff", {"occurred_at": stamp(arrived_at)})
        half = hall.scenario.dropoff_service / 2
        await hall.sleep_until(arrived_at + half)
        done = {"occurred_at": stamp(arrived_at + half)}
        if hall.mishap_happens_now(order_id, Fate.DELIVERY_FAILS):
            failure = {"reason": self._dice.choice(_FAILURES), "goods": "with_rider", "evidence": ["photo-1"]}
            await self._post(f"{path}/failed", {**done, **failure})
        else:
            proof = {"kind": "photo", "reference": f"photo-{order_id[-8:]}"}
            await self._post(f"{path}/delivered", {**done, "proof": proof})
        await hall.sleep_until(arrived_at + 2 * half)

    async def _travel(self, to: Place, departed_at: datetime) -> datetime:
        """Rides in a straight line, reporting positions; answers the moment of arrival."""
        minutes = distance_m(self.place, to) / self._plan.speed_m_per_minute
        if self._hall.scenario.whole_minutes:
            minutes = ceil(minutes - 1e-6)
        arrives_at = departed_at + timedelta(minutes=minutes)
        start, span = self.place, max(minutes * 60, 1e-9)
        while (now := self._hall.clock.now()) < arrives_at:
            await self._hall.sleep_until(min(arrives_at, now + self._position_interval))
            share = min(1.0, (self._hall.clock.now() - departed_at).total_seconds() / span)
            self.place = Place(start.lat + (to.lat - start.lat) * share, start.lon + (to.lon - start.lon) * share)
            await self._report_position()
        self.place = to
        return arrives_at

    async def _vanish(self) -> None:
        """The device goes dead; its rider is back, and says so, after a while."""
        self._hall.seen["riders lost"] += 1
        self._lost_until = self._hall.clock.now() + _LOST_FOR
        await self._hall.sleep_until(self._lost_until)
        self._lost_until = None
        await self._report_position()

    async def _report_position(self) -> None:
        position = {**_point(self.place), "at": stamp(self._hall.clock.now())}
        await self._post(f"/v1/riders/{self._id}/positions", {"positions": [position]})

    async def _post(self, path: str, body: dict[str, Any]) -> Any | None:
        return await self._hall.try_post("dispatch", path, "rider", self._id, body)


async def register(hall: TownHall, plan: RiderPlan) -> None:
    body = {
        "name": plan.name,
        "phone": "+8613900000000",
        "skills": list(plan.skills),
        "vehicle": "scooter",
        "capacity": {"weight_g": 20_000, "volume_ml": 60_000},
    }
    answer = await hall.gateways.post("dispatch", "/v1/riders", "dispatcher", "dsp_city", body)
    hall.rider_ids[plan.key] = answer["rider_id"]


def _point(place: Place) -> dict[str, float]:
    return {"lat": round(place.lat, 6), "lon": round(place.lon, 6)}
