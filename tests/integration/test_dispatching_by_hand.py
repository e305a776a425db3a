"""What riders and dispatchers decide about a rider's work, over HTTP: one service process on real backends."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.backends import Backends
from deploy.local.platform import Platform
from services.dispatch.wiring import build
from shared.contracts.cells import cell_of, centre_of
from shared.kernel.place import distance_m
from tests.integration.test_dispatch_gateway import Town, problem
from tests.unit.dispatch import wire

POLICIES = {"dispatch": {"offers_before_grab": 1, "offer_seconds": 600, "offer_ahead_seconds": 3_600}}
SHOP_CELL = cell_of(wire.SHOP)
FAR_ZONE = "8730e1d8cffffff"


@pytest.fixture(scope="module")
def town(backends: Backends, session_folder: Path) -> Iterator[Town]:
    run_dir = session_folder / "dispatching-by-hand"
    with Platform(run_dir, services=("dispatch",), backends=backends, policies=POLICIES) as platform:
        parts = build(platform.settings["dispatch"])
        try:
            yield Town(platform, parts)
        finally:
            parts.close()


@pytest.fixture(autouse=True)
def empty_streets(town: Town) -> Iterator[None]:
    """Each test leaves no delivery waiting and nobody on shift."""
    yield
    town.hear(*(wire.cancelled(order_id) for order_id in town.orders))
    for rider in town.riders:
        rider.leave()
    town.orders.clear()
    town.riders.clear()


def in_minutes(town: Town, minutes: float) -> str:
    return (town.now() + timedelta(minutes=minutes)).isoformat()


def assigned(town: Town, delivery_id: str, rider_id: str, reason: str = "") -> Any:
    body = {"rider_id": rider_id, "reason": reason}
    return town.post(f"/v1/deliveries/{delivery_id}/assign", town.dispatcher, body)


def test_a_rider_takes_a_break_and_a_dispatcher_ends_it(town: Town) -> None:
    rider = town.rider()
    path = f"/v1/riders/{rider.id}/break"
    until = in_minutes(town, 20)
    begun = rider.post(f"{path}/start", {"until": until})
    assert (begun.status_code, begun.json()["break_until"]) == (200, until.replace("+00:00", "Z"))
    assert rider.work()["break_until"] == begun.json()["break_until"]
    _, delivery_id = town.order()
    assert problem(assigned(town, delivery_id, rider.id)) == (409, "rider.on_break")
    ended = town.post(f"{path}/end", town.dispatcher)
    assert (ended.status_code, ended.json()["break_until"]) == (200, None)
    assert assigned(town, delivery_id, rider.id).status_code == 200


def test_nobody_has_a_break_in_the_past_off_shift_or_for_somebody_else(town: Town) -> None:
    rider, other = town.rider(), town.rider(on_shift=False)
    path = f"/v1/riders/{rider.id}/break/start"
    assert problem(rider.post(path, {"until": in_minutes(town, -1)})) == (409, "break.ends_too_soon")
    assert problem(rider.post(path, {"until": "soon"})) == (422, "invalid_input")
    assert problem(other.post(path, {"until": in_minutes(town, 9)})) == (404, "not_found")
    off_shift = other.post(f"/v1/riders/{other.id}/break/start", {"until": in_minutes(town, 9)})
    assert problem(off_shift) == (409, "rider.off_shift")


def test_a_dispatcher_binds_a_rider_to_zones_and_overrules_them_with_a_reason(town: Town) -> None:
    rider = town.rider()
    path = f"/v1/riders/{rider.id}/zones"
    bound = town.post(path, town.dispatcher, {"zones": [FAR_ZONE], "reason": "knows_the_north"})
    assert (bound.status_code, bound.json()["zones"]) == (200, [FAR_ZONE])
    _, delivery_id = town.order()
    assert problem(assigned(town, delivery_id, rider.id)) == (409, "rider.outside_zones")
    assert assigned(town, delivery_id, rider.id, "nobody_else").json()["rider_id"] == rider.id
    assert problem(rider.post(path, {"zones": []})) == (403, "wrong_role")
    stale = town.client.post(
        path,
        json={"zones": [SHOP_CELL]},
        headers={"Authorization": f"Bearer {town.dispatcher}", "If-Match": '"1"'},
    )
    assert problem(stale) == (412, "precondition_failed")


@pytest.mark.parametrize("zone", ["somewhere", "8030e1d8affffff", "8f30e1d8a278a1b", ""])
def test_a_zone_is_a_cell_that_can_hold_a_pick_up(town: Town, zone: str) -> None:
    rider = town.rider()
    answer = town.post(f"/v1/riders/{rider.id}/zones", town.dispatcher, {"zones": [zone]})
    assert problem(answer) == (422, "invalid_input")
    assert "zones" in answer.text


def test_what_a_rider_earned_in_his_shift_is_told_to_him(town: Town) -> None:
    rider = town.rider()
    order_id, delivery_id = town.order()
    assert assigned(town, delivery_id, rider.id).status_code == 200
    town.hear(wire.ready(order_id))
    rider.report(delivery_id, "picked-up")
    assert rider.report(delivery_id, "delivered").status_code == 200
    work = rider.work()
    way_m = distance_m(wire.SHOP, centre_of(cell_of(wire.HOME)))
    assert work["earned_cents"] == 400 + round(way_m / 10), (
        "by the defaults: for the delivery, and for each kilometre"
    )
    assert work["rest_by"] > work["server_time"]
