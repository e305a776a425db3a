"""A rider of the city with several deliveries: one stop after the other, as the platform tells him."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.city.client import Gateways
from deploy.city.riders import Rider, register
from deploy.city.town_hall import TownHall
from deploy.city.world import RiderPlan, Scenario
from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.dispatch.wiring import DispatchParts, build
from shared.contracts.cells import cell_of
from shared.contracts.common import GeoPoint
from shared.kernel.ids import new_id
from shared.kernel.place import Place
from shared.messaging.inbox import batch_of
from tests.unit.dispatch import wire

OTHER_SHOP = Place(31.2330, 121.4730)
SPEED = 120
WAIT_S = 120


@pytest.fixture(scope="module")
def platform(backends: Backends, session_folder: Path) -> Iterator[Platform]:
    run_dir = session_folder / "city-riders"
    # Nobody is asked by the engine: what he carries is given to him by hand.
    policies = {"dispatch": {"offer_ahead_seconds": 0, "engine_turn_seconds": 300}}
    with Platform(run_dir, services=("dispatch",), backends=backends, clock_speed=SPEED, policies=policies) as town:
        yield town


@pytest.fixture
def parts(platform: Platform) -> Iterator[DispatchParts]:
    made = build(platform.settings["dispatch"])
    try:
        yield made
    finally:
        made.close()


def order(parts: DispatchParts, wires: wire.Wire, platform: Platform, shop: Place, merchant_id: str) -> str:
    """An order that is ready at a shop; the id of its delivery."""
    order_id, now = new_id("ord"), platform.clock.now()
    placed = wire.placed(order_id, now).model_copy(
        update={
            "merchant_id": merchant_id,
            "pickup": GeoPoint(lat=shop.lat, lon=shop.lon),
            "pickup_cell": cell_of(shop),
        }
    )
    messages = [placed, wire.accepted(order_id, now), wire.contact_shared(order_id), wire.ready(order_id)]
    parts.inbox.consume(batch_of(*wires.bodies(messages, now)))
    return order_id.replace("ord", "dlv")


def test_he_collects_what_one_shop_has_and_rides_from_door_to_door(platform: Platform, parts: DispatchParts) -> None:
    wires = wire.Wire()
    first, elsewhere, second = (
        order(parts, wires, platform, shop, merchant_id)
        for shop, merchant_id in ((wire.SHOP, "mer_1"), (OTHER_SHOP, "mer_2"), (wire.SHOP, "mer_1"))
    )
    now = platform.clock.now()
    plan = RiderPlan("r1", "Li Wei", wire.SHOP, now, now + timedelta(hours=8), speed_m_per_minute=300)
    scenario = Scenario(
        name="one rider",
        merchants=(),
        riders=(plan,),
        orders=(),
        starts_at=now,
        speed=SPEED,
        pickup_service=timedelta(minutes=2),
        dropoff_service=timedelta(minutes=2),
    )

    async def work() -> TownHall:
        gateways = Gateways({"dispatch": platform.url("dispatch")}, platform.token)
        hall = TownHall(scenario, gateways, platform.clock)
        try:
            await register(hall, plan)
            rider = Rider(hall, plan, hall.rider_ids["r1"], random.Random(1))
            riding = asyncio.create_task(rider.live())
            await wait_for_shift(hall, hall.rider_ids["r1"])
            for delivery_id in (first, elsewhere, second):
                body = {"rider_id": hall.rider_ids["r1"]}
                await gateways.post("dispatch", f"/v1/deliveries/{delivery_id}/assign", "dispatcher", "", body)
            async with asyncio.timeout(WAIT_S):
                while hall.seen["dispatch delivered"] < 3:
                    await asyncio.sleep(0.1)
            riding.cancel()
        finally:
            await gateways.close()
        return hall

    async def wait_for_shift(hall: TownHall, rider_id: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while not (await hall.gateways.get("dispatch", f"/v1/riders/{rider_id}", "dispatcher"))["on_shift"]:
                await asyncio.sleep(0.05)

    # In a thread of its own: a browser's test may have left a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        hall = thread.submit(asyncio.run, work()).result()
    assert hall.unexpected == []
    done = sorted(
        (event.occurred_at, event.type, delivery_id)
        for delivery_id in (first, elsewhere, second)
        for event in parts.store.stream(delivery_id)
        if event.type in {"PickedUp", "ArrivedAtDropoff", "Delivered"}
    )
    assert [(type_, delivery_id) for _, type_, delivery_id in done] == [
        ("PickedUp", first),
        ("PickedUp", second),
        ("ArrivedAtDropoff", first),
        ("Delivered", first),
        ("ArrivedAtDropoff", second),
        ("Delivered", second),
        ("PickedUp", elsewhere),
        ("ArrivedAtDropoff", elsewhere),
        ("Delivered", elsewhere),
    ]
