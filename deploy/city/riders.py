"""Riders: on shift by their plan, they answer offers, ride, report at every node, and sometimes vanish on the way."""

import asyncio
import random
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from deploy.city.town_hall import TownHall, stamp
from deploy.city.world import ErrandPlan, Fate, FurtherPlan, RiderPlan
from shared.kernel.place import Place, distance_m

_POSITION_EVERY = timedelta(seconds=60)
_POSITION_EVERY_REAL_S = 3.0
"""A fast clock must not turn a sober device into a flood: positions come at most this often on the wall."""
_ANSWER_AFTER = timedelta(seconds=4)
_LOST_FOR = timedelta(minutes=45)
_OFFERS_TO_IGNORE = 3
_FAILURES = ("customer_refused", "customer_unreachable", "address_wrong", "goods_damaged")


_PICKUP, _DROPOFF = "pickup", "dropoff"


class Stop(NamedTuple):
    """Where he has to go for one of his deliveries, as the platform tells it."""

    delivery_id: str
    kind: str


class Rider:
    """One rider with a device: hears the work, answers it, and rides from stop to stop as he is told."""

    def __init__(self, hall: TownHall, plan: RiderPlan, rider_id: str, dice: random.Random) -> None:
        self._hall = hall
        self._plan = plan
        self._id = rider_id
        self._dice = dice
        self.place = plan.start
        self._answered: set[tuple[str, str]] = set()
        self._answering = asyncio.Lock()
        self._lost_until: datetime | None = None
        self._deliveries: dict[str, dict[str, Any]] = {}
        self._stops: list[Stop] = []
        self._done: set[Stop] = set()
        self._riding = False
        self._free_at: datetime | None = None
        self._work_changed = asyncio.Condition()

    @property
    def _position_interval(self) -> timedelta:
        return max(_POSITION_EVERY, timedelta(seconds=_POSITION_EVERY_REAL_S * self._hall.clock.speed))

    @property
    def idle(self) -> bool:
        now = self._hall.clock.now()
        busy = self._riding or self._deliveries or self._lost_until is not None
        return not busy and self._plan.on_at <= now < self._plan.off_at

    async def live(self) -> None:
        """Works the shift, and what is still in hand at its end."""
        await self._hall.sleep_until(self._plan.on_at)
        start = {"place": _point(self.place), "until": stamp(self._plan.off_at)}
        await self._post(f"/v1/riders/{self._id}/shift/start", start)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hall.guard(f"shift {self._id}", self._end_shift()))
            tasks.create_task(self._hall.guard(f"beacon {self._id}", self._beacon()))
            tasks.create_task(self._ride())
            async for _, work in self._hall.gateways.listen(
                "dispatch", f"/v1/riders/{self._id}/live", "rider", self._id
            ):
                async with self._work_changed:
                    self._deliveries = {entry["delivery_id"]: entry for entry in work["deliveries"]}
                    self._stops = [Stop(stop["delivery_id"], stop["kind"]) for stop in work["stops"]]
                    self._done = {stop for stop in self._done if stop.delivery_id in self._deliveries}
                    self._work_changed.notify_all()
                if self._lost_until is None:
                    self._look_at(work, tasks)

    async def _end_shift(self) -> None:
        await self._hall.sleep_until(self._plan.off_at)
        while self._riding or self._deliveries:
            await self._hall.sleep(timedelta(minutes=2))
        await self._post(f"/v1/riders/{self._id}/shift/end", {})

    async def _beacon(self) -> None:
        """A device with its application open says where it is, also while its rider waits."""
        while self._hall.clock.now() < self._plan.off_at:
            await self._hall.sleep(5 * self._position_interval)
            if self._lost_until is None and not self._riding:
                await self._report_position()

    def _look_at(self, work: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        for offer in work["offers"]:
            mark = (offer["delivery_id"], offer["answer_by"])
            if mark not in self._answered:
                self._answered.add(mark)
                tasks.create_task(self._hall.guard(f"offer {self._id}", self._answer(offer)))

    async def _answer(self, offer: dict[str, Any]) -> None:
        hall, order_id, path = self._hall, offer["order_id"], f"/v1/deliveries/{offer['delivery_id']}"
        fate = hall.fate_of(order_id)
        if fate is Fate.OFFERS_IGNORED and hall.ignored_offers[order_id] < _OFFERS_TO_IGNORE:
            hall.ignored_offers[order_id] += 1
            return
        if not hall.scenario.whole_minutes:
            await hall.sleep(_ANSWER_AFTER)
        async with self._answering:  # one after the other: what he takes first he brings first
            if hall.mishap_happens_now(order_id, Fate.OFFER_DECLINED):
                await self._post(f"{path}/decline", {"reason": "too_far"})
                return
            await self._post(f"{path}/accept", {})

    async def grab(self, delivery_id: str) -> bool:
        """Claims a delivery from the pool; false when another rider was first."""
        return await self._post(f"/v1/deliveries/{delivery_id}/grab", {}) is not None

    async def _ride(self) -> None:
        """One stop after the other for as long as there are any; never two rides at once."""
        while True:
            stop = await self._told_stop()
            self._riding = True
            departed_at = self._free_at or self._hall.clock.now()
            self._free_at = None
            await self._hall.guard(f"ride {self._id}", self._go(stop, departed_at))
            self._riding = False

    async def _told_stop(self) -> Stop:
        """The next one; whoever has to wait for it departs when he hears of it."""
        async with self._work_changed:
            while (stop := self._next_stop()) is None:
                self._free_at = None
                await self._work_changed.wait()
        return stop

    def _next_stop(self) -> Stop | None:
        return next((stop for stop in self._stops if stop not in self._done), None)

    async def _go(self, stop: Stop, departed_at: datetime) -> None:
        """To one stop, with what is to be done there. Who vanishes on the way goes there when he is back, if the
        delivery is still his."""
        delivery = self._deliveries.get(stop.delivery_id)
        if delivery is None:
            # Taken off him since he was told of it.
            return None
        lost = Fate.RIDER_LOST_BEFORE_PICKUP if stop.kind == _PICKUP else Fate.RIDER_LOST_AFTER_PICKUP
        if self._hall.mishap_happens_now(delivery["order_id"], lost):
            return await self._vanish()
        try:
            arrived_at = await self._travel(_door(delivery[stop.kind]), departed_at)
            if stop.kind == _PICKUP:
                await self._collect(stop, arrived_at)
            else:
                await self._bring(delivery, arrived_at)
        finally:
            self._tick_off(stop)

    async def _collect(self, first: Stop, arrived_at: datetime) -> None:
        """At a shop: everything that it has for him, in the order told, and also what he is given meanwhile."""
        here = self._deliveries.get(first.delivery_id, {}).get(_PICKUP)
        half = self._hall.scenario.pickup_service / 2
        at_counter, reported = arrived_at + half, set[Stop]()
        while (stop := self._next_stop()) is not None and self._is_here(stop, here):
            for each in [each for each in self._stops if self._is_here(each, here) and each not in reported]:
                reported.add(each)
                path = f"/v1/deliveries/{each.delivery_id}/arrived-at-pickup"
                if await self._post(path, {"occurred_at": stamp(arrived_at)}) is None:
                    self._leave_out(each.delivery_id)
            away = False
            delivery = self._deliveries.get(stop.delivery_id)
            if delivery is not None and stop not in self._done:
                away = bool(delivery["further_pickups"])
                at_counter = await self._pick_up(delivery, at_counter)
                self._tick_off(stop)
            self._free_at = at_counter + half
            if away:
                break
        if self._free_at is not None:
            await self._hall.sleep_until(self._free_at)

    def _leave_out(self, delivery_id: str) -> None:
        """It was not picked up, so that there is nothing to bring either."""
        self._tick_off(Stop(delivery_id, _PICKUP), Stop(delivery_id, _DROPOFF))

    def _tick_off(self, *stops: Stop) -> None:
        """Until it leaves his hands: then it may come back with everything still to be done."""
        self._done |= {stop for stop in stops if stop.delivery_id in self._deliveries}

    def _is_here(self, stop: Stop, here: dict[str, Any] | None) -> bool:
        delivery = self._deliveries.get(stop.delivery_id)
        return stop.kind == _PICKUP and delivery is not None and delivery[_PICKUP] == here

    async def _pick_up(self, delivery: dict[str, Any], at_counter: datetime) -> datetime:
        """Waits for the goods and takes them, of an errand at all its places; answers when that was."""
        hall, order_id = self._hall, delivery["order_id"]
        ready_at = await self._wait_for_goods(delivery["delivery_id"])
        if ready_at is None:
            self._leave_out(delivery["delivery_id"])
            return max(at_counter, hall.clock.now())
        errand = hall.errand_of(order_id)
        picked_up_at = max(ready_at, at_counter + (errand.wait if errand else timedelta(0)))
        await hall.sleep_until(picked_up_at)
        several = bool(delivery["further_pickups"])
        if several:
            picked_up_at = await self._gather(delivery, errand, picked_up_at)
        body: dict[str, Any] = {
            "occurred_at": stamp(picked_up_at),
            "proof": {"kind": "code", "reference": order_id[-4:]},
        }
        if errand and errand.receipt_cents is not None and not several:
            body["receipt_cents"] = errand.receipt_cents
        if await self._post(f"/v1/deliveries/{delivery['delivery_id']}/picked-up", body) is None:
            self._leave_out(delivery["delivery_id"])
        return picked_up_at

    async def _gather(self, delivery: dict[str, Any], errand: ErrandPlan | None, done_at: datetime) -> datetime:
        """From place to place, each reported, for as long as the errand is his; answers when he was done at the
        last one."""
        path, half = f"/v1/deliveries/{delivery['delivery_id']}/collected", self._hall.scenario.pickup_service / 2
        found = (FurtherPlan(errand.receipt_cents), *errand.further) if errand else ()
        for stop, there in enumerate(found):
            if stop:
                door = delivery["further_pickups"][stop - 1]["place"]
                done_at = await self._travel(_door(door), done_at + half) + half
                await self._hall.sleep_until(done_at)
            if delivery["delivery_id"] not in self._deliveries:
                break
            body: dict[str, Any] = {"occurred_at": stamp(done_at), "stop": stop, "empty_handed": there.closed}
            if there.receipt_cents is not None:
                body["receipt_cents"] = there.receipt_cents
            await self._post(path, body)
        return done_at

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

    async def _bring(self, delivery: dict[str, Any], arrived_at: datetime) -> None:
        hall, order_id, path = self._hall, delivery["order_id"], f"/v1/deliveries/{delivery['delivery_id']}"
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
        self._free_at = arrived_at + 2 * half
        await hall.sleep_until(self._free_at)

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


def _door(point: dict[str, float]) -> Place:
    return Place(point["lat"], point["lon"])


def _point(place: Place) -> dict[str, float]:
    return {"lat": round(place.lat, 6), "lon": round(place.lon, 6)}
